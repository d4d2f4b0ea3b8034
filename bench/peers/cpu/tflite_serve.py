"""TensorFlow Lite with XNNPACK: MODEL.tflite [--threads N] [--batch B]. Input: zeros. Protocol: serve.py."""

from importlib.metadata import version

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from serve import arguments, serve

args = arguments(__doc__)
interpreter = Interpreter(str(args.model), num_threads=args.threads)
[entry] = interpreter.get_input_details()
if args.batch != 1:
    interpreter.resize_tensor_input(entry["index"], [args.batch, *entry["shape"][1:]])
interpreter.allocate_tensors()
shape = interpreter.get_input_details()[0]["shape"]
interpreter.set_tensor(entry["index"], np.zeros(shape, entry["dtype"]))
serve(interpreter.invoke, f"TensorFlow Lite (ai-edge-litert {version('ai-edge-litert')})")
