"""Writes the INT8 forms that onnxruntime's static quantizer makes of a model: MODEL.onnx OUT_FOLDER WAY...

A way is FORMAT-ACTIVATIONS, of qdq or qoperator and u8s8 or s8s8; its file is OUT_FOLDER/WAY.onnx. Weights are int8, one scale a channel, symmetric; the
ranges are MinMax over a few seeded noise images: the integers that come out do not change the time of a run.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np
import onnxruntime as ort
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

IMAGES = 2


class Noise(CalibrationDataReader):
    def __init__(self, model: Path) -> None:
        [entry] = ort.InferenceSession(model, providers=["CPUExecutionProvider"]).get_inputs()
        shape = [d if isinstance(d, int) else 1 for d in entry.shape]
        random = np.random.default_rng(5)
        self.feeds = iter([{entry.name: random.uniform(-1, 1, shape).astype(np.float32)} for _ in range(IMAGES)])

    def get_next(self) -> dict | None:
        return next(self.feeds, None)


def main(model: Path, out: Path, ways: list[str]) -> None:
    formats = {"qdq": QuantFormat.QDQ, "qoperator": QuantFormat.QOperator}
    activations = {"u8s8": QuantType.QUInt8, "s8s8": QuantType.QInt8}
    with tempfile.TemporaryDirectory(prefix="cortexc-peers-") as folder:
        prepared = Path(folder) / "prepared.onnx"
        quant_pre_process(model, prepared, skip_symbolic_shape=True)
        for way in ways:
            form, types = way.split("-")
            quantize_static(
                prepared,
                out / f"{way}.onnx",
                Noise(prepared),
                quant_format=formats[form],
                activation_type=activations[types],
                weight_type=QuantType.QInt8,
                per_channel=True,
                extra_options={"ActivationSymmetric": types == "s8s8"},
            )


main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
