#!/usr/bin/env python3
"""A small backend in plain Python that speaks the conformance protocol of cortexc (docs/conformance-protocol.md).

It does a part of the integer ops, each by its definition in docs/ops.md. Integers are unbounded in Python, so wrapping to
int32 and rounding shifts are written out.
"""
import base64
import itertools
import json
import math
import sys

CODES = {"i8": ("b", 1), "i6": ("b", 1), "u8": ("B", 1), "bool": ("B", 1), "i16": ("h", 2), "i32": ("i", 4)}
LIMITS = {"i8": (-128, 127), "u8": (0, 255), "i16": (-32768, 32767), "i32": (-(2**31), 2**31 - 1)}


class Refused(Exception):
    """The op does not do this; the text is the reason."""


def unpack(dtype, data):
    """Little-endian bytes to a list of integers."""
    if dtype not in CODES:
        raise Refused(f"dtype {dtype}")
    size = CODES[dtype][1]
    signed = dtype not in ("u8", "bool")
    return [int.from_bytes(data[i : i + size], "little", signed=signed) for i in range(0, len(data), size)]


def pack(dtype, values):
    size = CODES[dtype][1]
    mask = (1 << 8 * size) - 1
    return b"".join((v & mask).to_bytes(size, "little") for v in values)


class Tensor:
    def __init__(self, dtype, shape, data):
        self.dtype, self.shape, self.data = dtype, shape, data


def wrap(v):
    """Two's complement int32."""
    return (v + 2**31) % 2**32 - 2**31


def clamp(v, lo, hi):
    return min(max(v, lo), hi)


def rshr(v, s):
    """Shift right with the half rounded up; >> of Python is the floor."""
    return v if s == 0 else (v + (1 << (s - 1))) >> s


def rdiv(a, b):
    """Quotient with the half rounded up, b > 0; // of Python is the floor."""
    return (2 * a + b) // (2 * b)


def strides(shape):
    out, step = [], 1
    for d in reversed(shape):
        out.append(step)
        step *= d
    return out[::-1]


def indices(shape):
    return itertools.product(*[range(d) for d in shape])


def broadcast_index(shape, result):
    """Offsets into a tensor of `shape` for each element of `result`, row-major."""
    st = [0 if d == 1 else s for d, s in zip(shape, strides(shape))]
    st = [0] * (len(result) - len(shape)) + st
    return [sum(i * s for i, s in zip(at, st)) for at in indices(result)]


def binary(f):
    def run(operands, _attrs, results):
        a, b = operands
        if a.dtype != "i32":
            raise Refused(f"dtype {a.dtype}")
        shape = results[0]["shape"]
        pairs = zip(broadcast_index(a.shape, shape), broadcast_index(b.shape, shape))
        return [[wrap(f(a.data[i], b.data[j])) for i, j in pairs]]

    return run


def relu(operands, _attrs, _results):
    return [[max(v, 0) for v in operands[0].data]]


def clamp_op(operands, attrs, _results):
    return [[clamp(v, attrs["lo"], attrs["hi"]) for v in operands[0].data]]


def rescale(operands, attrs, _results):
    x, m, s = operands
    inner = math.prod(x.shape[2:]) if len(x.shape) > 1 else 1
    channels = x.shape[1] if len(x.shape) > 1 else 1
    out = []
    for i, v in enumerate(x.data):
        c = 0 if len(m.data) == 1 else (i // inner) % channels
        y = rshr(wrap(v - attrs["input_zero"]) * m.data[c], s.data[c]) + attrs["output_zero"]
        out.append(clamp(y, attrs["lo"], attrs["hi"]))
    return [out]


def table(operands, _attrs, _results):
    x, t = operands
    if x.dtype == "i16":
        out = []
        for v in x.data:
            i, f = (v + 32768) >> 7, v & 127
            out.append(rshr((t.data[i] << 7) + (t.data[i + 1] - t.data[i]) * f, 7))
        return [out]
    zero = 128 if x.dtype == "i8" else 0
    if len(t.shape) == 1:
        return [[t.data[v + zero] for v in x.data]]
    inner = math.prod(x.shape[2:])
    return [[t.data[(i // inner) % x.shape[1] * 256 + v + zero] for i, v in enumerate(x.data)]]


def out_size(size, kernel, stride, dilation, before, after):
    return max(0, (size + before + after - dilation * (kernel - 1) - 1) // stride + 1)


def accumulated(total, attrs, bias):
    """An exact sum of products as int32: shifted, where operands have 16 bits, then the bias."""
    return wrap(rshr(total, attrs.get("accumulator_shift", 0)) + bias)


def conv(operands, attrs, results):
    x, w, *bias = operands
    n, c, *size = x.shape
    oc, wc, *kernel = w.shape
    d = len(size)
    stride, dilation, pads, groups, zero = (attrs[k] for k in ("stride", "dilation", "pads", "groups", "pad_value"))
    xs, ws = strides(x.shape), strides(w.shape)
    per_group = oc // groups
    out = []
    for b, o, *at in indices(results[0]["shape"]):
        total = 0
        for k in indices(kernel):
            place = [at[i] * stride[i] - pads[i] + k[i] * dilation[i] for i in range(d)]
            inside = all(0 <= p < s for p, s in zip(place, size))
            for j in range(wc):
                if inside:
                    channel = o // per_group * wc + j
                    v = x.data[b * xs[0] + channel * xs[1] + sum(p * s for p, s in zip(place, xs[2:]))]
                else:
                    v = zero
                total += v * w.data[o * ws[0] + j * ws[1] + sum(p * s for p, s in zip(k, ws[2:]))]
        out.append(accumulated(total, attrs, bias[0].data[o] if bias else 0))
    return [out]


def dense(operands, attrs, _results):
    x, w, *bias = operands
    rows, k = w.shape
    out = []
    for i in range(math.prod(x.shape[:-1])):
        row = x.data[i * k : (i + 1) * k]
        for o in range(rows):
            total = sum(a * b for a, b in zip(row, w.data[o * k : (o + 1) * k]))
            out.append(accumulated(total, attrs, bias[0].data[o] if bias else 0))
    return [out]


def matmul(operands, attrs, results):
    a, b = operands
    za, zb = attrs["a_zero"], attrs["b_zero"]
    *batch, m, n = results[0]["shape"]
    k = a.shape[-1]
    ai = broadcast_index(a.shape[:-2], batch)
    bi = broadcast_index(b.shape[:-2], batch)
    out = []
    for i, j in zip(ai, bi):
        for r in range(m):
            for c in range(n):
                row, column = i * m * k + r * k, j * k * n + c
                total = sum((a.data[row + p] - za) * (b.data[column + p * n] - zb) for p in range(k))
                out.append(accumulated(total, attrs, 0))
    return [out]


def windows(x, attrs, result):
    """For each element of the result: the values inside the window, and how many places it has within the padded input."""
    size, d = x.shape[2:], len(x.shape) - 2
    xs = strides(x.shape)
    kernel, stride, dilation, pads = attrs["kernel"], attrs["stride"], attrs["dilation"], attrs["pads"]
    for b, c, *at in indices(result["shape"]):
        values, places = [], 0
        for k in indices(kernel):
            place = [at[i] * stride[i] - pads[i] + k[i] * dilation[i] for i in range(d)]
            if all(-pads[i] <= place[i] < size[i] + pads[d + i] for i in range(d)):
                places += 1
            if all(0 <= p < s for p, s in zip(place, size)):
                values.append(x.data[b * xs[0] + c * xs[1] + sum(p * s for p, s in zip(place, xs[2:]))])
        yield values, places


def max_pool(operands, attrs, results):
    return [[max(values) for values, _ in windows(operands[0], attrs, results[0])]]


def average_pool(operands, attrs, results):
    out = []
    for values, places in windows(operands[0], attrs, results[0]):
        total, count = sum(values), len(values)
        if attrs["include_pad"]:
            total, count = total + (places - count) * attrs["pad_value"], places
        out.append(rdiv(total, count))
    return [out]


def softmax_lut(operands, attrs, _results):
    x, lut = operands
    axis = attrs["axis"] % len(x.shape)
    n, inner = x.shape[axis], math.prod(x.shape[axis + 1 :])
    entry = [clamp(v, 0, 65536) for v in lut.data]
    out = [0] * len(x.data)
    for outer in range(math.prod(x.shape[:axis])):
        for i in range(inner):
            places = [(outer * n + k) * inner + i for k in range(n)]
            if not places:
                continue
            greatest = max(x.data[p] for p in places)
            e = [entry[greatest - x.data[p]] for p in places]
            r = 0 if sum(e) == 0 else 2**46 // sum(e)
            for p, v in zip(places, e):
                out[p] = min(255, (v * r + 2**37) >> 38) - 128
    return [out]


def concat(operands, attrs, _results):
    axis = attrs["axis"] % len(operands[0].shape)
    out = []
    for outer in range(math.prod(operands[0].shape[:axis])):
        for x in operands:
            run = math.prod(x.shape[axis:])
            out += x.data[outer * run : (outer + 1) * run]
    return [out]


def reshape(operands, _attrs, _results):
    return [operands[0].data]


def transpose(operands, attrs, results):
    x = operands[0]
    st = [strides(x.shape)[p] for p in attrs["perm"]]
    return [[x.data[sum(i * s for i, s in zip(at, st))] for at in indices(results[0]["shape"])]]


OPS = {
    "add": binary(lambda a, b: a + b),
    "sub": binary(lambda a, b: a - b),
    "mul": binary(lambda a, b: a * b),
    "relu": relu,
    "clamp": clamp_op,
    "rescale": rescale,
    "table": table,
    "conv": conv,
    "dense": dense,
    "matmul": matmul,
    "max_pool": max_pool,
    "average_pool": average_pool,
    "softmax_lut": softmax_lut,
    "concat": concat,
    "reshape": reshape,
    "transpose": transpose,
}


def answer(case):
    operands = [Tensor(o["dtype"], o["shape"], unpack(o["dtype"], base64.b64decode(o["data"]))) for o in case["operands"]]
    if any(r["dtype"] not in CODES for r in case["results"]):
        raise Refused(f"dtype {case['results'][0]['dtype']}")
    values = OPS[case["op"]](operands, case["attrs"], case["results"])
    return [base64.b64encode(pack(r["dtype"], v)).decode() for r, v in zip(case["results"], values)]


def main():
    sys.stdin.readline()  # the greeting
    print(json.dumps({"protocol": "cortexc-conformance", "version": 1, "name": "python example", "ops": list(OPS)}), flush=True)
    for line in sys.stdin:
        case = json.loads(line)
        try:
            reply = {"id": case["id"], "results": answer(case)}
        except Refused as refused:
            reply = {"id": case["id"], "refused": str(refused)}
        print(json.dumps(reply), flush=True)


if __name__ == "__main__":
    main()
