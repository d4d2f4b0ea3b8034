"""TVM, compiled for this processor by LLVM: MODEL.onnx [--threads N] [--batch B] [--input FILE]. Protocol: serve.py.

The default pipeline of Relax for processors, without tuning: schedules found by search take hours a model. What was compiled, which takes a
minute for large models, stays beside the model.
"""

import os
from pathlib import Path

from serve import arguments, input_of, serve

args = arguments(__doc__)
os.environ["TVM_NUM_THREADS"] = str(args.threads)

import onnx  # noqa: E402
import tvm  # noqa: E402
from tvm import relax  # noqa: E402
from tvm.relax.frontend.onnx import from_onnx  # noqa: E402

target = tvm.target.Target({"kind": "llvm", "mcpu": tvm.target.codegen.llvm_get_system_cpu(), "num-cores": args.threads})


def compiled(library: Path, shape: list[int], name: str) -> None:
    module = from_onnx(model, shape_dict={name: shape}, keep_params_in_input=False)
    with target:
        built = relax.build(relax.get_pipeline("zero")(module), target)
    part = library.with_suffix(f".{os.getpid()}.so")
    built.export_library(str(part))
    part.rename(library)


model = onnx.load(args.model)
entry = model.graph.input[0]
shape = [d.dim_value or args.batch for d in entry.type.tensor_type.shape.dim]
library = args.model.with_suffix(f".tvm-{tvm.__version__}-{args.threads}-{args.batch}.so")
if not library.exists():
    compiled(library, shape, entry.name)
machine = relax.VirtualMachine(tvm.runtime.load_module(str(library)), tvm.cpu())
tensor = tvm.runtime.tensor(input_of(args, shape))
serve(lambda: machine["main"](tensor), f"TVM {tvm.__version__}")
