"""onnxruntime on the processor: MODEL.onnx [--threads N] [--batch B] [--input FILE]. Protocol: serve.py."""

import onnxruntime as ort
from serve import arguments, input_of, serve

args = arguments(__doc__)
options = ort.SessionOptions()
options.intra_op_num_threads = args.threads
options.inter_op_num_threads = 1
options.log_severity_level = 3
session = ort.InferenceSession(args.model, options, providers=["CPUExecutionProvider"])
[entry] = session.get_inputs()
feeds = {entry.name: input_of(args, [d if isinstance(d, int) else args.batch for d in entry.shape])}
serve(lambda: session.run(None, feeds), f"onnxruntime {ort.__version__}")
