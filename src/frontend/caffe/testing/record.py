"""Records what others make of the cases in cases.ts: python3 record.py FOLDER OUT.json

    python3 -m venv venv && venv/bin/pip install opencv-python-headless==4.10.0.84
    CAFFE_CASES=FOLDER npm run jest -- src/frontend/caffe/ops.test

FOLDER holds NAME.json with the net, its inputs and its blobs, and for the cases of OpenCV NAME.prototxt and NAME.caffemodel. OpenCV 4.10
has a reader and layers of its own; what it lacks is computed below, written from the definitions in the layers of BVLC/caffe.
"""

import itertools
import json
import pathlib
import sys

import cv2
import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def windows(size, kernel, stride, pad):
    count = int(np.ceil((size + 2 * pad - kernel) / stride)) + 1
    if pad and (count - 1) * stride >= size + pad:
        count -= 1
    return [(o * stride - pad, min(o * stride - pad + kernel, size + pad)) for o in range(count)]


def pool(x, kernel, stride, pad, average=False):
    rows, columns = (windows(x.shape[i + 2], kernel[i], stride[i], pad[i]) for i in (0, 1))
    y = np.zeros((*x.shape[:2], len(rows), len(columns)))
    for (i, (r0, r1)), (j, (c0, c1)) in itertools.product(enumerate(rows), enumerate(columns)):
        part = x[:, :, max(r0, 0) : min(r1, x.shape[2]), max(c0, 0) : min(c1, x.shape[3])]
        y[:, :, i, j] = part.sum((2, 3)) / ((r1 - r0) * (c1 - c0)) if average else part.max((2, 3))
    return y


def spp(x, height, average=False):
    parts = []
    for level in range(height):
        bins = 2**level
        kernel = [int(np.ceil(s / bins)) for s in x.shape[2:]]
        pad = [(k * bins - s + 1) // 2 for k, s in zip(kernel, x.shape[2:])]
        parts.append(pool(x, kernel, kernel, pad, average).reshape(x.shape[0], -1))
    return np.concatenate(parts, 1)


def lstm(x, cont, wx, b, wh, h=None, c=None):
    hidden = wh.shape[1]
    h = np.zeros((x.shape[1], hidden)) if h is None else h[0]
    c = np.zeros((x.shape[1], hidden)) if c is None else c[0]
    out = []
    for t in range(len(x)):
        gate = cont[t][:, None]
        sums = x[t] @ wx.T + b + (gate * h) @ wh.T
        i, f, o, g = (sums[:, k * hidden : (k + 1) * hidden] for k in range(4))
        c = gate * sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        out.append(h)
    return np.stack(out), h[None], c[None]


def rnn(x, cont, wx, bh, wh, wo, bo):
    h, out = np.zeros((x.shape[1], wh.shape[0])), []
    for t in range(len(x)):
        h = np.tanh((cont[t][:, None] * h) @ wh.T + x[t] @ wx.T + bh)
        out.append(np.tanh(h @ wo.T + bo))
    return np.stack(out)


def argmax(row, k):
    order = sorted(range(len(row)), key=lambda i: (row[i], i), reverse=True)[:k]
    return order, [row[i] for i in order]


def mask(x):
    y = np.zeros((*x.shape[:2], x.shape[2] // 2, x.shape[3] // 2))
    for n, c, i, j in np.ndindex(*y.shape):
        cells = [(2 * i + a, 2 * j + b) for a in (0, 1) for b in (0, 1)]
        a, b = max(cells, key=lambda p: x[n, c, p[0], p[1]])
        y[n, c, i, j] = a * x.shape[3] + b
    return y


def unpooled(x, where):
    y = np.zeros((*x.shape[:2], x.shape[2] * 2 * x.shape[3] * 2))
    for n, c, i, j in np.ndindex(*x.shape):
        y[n, c, int(where[n, c, i, j])] = x[n, c, i, j]
    return y.reshape(*x.shape[:2], x.shape[2] * 2, x.shape[3] * 2)


def im2col(x):
    x = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    rows, columns = (x.shape[2] - 2) // 2 + 1, (x.shape[3] - 2) // 2 + 1
    y = np.zeros((1, x.shape[1] * 4, rows, columns))
    for c, a, b, i, j in np.ndindex(x.shape[1], 2, 2, rows, columns):
        y[0, c * 4 + a * 2 + b, i, j] = x[0, c, 2 * i + a, 2 * j + b]
    return y


def interp(x):
    height, width = (((s - 1) // 2 + 1) + ((s - 1) // 2) * 2 for s in x.shape[2:])
    y = np.zeros((*x.shape[:2], height, width))
    for i, j in np.ndindex(height, width):
        p, q = i * (x.shape[2] - 1) / (height - 1), j * (x.shape[3] - 1) / (width - 1)
        r, s = min(int(p), x.shape[2] - 2), min(int(q), x.shape[3] - 2)
        u, v = p - r, q - s
        y[:, :, i, j] = (1 - u) * ((1 - v) * x[:, :, r, s] + v * x[:, :, r, s + 1]) + u * (
            (1 - v) * x[:, :, r + 1, s] + v * x[:, :, r + 1, s + 1]
        )
    return y


def argmax_values(x):
    pairs = [argmax(list(row), 2) for row in x]
    return np.array([[places, values] for places, values in pairs])


DEFINITIONS = {
    "inner_product_axis": lambda x, b: [x[0] @ b[0].T],
    "slice_points": lambda x, b: np.split(x[0], [1, 3], 1),
    "slice_equal": lambda x, b: np.split(x[0], 2, 3),
    "axpy": lambda x, b: [x[0] * x[1] + x[2]],
    "lstm": lambda x, b: [lstm(*x, *b)[0]],
    "lstm_exposed": lambda x, b: lstm(x[0], x[1], *b, *x[2:]),
    "rnn": lambda x, b: [rnn(*x, *b)],
    "log": lambda x, b: [np.log10(2 * x[0] + 1)],
    "threshold": lambda x, b: [(x[0] > 0.5).astype(float)],
    "clip": lambda x, b: [np.clip(x[0], -1, 2)],
    "swish": lambda x, b: [x[0] * sigmoid(1.5 * x[0])],
    "bias": lambda x, b: [x[0] + b[0][None, None]],
    "scale_two": lambda x, b: [x[0] * x[1][:, :, None, None]],
    "tile": lambda x, b: [np.tile(x[0], (1, 3, 1))],
    "embed": lambda x, b: [b[0][x[0].astype(int)] + b[1]],
    "argmax": lambda x, b: [np.array([[argmax(list(r), 1)[0]] for r in x[0]])],
    "argmax_values": lambda x, b: [argmax_values(x[0])],
    "argmax_axis": lambda x, b: [x[0].argmax(1)[:, None]],
    "reduction_sum": lambda x, b: [0.5 * x[0].sum((1, 2))],
    "reduction_asum": lambda x, b: [np.abs(x[0]).sum(2)],
    "reduction_sumsq": lambda x, b: [np.array((x[0] ** 2).sum())],
    "reduction_mean": lambda x, b: [x[0].mean(2)],
    "inner_product_transposed": lambda x, b: [x[0] @ b[0] + b[1]],
    "spp": lambda x, b: [spp(x[0], 3)],
    "spp_average": lambda x, b: [spp(x[0], 2, True)],
    "pool_mask": lambda x, b: [pool(x[0], [2, 2], [2, 2], [0, 0]), mask(x[0])],
    "upsample_mask": lambda x, b: [unpooled(*x)],
    "upsample_nearest": lambda x, b: [x[0].repeat(2, 2).repeat(2, 3)],
    "im2col": lambda x, b: [im2col(x[0])],
    "interp_factors": lambda x, b: [interp(x[0])],
}


def array(blob):
    return np.array(blob["data"], np.float64).reshape(blob["shape"])


def opencv(stem, inputs):
    net = cv2.dnn.readNetFromCaffe(str(stem.with_suffix(".prototxt")), str(stem.with_suffix(".caffemodel")))
    for i, x in enumerate(inputs):
        net.setInput(x.astype(np.float32), f"x{i}")
    return net.forward(net.getUnconnectedOutLayersNames())


def main(folder, out):
    recorded = {}
    for file in sorted(pathlib.Path(folder).glob("*.json")):
        case = json.loads(file.read_text())
        inputs = [array(x) for x in case["inputs"]]
        blobs = [array(b) for b in case["blobs"].get("l", [])]
        name = file.stem
        try:
            results = DEFINITIONS[name](inputs, blobs) if name in DEFINITIONS else opencv(file.with_suffix(""), inputs)
        except cv2.error as error:
            print(name, str(error).splitlines()[0], file=sys.stderr)
            continue
        recorded[name] = [
            {"shape": list(np.shape(r)), "data": [float(f"{v:.8g}") for v in np.asarray(r, np.float64).ravel()]} for r in results
        ]
    lines = [f"  {json.dumps(name)}: {json.dumps(value)}" for name, value in recorded.items()]
    pathlib.Path(out).write_text("{\n" + ",\n".join(lines) + "\n}\n")


main(*sys.argv[1:])
