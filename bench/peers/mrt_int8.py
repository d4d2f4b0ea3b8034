"""The method of MRT, the quantizer of Cortex, as its public documents describe it: prints top-1 of its INT8 form as one JSON object.

    python mrt_int8.py MODEL.onnx CALIBRATION.npy TEST.npy LABELS.npy

Nothing of MRT runs here (it needs MXNet 1.x); its arithmetic is done again, in exact integers, from its documents (cvm-runtime docs/mrt, V1 to V3,
with default settings, that is without the per-model tuning of `lambda` and without channel slicing):

- batch normalization is folded into the convolution before it; an average pool is a sum times a constant;
- one symmetric scale a tensor, weights too: (2^(p-1) - 1) / max |x| over 16 images, which is the default batch of one calibration;
- operands of convolutions, dense layers and sums: 8 bits; of elementwise multiplications: 16 bits here as there, sums of two tensors: 16 bits at
  the smaller of their scales; the bias lies at scale(x) scale(w);
- products are summed in int32; a tensor at scale s goes to scale t by t / s = frac / 2^b: a right shift to 16 bits where it has more (counted from
  the greatest magnitude in calibration), a multiplication by the 16-bit frac (the rewrite of 2025: half of 32 bits each) and cvm_right_shift,
  T = ((x >> (b - 1)) + 1) >> 1, clipped to +-(2^(q-1) - 1);
- an operand that already has few enough bits is used as it is.

Favourable to MRT where its documents leave it open: constants that only scale a whole tensor (the 1 / n of an average, the slope of a hard sigmoid) go
into its scale without rounding. Anything else is refused by name.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np
import onnx
from common import batches, scratch, session, top1, upgraded
from onnx import numpy_helper

IMAGES = 16
INT32_BITS = 32
FACTOR_BITS = 16


def limit(bits: int) -> int:
    """Greatest magnitude of a precision: -2^(p-1) is not used."""
    return (1 << (bits - 1)) - 1


def bits_of(count: int) -> int:
    return max(1, int(count).bit_length())


class Unsupported(Exception):
    pass


class Value:
    """Integers (kept in float64, where they are exact below 2^53) at a scale: real = data / scale, |data| <= 2^(bits-1) - 1."""

    def __init__(self, data: np.ndarray, scale: float, bits: int) -> None:
        self.data, self.scale, self.bits = data, scale, bits
        if bits > INT32_BITS:
            raise Unsupported(f"a tensor needs {bits} bits")


def requantize(value: Value, largest: float, scale: float, bits: int) -> Value:
    """The tensor, whose greatest real magnitude in calibration was `largest`, at another scale and precision."""
    have = min(value.bits, bits_of(int(np.ceil(largest * value.scale))) + 1)
    before = max(0, have - FACTOR_BITS)
    data = right_shift(value.data, before, FACTOR_BITS)
    # ratio = fraction 2^exponent, 0.5 <= fraction < 1
    fraction, exponent = np.frexp(scale / (value.scale / 2**before))
    frac, shift = float(np.rint(fraction * 2 ** (FACTOR_BITS - 1))), int(FACTOR_BITS - 1 - exponent)
    product = data * frac
    shifted = right_shift(product, shift, bits) if shift >= 1 else np.clip(product * 2.0**-shift, -limit(bits), limit(bits))
    return Value(shifted, scale, bits)


def right_shift(data: np.ndarray, shift: int, bits: int) -> np.ndarray:
    """cvm_right_shift: half goes up, then the clip."""
    if shift < 1:
        return data
    rounded = np.floor((np.floor(data / 2.0 ** (shift - 1)) + 1) / 2)
    return np.clip(rounded, -limit(bits), limit(bits))


class Network:
    """An ONNX graph run in these integers."""

    def __init__(self, model: onnx.ModelProto, maxima: dict[str, float]) -> None:
        self.graph, self.maxima = model.graph, maxima
        self.constants = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
        for node in model.graph.node:
            if node.op_type == "Constant":
                self.constants[node.output[0]] = numpy_helper.to_array(onnx.helper.get_attribute_value(node.attribute[0]))
        self.weights: dict[str, Value] = {}

    def scale(self, name: str, bits: int) -> float:
        """(2^(p-1) - 1) / max |x|."""
        return limit(bits) / (self.maxima[name] or 1.0)

    def operand(self, name: str, bits: int = 8) -> Value:
        """A tensor as an operand of that many bits."""
        if name in self.constants:
            if name not in self.weights:
                real = self.constants[name].astype(np.float64)
                scale = limit(bits) / (np.abs(real).max() or 1.0)
                self.weights[name] = Value(np.rint(real * scale), scale, bits)
            return self.weights[name]
        value = self.values[name]
        return value if value.bits <= bits else requantize(value, self.maxima[name], self.scale(name, bits), bits)

    def run(self, images: np.ndarray) -> np.ndarray:
        [entry] = [i for i in self.graph.input if i.name not in self.constants]
        scale = self.scale(entry.name, 8)
        self.values = {entry.name: Value(np.clip(np.rint(images.astype(np.float64) * scale), -127, 127), scale, 8)}
        for node in self.graph.node:
            if node.op_type == "Constant":
                continue
            rule = getattr(self, f"on_{node.op_type.lower()}", None)
            if rule is None:
                raise Unsupported(f"{node.op_type} ({node.name})")
            self.values[node.output[0]] = rule(node, {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute})
        out = self.values[self.graph.output[0].name]
        return out.data.reshape(len(images), -1)

    # ------------------------------------------------------------ layers

    def with_bias(self, product: np.ndarray, scale: float, bits: int, bias: str, shape: tuple[int, ...]) -> Value:
        if not bias:
            return Value(product, scale, bits)
        rounded = np.rint(self.constants[bias].astype(np.float64) * scale)
        bias_bits = bits_of(int(np.abs(rounded).max())) + 1
        return Value(product + rounded.reshape(shape), scale, max(bits, bias_bits) + 1)

    def on_conv(self, node: onnx.NodeProto, attributes: dict) -> Value:
        x, w = self.operand(node.input[0]), self.operand(node.input[1])
        if w.data.ndim != 4:
            raise Unsupported("a convolution that is not two-dimensional")
        pads = padding(attributes, x.data.shape, w.data.shape[2:])
        product = convolve(pad(x.data, pads), w.data, attributes)
        bits = x.bits + w.bits + bits_of(int(np.prod(w.data.shape[1:])))
        return self.with_bias(product, x.scale * w.scale, bits, node.input[2] if len(node.input) > 2 else "", (1, -1, 1, 1))

    def on_gemm(self, node: onnx.NodeProto, attributes: dict) -> Value:
        if attributes.get("transA") or attributes.get("alpha", 1.0) != 1.0 or attributes.get("beta", 1.0) != 1.0:
            raise Unsupported("Gemm with transA, alpha or beta")
        x, w = self.operand(node.input[0]), self.operand(node.input[1])
        matrix = w.data.T if attributes.get("transB") else w.data
        bits = x.bits + w.bits + bits_of(matrix.shape[0])
        return self.with_bias(x.data @ matrix, x.scale * w.scale, bits, node.input[2] if len(node.input) > 2 else "", (1, -1))

    def on_matmul(self, node: onnx.NodeProto, attributes: dict) -> Value:
        x, w = self.operand(node.input[0]), self.operand(node.input[1])
        return Value(x.data @ w.data, x.scale * w.scale, x.bits + w.bits + bits_of(w.data.shape[-2]))

    def on_add(self, node: onnx.NodeProto, attributes: dict) -> Value:
        for a, b in ((0, 1), (1, 0)):
            if node.input[b] in self.constants:
                x = self.values[node.input[a]]
                real = self.constants[node.input[b]].astype(np.float64)
                bits = max(x.bits, bits_of(int(np.abs(np.rint(real * x.scale)).max())) + 1) + 1
                return Value(x.data + np.rint(real * x.scale), x.scale, bits)
        scale = min(self.scale(name, 16) for name in node.input)
        terms = [requantize(self.values[name], self.maxima[name], scale, 16) for name in node.input]
        return Value(terms[0].data + terms[1].data, scale, 17)

    def on_mul(self, node: onnx.NodeProto, attributes: dict) -> Value:
        for a, b in ((0, 1), (1, 0)):
            constant = self.constants.get(node.input[b])
            if constant is not None and constant.size == 1:
                x = self.values[node.input[a]]
                return Value(x.data, x.scale / float(constant.reshape(())), x.bits)
        x, y = self.operand(node.input[0], 15), self.operand(node.input[1], 15)
        return Value(x.data * y.data, x.scale * y.scale, x.bits + y.bits)

    def on_hardsigmoid(self, node: onnx.NodeProto, attributes: dict) -> Value:
        # alpha clip(x + beta / alpha, 0, 1 / alpha); alpha goes into the scale. onnxruntime writes hard-swish as x times this.
        alpha, beta = attributes.get("alpha", 0.2), attributes.get("beta", 0.5)
        x = self.operand(node.input[0], 15)
        gate = np.clip(x.data + np.rint(beta / alpha * x.scale), 0, np.rint(x.scale / alpha))
        return Value(gate, x.scale / alpha, max(x.bits, bits_of(int(np.rint(x.scale / alpha))) + 1))

    # ------------------------------------------------------------ what keeps the scale

    def on_relu(self, node: onnx.NodeProto, attributes: dict) -> Value:
        x = self.values[node.input[0]]
        return Value(np.maximum(x.data, 0), x.scale, x.bits)

    def on_clip(self, node: onnx.NodeProto, attributes: dict) -> Value:
        x = self.values[node.input[0]]
        ends = [self.constants[n] if n else None for n in [*node.input[1:], "", ""][:2]]
        low = -limit(x.bits) if ends[0] is None else int(np.rint(float(ends[0]) * x.scale))
        high = limit(x.bits) if ends[1] is None else int(np.rint(float(ends[1]) * x.scale))
        return Value(np.clip(x.data, low, high), x.scale, x.bits)

    def on_maxpool(self, node: onnx.NodeProto, attributes: dict) -> Value:
        x = self.values[node.input[0]]
        if attributes.get("ceil_mode"):
            raise Unsupported("MaxPool with ceil_mode")
        kernel = attributes["kernel_shape"]
        padded = pad(x.data, padding(attributes, x.data.shape, kernel), -limit(x.bits))
        return Value(windows(padded, kernel, attributes).max(axis=(4, 5)), x.scale, x.bits)

    def on_averagepool(self, node: onnx.NodeProto, attributes: dict) -> Value:
        x, kernel = self.operand(node.input[0]), attributes["kernel_shape"]
        if any(attributes.get("pads", [])) or attributes.get("ceil_mode"):
            raise Unsupported("AveragePool with padding or ceil_mode")
        return mean(windows(x.data, kernel, attributes).sum(axis=(4, 5)), x, kernel[0] * kernel[1])

    def on_globalaveragepool(self, node: onnx.NodeProto, attributes: dict) -> Value:
        x = self.operand(node.input[0])
        return mean(x.data.sum(axis=(2, 3), keepdims=True), x, x.data.shape[2] * x.data.shape[3])

    def on_reducemean(self, node: onnx.NodeProto, attributes: dict) -> Value:
        x = self.operand(node.input[0])
        axes = attributes.get("axes") if len(node.input) < 2 else self.constants[node.input[1]].tolist()
        axes = tuple(a % x.data.ndim for a in axes)
        count = int(np.prod([x.data.shape[a] for a in axes]))
        return mean(x.data.sum(axis=axes, keepdims=bool(attributes.get("keepdims", 1))), x, count)

    def on_concat(self, node: onnx.NodeProto, attributes: dict) -> Value:
        scale = min(self.scale(name, 16) for name in node.input)
        parts = [requantize(self.values[name], self.maxima[name], scale, 16) for name in node.input]
        return Value(np.concatenate([p.data for p in parts], axis=attributes["axis"]), scale, 16)

    def on_flatten(self, node: onnx.NodeProto, attributes: dict) -> Value:
        x = self.values[node.input[0]]
        return Value(x.data.reshape(len(x.data), -1), x.scale, x.bits)

    on_squeeze = on_flatten

    def on_reshape(self, node: onnx.NodeProto, attributes: dict) -> Value:
        if node.input[0] in self.constants:
            self.constants[node.output[0]] = self.constants[node.input[0]].reshape(self.constants[node.input[1]])
            return self.operand(node.output[0])
        x, shape = self.values[node.input[0]], self.constants[node.input[1]].tolist()
        return Value(x.data.reshape(len(x.data), *shape[1:]), x.scale, x.bits)

    def on_pad(self, node: onnx.NodeProto, attributes: dict) -> Value:
        x, pads = self.values[node.input[0]], self.constants[node.input[1]].tolist()
        return Value(np.pad(x.data, list(zip(pads[:4], pads[4:], strict=True))), x.scale, x.bits)

    def on_slice(self, node: onnx.NodeProto, attributes: dict) -> Value:
        x = self.values[node.input[0]]
        starts, ends, axes, steps = (self.constants[n].tolist() for n in node.input[1:5])
        index = [slice(None)] * x.data.ndim
        for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
            index[axis] = slice(start, end, step)
        return Value(x.data[tuple(index)], x.scale, x.bits)

    def on_softmax(self, node: onnx.NodeProto, attributes: dict) -> Value:
        # Increasing: the first choice is that of its input. Near the end only, where nothing but shapes follows.
        after = list(self.graph.node)[[n.output[0] for n in self.graph.node].index(node.output[0]) + 1 :]
        if any(n.op_type not in ("Reshape", "Flatten", "Squeeze", "Identity") for n in after):
            raise Unsupported("a Softmax inside the network")
        return self.values[node.input[0]]

    on_logsoftmax = on_softmax

    def on_identity(self, node: onnx.NodeProto, attributes: dict) -> Value:
        return self.values[node.input[0]]

    on_dropout = on_identity


# ---------------------------------------------------------------- arithmetic on windows


def mean(total: np.ndarray, x: Value, count: int) -> Value:
    """A sum over `count` elements, its division in the scale."""
    return Value(total, x.scale * count, x.bits + bits_of(count))


def padding(attributes: dict, shape: tuple[int, ...], kernel: tuple[int, ...]) -> list[int]:
    """[top, left, bottom, right]"""
    mode = attributes.get("auto_pad", b"NOTSET")
    if mode in (b"NOTSET", b"VALID"):
        return list(attributes.get("pads", [0, 0, 0, 0]))
    strides = attributes.get("strides", [1, 1])
    total = [max(0, (-(-n // s) - 1) * s + k - n) for n, s, k in zip(shape[2:], strides, kernel, strict=True)]
    first = [t // 2 if mode == b"SAME_UPPER" else t - t // 2 for t in total]
    return [*first, *(t - f for t, f in zip(total, first, strict=True))]


def pad(x: np.ndarray, pads: list[int], value: float = 0.0) -> np.ndarray:
    if not any(pads):
        return x
    return np.pad(x, ((0, 0), (0, 0), (pads[0], pads[2]), (pads[1], pads[3])), constant_values=value)


def windows(x: np.ndarray, kernel: tuple[int, ...], attributes: dict) -> np.ndarray:
    """[n, c, oh, ow, kh, kw], a view."""
    sh, sw = attributes.get("strides", [1, 1])
    dh, dw = attributes.get("dilations", [1, 1])
    extent = ((kernel[0] - 1) * dh + 1, (kernel[1] - 1) * dw + 1)
    view = np.lib.stride_tricks.sliding_window_view(x, extent, axis=(2, 3))
    return view[:, :, ::sh, ::sw, ::dh, ::dw]


def convolve(x: np.ndarray, w: np.ndarray, attributes: dict) -> np.ndarray:
    """Exact: in float32 while no sum of products of 8 bits reaches 2^24, else in float64."""
    taps = int(np.prod(w.shape[1:]))
    exact = np.float32 if 127 * 127 * taps < 1 << 24 else np.float64
    x, w = x.astype(exact), w.astype(exact)
    groups = attributes.get("group", 1)
    view = windows(x, w.shape[2:], attributes)
    n, c, oh, ow, kh, kw = view.shape
    if groups == c and w.shape[0] == c:
        return sum(view[..., i, j] * w[None, :, 0, i, j, None, None] for i in range(kh) for j in range(kw)).astype(np.float64)
    parts = []
    for g in range(groups):
        channels = view[:, g * c // groups : (g + 1) * c // groups]
        kernel = w[g * len(w) // groups : (g + 1) * len(w) // groups].reshape(len(w) // groups, -1)
        columns = channels.transpose(0, 1, 4, 5, 2, 3).reshape(n, taps, oh * ow)
        parts.append((kernel @ columns).reshape(n, -1, oh, ow))
    return np.concatenate(parts, axis=1).astype(np.float64)


def maxima_of(model: onnx.ModelProto, samples: np.ndarray) -> dict[str, float]:
    """max |x| of every tensor over the samples, from the float model."""
    watched = onnx.ModelProto()
    watched.CopyFrom(model)
    have = {o.name for o in watched.graph.output}
    for node in watched.graph.node:
        watched.graph.output.extend(onnx.ValueInfoProto(name=o) for o in node.output if o and o not in have and node.op_type != "Constant")
    running = session(watched.SerializeToString())
    entry = running.get_inputs()[0].name
    names = [o.name for o in running.get_outputs()]
    maxima = {entry: float(np.abs(samples).max())}
    for piece in batches(running, samples):
        for name, value in zip(names, running.run(None, {entry: piece}), strict=True):
            if isinstance(value, np.ndarray) and value.dtype.kind == "f" and value.size > 0:
                maxima[name] = max(maxima.get(name, 0.0), float(np.abs(value).max()))
    return maxima


def main() -> None:
    path, calibration, test, labels = sys.argv[1:5]
    samples, images, classes = np.load(calibration)[:IMAGES], np.load(test), np.load(labels)
    with scratch() as name:
        folder = Path(name)
        folded = folder / "folded.onnx"
        session(str(upgraded(Path(path), folder)), folded)
        model = onnx.load(folded)
    started = time.process_time()
    network = Network(model, maxima_of(model, samples))
    seconds = time.process_time() - started
    try:
        scores = np.concatenate([network.run(images[i : i + 100]) for i in range(0, len(images), 100)])
        report = {"top1": top1(scores, classes), "images": len(samples), "seconds": seconds}
    except Unsupported as error:
        report = {"refused": str(error)}
    print(json.dumps(report))


if __name__ == "__main__":
    main()
