"""Records what MXNet makes of small symbols, and arrays as it saves them: python3 record.py OUT.json ARRAYS.json

Needs mxnet 1.9.1 and numpy 1.23 from PyPI (Python 3.11 or older). Each case has the symbol and the arrays as MXNet itself writes
them, the inputs, and the outputs.
"""

import base64
import json
import os
import sys
import tempfile

import mxnet as mx
import numpy as np

S = mx.sym
I = mx.sym._internal
data, other, third = S.Variable("data"), S.Variable("other"), S.Variable("third")
rng = np.random.RandomState(7)


def real(*shape, lo=-2.0, hi=2.0):
    return (lo + (hi - lo) * rng.rand(*shape)).astype(np.float32).round(3)


def grid(*shape):
    return np.arange(np.prod(shape), dtype=np.float32).reshape(shape)


IMAGE = (2, 4, 6, 5)
CASES = {}


def case(name, symbol, *arrays, **params):
    names = ["data", "other", "third"]
    CASES[name] = (symbol, dict(zip(names, arrays)), params)


# layers
case("convolution", S.Convolution(data, kernel=(3, 2), num_filter=6, stride=(2, 1), pad=(1, 0), num_group=2, name="c"), real(*IMAGE))
case("convolution dilated", S.Convolution(data, kernel=(3, 3), num_filter=3, dilate=(2, 1), pad=(2, 1), no_bias=True, name="c"), real(*IMAGE))
case("convolution 1d", S.Convolution(data, kernel=(3,), num_filter=3, stride=(2,), name="c"), real(2, 4, 9))
case("convolution 3d", S.Convolution(data, kernel=(2, 3, 1), num_filter=2, pad=(1, 0, 0), name="c"), real(1, 2, 4, 5, 3))
case("deconvolution", S.Deconvolution(data, kernel=(3, 3), num_filter=4, stride=(2, 2), pad=(1, 1), adj=(1, 0), num_group=2, name="c"), real(1, 4, 3, 4))
case("deconvolution bias", S.Deconvolution(data, kernel=(2, 2), num_filter=3, stride=(2, 2), no_bias=False, name="c"), real(1, 2, 3, 3))
case("deconvolution 1d", S.Deconvolution(data, kernel=(4,), num_filter=2, stride=(2,), pad=(1,), name="c"), real(1, 3, 5))
case("fully connected", S.FullyConnected(data, num_hidden=5, name="f"), real(3, 2, 2, 2))
case("fully connected rows", S.FullyConnected(data, num_hidden=5, flatten=False, no_bias=True, name="f"), real(2, 3, 4))
case("embedding", S.Embedding(data, input_dim=5, output_dim=3, name="e"), np.array([[0, 4], [2, 2.6]], np.float32))
case("upsampling nearest", S.UpSampling(data, scale=2, sample_type="nearest", num_args=1), real(1, 2, 2, 3))
case("upsampling two", S.UpSampling(data, other, scale=2, sample_type="nearest", num_args=2), real(1, 2, 2, 2), real(1, 1, 1, 1))
case("upsampling bilinear", S.UpSampling(data, scale=3, sample_type="bilinear", num_filter=2, num_args=1, name="u"), real(1, 2, 2, 3))
case("deformable", S.contrib.ModulatedDeformableConvolution(data, other, third, kernel=(2, 2), num_filter=4, num_deformable_group=2, name="d"), real(1, 4, 4, 4), real(1, 16, 3, 3), real(1, 8, 3, 3))

# pools
for kind in ("max", "avg", "sum"):
    case(f"pool {kind}", S.Pooling(data, kernel=(3, 2), stride=(2, 2), pad=(1, 0), pool_type=kind), real(*IMAGE))
    case(f"pool {kind} full", S.Pooling(data, kernel=(3, 3), stride=(2, 2), pool_type=kind, pooling_convention="full"), real(1, 2, 6, 8))
    case(f"pool {kind} full pad", S.Pooling(data, kernel=(3, 3), stride=(2, 2), pad=(1, 1), pool_type=kind, pooling_convention="full"), real(1, 2, 6, 8))
    case(f"pool {kind} global", S.Pooling(data, kernel=(2, 2), global_pool=True, pool_type=kind), real(*IMAGE))
    case(f"pool v1 {kind}", S.Pooling_v1(data, kernel=(3, 3), stride=(2, 2), pad=(1, 1), pool_type=kind), real(1, 2, 5, 7))
    case(f"pool v1 {kind} full", S.Pooling_v1(data, kernel=(2, 2), stride=(2, 2), pool_type=kind, pooling_convention="full"), real(1, 2, 5, 7))
case("pool avg inside", S.Pooling(data, kernel=(3, 3), stride=(2, 2), pad=(1, 1), pool_type="avg", count_include_pad=False), real(*IMAGE))
case("pool lp", S.Pooling(data, kernel=(2, 2), stride=(2, 2), pool_type="lp", p_value=2), real(1, 2, 4, 4))
case("pool 1d", S.Pooling(data, kernel=(3,), stride=(2,), pad=(1,), pool_type="max"), real(1, 2, 9))
case("pool 3d", S.Pooling(data, kernel=(2, 2, 2), pool_type="avg"), real(1, 2, 3, 4, 3))
case("adaptive", S.contrib.AdaptiveAvgPooling2D(data, output_size=(3, 2)), real(1, 2, 4, 5))
ROIS = np.array([[0, 1, 1, 5, 4], [1, 0, 0, 2, 2], [0, 2, 0, 7, 5]], np.float32)
case("roi pooling", S.ROIPooling(data, other, pooled_size=(2, 2), spatial_scale=0.7), real(2, 2, 6, 6), ROIS)
case("roi align", S.contrib.ROIAlign(data, other, pooled_size=(2, 2), spatial_scale=0.5, sample_ratio=2), real(2, 2, 6, 6), ROIS)
case("bilinear resize", S.contrib.BilinearResize2D(data, height=7, width=3), real(1, 2, 4, 4))
case("bilinear resize half pixel", S.contrib.BilinearResize2D(data, height=6, width=7, align_corners=False), real(1, 2, 4, 4))

# normalization
for fixed in (True, False):
    case(f"batch norm {fixed}", S.BatchNorm(data, fix_gamma=fixed, eps=0.01, name="b"), real(*IMAGE))
case("batch norm last axis", S.BatchNorm(data, fix_gamma=False, axis=-1, name="b"), real(2, 3, 3, 4))
case("batch norm rows", S.BatchNorm(data, fix_gamma=False, name="b"), real(3, 4))
case("instance norm", S.InstanceNorm(data, name="b"), real(*IMAGE))
case("layer norm", S.LayerNorm(data, name="b"), real(2, 3, 5))
case("layer norm middle", S.LayerNorm(data, axis=1, name="b"), real(2, 3, 5))
case("group norm", S.GroupNorm(data, num_groups=2, name="b"), real(*IMAGE))
for mode in ("instance", "channel", "spatial"):
    case(f"l2 {mode}", S.L2Normalization(data, mode=mode), real(2, 3, 2, 2))
case("lrn", S.LRN(data, nsize=3, alpha=0.3, beta=0.6, knorm=1.5), real(1, 6, 2, 2))
case("softmax", S.softmax(data, axis=1, temperature=2.0), real(2, 3, 4))
case("log softmax", S.log_softmax(data), real(2, 3, 4))
case("softmin", S.softmin(data), real(2, 4))
case("softmax output", S.SoftmaxOutput(data, name="s"), real(2, 5))
case("softmax output multi", S.SoftmaxOutput(data, multi_output=True, name="s"), real(2, 3, 4))
case("softmax output preserve", S.SoftmaxOutput(data, preserve_shape=True, name="s"), real(2, 3, 4))
case("softmax output cube", S.SoftmaxOutput(data, name="s"), real(2, 3, 4))
case("softmax activation", S.SoftmaxActivation(data, mode="channel"), real(2, 3, 4))
case("logistic output", S.LogisticRegressionOutput(data, name="s"), real(2, 3))
case("linear output", S.LinearRegressionOutput(data, name="s"), real(2, 3))

# activations
for kind in ("relu", "sigmoid", "tanh", "softrelu", "softsign"):
    case(f"activation {kind}", S.Activation(data, act_type=kind), real(2, 7, lo=-4, hi=4))
for kind in ("leaky", "elu", "selu", "gelu", "rrelu"):
    case(f"leaky {kind}", S.LeakyReLU(data, act_type=kind, slope=0.3)[0], real(2, 7))
case("prelu", S.LeakyReLU(data, act_type="prelu", name="p"), real(2, 3, 4))
case("hard sigmoid", S.hard_sigmoid(data, alpha=0.3, beta=0.4), real(2, 7, lo=-4, hi=4))
case("clip", S.clip(data, a_min=-0.5, a_max=1.25), real(2, 7))

# element by element
PAIR = (real(2, 3, 4), real(3, 1, lo=0.5))
for name in ("add", "sub", "mul", "div", "maximum", "minimum", "hypot", "mod"):
    case(f"broadcast {name}", getattr(S, f"broadcast_{name}")(data, other), *PAIR)
case("broadcast power", S.broadcast_power(data, other), real(2, 3, 4, lo=0.2), real(3, 1))
INTS = (np.array([[0, 1, 2], [2, 1, 0]], np.float32), np.array([[1, 1, 2]], np.float32))
for name in ("equal", "not_equal", "greater", "greater_equal", "lesser", "lesser_equal", "logical_and", "logical_or", "logical_xor"):
    case(f"broadcast {name}", getattr(S, f"broadcast_{name}")(data, other), *INTS)
for name in ("add", "sub", "mul", "div"):
    case(f"elemwise {name}", getattr(S, f"elemwise_{name}")(data, other), real(2, 3), real(2, 3, lo=0.5))
case("add n", S.add_n(data, other, third), real(2, 3), real(2, 3), real(2, 3))
case("scalars", S.Group([data + 2.5, data - 0.5, 2.5 - data, data * 3, 3 / data, data / 3, data % 0.7, 2**data, data**2, 1.1 % data]), real(2, 3, lo=0.5))
case("scalar comparisons", S.Group([data > 1, data >= 1, data < 1, data <= 1, data == 1, data != 1]), np.array([0, 1, 2], np.float32))
case("scalar maximum", S.Group([S.maximum(data, 0.5), S.minimum(data, 0.5), S.hypot(data, 2.0)]), real(2, 3))
UNARY = "abs sin cos tan sinh cosh tanh exp floor ceil trunc fix round rint sign negative square cbrt sigmoid softsign erf expm1 degrees radians arctan arcsinh"
for name in UNARY.split():
    values = np.array([-2.5, -1.5, -1.2, -0.5, 0, 0.5, 0.7, 1.5, 2.5], np.float32)
    case(f"unary {name}", getattr(S, name)(data), values)
for name in "log log2 log10 log1p sqrt rsqrt rcbrt reciprocal".split():
    case(f"unary {name}", getattr(S, name)(data), real(7, lo=0.3, hi=3))
for name in "arcsin arccos arctanh".split():
    case(f"unary {name}", getattr(S, name)(data), real(7, lo=-0.9, hi=0.9))
case("unary arccosh", S.arccosh(data), real(7, lo=1.1, hi=3))
case("unary relu", S.relu(data), real(7))
case("unary logical_not", S.logical_not(data), np.array([0, 1, -2], np.float32))
case("scalar logic", S.Group([I._logical_and_scalar(data, scalar=2), I._logical_or_scalar(data, scalar=0), I._logical_xor_scalar(data, scalar=1)]), np.array([0, 1], np.float32))
case("where", S.where(data, other, third), np.array([[1, 0], [0, 2]], np.float32), real(2, 2), real(2, 2))
case("where rows", S.where(data, other, third), np.array([1, 0], np.float32), real(2, 3), real(2, 3))
case("div sqrt dim", S.contrib.div_sqrt_dim(data), real(2, 3, 4))

# shapes
CUBE = (2, 3, 4)
for i, codes in enumerate([(0, -1), (-1, 0), (-2, 1), (0, -3), (-4, 1, 2, -2), (0, -4, -1, 3, 0), (4, 0, 2)]):
    case(f"reshape {i}", S.Reshape(data, shape=codes), grid(*CUBE))
case("reshape reverse", S.Reshape(data, shape=(-1, 0), reverse=True), grid(*CUBE))
case("reshape target", S.Reshape(data, target_shape=(0, 12), keep_highest=False), grid(*CUBE))
case("flatten", S.Flatten(data), grid(*CUBE))
case("transpose", S.Group([S.transpose(data), S.transpose(data, axes=(1, 0, 2))]), grid(*CUBE))
case("swap axes", S.SwapAxis(data, dim1=0, dim2=2), grid(*CUBE))
case("expand squeeze", S.squeeze(S.expand_dims(S.expand_dims(data, axis=1), axis=-1), axis=(1,)), grid(*CUBE))
case("squeeze all", S.squeeze(data), grid(1, 3, 1))
case("concat", S.Concat(data, other, dim=2), grid(*CUBE), real(2, 3, 1))
case("rnn parameters", I._rnn_param_concat(S.reshape(data, shape=(-1,)), S.reshape(other, shape=(-1,)), num_args=2, dim=0), grid(2, 3), real(2))
case("stack", S.stack(data, other, axis=1), grid(2, 3), real(2, 3))
case("tile", S.tile(data, reps=(2, 1, 3)), grid(2, 3))
case("repeat", S.Group([S.repeat(data, repeats=2, axis=1), S.repeat(data, repeats=2)]), grid(2, 3))
case("reverse", S.reverse(data, axis=(0, 2)), grid(*CUBE))
for mode in ("constant", "edge", "reflect"):
    case(f"pad {mode}", S.Pad(data, mode=mode, pad_width=(0, 0, 0, 0, 1, 2, 2, 1), constant_value=0.5), grid(1, 2, 4, 4))
case("broadcast to", S.broadcast_to(data, shape=(0, 3, 4)), grid(2, 1, 4))
case("broadcast axis", S.broadcast_axis(data, axis=(0, 2), size=(3, 2)), grid(1, 2, 1))
case("broadcast like", S.broadcast_like(data, other), grid(2, 1), real(2, 3))
case("reshape like", S.reshape_like(data, other), grid(2, 6), real(3, 4))
case("depth to space", S.depth_to_space(data, block_size=2), grid(1, 8, 2, 3))
case("space to depth", S.space_to_depth(data, block_size=2), grid(1, 2, 4, 6))
case("im2col", S.im2col(data, kernel=(2, 2), stride=(1, 2), pad=(1, 0)), grid(1, 2, 3, 4))
case("col2im", S.col2im(data, output_size=(3, 4), kernel=(2, 2), stride=(1, 2)), grid(1, 8, 4))
case("slice", S.slice(data, begin=(None, 1), end=(None, -1)), grid(*CUBE))
case("slice steps", S.slice(data, begin=(0, None, 3), end=(2, None, 0), step=(1, -1, -2)), grid(*CUBE))
case("slice axis", S.Group([S.slice_axis(data, axis=-1, begin=-3, end=None), S.slice_axis(data, axis=1, begin=0, end=2)]), grid(*CUBE))
case("slice like", S.slice_like(data, other, axes=(1, 2)), grid(*CUBE), real(5, 2, 3))
case("split", S.SliceChannel(data, num_outputs=3, axis=1, squeeze_axis=True), grid(*CUBE))
case("split second", S.split(data, num_outputs=2, axis=0)[1], grid(*CUBE))
case("split v2", S.split_v2(data, (1, 2), axis=1), grid(*CUBE))
case("crop", S.Crop(data, h_w=(2, 3), offset=(1, 0), num_args=1), grid(1, 2, 5, 5))
case("crop centre", S.Crop(data, other, center_crop=True, num_args=2), grid(1, 2, 5, 6), real(1, 1, 2, 3))
case("cast", S.cast(S.cast(data, dtype="int32"), dtype="float32"), np.array([-1.7, 1.7, 3], np.float32))
case("constants", S.Group([data + S.zeros((2, 3)), data * S.ones_like(data), S.broadcast_add(data, S.arange(0, 3)), data + S.full((2, 3), 2.5)]), grid(2, 3))
case("like", S.Group([data + S.zeros_like(data), I._zeros_without_dtype(shape=(2, 3)) + data, I._ones(shape=(2, 3)) + data]), grid(2, 3))
case("sizes", S.Group([S.cast(S.shape_array(data), "float32"), S.cast(S.size_array(data), "float32")]), grid(2, 3))
case("losses", S.Group([S.MakeLoss(data), S.contrib.gradientmultiplier(data, scalar=2.0), S.SVMOutput(data, name="v"), S.cast_storage(data, stype="default"), I._identity_with_attr_like_rhs(data, other)]), real(2, 3), real(2, 3))
case("sparseness", S.IdentityAttachKLSparseReg(S.sigmoid(data), name="k"), real(2, 3))
case("dropout", S.Dropout(S.BlockGrad(S.identity(data)), p=0.5) + 1, real(2, 3))

# reductions
for name in ("sum", "mean", "max", "min", "prod"):
    f = getattr(S, name)
    case(f"reduce {name}", S.Group([f(data, axis=1), f(data, axis=(0, 2), keepdims=True), f(data), f(data, axis=1, exclude=True)]), real(*CUBE))
case("norm", S.Group([S.norm(data, axis=1), S.norm(data, ord=1, axis=(0, 2), keepdims=True), S.norm(data)]), real(*CUBE))
case("moments", S.Group(list(S.moments(data, axes=(1, 2)))), real(*CUBE))
case("arg", S.Group([S.argmax(data, axis=1), S.argmin(data, axis=2, keepdims=True), S.argmax(data), S.argmax_channel(S.sum(data, axis=2))]), real(*CUBE))
case("topk", S.Group([S.topk(data, k=2), S.topk(data, k=2, ret_typ="value", is_ascend=True, axis=0)]), real(3, 4))
case("topk both", S.topk(data, k=3, ret_typ="both", dtype="int32"), real(3, 4))
case("sort", S.Group([S.sort(data), S.sort(data, axis=0, is_ascend=False), S.argsort(data)]), real(3, 4))
case("cumsum", S.Group([S.cumsum(data, axis=1), S.cumsum(data)]), real(2, 3))

# indices
case("take", S.Group([S.take(data, other), S.take(data, other, axis=1, mode="wrap")]), grid(3, 4), np.array([[0, 5], [-1, 2]], np.float32))
case("gather nd", S.gather_nd(data, other), grid(3, 4, 2), np.array([[0, 2, 1], [3, 0, 1]], np.float32))
case("pick", S.Group([S.pick(data, other), S.pick(data, other, keepdims=True)]), grid(3, 4), np.array([1, 3, 0], np.float32))
case("batch take", S.batch_take(data, S.cast(other, "int32")), grid(3, 4), np.array([1, 3, 0], np.float32))
case("one hot", S.one_hot(data, depth=4, on_value=2.0, off_value=-1.0), np.array([[1, 3], [0, 5]], np.float32))
case("sequence", S.Group([S.SequenceLast(data), S.SequenceReverse(data), S.SequenceMask(data)]), grid(3, 2, 2))

# products
case("dot", S.Group([S.dot(data, other), S.dot(other, data, transpose_a=True, transpose_b=True)]), real(3, 4), real(4, 5))
case("dot cube", S.dot(data, other), real(2, 3, 4), real(4, 5))
case("dot cube transposed", S.dot(data, other, transpose_b=True), real(2, 3, 4), real(5, 4))
case("batch dot", S.batch_dot(data, other, transpose_b=True), real(2, 3, 4), real(2, 5, 4))
case("gemm", S.linalg.gemm(data, other, third, alpha=2.0, beta=0.5, transpose_a=True), real(1, 4, 3), real(1, 4, 5), real(1, 3, 5))
case("gemm2", S.linalg.gemm2(data, other, alpha=0.5, transpose_b=True), real(1, 3, 4), real(1, 5, 4))
case("self attention", S.contrib.interleaved_matmul_selfatt_valatt(data, S.softmax(S.contrib.interleaved_matmul_selfatt_qk(data, heads=2)), heads=2), real(3, 2, 24))
case("cross attention", S.contrib.interleaved_matmul_encdec_valatt(other, S.softmax(S.contrib.interleaved_matmul_encdec_qk(data, other, heads=2)), heads=2), real(3, 2, 8), real(4, 2, 16))

# recurrent
for mode in ("lstm", "gru", "rnn_tanh", "rnn_relu"):
    states = {"state": other, **({"state_cell": third} if mode == "lstm" else {})}
    for layers, both in ((1, False), (2, True)):
        n = layers * (2 if both else 1)
        arrays = [real(4, 2, 3), real(n, 2, 2), real(n, 2, 2)][: 3 if mode == "lstm" else 2]
        rnn = S.RNN(data, S.Variable("r_parameters"), **states, state_size=2, num_layers=layers, bidirectional=both, mode=mode, state_outputs=True, name="r")
        case(f"rnn {mode} {layers}", rnn, *arrays)

# spatial
case("sampler", S.BilinearSampler(data, other), real(1, 2, 4, 5), real(1, 2, 3, 3, lo=-1.3, hi=1.3))
case("grid affine", S.GridGenerator(data, transform_type="affine", target_shape=(2, 3)), real(2, 6))
case("grid warp", S.GridGenerator(data, transform_type="warp"), real(1, 2, 3, 4))
case("spatial transformer", S.SpatialTransformer(data, other, target_shape=(3, 3), transform_type="affine", sampler_type="bilinear"), real(1, 2, 4, 5), real(1, 6, lo=-0.6, hi=0.6))




def node(op, *inputs, outputs=1, **attrs):
    """An operator of the numpy interface, which symbols of this release hold but do not make."""
    nodes = [{"op": "null", "name": name, "inputs": []} for name in inputs]
    nodes.append({"op": op, "name": "n", "attrs": {k: str(v) for k, v in attrs.items()}, "inputs": [[i, 0, 0] for i in range(len(inputs))]})
    heads = [[len(inputs), i, 0] for i in range(outputs)]
    text = {"nodes": nodes, "arg_nodes": list(range(len(inputs))), "heads": heads, "attrs": {"mxnet_version": ["int", 10901]}}
    return mx.sym.load_json(json.dumps(text))


TWO = ("data", "other")
for name in ("add", "subtract", "multiply", "true_divide", "mod", "maximum", "minimum", "hypot"):
    case(f"numpy {name}", node(f"_npi_{name}", *TWO), *PAIR)
case("numpy power", node("_npi_power", *TWO), real(2, 3, lo=0.2), real(2, 3))
for name in "add subtract rsubtract multiply true_divide rtrue_divide mod power rpower maximum minimum".split():
    case(f"numpy {name} scalar", node(f"_npi_{name}_scalar", "data", scalar=1.5), real(2, 3, lo=0.5))
for name in ("equal", "not_equal", "less", "less_equal", "greater", "greater_equal"):
    case(f"numpy {name}", node(f"_npi_{name}", *TWO), *INTS)
    case(f"numpy {name} scalar", node(f"_npi_{name}_scalar", "data", scalar=1), INTS[0])
case("numpy not zero", node("_npi_not_equal_scalar", "data", scalar=0), INTS[0])
NUMPY = "exp sqrt cbrt square sign floor ceil trunc fix rint sin cos tan sinh cosh tanh arctan arcsinh degrees radians absolute negative reciprocal log log2 log10 log1p expm1"
for name in NUMPY.split():
    case(f"numpy {name}", node(f"_npi_{name}", "data"), np.array([0.25, 0.5, 0.7, 1.5, 2.5], np.float32))
for name in "arcsin arccos arctanh".split():
    case(f"numpy {name}", node(f"_npi_{name}", "data"), real(5, lo=-0.9, hi=0.9))
case("numpy arccosh", node("_npi_arccosh", "data"), real(5, lo=1.2))
case("numpy logical_not", node("_npi_logical_not", "data"), INTS[0])
case("numpy isnan", node("_npi_isnan", "data"), INTS[0])
case("numpy isinf", node("_npi_isinf", "data"), INTS[0])
for mode in ("constant", "edge", "reflect"):
    case(f"numpy pad {mode}", node("_npi_pad", "data", pad_width="((1, 0), (0, 2))", mode=mode, **({"constant_value": 1.5} if mode == "constant" else {})), grid(2, 3))
case("numpy argmax", node("_npi_argmax", "data", axis=1), real(2, 3, 4))
case("numpy argmin", node("_npi_argmin", "data", axis=-1, keepdims=True), real(2, 3, 4))
case("numpy relu", node("_npx_relu", "data"), real(2, 3))
case("numpy sigmoid", node("_npx_sigmoid", "data"), real(2, 3))
case("numpy erf", node("_npx_erf", "data"), real(2, 3))
case("numpy activation", node("_npx_activation", "data", act_type="softrelu"), real(2, 3))
case("numpy leaky relu", node("_npx_leaky_relu", "data", act_type="leaky", slope=0.1), real(2, 3))
case("numpy clip", node("_npi_clip", "data", a_min=-1, a_max=1), real(2, 3))
case("numpy convolution", node("_npx_convolution", "data", "n_weight", "n_bias", kernel="(3, 3)", num_filter=2), real(1, 2, 4, 4))
case("numpy deconvolution", node("_npx_deconvolution", "data", "n_weight", kernel="(2, 2)", stride="(2, 2)", num_filter=2), real(1, 2, 3, 3))
case("numpy fully connected", node("_npx_fully_connected", "data", "n_weight", "n_bias", num_hidden=4, flatten=False), real(2, 3))
case("numpy embedding", node("_npx_embedding", "data", "n_weight", input_dim=4, output_dim=3), np.array([1, 3], np.float32))
case("numpy pooling", node("_npx_pooling", "data", kernel="(2, 2)", stride="(2, 2)", pool_type="avg"), real(1, 2, 4, 4))
case("numpy roi pooling", node("_npx_roi_pooling", *TWO, pooled_size="(2, 2)", spatial_scale=0.7), real(2, 2, 6, 6), ROIS)
case("numpy batch norm", node("_npx_batch_norm", "data", "n_gamma", "n_beta", "n_mean", "n_var", fix_gamma=False), real(1, 2, 3, 3))
case("numpy layer norm", node("_npx_layer_norm", "data", "n_gamma", "n_beta"), real(2, 3, 4))
case("numpy softmax", node("_npx_softmax", "data", axis=-1), real(2, 3))
case("numpy log softmax", node("_npx_log_softmax", "data", axis=-1), real(2, 3))
case("numpy dropout", node("_npx_dropout", "data", p=0.5), real(2, 3))
case("numpy rnn", node("_npx_rnn", "data", "n_parameters", "other", mode="gru", state_size=2, num_layers=1, state_outputs=False), real(3, 1, 2), real(1, 1, 2))
case("numpy batch dot", node("_npx_batch_dot", *TWO), real(2, 3, 4), real(2, 4, 5))
case("numpy batch flatten", node("_npx_batch_flatten", "data"), real(2, 3, 4))
for i, codes in enumerate(["(-2, -1)", "(-5, 4)", "(2, -4)", "(6, -1)"]):
    case(f"numpy reshape {i}", node("_npx_reshape", "data", newshape=codes), grid(2, 3, 4))
case("numpy reshape dropped", node("_npx_reshape", "data", newshape="(-3, -1)"), grid(1, 3, 4))
case("numpy plain reshape", node("_np_reshape", "data", newshape="(4, -1)"), grid(2, 3, 4))
case("numpy reshape like", node("_npx_reshape_like", *TWO), grid(2, 6), real(3, 4))
case("numpy slice", node("_npx_slice", "data", begin="(0, 1)", end="(2, 3)"), grid(2, 3, 4))
case("numpy pick", node("_npx_pick", *TWO), grid(3, 4), np.array([1, 3, 0], np.float32))
case("numpy one hot", node("_npx_one_hot", "data", depth=4), np.array([1, 3], np.float32))
case("numpy topk", node("_npx_topk", "data", k=2, ret_typ="value"), real(3, 4))
case("numpy cast", node("_npx_cast", "data", dtype="int32"), np.array([1.5, -1.5], np.float32))
case("numpy copy", node("_np_copy", "data"), real(2, 3))
case("numpy squeeze", node("_np_squeeze", "data", axis="(0,)"), grid(1, 3, 4))
case("numpy transpose", node("_np_transpose", "data", axes="(1, 2, 0)"), grid(2, 3, 4))
case("numpy expand dims", node("_npi_expand_dims", "data", axis=1), grid(2, 3))
case("numpy concatenate", node("_npi_concatenate", *TWO, num_args=2, axis=1), grid(2, 3), real(2, 2))
case("numpy flip", node("_npi_flip", "data", axis="(1,)"), grid(2, 3))
case("numpy broadcast to", node("_npi_broadcast_to", "data", shape="(2, 4, 3)"), grid(4, 1))
case("numpy stack", node("_npi_stack", *TWO, axis=1, num_args=2), grid(2, 3), real(2, 3))
case("numpy swap axes", node("_npi_swapaxes", "data", dim1=0, dim2=2), grid(2, 3, 4))
case("numpy where", node("_npi_where", "data", "other", "third"), INTS[0], real(1, 3), real(2, 1))
for name in ("_np_sum", "_npi_mean", "_np_max", "_np_min", "_np_prod"):
    case(f"numpy {name}", node(name, "data", axis="(1,)", keepdims=True), real(2, 3, 4))
case("numpy matmul", node("_npi_matmul", *TWO), real(2, 1, 3, 4), real(2, 4, 5))
case("numpy tensordot", node("_npi_tensordot_int_axes", *TWO, axes=1), real(3, 4), real(4, 5))
case("numpy arange like", node("_npx_arange_like", "data", axis=1), real(2, 3))


def numbers(array):
    return [float(f"{v:.9g}") for v in np.asarray(array, np.float64).ravel()]


def record(symbol, arrays, folder):
    shapes = {k: v.shape for k, v in arrays.items()}
    names, auxiliary = symbol.list_arguments(), symbol.list_auxiliary_states()
    arg_shapes, _, aux_shapes = symbol.infer_shape(**shapes)
    args, aux = {}, {}
    for name, shape in zip(names, arg_shapes):
        args[name] = mx.nd.array(arrays[name]) if name in arrays else mx.nd.array(real(*shape, lo=-0.5, hi=0.5))
    for name, shape in zip(auxiliary, aux_shapes):
        aux[name] = mx.nd.array(real(*shape, lo=0.3, hi=1.0))
    outputs = symbol.bind(mx.cpu(), args, aux_states=aux, grad_req="null").forward(is_train=False)
    saved = {f"arg:{k}": v for k, v in args.items() if k not in arrays and not k.endswith("_label")}
    saved.update({f"aux:{k}": v for k, v in aux.items()})
    text = ""
    if saved:
        file = os.path.join(folder, "a.params")
        mx.nd.save(file, saved)
        text = base64.b64encode(open(file, "rb").read()).decode()
    return {
        "symbol": {k: v for k, v in json.loads(symbol.tojson()).items() if k in ("nodes", "heads", "attrs")},
        "params": text,
        "inputs": {k: {"shape": list(v.shape), "data": numbers(v)} for k, v in arrays.items()},
        "outputs": [{"shape": list(o.shape), "data": numbers(o.asnumpy())} for o in outputs],
    }


def saved(path, arrays):
    mx.nd.save(path, arrays)
    return base64.b64encode(open(path, "rb").read()).decode()


def stored_arrays(folder):
    """Lists of arrays in all storage types and types of elements, and a scalar, which numpy shapes allow."""
    path = os.path.join(folder, "a.params")
    dense = mx.nd.array([[0, 1, 0], [2, 0, 3]])
    kinds = {"csr": dense.tostype("csr"), "rows": mx.nd.array([[0, 0], [5, 6], [0, 0]]).tostype("row_sparse")}
    for kind in ("float16", "float64", "int8", "uint8", "int32", "int64"):
        kinds[kind] = mx.nd.array([3, 0.5 if kind.startswith("float") else 2], dtype=kind)
    with mx.util.np_shape(True):
        scalar = saved(path, {"scalar": mx.np.array(3.5).as_nd_ndarray()})
    return {"kinds": saved(path, kinds), "scalar": scalar}


def main(out, arrays_out):
    recorded = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, (symbol, arrays, _) in CASES.items():
            try:
                recorded[name] = record(symbol, arrays, folder)
            except Exception as error:
                raise SystemExit(f"{name}: {error}")
    with tempfile.TemporaryDirectory() as folder, open(arrays_out, "w") as file:
        json.dump(stored_arrays(folder), file, indent=2)
        file.write("\n")
    with open(out, "w") as file:
        file.write("{\n" + ",\n".join(f"{json.dumps(k)}: {json.dumps(v, separators=(',', ':'))}" for k, v in recorded.items()) + "\n}\n")


main(sys.argv[1], sys.argv[2])
