"""What TensorFlow computes for the frozen graphs among the real models (first argument: their folder): real.json.

Input element i is ((37 i) mod 101) / 50 - 1 in float32, at the tensor where the importer starts as well.
"""

import json
import os
import pathlib
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import numpy as np
import tensorflow as tf

MODELS = [
    ("lenet5_mnist_frozen.pb", "in", [1, 28, 28, 1], "out"),
    ("DNN_S.pb", "Mfcc", [1, 25, 10], "labels_softmax"),
    ("DS_CNN_S.pb", "Mfcc", [1, 49, 10], "labels_softmax"),
]
made = []
for file, start, shape, end in MODELS:
    graph = tf.compat.v1.GraphDef()
    graph.ParseFromString((pathlib.Path(sys.argv[1]) / file).read_bytes())
    x = (np.arange(np.prod(shape)) * 37 % 101 / 50 - 1).astype(np.float32).reshape(shape)
    with tf.Graph().as_default() as g:
        tf.import_graph_def(graph, name="")
        with tf.compat.v1.Session(graph=g) as session:
            y = session.run(f"{end}:0", {f"{start}:0": x})
    made.append({"file": file, "start": start, "shape": shape, "output": [float(v) for v in y.flatten()]})
(pathlib.Path(__file__).parent / "real.json").write_text("[\n" + ",\n".join(json.dumps(m) for m in made) + "\n]\n")
