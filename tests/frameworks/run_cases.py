"""Runs exported folders one after another in this process: run_cases.py FOLDER... prints a line of JSON for each.

Every folder has run.py, check.py and vectors/ (docs/exporters.md). ONNX models are checked by onnx.checker too.
"""
import importlib.util
import json
import sys
from pathlib import Path

import numpy


def load(path, name):
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def check_onnx(path):
    import onnx

    onnx.checker.check_model(str(path), full_check=True)


def run_case(folder):
    if (folder / "model.onnx").exists():
        check_onnx(folder / "model.onnx")
    sys.path.insert(0, str(folder))
    # the folder before has a model of its own
    sys.modules.pop("model", None)
    try:
        run = load(folder / "run.py", "run").run
        difference = load(folder / "check.py", "check").difference
    finally:
        sys.path.remove(str(folder))
    worst = 0.0
    for name in (folder / "vectors" / "list.txt").read_text().split():
        vector = folder / "vectors" / name
        tensors = lambda kind: [numpy.load(vector / f"{kind}{i}.npy") for i in range(len(list(vector.glob(f"{kind}*.npy"))))]
        got, wanted = run(tensors("input")), tensors("output")
        if len(got) != len(wanted):
            return {"error": f"{len(got)} outputs, but {len(wanted)} are wanted"}
        for i, (a, b) in enumerate(zip(got, wanted)):
            d = difference(a, b)
            if d is None:
                a = numpy.asarray(a)
                where = f"output {i}: {a.dtype}{list(a.shape)} is not equal to {b.dtype}{list(b.shape)}"
                if a.shape == b.shape and a.size:
                    k = int(numpy.argmax((a != b).ravel()))
                    where += f", first at {k}: {a.ravel()[k]} is not {b.ravel()[k]}"
                return {"error": where}
            worst = max(worst, d)
    return {"difference": worst}


def main():
    for name in sys.argv[1:] or sys.stdin.read().split("\n"):
        if not name:
            continue
        try:
            result = run_case(Path(name))
        except Exception as error:  # a case that cannot run is a result, not the end of the others
            result = {"error": f"{type(error).__name__}: {error}"[:600]}
        print(json.dumps({"folder": name, **result}), flush=True)


main()
