"""Trains the networks of bench/models on Fashion-MNIST and writes them as ONNX, with the set that calibrates their quantization.

    python train.py DATA OUT [--epochs N] [NAME...]

DATA: the folder of the four .gz files of Fashion-MNIST. OUT: where NAME.onnx, NAME.json (what was measured) and calibration-images.npy go.
One thread, seeded: the same torch on the same kind of processor gives the same weights. The test images are looked at once, after the last
epoch; nothing is chosen by them.
"""

import argparse
import gzip
import json
import time
from pathlib import Path

import numpy as np
import torch
from networks import NETWORKS
from torch import Tensor, nn

SEED = 20240417
BATCH = 128
EPOCHS = {"plain": 14, "resnet": 10, "mobilenet": 14}
PEAK_RATE = 6e-3
WEIGHT_DECAY = 0.02
# Mean and standard deviation of all training pixels / 255.
MEAN, STD = 0.2860, 0.3530
CALIBRATION_IMAGES = 256


def read_idx(path: Path, header: int) -> np.ndarray:
    with gzip.open(path) as file:
        return np.frombuffer(file.read(), dtype=np.uint8, offset=header)


def read_set(folder: Path, name: str) -> tuple[np.ndarray, Tensor]:
    """uint8[n, 28, 28] and int64[n]."""
    images = read_idx(folder / f"{name}-images-idx3-ubyte.gz", 16).reshape(-1, 28, 28)
    labels = read_idx(folder / f"{name}-labels-idx1-ubyte.gz", 8)
    return images, torch.from_numpy(labels.astype(np.int64))


def normalize(images: np.ndarray) -> Tensor:
    """f32[n, 1, 28, 28]: (byte / 255 - MEAN) / STD."""
    return torch.from_numpy(((images.astype(np.float32) / 255 - MEAN) / STD)[:, None])


def augment(batch: Tensor, random: torch.Generator) -> Tensor:
    """Mirrors half of the pictures and moves each by up to two pixels, with background entering."""
    count = batch.shape[0]
    flip = torch.rand(count, generator=random) < 0.5
    batch = torch.where(flip[:, None, None, None], batch.flip(3), batch)
    padded = nn.functional.pad(batch, (2, 2, 2, 2), value=-MEAN / STD)
    shift = torch.randint(0, 5, (2, count), generator=random)
    steps = torch.arange(28)
    rows = (shift[0][:, None] + steps)[:, :, None]
    columns = (shift[1][:, None] + steps)[:, None, :]
    return padded[torch.arange(count)[:, None, None], 0, rows, columns][:, None]


def top1(network: nn.Module, images: Tensor, labels: Tensor) -> float:
    """Percent of images whose greatest logit is the label's."""
    network.eval()
    with torch.no_grad():
        hits = sum(int((network(x).argmax(1) == y).sum()) for x, y in zip(images.split(1000), labels.split(1000), strict=True))
    return 100 * hits / len(labels)


def train(name: str, epochs: int, images: Tensor, labels: Tensor) -> nn.Module:
    torch.manual_seed(SEED)
    random = torch.Generator().manual_seed(SEED)
    network = NETWORKS[name]().to(memory_format=torch.channels_last)
    decayed = [p for p in network.parameters() if p.ndim > 1]
    others = [p for p in network.parameters() if p.ndim == 1]
    optimizer = torch.optim.AdamW([{"params": decayed, "weight_decay": WEIGHT_DECAY}, {"params": others, "weight_decay": 0.0}])
    steps = len(images) // BATCH
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, PEAK_RATE, epochs=epochs, steps_per_epoch=steps, pct_start=0.25)
    for epoch in range(epochs):
        network.train()
        started, total = time.monotonic(), 0.0
        order = torch.randperm(len(images), generator=random)
        for chosen in order[: steps * BATCH].split(BATCH):
            batch = augment(images[chosen], random).to(memory_format=torch.channels_last)
            loss = nn.functional.cross_entropy(network(batch), labels[chosen], label_smoothing=0.05)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item()
        print(f"{name}: epoch {epoch + 1} of {epochs}, loss {total / steps:.4f}, {time.monotonic() - started:.0f} s", flush=True)
    return network


def export(network: nn.Module, path: Path) -> None:
    """Writes ONNX; batch normalization stays its own node, since the eval mode is kept and nothing is folded."""
    network.eval()
    torch.onnx.export(
        network.to(memory_format=torch.contiguous_format),
        (torch.zeros(1, 1, 28, 28),),
        str(path),
        dynamo=False,
        opset_version=17,
        training=torch.onnx.TrainingMode.PRESERVE,
        do_constant_folding=False,
        input_names=["image"],
        output_names=["logits"],
        dynamic_axes={"image": {0: "batch"}, "logits": {0: "batch"}},
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("names", nargs="*", default=list(NETWORKS))
    parser.add_argument("--epochs", type=int)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    arguments.out.mkdir(parents=True, exist_ok=True)
    raw, labels = read_set(arguments.data, "train")
    images = normalize(raw)
    test_raw, test_labels = read_set(arguments.data, "t10k")
    test = normalize(test_raw)
    # The first training images: the set comes shuffled, so they are a sample of it.
    np.save(arguments.out / "calibration-images.npy", raw[:CALIBRATION_IMAGES])
    for name in arguments.names:
        epochs = arguments.epochs or EPOCHS[name]
        network = train(name, epochs, images, labels)
        export(network, arguments.out / f"{name}.onnx")
        report = {
            "torch": str(torch.__version__),
            "epochs": epochs,
            "parameters": sum(p.numel() for p in network.parameters()),
            "train_top1_of_60000": top1(network, images, labels),
            "test_top1_of_10000": top1(network, test, test_labels),
            "test_top1_of_first_7000": top1(network, test[:7000], test_labels[:7000]),
        }
        (arguments.out / f"{name}.json").write_text(json.dumps(report, indent=2) + "\n")
        print(f"{name}: {json.dumps(report)}", flush=True)


if __name__ == "__main__":
    main()
