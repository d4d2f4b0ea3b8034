"""Records what Keras makes of the models below: python3 record.py 2|3 OUT

2 takes tf_keras and writes legacy HDF5; 3 takes Keras 3 and writes archives, and one legacy file. OUT holds NAME.h5.gz or
NAME.keras.gz, each a model with one output for each layer, and outputsN.json.gz with the values of the outputs on inputs that
the test makes again. Needs tensorflow-cpu, tf-keras and keras from PyPI (made with 2.21.0, 2.21.0 and 3.15.1).
"""

import gzip
import json
import os
import pathlib
import sys

os.environ["CUDA_VISIBLE_DEVICES"] = ""
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import numpy as np  # noqa: E402

VERSION = sys.argv[1]
if VERSION == "2":
    import tf_keras as keras
else:
    import keras
L = keras.layers


def values(shape, salt, low=-1.0, high=1.0):
    """Numbers that TypeScript makes alike: multiples of 1 / 1024 of a linear congruence."""
    n = int(np.prod(shape))
    i = np.arange(n, dtype=np.int64)
    u = ((i * 7919 + salt * 104729 + 12345) % 1021) / 1024.0
    return (low + (high - low) * u).astype(np.float32).reshape(shape)


def fill(model):
    """Weights that are small, of both signs, with positive variances."""
    salt = 1
    for layer in model.layers:
        new = []
        for w, v in zip(layer.get_weights(), layer.weights):
            name = getattr(v, "path", v.name)
            positive = "variance" in name or "gamma" in name
            if w.dtype == np.float32:
                new.append(values(w.shape, salt, 0.5, 1.5) if positive else values(w.shape, salt, -0.6, 0.6))
            else:
                new.append(w)
            salt += 1
        if new:
            layer.set_weights(new)
        if VERSION == "3" and isinstance(layer, L.Normalization):
            layer.finalize_state()


def image(shape, layers, name):
    x = keras.Input(shape, name="x")
    return keras.Model(x, [l(x) for l in layers], name=name)


def convolutions():
    return image((7, 6, 4), [
        L.Conv2D(3, 3, name="plain"), L.Conv2D(6, (3, 2), strides=2, padding="same", activation="relu", name="same_stride"),
        L.Conv2D(4, 2, groups=2, use_bias=False, name="groups"), L.Conv2D(5, 3, dilation_rate=2, padding="same", activation="softmax", name="dilated"),
        L.DepthwiseConv2D(3, depth_multiplier=2, padding="same", strides=2, name="depthwise"), L.DepthwiseConv2D(2, use_bias=False, name="depthwise_plain"),
        L.SeparableConv2D(5, 3, depth_multiplier=2, padding="same", activation="tanh", name="separable"),
        L.Conv2DTranspose(3, 3, strides=2, padding="same", name="transpose_same"), L.Conv2DTranspose(3, 3, strides=2, name="transpose_valid"),
        L.Conv2DTranspose(2, 2, strides=3, name="transpose_wide"), L.Conv2DTranspose(2, 3, strides=2, padding="same", output_padding=1, name="transpose_extra"),
        L.Conv2DTranspose(2, 3, strides=2, padding="valid", output_padding=1, use_bias=False, name="transpose_more"),
        L.Conv2DTranspose(2, 4, strides=1, padding="same", name="transpose_even"),
    ], "convolutions")


def others_dimensions():
    a, b, c = keras.Input((9, 4), name="a"), keras.Input((4, 5, 6, 2), name="b"), keras.Input((9, 6), name="c")
    outs = [l(a) for l in [
        L.Conv1D(3, 3, padding="causal", dilation_rate=2, name="causal"), L.Conv1D(3, 2, strides=2, padding="same", name="conv1d"),
        L.SeparableConv1D(4, 3, name="separable1d"), L.Conv1DTranspose(3, 3, strides=2, name="transpose1d"),
        L.DepthwiseConv1D(3, depth_multiplier=2, name="depthwise1d"), L.MaxPooling1D(2, padding="same", name="max1d"), L.AveragePooling1D(3, strides=2, name="average1d"),
        L.GlobalMaxPooling1D(name="globalmax1d"), L.GlobalAveragePooling1D(name="globalaverage1d"), L.ZeroPadding1D((1, 2), name="pad1d"),
        L.Cropping1D((2, 1), name="crop1d"), L.UpSampling1D(3, name="up1d"), L.BatchNormalization(name="norm1d"),
    ]]
    outs += [l(b) for l in [
        L.Conv3D(3, 2, padding="same", strides=(1, 2, 2), name="conv3d"), L.Conv3DTranspose(2, 2, strides=2, name="transpose3d"),
        L.MaxPooling3D(2, name="max3d"), L.AveragePooling3D((2, 3, 2), padding="same", name="average3d"), L.GlobalMaxPooling3D(name="globalmax3d"),
        L.GlobalAveragePooling3D(keepdims=True, name="globalaverage3d"), L.ZeroPadding3D(((1, 0), (0, 2), (1, 1)), name="pad3d"),
        L.Cropping3D(1, name="crop3d"), L.UpSampling3D(2, name="up3d"),
    ]]
    outs += [L.Flatten(name="flat1d")(c)]
    return keras.Model([a, b, c], outs, name="others_dimensions")


def pooling():
    return image((7, 6, 3), [
        L.MaxPooling2D(name="max"), L.MaxPooling2D(3, strides=2, padding="same", name="max_same"), L.AveragePooling2D(2, name="average"),
        L.AveragePooling2D(3, strides=2, padding="same", name="average_same"), L.GlobalMaxPooling2D(name="global_max"),
        L.GlobalAveragePooling2D(name="global_average"), L.GlobalAveragePooling2D(keepdims=True, name="global_keep"),
        L.ZeroPadding2D(((1, 2), (0, 3)), name="pad"), L.ZeroPadding2D(1, name="pad_one"), L.Cropping2D(((1, 2), (0, 3)), name="crop"),
        L.UpSampling2D((2, 3), name="up"), L.UpSampling2D(2, interpolation="bilinear", name="up_linear"), L.Resizing(5, 9, name="resizing"),
        L.Resizing(5, 4, interpolation="nearest", name="resizing_nearest"), L.CenterCrop(4, 3, name="center"), L.Flatten(name="flat"),
        L.Reshape((-1, 3, 2), name="reshape"), L.Permute((3, 1, 2), name="permute"), L.Rescaling(1 / 127.5, offset=-1.0, name="rescaling"),
        L.Rescaling([0.5, 1.0, 2.0], offset=[0.0, 1.0, -1.0], name="rescaling_list"), L.SpatialDropout2D(0.3, name="spatial"), L.GaussianNoise(0.1, name="noise"),
    ], "pooling")


def normalizations():
    layers = [
        L.BatchNormalization(name="batch"), L.BatchNormalization(scale=False, epsilon=1e-5, name="batch_noscale"),
        L.BatchNormalization(center=False, name="batch_nocenter"), L.LayerNormalization(name="layer"), L.LayerNormalization(axis=[1, 2, 3], epsilon=1e-5, name="layer_all"),
        L.LayerNormalization(scale=False, name="layer_noscale"), L.GroupNormalization(3, name="group"), L.GroupNormalization(-1, name="instance"),
        L.GroupNormalization(2, scale=False, center=False, name="group_plain"), L.UnitNormalization(name="unit"), L.Normalization(name="normal"),
        L.Normalization(mean=[0.1, 0.2, 0.3, 0.4, 0.5, 0.6], variance=[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], name="normal_given"),
        L.Normalization(axis=None, mean=0.25, variance=4.0, name="normal_scalar"), L.Normalization(name="normal_inverse", invert=True), L.BatchNormalization(axis=1, name="batch_first"),
        L.GroupNormalization(2, axis=1, name="group_first") if VERSION == "3" else L.BatchNormalization(axis=[3], name="batch_list"),
    ]
    if VERSION == "3":
        layers += [L.RMSNormalization(name="rms")]
    return image((4, 5, 6), layers, "normalizations")


ACTIVATIONS = ["linear", "relu", "sigmoid", "tanh", "elu", "selu", "gelu", "softplus", "softsign", "swish", "exponential", "hard_sigmoid", "softmax", "relu6", "mish"]
NEW_ACTIVATIONS = ["silu", "leaky_relu", "celu", "log_softmax", "hard_silu", "hard_tanh", "hard_shrink", "soft_shrink", "tanh_shrink", "squareplus", "sparse_plus", "sparse_sigmoid", "log_sigmoid", "glu"]


def activations():
    layers = [L.Activation(a, name=f"as_{a}") for a in ACTIVATIONS + (NEW_ACTIVATIONS if VERSION == "3" else [])]
    layers += [
        L.ReLU(name="relu"), L.ReLU(max_value=1.5, name="relu_max"), L.ReLU(negative_slope=0.2, name="relu_slope"), L.ReLU(threshold=0.5, name="relu_threshold"),
        L.ReLU(max_value=1.0, negative_slope=0.1, threshold=0.25, name="relu_all"), L.LeakyReLU(name="leaky"), L.LeakyReLU(0.05, name="leaky_given"),
        L.ELU(0.7, name="elu"), L.PReLU(name="prelu"), L.PReLU(shared_axes=[1, 2], name="prelu_shared"), L.Softmax(name="softmax"), L.Softmax(axis=1, name="softmax_first"),
        L.Dense(3, activation="gelu", name="dense_gelu"), L.Dense(3, activation=L.LeakyReLU(0.3), name="dense_layer") if VERSION == "3" else L.ThresholdedReLU(0.4, name="thresholded"),
    ]
    return image((4, 3, 6), layers, "activations")


def linear():
    a, b, ids = keras.Input((5,), name="a"), keras.Input((4, 6), name="b"), keras.Input((7,), dtype="int32", name="ids")
    outs = [l(a) for l in [L.Dense(3, name="dense"), L.Dense(4, use_bias=False, activation="sigmoid", name="dense_plain"), L.RepeatVector(3, name="repeat"), L.BatchNormalization(name="norm_flat")]]
    outs += [l(b) for l in [
        L.Dense(3, name="dense_steps"), L.EinsumDense("abc,cd->abd", output_shape=(None, 7), bias_axes="d", activation="relu", name="einsum"),
        L.EinsumDense("abc,cde->abde", output_shape=(None, 2, 3), bias_axes="de", name="einsum_heads"), L.EinsumDense("...x,xy->...y", output_shape=3, bias_axes="y", name="einsum_dots"),
        L.EinsumDense("abc,bd->adc", output_shape=(5, 6), name="einsum_middle"), L.EinsumDense("abc,cd->abd", output_shape=(4, 7), bias_axes="bd", name="einsum_bias"),
        L.Dropout(0.5, name="dropout"), L.GaussianDropout(0.5, name="gaussian"), L.ActivityRegularization(0.1, name="activity"),
    ]]
    outs += [L.Embedding(10, 4, name="embedding")(ids)]
    return keras.Model([a, b, ids], outs, name="linear")


def merges():
    a, b, c, d = keras.Input((4, 3, 6), name="a"), keras.Input((4, 3, 6), name="b"), keras.Input((1, 1, 6), name="c"), keras.Input((4, 6), name="d")
    e = keras.Input((5, 6), name="e")
    conv = L.Conv2D(6, 1, name="conv")(a)
    outs = [
        L.Add(name="add")([a, b, c]), L.Subtract(name="subtract")([a, b]), L.Multiply(name="multiply")([conv, c]), L.Average(name="average")([a, b, conv]),
        L.Maximum(name="maximum")([a, b]), L.Minimum(name="minimum")([a, conv]), L.Concatenate(name="concat")([a, conv]), L.Concatenate(axis=1, name="concat_rows")([conv, a, b]),
        L.Dot(axes=(2, 2), name="dot")([d, e]), L.Dot(axes=2, normalize=True, name="dot_normal")([d, e]),
        L.Dot(axes=1, name="dot_flat")([L.Flatten()(d), L.Flatten()(d)]),
    ]
    return keras.Model([a, b, c, d, e], outs, name="merges")


def recurrent():
    x = keras.Input((6, 4), name="x")
    h, c = keras.Input((3,), name="h"), keras.Input((3,), name="c")
    state = L.LSTM(3, return_state=True, return_sequences=True, name="lstm_state")(x)
    both = L.Bidirectional(L.GRU(3, return_sequences=True, return_state=True), name="both_state")(x)
    apart = L.Bidirectional(L.LSTM(3, return_sequences=True), merge_mode=None, name="both_apart")(x)
    outs = [l(x) for l in [
        L.SimpleRNN(3, name="rnn"), L.SimpleRNN(3, activation="relu", use_bias=False, return_sequences=True, go_backwards=True, name="rnn_back"),
        L.LSTM(3, name="lstm"), L.LSTM(3, return_sequences=True, go_backwards=True, name="lstm_back"),
        L.LSTM(3, recurrent_activation="hard_sigmoid", use_bias=False, name="lstm_hard"), L.GRU(3, return_sequences=True, name="gru"),
        L.GRU(3, reset_after=False, name="gru_before"), L.GRU(3, use_bias=False, go_backwards=True, name="gru_back"),
        L.RNN(L.LSTMCell(3), return_sequences=True, name="cell"), L.RNN(L.GRUCell(3, reset_after=False), name="cell_gru"),
        L.Bidirectional(L.LSTM(3, return_sequences=True), name="both"), L.Bidirectional(L.GRU(3), merge_mode="sum", name="both_sum"),
        L.Bidirectional(L.SimpleRNN(3, return_sequences=True), merge_mode="ave", name="both_ave"), L.Bidirectional(L.LSTM(3), merge_mode="mul", name="both_mul"),
    ]]
    outs += [*state, *both, *apart, L.LSTM(3, name="lstm_given")(x, initial_state=[h, c]), L.GRU(3, name="gru_given")(x, initial_state=h)]
    return keras.Model([x, h, c], outs, name="recurrent")


def attentions():
    q, v, m = keras.Input((4, 6), name="q"), keras.Input((5, 6), name="v"), keras.Input((4, 5), dtype="bool", name="m")
    k = keras.Input((5, 6), name="k")
    y, scores = L.MultiHeadAttention(2, 3, name="heads_scores")(q, v, return_attention_scores=True)
    outs = [
        L.MultiHeadAttention(2, 3, name="heads")(q, v), L.MultiHeadAttention(2, 3, value_dim=4, output_shape=5, use_bias=False, name="heads_wide")(q, v, k),
        L.MultiHeadAttention(2, 3, name="heads_named")(query=q, value=v, key=k) if VERSION == "3" else L.MultiHeadAttention(2, 3, name="heads_named")(q, value=v, key=k),
        L.MultiHeadAttention(2, 3, name="heads_causal")(q, q, use_causal_mask=True), L.MultiHeadAttention(2, 3, name="heads_mask")(q, v, attention_mask=m),
        y, scores, L.Attention(name="luong")([q, v]), L.Attention(use_scale=True, name="luong_scale")([q, v, k]),
        L.Attention(score_mode="concat", name="luong_concat")([q, v]), L.AdditiveAttention(name="bahdanau")([q, v]), L.AdditiveAttention(use_scale=False, name="bahdanau_plain")([q, v, k]),
    ]
    return keras.Model([q, v, m, k], outs, name="attentions")


def nested():
    x = keras.Input((6, 5), name="x")
    inner = keras.Sequential([keras.Input((6, 5)), L.Dense(5, name="first"), L.BatchNormalization(name="norm"), L.Dense(5, name="second")], name="inner")
    i = keras.Input((6, 5), name="i")
    deep = keras.Sequential([keras.Input((6, 5)), L.Dense(5, name="deep_dense"), L.BatchNormalization(name="deep_norm")], name="deep")
    two = keras.Model(i, [deep(i), L.Dense(2, name="side")(i)], name="two")
    late = keras.Sequential([L.Dense(5, activation="relu", name="late_dense"), L.BatchNormalization(trainable=False, name="late_norm")], name="late")
    shared = L.Dense(5, name="shared")
    y = shared(shared(inner(x)))
    a, b = two(y)
    step = keras.Sequential([keras.Input((5,)), L.Dense(4, name="step_dense"), L.Dense(2, name="step_more")], name="step")
    frames = L.Reshape((2, 3, 5, 1), name="frames")(x)
    outs = [
        a, b, late(y), two(inner(y))[1], L.TimeDistributed(L.Dense(3, name="timed_dense"), name="timed")(x), L.TimeDistributed(step, name="timed_model")(x),
        L.TimeDistributed(L.Conv2D(2, 2, name="timed_conv"), name="timed_frames")(frames),
    ]
    return keras.Model(x, outs, name="nested")


def functions():
    x, y = keras.Input((4, 6), name="x"), keras.Input((4, 6), name="y")
    if VERSION == "3":
        o = keras.ops
        outs = [x + y, x - 0.5, 2.0 * x, x / 4.0, 1.0 - x, o.maximum(x, y), o.relu(x), o.gelu(x), o.mean(x, axis=1), o.sum(x, axis=[1, 2], keepdims=True), o.reshape(x, (-1, 24)),
                o.transpose(x, (0, 2, 1)), o.concatenate([x, y], axis=1), o.softmax(x), o.clip(x, -0.5, 0.25), o.expand_dims(x, 1), o.square(x), o.exp(x), o.sigmoid(x) * y, o.leaky_relu(x)]
    else:
        import tensorflow as tf
        outs = [x + y, x - 0.5, 2.0 * x, x / 4.0, 1.0 - x, tf.maximum(x, y), tf.nn.relu(x), tf.nn.gelu(x), tf.reduce_mean(x, axis=1), tf.reduce_sum(x, axis=[1, 2], keepdims=True), tf.reshape(x, (-1, 24)),
                tf.transpose(x, (0, 2, 1)), tf.concat([x, y], axis=1), tf.nn.softmax(x), tf.clip_by_value(x, -0.5, 0.25), tf.expand_dims(x, 1), tf.square(x), tf.exp(x), tf.sigmoid(x) * y, tf.nn.leaky_relu(x)]
    outs += [x[:, 0], x[:, 1:3, ::2], x[..., -1], x[:, None, 2], x[:, ::-1], x[:, -3:-1, 4:99]]
    # layers of classes that have the names of operations
    outs += [L.Add(name="layer_add")([L.Dense(6, name="layer_dense")(outs[0]), y]), L.Multiply(name="layer_multiply")([x, y])]
    return keras.Model([x, y], outs, name="functions")


def sequential():
    return keras.Sequential([
        keras.Input((8, 8, 3)), L.Conv2D(4, 3, activation="relu", name="c1"), L.MaxPooling2D(name="p1"), L.Conv2D(6, 2, padding="same", name="c2"), L.BatchNormalization(name="n2"),
        L.ReLU(name="r2"), L.Flatten(name="f"), L.Dense(5, activation="softmax", name="d"),
    ], name="sequential")


MODELS = [convolutions, others_dimensions, pooling, normalizations, activations, linear, merges, recurrent, attentions, nested, functions, sequential]


def input_of(tensor, i):
    shape = (1, *tensor.shape[1:])
    dtype = str(getattr(tensor.dtype, "name", tensor.dtype))
    if dtype == "int32":
        return (np.arange(int(np.prod(shape))) * 3 % 10).astype(np.int32).reshape(shape)
    if dtype == "bool":
        return (np.arange(int(np.prod(shape))) % 3 != 0).reshape(shape)
    return values(shape, 500 + i, -2.0, 2.0)


def main(out):
    out = pathlib.Path(out)
    out.mkdir(parents=True, exist_ok=True)
    file = out / f"outputs{VERSION}.json.gz"
    recorded = {}
    for make in MODELS:
        keras.backend.clear_session()
        model = make()
        fill(model)
        got = model([input_of(t, i) for i, t in enumerate(model.inputs)], training=False) if len(model.inputs) > 1 else model(input_of(model.inputs[0], 0), training=False)
        flat = []

        def walk(v):
            for part in v if isinstance(v, (list, tuple)) else [v]:
                walk(part) if isinstance(part, (list, tuple)) else flat.append(np.asarray(part))

        walk(got)
        suffixes = [".h5"] if VERSION == "2" else [".keras", ".h5"] if make in (nested, recurrent, sequential) else [".keras"]
        for suffix in suffixes:
            path = out / f"{model.name}{VERSION}{suffix}"
            model.save(path)
            path.with_suffix(f"{suffix}.gz").write_bytes(gzip.compress(path.read_bytes(), 9, mtime=0))
            path.unlink()
        recorded[model.name] = [[float(f"{x:.7g}") for x in v.astype(np.float64).ravel()] for v in flat]
    lines = [f"  {json.dumps(n)}: [\n" + ",\n".join(f"    {json.dumps(v, separators=(',', ':'))}" for v in r) + "\n  ]" for n, r in recorded.items()]
    file.write_bytes(gzip.compress(("{\n" + ",\n".join(lines) + "\n}\n").encode(), 9, mtime=0))


if __name__ == "__main__":
    main(sys.argv[2])
