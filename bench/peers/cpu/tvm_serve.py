"""TVM, compiled for this processor by LLVM: MODEL.onnx [--threads N] [--batch B] [--input FILE]. Protocol: serve.py.

The default pipeline of Relax for processors, without tuning: schedules found by search take hours a model.
"""

import os

from serve import arguments, input_of, serve

args = arguments(__doc__)
os.environ["TVM_NUM_THREADS"] = str(args.threads)

import onnx  # noqa: E402
import tvm  # noqa: E402
from tvm import relax  # noqa: E402
from tvm.relax.frontend.onnx import from_onnx  # noqa: E402

model = onnx.load(args.model)
entry = model.graph.input[0]
shape = [d.dim_value or args.batch for d in entry.type.tensor_type.shape.dim]
module = from_onnx(model, shape_dict={entry.name: shape}, keep_params_in_input=False)
target = tvm.target.Target({"kind": "llvm", "mcpu": tvm.target.codegen.llvm_get_system_cpu(), "num-cores": args.threads})
with target:
    built = relax.build(relax.get_pipeline("zero")(module), target)
machine = relax.VirtualMachine(built, tvm.cpu())
tensor = tvm.runtime.tensor(input_of(args, shape))
serve(lambda: machine["main"](tensor), f"TVM {tvm.__version__}")
