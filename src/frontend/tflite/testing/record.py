"""Records what TensorFlow Lite makes of the cases in cases.ts: python3 record.py FOLDER OUT.json

FOLDER holds NAME.tflite, and NAME.in0, NAME.in1, ... with the bytes of the inputs: TFLITE_CASES=FOLDER npm run jest -- tflite/ops.test
writes them.
Needs ai-edge-litert from PyPI (2.3.0 made litert.json); the reference kernels run, with the optimized ones for what they lack.
"""

import json
import pathlib
import sys

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType


def run(model, resolver):
    interpreter = Interpreter(model_path=str(model), experimental_op_resolver_type=resolver, num_threads=1)
    interpreter.allocate_tensors()
    for i, detail in enumerate(interpreter.get_input_details()):
        data = np.fromfile(model.with_suffix(f".in{i}"), dtype=detail["dtype"]).reshape(detail["shape"])
        interpreter.set_tensor(detail["index"], data)
    interpreter.invoke()
    return [interpreter.get_tensor(d["index"]) for d in interpreter.get_output_details()]


def main(folder, out):
    recorded = {}
    for model in sorted(pathlib.Path(folder).glob("*.tflite")):
        reference, optimized = OpResolverType.BUILTIN_REF, OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
        # the reference kernel leaves out the last channel of the window, against tf.nn.local_response_normalization
        for resolver in (optimized,) if model.stem == "local_response" else (reference, optimized):
            try:
                outputs = run(model, resolver)
            except (RuntimeError, ValueError) as error:
                print(f"{model.stem}: {str(error).splitlines()[0]}", file=sys.stderr)
                continue
            recorded[model.stem.replace("_", " ")] = [
                {"shape": list(o.shape), "data": [float(f"{v:.9g}") for v in o.astype(np.float64).ravel()]} for o in outputs
            ]
            break
    lines = [f"  {json.dumps(name)}: {json.dumps(value)}" for name, value in sorted(recorded.items())]
    pathlib.Path(out).write_text("{\n" + ",\n".join(lines) + "\n}\n")


main(*sys.argv[1:])
