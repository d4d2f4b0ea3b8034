"""onnxruntime on several models in turn: all|none MODEL.onnx...

`all`: a session for each model is made before. `none`: a session is made for each image. Protocol: the first line on stdout is JSON, {"peer": name and
version}. Then for each line "I" on stdin, the place of a model, one line on stdout: the milliseconds of an image on it. The end of stdin ends it.
"""

import json
import sys
import time

import numpy as np
import onnxruntime as ort

options = ort.SessionOptions()
options.intra_op_num_threads = 1
options.inter_op_num_threads = 1
options.log_severity_level = 3


def opened(path: str) -> ort.InferenceSession:
    return ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def image_of(session: ort.InferenceSession) -> dict[str, np.ndarray]:
    [entry] = session.get_inputs()
    shape = [d if isinstance(d, int) else 1 for d in entry.shape]
    return {entry.name: np.random.default_rng(5).uniform(-1, 1, shape).astype(np.float32)}


def main() -> None:
    kept, *paths = sys.argv[1:]
    sessions = [opened(path) for path in paths] if kept == "all" else []
    for session in sessions:
        session.run(None, image_of(session))
    print(json.dumps({"peer": f"onnxruntime {ort.__version__}"}), flush=True)
    for line in sys.stdin:
        place = int(line)
        started = time.perf_counter_ns()
        session = sessions[place] if sessions else opened(paths[place])
        session.run(None, image_of(session))
        print((time.perf_counter_ns() - started) / 1e6, flush=True)


main()
