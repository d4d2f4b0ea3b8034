"""Fits the constants of the tile choice (CLOCKS in src/backends/gpu/cuda/lower/tiles.ts) to measured times.

usage: fit.py [igemm.csv] [rounds]

Prints how far predicted times are off, how much longer chosen tiles take than the best ones, the constants, and the layers whose
choice is more than 3 % worse than the best. The formula is clocksOf of tiles.ts.
"""
import csv
import math
import os
import random
import sys

from generate import LARGE, RESNET50, SMS

MHZ = 1750.0
START = dict(launch=2200.0, block=580.0, shared=9.0, wgmma=3060.0, mma=1700.0, dp4a=256.0, bytes=44.0, step=200.0, wait=690.0, sum=0.135, join=2730.0, join_sum=0.42, tail=0.43)


def read(path):
    """Measured variants by layer and batch."""
    layers = {layer[0]: layer for layer in RESNET50 + LARGE}
    found = {}
    with open(path) as f:
        for row in csv.DictReader(f):
            name, c, o, size, k, stride, pad = layers[row["layer"]]
            batch, out = int(row["batch"]), (size + 2 * pad - k) // stride + 1
            engine, tile, warps, stages = row["variant"].split()
            bm, bn, bk = map(int, tile.split("x"))
            wm, wn = map(int, warps.split("x"))
            found.setdefault((name, batch), []).append(
                dict(engine=engine, bm=bm, bn=bn, bk=bk, threads=wm * wn * (128 if engine == "wgmma" else 32), stages=int(stages[1:]),
                     splits=int(row["splits"]), us=float(row["us"]), pixels=batch * out * out, channels=o, inner=k * k * c)
            )
    return found


def clocks(v, p):
    shared = max(v["stages"] * (v["bm"] + v["bn"]) * v["bk"], v["bm"] * (v["bn"] + 16))
    each = v["bm"] * v["bn"] / v["threads"]
    registers = 64 if each <= 32 else 128 if each <= 64 else 255
    resident = max(int(min(227 * 1024 / (shared + 1024), 2048 / v["threads"], 65536 / (registers * v["threads"]))), 1)
    blocks = math.ceil(v["pixels"] / v["bm"]) * math.ceil(v["channels"] / v["bn"]) * v["splits"]
    steps = math.ceil(math.ceil(v["inner"] / v["bk"]) / v["splits"])
    active = min(resident, math.ceil(blocks / SMS))
    products = active * v["bm"] * v["bn"] * v["bk"] / p[v["engine"]]
    loads = active * (v["bm"] + v["bn"]) * v["bk"] / p["bytes"]
    step = max(products, loads, p["wait"] / (v["stages"] - 1)) + p["step"]
    even = blocks / (SMS * active)
    waves = max(p["tail"] * math.ceil(even) + (1 - p["tail"]) * even, 1)
    sums = active * v["bm"] * v["bn"]
    join = p["join"] + p["join_sum"] * sums if v["splits"] > 1 else 0
    return p["launch"] + waves * (p["block"] + p["shared"] * shared / 1024 + steps * step + p["sum"] * sums + join)


def score(data, p):
    """Mean and largest ratio of the chosen to the best time, mean error of predictions."""
    logs, worst, error = 0.0, 1.0, 0.0
    for variants in data.values():
        best = min(v["us"] for v in variants)
        predicted = [clocks(v, p) for v in variants]
        ratio = variants[predicted.index(min(predicted))]["us"] / best
        logs, worst = logs + math.log(ratio), max(worst, ratio)
        error += sum(abs(math.log(c / MHZ / v["us"])) for c, v in zip(predicted, variants)) / len(variants)
    return math.exp(logs / len(data)), worst, error / len(data)


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    data = read(sys.argv[1] if len(sys.argv) > 1 else os.path.join(here, "h100.csv"))
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 2000
    random.seed(1)
    goal = lambda s: 3 * math.log(s[0]) + 0.3 * math.log(s[1]) + 0.5 * s[2]
    best, reached = dict(START), score(data, START)
    print("before: %.3f times the best tile, at most %.2f; predictions %.1f %% off" % (reached[0], reached[1], 100 * reached[2]))
    for _ in range(rounds):
        tried = dict(best)
        for key in random.sample(sorted(tried), random.choice([1, 1, 2, 3])):
            tried[key] *= math.exp(random.gauss(0, 0.25))
        tried["tail"] = min(tried["tail"], 1.0)
        now = score(data, tried)
        if goal(now) < goal(reached):
            best, reached = tried, now
    print("after:  %.3f times the best tile, at most %.2f; predictions %.1f %% off" % (reached[0], reached[1], 100 * reached[2]))
    print({k: float("%.3g" % v) for k, v in best.items()})
    for key, variants in sorted(data.items(), key=lambda item: item[0][1]):
        first = min(variants, key=lambda v: v["us"])
        chosen = min(variants, key=lambda v: clocks(v, best))
        if chosen["us"] > 1.03 * first["us"]:
            text = lambda v: "%s %dx%dx%d s%d z%d %.2f us" % (v["engine"], v["bm"], v["bn"], v["bk"], v["stages"], v["splits"], v["us"])
            print("%s b%d: %s, best %s" % (*key, text(chosen), text(first)))


main()
