"""Rows of a run of bench/gpu/run-folders.sh, one line of JSON each, as `npm run bench -- gpu` writes them where Node.js is.

Usage: device_folders.py RESULTS [TORCH_ROWS]
"""

import json
import pathlib
import sys

# What is asked of networks against torch.compile on the same card: times its latency, times its throughput.
GOALS = {("resnet50", 1): 0.7, ("resnet50", 32): 1.3, ("vgg16", 32): 1.0, ("inception_v3", 32): 1.0, ("resnet152", 32): 1.0}


def json_lines(path: pathlib.Path) -> list[dict]:
    rows = []
    for line in path.read_text().splitlines() if path.is_file() else []:
        try:
            rows.append(json.loads(line))
        except ValueError:
            pass  # a run that was stopped ends in the middle of a line
    return rows


def row(name: str, value: object, unit: str, **more: object) -> None:
    print(json.dumps({"bench": "gpu", "name": name, "value": value, "unit": unit, **more}))


def ratio_row(title: str, case: tuple[str, int], milliseconds: float, peer: dict) -> None:
    latency = case[1] == 1
    goal = GOALS[case]
    ratio = milliseconds / peer["median_ms"] if latency else peer["median_ms"] / milliseconds
    name = f"{title}, {'latency' if latency else 'throughput'} with copies, times torch.compile's"
    met = ratio <= goal if latency else ratio >= goal
    row(name, ratio, "x", goal=f"{'<=' if latency else '>='} {goal}", met=met, peer=f"{peer['median_ms']:.3f} ms: {peer['peer']}")


def compared(name: str, bench: dict, torch: list[dict]) -> None:
    case = (name.split("-b")[0].replace("-", "_"), bench["batch"])
    peer = [t for t in torch if (t["network"], t["batch"], t["device"]) == (*case, bench["device"])]
    if case in GOALS and peer:
        ratio_row(name, case, bench["median_ms"], peer[0])


def main() -> None:
    results = pathlib.Path(sys.argv[1])
    torch = json_lines(pathlib.Path(sys.argv[2])) if len(sys.argv) > 2 else []
    for built in sorted(results.glob("*.built")):
        name = built.stem
        code, seconds = built.read_text().split()
        row(f"{name}, nvcc", float(seconds), "s", peer="beside the compilation of others")
        check = results / f"{name}.check"
        last = check.read_text().strip().splitlines()[-1:] if check.is_file() else []
        equal = code == "0" and bool(last) and "give the expected bytes" in last[0] and last[0].split()[0] == last[0].split()[2]
        row(f"{name}, bytes", "equal" if equal else "differ", "", goal="equal", met=equal, peer=(last or ["it does not build"])[0])
        for bench in json_lines(results / f"{name}.bench"):
            batch = bench["batch"]
            if batch == 1:
                row(f"{name}, latency with copies", bench["median_ms"], "ms", peer=bench["device"])
                row(f"{name}, latency of the kernels", bench["kernels_ms"], "ms")
            else:
                row(f"{name}, throughput with copies", bench["images_per_s_with_copies"], "images/s", peer=bench["device"])
                row(f"{name}, throughput of the kernels", bench["images_per_s"], "images/s")
            compared(name, bench, torch)


if __name__ == "__main__":
    main()
