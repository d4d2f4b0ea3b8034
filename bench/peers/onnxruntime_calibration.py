"""What calibration costs onnxruntime's static quantizer: prints time and peak memory of one quantize_static call as a JSON object.

    python onnxruntime_calibration.py MODEL.onnx IMAGES.npy MinMax|Entropy|Percentile [MEMORY_BYTES]

IMAGES: float32[n, ...], one image a row, fed one at a time (batch 1, as the model says), on all cores. `seconds` is wall time, `processorSeconds` that of
all threads. MEMORY_BYTES limits the address space: the histogram methods keep every activation of every image until the last has run
(HistogramCalibrater.collect_data, onnxruntime 1.24), and a machine should not end because of it.
"""

import contextlib
import json
import resource
import sys
import time
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from common import scratch, upgraded
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

METHODS = {"MinMax": CalibrationMethod.MinMax, "Entropy": CalibrationMethod.Entropy, "Percentile": CalibrationMethod.Percentile}


class Images(CalibrationDataReader):
    def __init__(self, name: str, path: str) -> None:
        self.name = name
        self.images = np.load(path, mmap_mode="r")
        self.next = 0

    def get_next(self) -> dict[str, np.ndarray] | None:
        if self.next == len(self.images):
            return None
        self.next += 1
        return {self.name: np.array(self.images[self.next - 1 : self.next])}


def with_listed_weights(model: str, folder: Path) -> Path:
    """The model with every weight among the inputs, as version 3 of the format wants it and the version converter relies on."""
    loaded = onnx.load(model)
    have = {i.name for i in loaded.graph.input}
    loaded.graph.input.extend(
        onnx.helper.make_tensor_value_info(t.name, t.data_type, list(t.dims)) for t in loaded.graph.initializer if t.name not in have
    )
    out = folder / "listed.onnx"
    onnx.save(loaded, out)
    return out


def peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main() -> None:
    model, images, method = sys.argv[1:4]
    if len(sys.argv) > 4:
        resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[4]), int(sys.argv[4])))
    with scratch() as name:
        folder = Path(name)
        prepared = folder / "prepared.onnx"
        quant_pre_process(str(upgraded(with_listed_weights(model, folder), folder)), str(prepared))
        entry = ort.InferenceSession(str(prepared), providers=["CPUExecutionProvider"]).get_inputs()[0].name
        report: dict[str, object] = {"onnxruntime": ort.__version__, "method": method}
        wall, processor = time.monotonic(), time.process_time()
        try:
            with contextlib.redirect_stdout(sys.stderr):
                quantize_static(
                    str(prepared),
                    str(folder / "quantized.onnx"),
                    Images(entry, images),
                    quant_format=QuantFormat.QDQ,
                    per_channel=True,
                    activation_type=QuantType.QUInt8,
                    weight_type=QuantType.QInt8,
                    calibrate_method=METHODS[method],
                )
            report |= {"seconds": time.monotonic() - wall, "processorSeconds": time.process_time() - processor, "peakBytes": peak_bytes()}
        except MemoryError:
            report["failed"] = f"MemoryError at {peak_bytes() / 1e9:.1f} GB"
        except Exception as error:  # a failure is a result of the comparison
            report["failed"] = f"{type(error).__name__}: {error}"[:200]
    print(json.dumps(report))


if __name__ == "__main__":
    main()
