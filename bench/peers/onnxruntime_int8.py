"""The static quantizer of onnxruntime at its best: prints, as one JSON object, top-1 of the float model and of each INT8 form.

    python onnxruntime_int8.py MODEL.onnx CALIBRATION.npy TEST.npy LABELS.npy

CALIBRATION and TEST: float32[n, ...], one prepared sample a row. Each way quantizes per channel into QDQ form after quant_pre_process:
int8 symmetric weights, uint8 or int8 activations, ranges by MinMax, Entropy or Percentile. `seconds` is the
processor time of the whole quantize_static call.

`top1` is that of the QDQ graph as ONNX defines it, node by node. `fused` is that of onnxruntime's default session, which runs it on integer kernels:
on x86 processors without VNNI these add pairs of products in saturating int16, which costs accuracy (onnxruntime's documentation: "Quantize ONNX
models", on reduce_range). The former is the quantizer's result, and the peer.
"""

import contextlib
import json
import sys
import time
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from common import batches, logits, scratch, session, top1, upgraded
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

METHODS = {"MinMax": CalibrationMethod.MinMax, "Entropy": CalibrationMethod.Entropy, "Percentile": CalibrationMethod.Percentile}
ACTIVATIONS = {"uint8": QuantType.QUInt8, "int8": QuantType.QInt8}


class Samples(CalibrationDataReader):
    def __init__(self, name: str, pieces: list[np.ndarray]) -> None:
        self.feeds = iter([{name: piece} for piece in pieces])

    def get_next(self) -> dict[str, np.ndarray] | None:
        return next(self.feeds, None)


def flatten_biases(path: Path) -> None:
    """Makes [n] of a Gemm's bias [1, n]: the quantizer fails on the latter (1.24), though both mean the same."""
    model = onnx.load(path)
    biases = {node.input[2] for node in model.graph.node if node.op_type == "Gemm" and len(node.input) > 2}
    for tensor in model.graph.initializer:
        if tensor.name in biases and len(tensor.dims) == 2 and tensor.dims[0] == 1:
            del tensor.dims[0]
    onnx.save(model, path)


def main() -> None:
    model, calibration, test, labels = sys.argv[1:5]
    samples, images, classes = np.load(calibration), np.load(test), np.load(labels)
    with scratch() as name:
        folder = Path(name)
        source = upgraded(Path(model), folder)
        prepared = folder / "prepared.onnx"
        started = time.process_time()
        quant_pre_process(str(source), str(prepared))
        preprocess = time.process_time() - started
        flatten_biases(prepared)
        float_session = session(str(source))
        scores = logits(float_session, images)
        input_name = float_session.get_inputs()[0].name
        pieces = batches(float_session, samples, equal=True)
        ways, choices = [], {}
        for activation, activation_type in ACTIVATIONS.items():
            for method, calibrate in METHODS.items():
                way = {"method": method, "activations": activation}
                ways.append(way)
                out = folder / f"{method}-{activation}.onnx"
                started = time.process_time()
                try:
                    with contextlib.redirect_stdout(sys.stderr):
                        quantize_static(
                            str(prepared),
                            str(out),
                            Samples(input_name, pieces),
                            quant_format=QuantFormat.QDQ,
                            per_channel=True,
                            activation_type=activation_type,
                            weight_type=QuantType.QInt8,
                            calibrate_method=calibrate,
                        )
                    way["seconds"] = time.process_time() - started
                    quantized = logits(session(str(out), plain=True), images)
                    way["top1"] = top1(quantized, classes)
                    choices[method, activation] = quantized.argmax(axis=1).tolist()
                    way["fused"] = top1(logits(session(str(out)), images), classes)
                    way["agreement"] = top1(quantized, scores.argmax(axis=1))
                    way["bytes"] = out.stat().st_size
                except Exception as error:  # a way that fails on a model is a result of the comparison
                    way["failed"] = f"{type(error).__name__}: {error}"[:300]
                print(f"onnxruntime {method} {activation}: {way.get('top1', way.get('failed'))}", file=sys.stderr, flush=True)
        measured = [w for w in ways if "top1" in w]
        best = max(measured, key=lambda w: w["top1"], default=None)
        report = {
            "onnxruntime": ort.__version__,
            "float": top1(scores, classes),
            "preprocessSeconds": preprocess,
            "ways": ways,
            "best": best,
            "choices": [] if best is None else choices[best["method"], best["activations"]],
        }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
