"""Writes models of TensorFlow.js and what they compute: python3 record_tfjs.py 2 OUT

Each NAME.json.gz holds the files of a model, in base64 by name, and the values of its outputs on the inputs of record.py.
Needs what record.py needs, and tensorflowjs 4.22.0 without its dependencies, of which the converters of Keras and of saved models
use none: they are replaced by empty modules.
"""

import base64
import gzip
import json
import os
import pathlib
import sys
import tempfile
import types

os.environ["TF_USE_LEGACY_KERAS"] = "1"
for name in ["tensorflow_decision_forests", "tensorflow_hub", "jax", "jax.experimental", "jax.experimental.jax2tf", "importlib_resources", "pkg_resources"]:
    sys.modules[name] = types.ModuleType(name)
    if "." in name:
        parent, child = name.rsplit(".", 1)
        setattr(sys.modules[parent], child, sys.modules[name])
sys.modules["jax.experimental"].PolyShape = object

import numpy as np  # noqa: E402

np.object, np.bool = object, bool
import record  # noqa: E402
import tensorflowjs as tfjs  # noqa: E402
from tensorflowjs import quantization  # noqa: E402
from tensorflowjs.converters import keras_tfjs_loader, tf_saved_model_conversion_v2  # noqa: E402

SHARD = 1024


def outputs(model):
    values = []

    def walk(v):
        for part in v if isinstance(v, (list, tuple)) else [v]:
            walk(part) if isinstance(part, (list, tuple)) else values.append(np.asarray(part))

    inputs = [record.input_of(t, i) for i, t in enumerate(model.inputs)]
    walk(model(inputs if len(inputs) > 1 else inputs[0], training=False))
    return values


def write(out, name, folder, values):
    files = {p.name: base64.b64encode(p.read_bytes()).decode() for p in sorted(pathlib.Path(folder).iterdir())}
    recorded = [[float(f"{x:.7g}") for x in v.astype(np.float64).ravel()] for v in values]
    (out / f"{name}.json.gz").write_bytes(gzip.compress(json.dumps({"files": files, "outputs": recorded}).encode(), 9, mtime=0))


def main(out):
    out = pathlib.Path(out)
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        for make in [record.sequential, record.nested, record.recurrent, record.attentions]:
            record.keras.backend.clear_session()
            model = make()
            record.fill(model)
            folder = f"{scratch}/{model.name}"
            tfjs.converters.save_keras_model(model, folder, weight_shard_size_bytes=SHARD)
            write(out, f"layers-{model.name}", folder, outputs(model))
            if make is not record.sequential:
                continue
            for kind in (quantization.QUANTIZATION_DTYPE_UINT8, quantization.QUANTIZATION_DTYPE_UINT16, quantization.QUANTIZATION_DTYPE_FLOAT16):
                folder = f"{scratch}/{model.name}-{kind}"
                tfjs.converters.save_keras_model(model, folder, quantization_dtype_map={kind: "*"})
                loaded = keras_tfjs_loader.load_keras_model(f"{folder}/model.json")
                write(out, f"layers-{model.name}-{kind}", folder, outputs(loaded))
            saved = f"{scratch}/saved"
            model.save(saved, save_format="tf")
            tf_saved_model_conversion_v2.convert_tf_saved_model(saved, f"{scratch}/graph", weight_shard_size_bytes=SHARD)
            write(out, f"graph-{model.name}", f"{scratch}/graph", outputs(model))


main(sys.argv[2])
