"""Records what TensorFlow itself makes of small graphs, one operator or a few each: recorded.json.

    python3 -m venv venv && venv/bin/pip install tensorflow-cpu==2.21.0
    venv/bin/python src/frontend/tensorflow/testing/record.py

A case is {"name", "graph": GraphDef in base64, "inputs": [[name, type, shape, values]], "outputs": [[name, type, shape, values]]},
values in base64, little-endian.
"""

import base64
import json
import os
import pathlib

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"

import numpy as np
import tensorflow as tf

tf1 = tf.compat.v1
raw = tf.raw_ops
F, I, L, B = np.float32, np.int32, np.int64, np.bool_
CASES = {}


def case(name):
    def keep(build):
        CASES[name] = build
        return build

    return keep


class Graph:
    """Builds one graph; placeholders get random values."""

    def __init__(self, name):
        self.random = np.random.RandomState(sum(map(ord, name)))
        self.feeds = {}

    def values(self, shape, dtype=F, lo=-2, hi=2):
        if dtype in (F, np.float64):
            return self.random.uniform(lo, hi, shape).astype(dtype)
        if dtype is B:
            return self.random.randint(0, 2, shape).astype(B)
        return self.random.randint(lo, hi + 1, shape).astype(dtype)

    def x(self, shape, dtype=F, lo=-2, hi=2, name="x"):
        p = tf1.placeholder(dtype, shape, name=name)
        self.feeds[p] = self.values(shape, dtype, lo, hi)
        return p

    def w(self, shape, dtype=F, lo=-2, hi=2):
        return tf.constant(self.values(shape, dtype, lo, hi))


def packed(name, array):
    array = np.asarray(array)
    return [name, str(array.dtype), list(array.shape), base64.b64encode(array.tobytes()).decode()]


def record(name, build):
    with tf.Graph().as_default() as graph:
        g = Graph(name)
        made = build(g)
        made = [t for t in (made if isinstance(made, (list, tuple)) else [made])]
        outs = [tf.identity(t, name=f"out{i}") for i, t in enumerate(made)]
        with tf1.Session(graph=graph) as session:
            results = session.run(outs, g.feeds)
        return {
            "name": name,
            "graph": base64.b64encode(graph.as_graph_def().SerializeToString()).decode(),
            "inputs": [packed(p.op.name, v) for p, v in g.feeds.items()],
            "outputs": [packed(f"out{i}", r) for i, r in enumerate(results)],
        }


# Elements one by one.
UNARY = "Exp Expm1 Sin Cos Tan Atan Sinh Cosh Asinh Erf Erfc Ceil Floor Round Rint Sigmoid Tanh Relu Relu6 Elu Selu Softplus Softsign Abs Neg Sign Square IsNan IsInf IsFinite Softmax LogSoftmax".split()
for op in UNARY:
    arg = {"Softmax": "logits", "LogSoftmax": "logits", "Relu": "features", "Relu6": "features", "Elu": "features", "Selu": "features",
           "Softplus": "features", "Softsign": "features"}.get(op, "x")
    CASES[op] = lambda g, op=op, arg=arg: getattr(raw, op)(**{arg: g.x([2, 3, 5], lo=-3, hi=8)})
for op in "Log Log1p Sqrt Rsqrt Reciprocal Inv Acosh".split():
    CASES[op] = lambda g, op=op: getattr(raw, op)(x=g.x([2, 7], lo=1.1, hi=4))
for op in "Asin Acos Atanh".split():
    CASES[op] = lambda g, op=op: getattr(raw, op)(x=g.x([2, 7], lo=-0.9, hi=0.9))
for op in "Abs Neg Sign Square Floor".split():
    if op != "Floor":
        CASES[f"{op} of integers"] = lambda g, op=op: getattr(raw, op)(x=g.x([2, 7], I, -9, 9))
for op in "Add AddV2 Sub Mul Div RealDiv DivNoNan MulNoNan Xdivy Xlogy FloorDiv FloorMod Maximum Minimum SquaredDifference Atan2 Equal NotEqual Less LessEqual Greater GreaterEqual".split():
    lo = 0.1 if op == "Xlogy" else -2
    CASES[op] = lambda g, op=op, lo=lo: getattr(raw, op)(x=g.x([2, 3, 4]), y=g.x([3, 1], lo=lo, name="y"))
for op in "Add Sub Mul FloorDiv FloorMod Mod TruncateDiv TruncateMod Maximum Minimum SquaredDifference Equal Less".split():
    CASES[f"{op} of integers"] = lambda g, op=op: getattr(raw, op)(x=g.x([2, 3, 4], I, -20, 20), y=g.x([3, 4], I, 1, 6, name="y"))
CASES["FloorMod of negative integers"] = lambda g: raw.FloorMod(x=g.x([9], I, -20, 20), y=tf.constant([-3, -3, -3, 4, 4, 4, -5, -5, 5]))
CASES["Pow"] = lambda g: raw.Pow(x=g.x([2, 3], lo=0.1), y=g.x([3], name="y"))
CASES["TruncateDiv of reals"] = lambda g: raw.TruncateDiv(x=g.x([4], I, -9, 9), y=tf.constant([2, -2, 3, -4]))
CASES["TruncateMod of reals"] = lambda g: raw.TruncateMod(x=g.x([6], lo=-9, hi=9), y=tf.constant([2, -2, 3, -4, 1.5, 0.7], F))
CASES["DivNoNan by zero"] = lambda g: raw.DivNoNan(x=g.x([3]), y=tf.constant([0, 1, -2], F))
CASES["MulNoNan by zero"] = lambda g: raw.MulNoNan(x=g.x([3]), y=tf.constant([0, 1, -2], F))
for op in "LogicalAnd LogicalOr".split():
    CASES[op] = lambda g, op=op: getattr(raw, op)(x=g.x([8], B), y=g.x([8], B, name="y"))
CASES["LogicalNot"] = lambda g: raw.LogicalNot(x=g.x([8], B))
for op in "BitwiseAnd BitwiseOr BitwiseXor".split():
    CASES[op] = lambda g, op=op: getattr(raw, op)(x=g.x([8], I, -99, 99), y=g.x([8], I, -99, 99, name="y"))
CASES["Select by rows"] = lambda g: raw.Select(condition=g.x([3], B, name="c"), x=g.x([3, 4]), y=g.x([3, 4], name="y"))
CASES["SelectV2"] = lambda g: raw.SelectV2(condition=g.x([3, 1], B, name="c"), t=g.x([3, 4]), e=g.x([4], name="y"))
CASES["ClipByValue"] = lambda g: raw.ClipByValue(t=g.x([2, 9]), clip_value_min=tf.constant(-0.5), clip_value_max=tf.constant(1.0))
CASES["ClipByValue by tensors"] = lambda g: raw.ClipByValue(t=g.x([2, 3]), clip_value_min=g.w([2, 3], lo=-1, hi=0), clip_value_max=g.w([2, 3], lo=0, hi=1))
CASES["ClipByValue of integers"] = lambda g: raw.ClipByValue(t=g.x([9], I, -9, 9), clip_value_min=tf.constant(-3), clip_value_max=tf.constant(4))
for a, b in [(F, I), (I, F), (F, B), (B, F), (L, I), (np.uint8, F), (F, np.uint8)]:
    CASES[f"Cast {a.__name__} {b.__name__}"] = lambda g, a=a, b=b: tf.cast(g.x([7], a, 0, 5), b)
CASES["LeakyRelu"] = lambda g: raw.LeakyRelu(features=g.x([2, 5]), alpha=0.3)
CASES["LeakyRelu by default"] = lambda g: raw.LeakyRelu(features=g.x([2, 5]))
CASES["AddN"] = lambda g: raw.AddN(inputs=[g.x([2, 3]), g.x([2, 3], name="y"), g.w([2, 3])])
CASES["L2Loss"] = lambda g: raw.L2Loss(t=g.x([2, 5]))

# Convolutions.
for padding in ["SAME", "VALID"]:
    for stride in [1, 2, 3]:
        CASES[f"Conv2D {padding} {stride}"] = lambda g, p=padding, s=stride: raw.Conv2D(input=g.x([2, 7, 8, 3]), filter=g.w([3, 2, 3, 4]), strides=[1, s, s, 1], padding=p)
        CASES[f"MaxPool {padding} {stride}"] = lambda g, p=padding, s=stride: raw.MaxPool(input=g.x([2, 7, 8, 3]), ksize=[1, 3, 2, 1], strides=[1, s, s, 1], padding=p)
        CASES[f"AvgPool {padding} {stride}"] = lambda g, p=padding, s=stride: raw.AvgPool(value=g.x([2, 7, 8, 3]), ksize=[1, 3, 2, 1], strides=[1, s, s, 1], padding=p)
        CASES[f"DepthwiseConv2dNative {padding} {stride}"] = lambda g, p=padding, s=stride: raw.DepthwiseConv2dNative(input=g.x([2, 7, 8, 3]), filter=g.w([3, 2, 3, 2]), strides=[1, s, s, 1], padding=p)
        CASES[f"Conv2DBackpropInput {padding} {stride}"] = lambda g, p=padding, s=stride: tf.nn.conv2d_transpose(
            g.x([2, 4, 5, 3]), g.w([3, 2, 4, 3]), [2, 4 * s if p == "SAME" else 3 * s + 3, 5 * s if p == "SAME" else 4 * s + 2, 4], s, p)
CASES["Conv2DBackpropInput odd size"] = lambda g: raw.Conv2DBackpropInput(input_sizes=tf.constant([1, 7, 6, 2]), filter=g.w([3, 3, 2, 3]), out_backprop=g.x([1, 4, 3, 3]), strides=[1, 2, 2, 1], padding="SAME")
CASES["Conv2D explicit"] = lambda g: raw.Conv2D(input=g.x([1, 5, 6, 2]), filter=g.w([3, 3, 2, 3]), strides=[1, 2, 1, 1], padding="EXPLICIT", explicit_paddings=[0, 0, 1, 2, 0, 1, 0, 0])
CASES["Conv2D dilated"] = lambda g: raw.Conv2D(input=g.x([1, 9, 8, 2]), filter=g.w([3, 3, 2, 3]), strides=[1, 1, 1, 1], padding="SAME", dilations=[1, 2, 3, 1])
CASES["Conv2D grouped"] = lambda g: raw.Conv2D(input=g.x([1, 5, 5, 4]), filter=g.w([3, 3, 2, 6]), strides=[1, 1, 1, 1], padding="SAME")
CASES["Conv2D biased, read by two"] = lambda g: (lambda y: [raw.BiasAdd(value=y, bias=g.w([3])), raw.Relu(features=y)])(
    raw.Conv2D(input=g.x([1, 5, 5, 2]), filter=g.w([3, 3, 2, 3]), strides=[1, 1, 1, 1], padding="SAME"))
CASES["Conv2D and BiasAdd"] = lambda g: raw.Relu(features=raw.BiasAdd(value=raw.Conv2D(input=g.x([1, 5, 5, 2]), filter=g.w([3, 3, 2, 3]), strides=[1, 1, 1, 1], padding="SAME"), bias=g.w([3])))
CASES["Conv2D and Add"] = lambda g: raw.AddV2(x=g.w([3]), y=raw.Conv2D(input=g.x([1, 5, 5, 2]), filter=g.w([3, 3, 2, 3]), strides=[1, 1, 1, 1], padding="SAME"))
CASES["Conv2D and an image"] = lambda g: raw.AddV2(x=raw.Conv2D(input=g.x([1, 5, 3, 2]), filter=g.w([3, 3, 2, 3]), strides=[1, 1, 1, 1], padding="SAME"), y=g.w([3, 3]))
CASES["Depthwise and BiasAdd"] = lambda g: raw.BiasAdd(value=raw.DepthwiseConv2dNative(input=g.x([1, 5, 5, 3]), filter=g.w([3, 3, 3, 2]), strides=[1, 1, 1, 1], padding="SAME"), bias=g.w([6]))
CASES["Conv3D"] = lambda g: raw.Conv3D(input=g.x([1, 4, 5, 6, 2]), filter=g.w([2, 3, 3, 2, 3]), strides=[1, 1, 2, 2, 1], padding="SAME")
CASES["Conv3DBackpropInputV2"] = lambda g: raw.Conv3DBackpropInputV2(input_sizes=tf.constant([1, 4, 5, 6, 2]), filter=g.w([2, 3, 3, 2, 3]), out_backprop=g.x([1, 2, 3, 3, 3]), strides=[1, 2, 2, 2, 1], padding="SAME")
CASES["MaxPool3D"] = lambda g: raw.MaxPool3D(input=g.x([1, 4, 5, 6, 2]), ksize=[1, 2, 2, 3, 1], strides=[1, 2, 1, 2, 1], padding="SAME")
CASES["AvgPool3D"] = lambda g: raw.AvgPool3D(input=g.x([1, 4, 5, 6, 2]), ksize=[1, 2, 2, 3, 1], strides=[1, 2, 1, 2, 1], padding="SAME")
CASES["LRN"] = lambda g: raw.LRN(input=g.x([1, 3, 3, 8]), depth_radius=2, bias=1.5, alpha=0.3, beta=0.75)
CASES["LRN by default"] = lambda g: raw.LRN(input=g.x([1, 3, 3, 4]))


def norm(g, op, layer, shape=(2, 3, 4, 5)):
    c = shape[-1]
    return op(x=g.x(list(shape)), scale=g.w([c]), offset=g.w([c]), mean=g.w([c]), variance=g.w([c], lo=0.2, hi=2), is_training=False, **layer)[0]


CASES["FusedBatchNorm"] = lambda g: norm(g, raw.FusedBatchNorm, {"epsilon": 0.01})
CASES["FusedBatchNormV2"] = lambda g: norm(g, raw.FusedBatchNormV2, {})
CASES["FusedBatchNormV3"] = lambda g: norm(g, raw.FusedBatchNormV3, {"epsilon": 0.001})
CASES["FusedBatchNormV3 of volumes"] = lambda g: norm(g, raw.FusedBatchNormV3, {"data_format": "NDHWC"}, (1, 2, 3, 4, 5))


def old_dilation(g, size, rate, op=None):
    """tf.nn.atrous_conv2d: SpaceToBatchND, a convolution, BatchToSpaceND, and a bias."""
    x = g.x([1, *size, 2])
    pads = [[rate, rate + (-size[0] - 2 * rate) % rate], [rate, rate + (-size[1] - 2 * rate) % rate]]
    crops = [[0, (-size[0] - 2 * rate) % rate], [0, (-size[1] - 2 * rate) % rate]]
    s = raw.SpaceToBatchND(input=x, block_shape=[rate, rate], paddings=pads)
    y = raw.Conv2D(input=s, filter=g.w([3, 3, 2, 3]), strides=[1, 1, 1, 1], padding="VALID")
    return raw.BiasAdd(value=raw.BatchToSpaceND(input=y, block_shape=[rate, rate], crops=crops), bias=g.w([3]))


CASES["atrous convolution"] = lambda g: old_dilation(g, (8, 8), 2)
CASES["atrous convolution of odd size"] = lambda g: old_dilation(g, (7, 9), 2)
CASES["atrous convolution by 3"] = lambda g: old_dilation(g, (7, 8), 3)
CASES["SpaceToBatchND"] = lambda g: raw.SpaceToBatchND(input=g.x([2, 4, 5, 3]), block_shape=[2, 3], paddings=[[1, 1], [0, 1]])
CASES["SpaceToBatchND of one axis"] = lambda g: raw.SpaceToBatchND(input=g.x([2, 4, 3]), block_shape=[2], paddings=[[1, 1]])
CASES["BatchToSpaceND"] = lambda g: raw.BatchToSpaceND(input=g.x([12, 2, 3, 2]), block_shape=[2, 3], crops=[[1, 0], [0, 2]])
CASES["SpaceToBatch"] = lambda g: raw.SpaceToBatch(input=g.x([1, 4, 4, 2]), paddings=[[1, 1], [0, 2]], block_size=2)
CASES["BatchToSpace"] = lambda g: raw.BatchToSpace(input=g.x([4, 2, 3, 2]), crops=[[1, 0], [0, 1]], block_size=2)
CASES["SpaceToDepth"] = lambda g: raw.SpaceToDepth(input=g.x([1, 4, 6, 3]), block_size=2)
CASES["DepthToSpace"] = lambda g: raw.DepthToSpace(input=g.x([1, 2, 3, 8]), block_size=2)


def fused(g, ops, more=(), **attrs):
    x, w = g.x([1, 5, 5, 2]), g.w([3, 3, 2, 3])
    args = [g.w([3]) if ops[0] == "BiasAdd" else None, *more]
    args = [a for a in args if a is not None]
    attr = {"strides": [1, 1, 1, 1], "padding": b"SAME", "fused_ops": [o.encode() for o in ops], "num_args": len(args), "T": tf.float32, "TArgs": [tf.float32] * len(args), **attrs}
    return g_op("_FusedConv2D", [x, w, args, []], attr)


def g_op(name, inputs, attr):
    graph = tf1.get_default_graph()
    node = tf1.NodeDef(name=name.strip("_"), op=name)
    flat = [t for i in inputs for t in (i if isinstance(i, list) else [i])]
    node.input.extend(t.name if ":0" not in t.name else t.name[:-2] for t in flat)
    for k, v in attr.items():
        a = node.attr[k]
        if isinstance(v, list):
            a.list.SetInParent()
            for e in v:
                if isinstance(e, bytes):
                    a.list.s.append(e)
                elif isinstance(e, tf.DType):
                    a.list.type.append(e.as_datatype_enum)
                else:
                    a.list.i.append(e)
        elif isinstance(v, bytes):
            a.s = v
        elif isinstance(v, bool):
            a.b = v
        elif isinstance(v, int):
            a.i = v
        elif isinstance(v, float):
            a.f = v
        else:
            a.type = v.as_datatype_enum
    part = tf1.GraphDef()
    part.node.append(node)
    part.versions.CopyFrom(graph.as_graph_def().versions)
    names = {t.name[:-2]: t for t in flat}
    return tf1.import_graph_def(part, input_map=names, return_elements=[f"{node.name}:0"], name="")[0]


CASES["_FusedConv2D bias"] = lambda g: fused(g, ["BiasAdd"])
for act in ["Relu", "Relu6", "Elu"]:
    CASES[f"_FusedConv2D bias {act}"] = lambda g, act=act: fused(g, ["BiasAdd", act])
CASES["_FusedConv2D bias LeakyRelu"] = lambda g: fused(g, ["BiasAdd", "LeakyRelu"], leakyrelu_alpha=0.3)
CASES["_FusedConv2D norm"] = lambda g: fused(g, ["FusedBatchNorm", "Relu"], (g.w([3]), g.w([3]), g.w([3]), g.w([3], lo=0.2)), epsilon=0.01)
CASES["_FusedMatMul"] = lambda g: g_op("_FusedMatMul", [g.x([2, 3]), g.w([3, 4]), [g.w([4])]], {"fused_ops": [b"BiasAdd", b"Relu"], "num_args": 1, "T": tf.float32})

# Products.
for ta in [False, True]:
    for tb in [False, True]:
        CASES[f"MatMul {ta} {tb}"] = lambda g, a=ta, b=tb: raw.MatMul(a=g.x([3, 2] if a else [2, 3]), b=g.w([4, 3] if b else [3, 4]), transpose_a=a, transpose_b=b)
        CASES[f"MatMul of inputs {ta} {tb}"] = lambda g, a=ta, b=tb: raw.MatMul(a=g.x([3, 2] if a else [2, 3]), b=g.x([4, 3] if b else [3, 4], name="y"), transpose_a=a, transpose_b=b)
CASES["MatMul and BiasAdd"] = lambda g: raw.BiasAdd(value=raw.MatMul(a=g.x([2, 3]), b=g.w([4, 3]), transpose_b=True), bias=g.w([4]))
CASES["BatchMatMul"] = lambda g: raw.BatchMatMul(x=g.x([2, 3, 4]), y=g.x([2, 4, 5], name="y"))
CASES["BatchMatMulV2"] = lambda g: raw.BatchMatMulV2(x=g.x([2, 4, 3]), y=g.x([5, 4], name="y"), adj_x=True, adj_y=True)
CASES["BatchMatMulV3"] = lambda g: raw.BatchMatMulV3(x=g.x([2, 3, 4]), y=g.w([4, 5]), Tout=F)
CASES["Einsum"] = lambda g: raw.Einsum(inputs=[g.x([2, 3, 4]), g.x([4, 5], name="y")], equation="abc,cd->abd")
CASES["Einsum with ellipsis"] = lambda g: raw.Einsum(inputs=[g.x([2, 3, 4]), g.x([2, 5, 4], name="y")], equation="...ij,...kj->...ik")
CASES["BiasAdd"] = lambda g: raw.BiasAdd(value=g.x([2, 3, 3, 4]), bias=g.w([4]))
CASES["BiasAddV1"] = lambda g: raw.BiasAddV1(value=g.x([2, 4]), bias=g.w([4]))

# Shapes.
CASES["Reshape"] = lambda g: raw.Reshape(tensor=g.x([2, 3, 4]), shape=[4, -1])
CASES["Reshape by a computed shape"] = lambda g: (lambda x: tf.reshape(x, [tf.shape(x)[0], tf.reduce_prod(tf.shape(x)[1:])]))(g.x([2, 3, 4]))
CASES["Squeeze"] = lambda g: raw.Squeeze(input=g.x([2, 1, 3, 1]))
CASES["Squeeze of axes"] = lambda g: raw.Squeeze(input=g.x([2, 1, 3, 1]), axis=[-1])
CASES["Squeeze of a pool"] = lambda g: raw.Squeeze(input=raw.AvgPool(value=g.x([2, 3, 4, 5]), ksize=[1, 3, 4, 1], strides=[1, 1, 1, 1], padding="VALID"), axis=[1, 2])
CASES["Squeeze of one axis of a pool"] = lambda g: raw.Squeeze(input=raw.AvgPool(value=g.x([2, 3, 4, 5]), ksize=[1, 3, 1, 1], strides=[1, 1, 1, 1], padding="VALID"), axis=[1])
CASES["ExpandDims"] = lambda g: raw.ExpandDims(input=g.x([2, 3]), axis=-1)
CASES["Transpose"] = lambda g: raw.Transpose(x=g.x([2, 3, 4]), perm=[2, 0, 1])
CASES["Transpose of an image"] = lambda g: raw.Transpose(x=raw.MaxPool(input=g.x([1, 4, 6, 3]), ksize=[1, 2, 2, 1], strides=[1, 2, 2, 1], padding="VALID"), perm=[0, 3, 1, 2])
CASES["ConcatV2"] = lambda g: raw.ConcatV2(values=[g.x([2, 3]), g.x([2, 1], name="y"), g.w([2, 2])], axis=-1)
CASES["ConcatV2 of images"] = lambda g: raw.ConcatV2(values=[raw.MaxPool(input=g.x([1, 4, 6, 3]), ksize=[1, 2, 2, 1], strides=[1, 1, 1, 1], padding="SAME"), g.x([1, 4, 6, 2], name="y")], axis=3)
CASES["Concat"] = lambda g: raw.Concat(concat_dim=0, values=[g.x([2, 3]), g.x([1, 3], name="y")])
CASES["Pack"] = lambda g: raw.Pack(values=[g.x([2, 3]), g.w([2, 3])], axis=1)
CASES["Unpack"] = lambda g: raw.Unpack(value=g.x([2, 3, 2]), num=3, axis=1)
CASES["Split"] = lambda g: raw.Split(axis=1, value=g.x([2, 6]), num_split=3)
CASES["SplitV"] = lambda g: raw.SplitV(value=g.x([2, 6]), size_splits=[1, -1, 2], axis=1, num_split=3)
CASES["Split of an image"] = lambda g: raw.Split(axis=3, value=raw.MaxPool(input=g.x([1, 4, 6, 4]), ksize=[1, 2, 2, 1], strides=[1, 2, 2, 1], padding="SAME"), num_split=2)
CASES["Slice"] = lambda g: raw.Slice(input=g.x([3, 4, 5]), begin=[1, 0, 2], size=[1, -1, 2])
CASES["Slice of an image"] = lambda g: raw.Slice(input=raw.MaxPool(input=g.x([1, 4, 6, 3]), ksize=[1, 2, 2, 1], strides=[1, 1, 1, 1], padding="SAME"), begin=[0, 1, 2, 0], size=[1, 2, 3, 2])
CASES["StridedSlice"] = lambda g: g.x([3, 4, 5])[1:, ::-2, 1]
CASES["StridedSlice with new axis and ellipsis"] = lambda g: g.x([3, 4, 5])[tf.newaxis, ..., -2]
CASES["StridedSlice of an image"] = lambda g: raw.MaxPool(input=g.x([1, 4, 6, 3]), ksize=[1, 2, 2, 1], strides=[1, 1, 1, 1], padding="SAME")[:, 1:4:2, ::2, :]
CASES["StridedSlice of nothing"] = lambda g: g.x([3, 4])[:, :]
CASES["Pad"] = lambda g: raw.Pad(input=g.x([2, 3]), paddings=[[1, 0], [2, 1]])
CASES["Pad of an image"] = lambda g: raw.Pad(input=raw.MaxPool(input=g.x([1, 4, 6, 3]), ksize=[1, 2, 2, 1], strides=[1, 1, 1, 1], padding="SAME"), paddings=[[0, 0], [1, 2], [0, 3], [0, 0]])
CASES["PadV2"] = lambda g: raw.PadV2(input=g.x([2, 3]), paddings=[[1, 0], [2, 1]], constant_values=-1.5)
for mode in ["REFLECT", "SYMMETRIC"]:
    CASES[f"MirrorPad {mode}"] = lambda g, m=mode: raw.MirrorPad(input=g.x([3, 4]), paddings=[[1, 2], [2, 1]], mode=m)
    CASES[f"MirrorPad of an image {mode}"] = lambda g, m=mode: raw.MirrorPad(input=raw.MaxPool(input=g.x([1, 4, 6, 3]), ksize=[1, 2, 2, 1], strides=[1, 1, 1, 1], padding="SAME"), paddings=[[0, 0], [1, 2], [2, 1], [0, 0]], mode=m)
CASES["Tile"] = lambda g: raw.Tile(input=g.x([2, 3]), multiples=[2, 1])
CASES["BroadcastTo"] = lambda g: raw.BroadcastTo(input=g.x([2, 1]), shape=[3, 2, 4])
CASES["ReverseV2"] = lambda g: raw.ReverseV2(tensor=g.x([2, 3, 4]), axis=[-1, 0])
CASES["ReverseSequence"] = lambda g: raw.ReverseSequence(input=g.x([2, 4, 3]), seq_lengths=[2, 4], seq_dim=1, batch_dim=0)
CASES["shapes"] = lambda g: (lambda x: [tf.cast(t, F) for t in [raw.Shape(input=x), raw.Size(input=x), raw.Rank(input=x), *raw.ShapeN(input=[x, x])]])(g.x([2, 3]))
CASES["Fill"] = lambda g: raw.Fill(dims=[2, 3], value=1.5) + g.x([3])
CASES["Fill with an input"] = lambda g: raw.Fill(dims=[2, 3], value=g.x([]))
CASES["Range"] = lambda g: raw.Range(start=1.0, limit=4.0, delta=0.5) * g.x([6])
CASES["LinSpace"] = lambda g: raw.LinSpace(start=1.0, stop=4.0, num=6) * g.x([6])
CASES["ZerosLike"] = lambda g: (lambda x: raw.ZerosLike(x=x) + x)(g.x([2, 3]))
CASES["OnesLike"] = lambda g: (lambda x: raw.OnesLike(x=x) + x)(g.x([2, 3]))
CASES["BroadcastArgs"] = lambda g: raw.BroadcastTo(input=g.x([2, 1]), shape=raw.BroadcastArgs(s0=tf.constant([2, 1]), s1=tf.constant([3, 1, 4])))
CASES["InvertPermutation"] = lambda g: raw.Transpose(x=g.x([2, 3, 4]), perm=raw.InvertPermutation(x=tf.constant([2, 0, 1])))

# Indices.
CASES["Gather"] = lambda g: raw.Gather(params=g.w([5, 3]), indices=g.x([2, 2], I, 0, 4))
CASES["GatherV2"] = lambda g: raw.GatherV2(params=g.x([2, 5, 3]), indices=tf.constant([4, 0, 2]), axis=1)
CASES["GatherV2 with batches"] = lambda g: raw.GatherV2(params=g.x([2, 5, 3]), indices=g.x([2, 2], I, 0, 4, "i"), axis=1, batch_dims=1)
CASES["GatherNd"] = lambda g: raw.GatherNd(params=g.x([2, 5, 3]), indices=tf.constant([[0, 4], [1, 1]]))
CASES["ScatterNd"] = lambda g: raw.ScatterNd(indices=tf.constant([[1], [3], [1]]), updates=g.x([3, 2]), shape=[5, 2])
CASES["OneHot"] = lambda g: raw.OneHot(indices=g.x([2, 3], I, 0, 4), depth=5, on_value=2.0, off_value=-1.0)
CASES["OneHot of axis 0"] = lambda g: raw.OneHot(indices=g.x([3], I, 0, 4), depth=5, on_value=1.0, off_value=0.0, axis=0)
CASES["Where"] = lambda g: raw.GatherNd(params=g.x([2, 3]), indices=raw.Where(condition=tf.constant([[True, False, True], [False, False, True]])))
CASES["SegmentSum"] = lambda g: raw.SegmentSum(data=g.x([4, 2]), segment_ids=tf.constant([0, 0, 2, 2]))
CASES["UnsortedSegmentSum"] = lambda g: raw.UnsortedSegmentSum(data=g.x([4, 2]), segment_ids=tf.constant([2, 0, 2, 1]), num_segments=4)
for op in "ArgMax ArgMin".split():
    CASES[op] = lambda g, op=op: tf.cast(getattr(raw, op)(input=g.x([3, 4]), dimension=1), I)
CASES["TopKV2"] = lambda g: list(raw.TopKV2(input=g.x([2, 6]), k=3))

# Reductions.
for op in "Sum Mean Prod Max Min EuclideanNorm".split():
    CASES[op] = lambda g, op=op: getattr(raw, op)(input=g.x([2, 3, 4]), axis=[1])
    CASES[f"{op} kept"] = lambda g, op=op: getattr(raw, op)(input=g.x([2, 3, 4]), axis=[-1, 0], keep_dims=True)
for op in "Sum Mean Prod Max Min".split():
    CASES[f"{op} of integers"] = lambda g, op=op: getattr(raw, op)(input=g.x([2, 3, 4], I, -9, 9), axis=[1])
CASES["Mean of an image"] = lambda g: raw.Mean(input=raw.MaxPool(input=g.x([1, 4, 6, 3]), ksize=[1, 2, 2, 1], strides=[1, 1, 1, 1], padding="SAME"), axis=[1, 2])
CASES["Max of an image, kept"] = lambda g: raw.Max(input=raw.MaxPool(input=g.x([1, 4, 6, 3]), ksize=[1, 2, 2, 1], strides=[1, 1, 1, 1], padding="SAME"), axis=[3], keep_dims=True)
for op in "Any All".split():
    CASES[op] = lambda g, op=op: getattr(raw, op)(input=g.x([4, 3], B), axis=[1])
for op in "Cumsum Cumprod".split():
    CASES[op] = lambda g, op=op: getattr(raw, op)(x=g.x([2, 5]), axis=1)
    CASES[f"{op} exclusive, reverse"] = lambda g, op=op: getattr(raw, op)(x=g.x([2, 5]), axis=1, exclusive=True, reverse=True)

# Images.
for op in "ResizeBilinear ResizeNearestNeighbor ResizeBicubic".split():
    for corners, half in [(False, False), (True, False), (False, True)]:
        for size in [(7, 9), (2, 3)]:
            CASES[f"{op} {corners} {half} {size[0]}"] = lambda g, op=op, c=corners, h=half, s=size: getattr(raw, op)(images=g.x([1, 4, 5, 2]), size=list(s), align_corners=c, half_pixel_centers=h)
CASES["FakeQuantWithMinMaxArgs"] = lambda g: raw.FakeQuantWithMinMaxArgs(inputs=g.x([40], lo=-3, hi=3), min=-1.5, max=2.1, num_bits=4)
CASES["FakeQuantWithMinMaxVars"] = lambda g: raw.FakeQuantWithMinMaxVars(inputs=g.x([40], lo=-3, hi=3), min=tf.constant(-1.3), max=tf.constant(2.0), narrow_range=True)
CASES["FakeQuantWithMinMaxVarsPerChannel"] = lambda g: raw.FakeQuantWithMinMaxVarsPerChannel(inputs=g.x([20, 2], lo=-3, hi=3), min=tf.constant([-1.3, -1.3]), max=tf.constant([2.0, 2.0]))

# Flow.
CASES["identities"] = lambda g: (lambda x: [raw.Identity(input=x), raw.StopGradient(input=x), raw.PreventGradient(input=x), raw.Snapshot(input=x), raw.CheckNumerics(tensor=x, message="m"), raw.CheckNumericsV2(tensor=x, message="m"), raw.EnsureShape(input=x, shape=[2, 3]), *raw.IdentityN(input=[x, x])])(g.x([2, 3]))
CASES["PlaceholderWithDefault"] = lambda g: raw.PlaceholderWithDefault(input=g.w([3]), shape=[3]) + g.x([2, 3])


@case("constants of all types")
def constants(g):
    x = g.x([2, 2])
    kinds = [np.float64, np.float16, tf.bfloat16.as_numpy_dtype, np.int8, np.uint8, np.int16, np.uint16, np.int32, np.int64, np.bool_]
    return [tf.cast(tf.constant(np.array([[1, 0], [3, 2]]).astype(k)), F) + x for k in kinds] + [tf.fill([2, 2], 7.0) + x, tf.constant(3.0, shape=[2, 2]) + x]


@case("branches of constant conditions")
def branches(g):
    tf1.disable_control_flow_v2()
    x = g.x([2, 3])
    yes, no = tf.constant(True), tf.identity(tf.constant(False))
    first = tf1.cond(yes, lambda: x + 1.0, lambda: x * 100.0)
    second = tf1.cond(no, lambda: tf.exp(x), lambda: tf1.cond(yes, lambda: x - 5.0, lambda: x))
    return [first, second]


@case("calls of functions")
def calls(g):
    @tf.function(autograph=False)
    def inner(a, b):
        values, indices = tf.math.top_k(a, 2)
        return values - b, tf.cast(indices, F)

    @tf.function(autograph=False)
    def outer(a):
        p, q = inner(a, 1.0)
        r, s = inner(a * 2.0, 3.0)
        return p + s, tf.split(q, 2, axis=1)[1] * r

    return list(outer(g.x([2, 5])))


def frozen_keras():
    """A small network of Keras, frozen: what a user has."""
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    tf.keras.utils.set_random_seed(3)
    k = tf.keras.layers
    inputs = tf.keras.Input([12, 12, 3])
    x = k.BatchNormalization()(k.Conv2D(8, 3, strides=2, padding="same", use_bias=False)(inputs))
    x = k.ReLU(6.0)(x)
    y = k.DepthwiseConv2D(3, padding="same")(x)
    y = k.Activation("swish")(k.Conv2D(8, 1)(y))
    x = k.Concatenate()([k.Add()([x, y]), k.UpSampling2D(2, interpolation="bilinear")(k.MaxPooling2D(2)(x))])
    x = k.Dropout(0.5)(k.Conv2DTranspose(4, 3, strides=2, padding="same", activation="elu")(x))
    x = k.GlobalAveragePooling2D()(x)
    outputs = k.Dense(5, activation="softmax")(k.LayerNormalization()(k.Dense(6, activation="gelu")(x)))
    model = tf.keras.Model(inputs, outputs)
    for w in model.weights:
        w.assign(np.abs(np.random.RandomState(5).uniform(0.1, 0.6, w.shape)) if "variance" in w.name else np.random.RandomState(len(w.shape)).uniform(-0.4, 0.4, w.shape))
    function = tf.function(lambda x: model(x, training=False)).get_concrete_function(tf.TensorSpec([1, 12, 12, 3], tf.float32, name="image"))
    graph = convert_variables_to_constants_v2(function).graph
    x = np.random.RandomState(7).uniform(-1, 1, [1, 12, 12, 3]).astype(F)
    y = model(x, training=False).numpy()
    definition = graph.as_graph_def()
    last = [n.name for n in definition.node if n.op == "Identity"][-1]
    return {"name": "frozen Keras", "graph": base64.b64encode(definition.SerializeToString()).decode(), "inputs": [packed("image", x)], "outputs": [packed(last, y)]}


def main():
    keras = frozen_keras()
    tf1.disable_eager_execution()
    made = []
    for name, build in CASES.items():
        try:
            made.append(record(name, build))
        except Exception as error:  # the operator is gone, or has no kernel here
            print(name, type(error).__name__, str(error).splitlines()[0][:200])
    made.append(keras)
    text = "[\n" + ",\n".join(json.dumps(c, separators=(",", ":")) for c in made) + "\n]\n"
    (pathlib.Path(__file__).parent / "recorded.json").write_text(text)
    print(len(made), "cases,", len(text), "bytes")


if __name__ == "__main__":
    main()
