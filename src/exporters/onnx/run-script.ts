/** run.py: the model by onnxruntime. */
export const RUN_SCRIPT = `"""Runs model.onnx with onnxruntime on the CPU."""
from pathlib import Path

import numpy
import onnxruntime

_options = onnxruntime.SessionOptions()
_options.log_severity_level = 3
_session = onnxruntime.InferenceSession(
    str(Path(__file__).resolve().parent / "model.onnx"), _options, providers=["CPUExecutionProvider"]
)


def run(inputs):
    """Takes arrays in the order of the model's inputs, gives those of its outputs."""
    names = [port.name for port in _session.get_inputs()]
    return _session.run(None, dict(zip(names, inputs, strict=True)))
`;
