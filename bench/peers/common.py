"""What the peers share: models that newer tools accept, labelled arrays, and running a model over many samples."""

import os
import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from onnx import numpy_helper

THREADS = int(os.environ.get("CORTEXC_PEERS_THREADS", "1"))
BATCH = 100
# QDQ with one scale a channel needs the axis attribute, which came with opset 13 (ONNX operators, DequantizeLinear).
LEAST_OPSET = 13


def session(model: str | bytes, optimized: Path | None = None, *, plain: bool = False) -> ort.InferenceSession:
    """A session on the processor. With `optimized`, only basic rewrites (folding, no fusion outside ONNX), and the result is stored there.

    `plain`: no rewrites at all, so that each node is computed as ONNX defines it.
    """
    options = ort.SessionOptions()
    options.intra_op_num_threads = THREADS
    options.log_severity_level = 3
    if plain:
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    if optimized is not None:
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_BASIC
        options.optimized_model_filepath = str(optimized)
    return ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def widened(model: onnx.ModelProto) -> onnx.ModelProto:
    """A float16 model in float32: every float16 number is one of float32, and the quantizer takes no other."""
    half, single = onnx.TensorProto.FLOAT16, onnx.TensorProto.FLOAT
    graph = model.graph
    for tensor in graph.initializer:
        if tensor.data_type == half:
            tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float32), tensor.name))
    for value in [*graph.input, *graph.output, *graph.value_info]:
        if value.type.tensor_type.elem_type == half:
            value.type.tensor_type.elem_type = single
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t") and attribute.t.data_type == half:
                attribute.t.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(attribute.t).astype(np.float32), attribute.t.name))
            if node.op_type == "Cast" and attribute.name == "to" and attribute.i == half:
                attribute.i = single
    return model


def upgraded(path: Path, folder: Path) -> Path:
    """The model in float32 at opset 13 or later, its weights no longer listed among the inputs."""
    model = widened(onnx.load(path))
    version = max((o.version for o in model.opset_import if o.domain in ("", "ai.onnx")), default=1)
    names = {i.name for i in model.graph.initializer}
    inputs = [i for i in model.graph.input if i.name not in names]
    # Version 3 lists every weight among the inputs, and the converter relies on it.
    if version < LEAST_OPSET:
        model = onnx.version_converter.convert_version(model, LEAST_OPSET)
    model.ir_version = max(model.ir_version, 8)
    del model.graph.input[:]
    model.graph.input.extend(inputs)
    out = folder / "upgraded.onnx"
    onnx.save(model, out)
    return out


def batches(model: ort.InferenceSession, samples: np.ndarray, *, equal: bool = False) -> list[np.ndarray]:
    """Samples f32[n, ...] in pieces of the model's batch: up to 100 where the batch is free, else what the model says (padded by zeros).

    `equal`: free batches are all of one size, the greatest divisor of n up to 100 (the histograms of onnxruntime need it).
    """
    shape = model.get_inputs()[0].shape
    if len(shape) > samples.ndim - 1 and isinstance(shape[0], int):
        size = shape[0]
    elif len(shape) == samples.ndim - 1:
        size = 0
    else:
        size = max(d for d in range(1, BATCH + 1) if len(samples) % d == 0) if equal else BATCH
    if size == 0:
        return list(samples)
    pieces = [samples[i : i + size] for i in range(0, len(samples), size)]
    last = pieces[-1]
    if len(last) < size and isinstance(shape[0], int):
        pieces[-1] = np.concatenate([last, np.zeros((size - len(last), *last.shape[1:]), last.dtype)])
    return pieces


def logits(model: ort.InferenceSession, samples: np.ndarray) -> np.ndarray:
    """f32[n, classes]"""
    name = model.get_inputs()[0].name
    rows = [model.run(None, {name: x})[0] for x in batches(model, samples)]
    return np.concatenate([r.reshape(-1, r.shape[-1]) if r.ndim <= 2 else r.reshape(r.shape[0], -1) for r in rows])[: len(samples)]


def top1(scores: np.ndarray, labels: np.ndarray) -> float:
    """Percent of samples whose greatest score, the first of equals, is the label's."""
    return 100 * float((scores.argmax(axis=1) == labels).mean())


def scratch() -> tempfile.TemporaryDirectory:
    return tempfile.TemporaryDirectory(prefix="cortexc-peers-")
