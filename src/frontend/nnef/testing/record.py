"""Records what Khronos' own interpreter makes of the cases in cases.ts: python3 record.py FOLDER OUT.json

    python3 -m venv venv && venv/bin/pip install nnef==1.0.10 numpy
    NNEF_CASES=FOLDER npm run jest -- src/frontend/nnef/ops.test

FOLDER holds a folder a case, with graph.nnef, its .dat files, and inputs.json.
"""

import json
import pathlib
import sys

import nnef
import numpy as np

# fragments of the standard that it has no code for
LOWERED = """add_n area_downsample batch_normalization clamp l1_normalization l2_normalization linear_quantize
local_contrast_normalization local_mean_normalization local_response_normalization local_variance_normalization
min_max_linear_quantize moments nearest_downsample nearest_upsample prelu rms_pool separable_conv separable_deconv softabs copy_n""".split()


def softmax(x):
    e = np.exp(x - x.max((1, 2), keepdims=True))
    return e / e.sum((1, 2), keepdims=True)


def aligned(x):
    for axis in (2, 3):
        size = x.shape[axis]
        places = np.arange(2 * size) * (size - 1) / (2 * size - 1)
        low = np.minimum(places.astype(int), size - 2)
        weight = (places - low).reshape([-1 if d == axis else 1 for d in range(4)])
        x = x.take(low, axis) * (1 - weight) + x.take(low + 1, axis) * weight
    return x


def zero_point(x):
    whole = np.sign(x / 0.125) * np.floor(np.abs(x / 0.125) + 0.5)
    return (np.clip(whole + 3, -8, 7) - 3) * 0.125


# what it has no form of, and a fragment whose -r - 1.0 it reads as -(r - 1.0)
DEFINITIONS = {"softmax_axes": softmax, "multilinear_aligned": aligned, "zero_point_linear": zero_point}


def outputs(folder, inputs):
    with nnef.Session(str(folder), lowered=LOWERED) as session:
        return session(*inputs)


def main(folder, out):
    recorded = {}
    for path in sorted(p for p in pathlib.Path(folder).iterdir() if p.is_dir()):
        inputs = [np.array(x["data"], np.float32).reshape(x["shape"]) for x in json.loads((path / "inputs.json").read_text())]
        try:
            own = DEFINITIONS.get(path.name)
            results = outputs(path, inputs) if own is None else [own(inputs[0].astype(np.float64))]
        except Exception as error:
            print(path.name, str(error).splitlines()[0], file=sys.stderr)
            continue
        recorded[path.name] = [
            {"shape": list(np.shape(r)), "data": [float(f"{v:.8g}") for v in np.asarray(r, np.float64).ravel()]} for r in results
        ]
    lines = [f"  {json.dumps(name)}: {json.dumps(value)}" for name, value in recorded.items()]
    pathlib.Path(out).write_text("{\n" + ",\n".join(lines) + "\n}\n")


main(*sys.argv[1:])
