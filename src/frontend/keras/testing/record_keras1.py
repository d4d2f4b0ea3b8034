"""Writes files as Keras 1 did, from models of tf_keras that compute the same: python3 record_keras1.py 2 OUT

The configs have the arguments of Keras 1.2; LSTM and GRU have their gates apart; with channels first, kernels stand O, I, rows,
columns; those of Theano are mirrored (keras 2.2: engine/saving.py, preprocess_weights_for_loading, which reads such files).
"""

import gzip
import json
import pathlib
import sys

import h5py
import record
from record import L, keras, np


def gates(w, order, units):
    parts = [w[..., i * units : (i + 1) * units] for i in range(len(order))]
    return [parts[i] for i in order]


def apart(layer):
    kernel, recurrent, bias = layer.get_weights()
    order = [0, 2, 1, 3] if isinstance(layer, L.LSTM) else [0, 1, 2]
    parts = [gates(w, order, layer.units) for w in (kernel, recurrent, bias)]
    return [w for gate in zip(*parts) for w in gate]


def save(path, backend, config, weights):
    with h5py.File(path, "w") as f:
        f.attrs["keras_version"] = "1.2.2"
        f.attrs["backend"] = backend
        f.attrs["model_config"] = json.dumps(config).encode()
        root = f.create_group("model_weights")
        root.attrs["layer_names"] = np.array([name.encode() for name, _ in weights])
        for name, arrays in weights:
            group = root.create_group(name)
            names = [f"{name}_W_{i}" for i in range(len(arrays))]
            group.attrs["weight_names"] = np.array([n.encode() for n in names], dtype="S40")
            for n, a in zip(names, arrays):
                group[n] = a
    path.with_suffix(".h5.gz").write_bytes(gzip.compress(path.read_bytes(), 9, mtime=0))
    path.unlink()


def layer(name, class_name, **config):
    return {"class_name": class_name, "config": {"name": name, "trainable": True, **config}}


def sequences():
    model = keras.Sequential([
        keras.Input((6, 4)), L.LSTM(3, recurrent_activation="hard_sigmoid", return_sequences=True, name="l"),
        L.GRU(3, recurrent_activation="hard_sigmoid", reset_after=False, name="g"), L.Dense(2, activation="softmax", name="d"),
    ])
    common = {"activation": "tanh", "inner_activation": "hard_sigmoid", "go_backwards": False, "stateful": False, "unroll": False, "consume_less": "cpu",
              "dropout_W": 0.0, "dropout_U": 0.0, "W_regularizer": None, "U_regularizer": None, "b_regularizer": None, "init": "glorot_uniform", "inner_init": "orthogonal"}
    config = {"class_name": "Sequential", "config": [
        layer("l", "LSTM", output_dim=3, return_sequences=True, forget_bias_init="one", batch_input_shape=[None, 6, 4], input_dtype="float32", **common),
        layer("g", "GRU", output_dim=3, return_sequences=False, input_dim=3, input_length=None, **common),
        layer("d", "Dense", output_dim=2, activation="softmax", bias=True, input_dim=3, init="x", W_regularizer=None, W_constraint=None, activity_regularizer=None),
    ]}
    record.fill(model)
    return model, "tensorflow", config, [("l", apart(model.layers[0])), ("g", apart(model.layers[1])), ("d", model.layers[2].get_weights())]


def images():
    # tf_keras on a CPU has no convolution with channels first: the channels are turned around it
    x = keras.Input((3, 7, 6))
    conv = L.Conv2D(4, (3, 2), strides=2, padding="same", activation="relu", name="c")
    norm = L.BatchNormalization(axis=1, name="b")
    y = L.Permute((3, 1, 2))(conv(L.Permute((2, 3, 1))(x)))
    model = keras.Model(x, L.Dense(3, name="d")(L.Flatten()(norm(y))))
    record.fill(model)
    kernel, bias = conv.get_weights()
    stored = kernel.transpose(3, 2, 0, 1)[:, :, ::-1, ::-1]
    config = {"class_name": "Sequential", "config": [
        layer("c", "Convolution2D", nb_filter=4, nb_row=3, nb_col=2, subsample=[2, 2], border_mode="same", dim_ordering="th", activation="relu", bias=True, init="x",
              W_regularizer=None, batch_input_shape=[None, 3, 7, 6], input_dtype="float32"),
        layer("b", "BatchNormalization", mode=0, axis=1, epsilon=1e-3, momentum=0.99, gamma_regularizer=None, beta_regularizer=None),
        layer("f", "Flatten"),
        layer("d", "Dense", output_dim=3, activation="linear", bias=True, input_dim=None),
    ]}
    return model, "theano", config, [("c", [stored, bias]), ("b", norm.get_weights()), ("f", []), ("d", model.layers[-1].get_weights())]


def main(out):
    out = pathlib.Path(out)
    recorded = {}
    for make in (sequences, images):
        model, backend, config, weights = make()
        save(out / f"{make.__name__}1.h5", backend, config, weights)
        y = np.asarray(model(record.input_of(model.inputs[0], 0), training=False))
        recorded[make.__name__] = [[float(f"{v:.7g}") for v in y.astype(np.float64).ravel()]]
    (out / "outputs1.json.gz").write_bytes(gzip.compress(json.dumps(recorded).encode(), 9, mtime=0))


main(sys.argv[2])
