"""What the peers in Python share: run a model so often as the other side asks, and answer with the times.

Protocol (all peers): the first line on stdout is JSON, {"peer": name and version, ...}. Then for each line "N" on stdin one line on stdout, the
milliseconds of N runs as a JSON array. The end of stdin ends the peer.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np


def arguments(description: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("model", type=Path)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--input", type=Path, help="float32 elements, little-endian; seeded noise when absent")
    return parser.parse_args()


def input_of(args: argparse.Namespace, shape: list[int]) -> np.ndarray:
    if args.input is None:
        return np.random.default_rng(5).uniform(-1, 1, shape).astype(np.float32)
    return np.fromfile(args.input, np.float32).reshape(shape)


def serve(run: Callable[[], object], peer: str) -> None:
    run()
    print(json.dumps({"peer": peer}), flush=True)
    for line in sys.stdin:
        times = []
        for _ in range(int(line)):
            started = time.perf_counter_ns()
            run()
            times.append((time.perf_counter_ns() - started) / 1e6)
        print(json.dumps(times), flush=True)
