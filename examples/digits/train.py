"""Trains a small residual CNN on scikit-learn's handwritten digits and exports it to ONNX.

Writes beside this file (or into --out):
  model.onnx              input float32 [N,1,8,8] in 0..1 (pixel / 16), output logits float32 [N,10], opset 17
  test-images.npy         float32 [500,1,8,8], every value exactly k / 16
  test-labels.npy         uint8 [500]
  calibration-images.npy  float32 [128,1,8,8], from the training split
  expected-logits.npy     float32 [16,10], PyTorch's logits of the first 16 test images
  labels.txt              one class name a line

The same machine gives the same bytes; another CPU may give other last bits, since PyTorch picks its kernels by CPU.
"""

import argparse
import pathlib

import numpy as np
import onnx
import torch
from onnx.reference import ReferenceEvaluator
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn

SEED = 20240229
TEST_IMAGES = 500
CALIBRATION_IMAGES = 128
EXPECTED_LOGITS = 16
EPOCHS = 80
BATCH = 64
PEAK_LEARNING_RATE = 4e-3
WEIGHT_DECAY = 1e-3
LEAST_ACCURACY = 0.985
LABELS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


class DigitsNet(nn.Module):
    """8x8 -> two conv blocks -> 4x4 -> one residual block -> linear; 19,338 parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 3, padding=1)
        self.norm1 = nn.BatchNorm2d(16)
        self.conv2 = nn.Conv2d(16, 32, 3, padding=1)
        self.norm2 = nn.BatchNorm2d(32)
        self.pool = nn.MaxPool2d(2)
        self.conv3 = nn.Conv2d(32, 32, 3, padding=1)
        self.norm3 = nn.BatchNorm2d(32)
        self.classify = nn.Linear(32 * 4 * 4, len(LABELS))

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        x = torch.relu(self.norm1(self.conv1(image)))
        x = self.pool(torch.relu(self.norm2(self.conv2(x))))
        x = torch.relu(x + self.norm3(self.conv3(x)))
        return self.classify(torch.flatten(x, 1))


def load_split() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Returns train images, test images, train labels, test labels; images float32 [n,1,8,8] in 0..1."""
    digits = load_digits()
    sixteenths = digits.images.astype(np.float32)[:, None]
    assert np.array_equal(sixteenths, np.round(sixteenths)) and sixteenths.min() == 0 and sixteenths.max() == 16
    return train_test_split(
        sixteenths / np.float32(16),  # exact: a power of two
        digits.target.astype(np.uint8),
        test_size=TEST_IMAGES,
        stratify=digits.target,
        random_state=SEED,
    )


def shifted(batch: torch.Tensor, random: torch.Generator) -> torch.Tensor:
    """Moves each image by -1, 0 or 1 pixel on each axis, zeros coming in at the edge."""
    padded = nn.functional.pad(batch, (1, 1, 1, 1))
    dy, dx = torch.randint(0, 3, (2, len(batch)), generator=random)
    rows = dy[:, None] + torch.arange(8)
    columns = dx[:, None] + torch.arange(8)
    return padded[torch.arange(len(batch))[:, None, None], 0, rows[:, :, None], columns[:, None, :]][:, None]


def train(images: torch.Tensor, labels: torch.Tensor) -> DigitsNet:
    model = DigitsNet()
    optimizer = torch.optim.AdamW(model.parameters(), lr=PEAK_LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    steps_per_epoch = (len(images) + BATCH - 1) // BATCH
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, PEAK_LEARNING_RATE, total_steps=EPOCHS * steps_per_epoch)
    loss_of = nn.CrossEntropyLoss(label_smoothing=0.05)
    random = torch.Generator().manual_seed(SEED)
    for epoch in range(EPOCHS):
        model.train()
        total = 0.0
        for chosen in torch.randperm(len(images), generator=random).split(BATCH):
            loss = loss_of(model(shifted(images[chosen], random)), labels[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item() * len(chosen)
        if (epoch + 1) % 10 == 0:
            print(f"epoch {epoch + 1}/{EPOCHS}: mean training loss {total / len(images):.4f}")
    return model.eval()


def export(model: DigitsNet, path: pathlib.Path) -> onnx.ModelProto:
    torch.onnx.export(
        model,
        torch.zeros(1, 1, 8, 8),
        str(path),
        opset_version=17,
        input_names=["image"],
        output_names=["logits"],
        dynamic_axes={"image": {0: "N"}, "logits": {0: "N"}},
        # EVAL would fold BatchNorm into Conv; PRESERVE keeps it and takes the mode the model is in, which is eval.
        training=torch.onnx.TrainingMode.PRESERVE,
        do_constant_folding=False,
    )
    exported = onnx.load(str(path))
    exported.graph.name = "digits"
    onnx.checker.check_model(exported, full_check=True)
    onnx.save(exported, str(path))
    return exported


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--out", type=pathlib.Path, default=pathlib.Path(__file__).parent)
    out = arguments.parse_args().out
    out.mkdir(parents=True, exist_ok=True)

    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    train_images, test_images, train_labels, test_labels = load_split()
    print(f"{len(train_images)} training images, {len(test_images)} test images")
    model = train(torch.from_numpy(train_images), torch.from_numpy(train_labels).long())
    with torch.no_grad():
        train_logits = model(torch.from_numpy(train_images)).numpy()
        logits = model(torch.from_numpy(test_images)).numpy()
    right = int((logits.argmax(1) == test_labels).sum())
    accuracy = right / len(test_labels)
    print(f"training accuracy {(train_logits.argmax(1) == train_labels).mean():.2%}")
    print(f"test accuracy {accuracy:.2%} ({right} of {len(test_labels)})")
    assert accuracy >= LEAST_ACCURACY, "the test accuracy is below what the example promises"

    exported = export(model, out / "model.onnx")
    operators = [node.op_type for node in exported.graph.node]
    print("graph:", " ".join(operators))
    assert operators.count("BatchNormalization") == 3 and operators.count("Add") == 1
    (again,) = ReferenceEvaluator(exported).run(None, {"image": test_images})
    print(f"largest difference between ONNX reference and PyTorch logits: {np.abs(again - logits).max():.2e}")
    assert np.allclose(again, logits, atol=1e-4) and np.array_equal(again.argmax(1), logits.argmax(1))

    np.save(out / "test-images.npy", test_images)
    np.save(out / "test-labels.npy", test_labels)
    np.save(out / "calibration-images.npy", train_images[:CALIBRATION_IMAGES])
    np.save(out / "expected-logits.npy", logits[:EXPECTED_LOGITS])
    (out / "labels.txt").write_text("".join(f"{label}\n" for label in LABELS))


if __name__ == "__main__":
    main()
