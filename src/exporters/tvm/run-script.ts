/** run.py: compiles model.onnx with TVM Relax and runs it. */
export const RUN_SCRIPT = `"""Compiles model.onnx with TVM Relax for a target (TVM_TARGET, llvm if not set) and runs it."""
import os
from pathlib import Path

import numpy
import onnx
import onnx.inliner
import tvm
from tvm import relax
from tvm.relax.frontend.onnx import from_onnx


def build(target=None, shapes=None):
    """Compiles the model.

    target: a tvm.target.Target; that of TVM_TARGET when absent.
    shapes: sizes of inputs by name, where the model leaves some open.
    Gives an executable: executable.export_library("model.so") keeps it.
    """
    target = target or tvm.target.Target(os.environ.get("TVM_TARGET", "llvm"))
    model = onnx.load(Path(__file__).resolve().parent / "model.onnx")
    # functions of the model become the operators in their bodies
    model = onnx.inliner.inline_local_functions(model)
    module = from_onnx(model, shape_dict=shapes, keep_params_in_input=False)
    with target:
        return tvm.compile(module, target=target)


_machine = None


def run(inputs):
    """Takes arrays in the order of the model's inputs, gives those of its outputs."""
    global _machine
    if _machine is None:
        _machine = relax.VirtualMachine(build(), tvm.cpu())
    made = _machine["main"](*[tvm.runtime.tensor(numpy.ascontiguousarray(x)) for x in inputs])
    return [made.numpy()] if hasattr(made, "numpy") else [y.numpy() for y in made]
`;
