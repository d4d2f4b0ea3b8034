import type { OnnxForm } from './graph.ts';

/** onnxruntime makes kernels of its own of layers between quantizers. */
const UNFUSED = `
# fused, layers between quantizers saturate sums of bytes on some processors
_options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL`;

/** run.py: the model by onnxruntime. */
export const runScript = (form: OnnxForm): string => `"""Runs model.onnx with onnxruntime on the CPU."""
from pathlib import Path

import numpy
import onnxruntime

_options = onnxruntime.SessionOptions()
_options.log_severity_level = 3${form === 'qdq' ? UNFUSED : ''}
_session = onnxruntime.InferenceSession(
    str(Path(__file__).resolve().parent / "model.onnx"), _options, providers=["CPUExecutionProvider"]
)


def run(inputs):
    """Takes arrays in the order of the model's inputs, gives those of its outputs."""
    names = [port.name for port in _session.get_inputs()]
    return _session.run(None, dict(zip(names, inputs, strict=True)))
`;
