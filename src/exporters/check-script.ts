/** check.py: runs the vectors of a folder through its run.py. */
export const CHECK_SCRIPT = `"""Runs every vector of vectors/ through run.py: integers have to be equal, floats within 1e-5 of the greatest output (at least of 1)."""
import sys
from pathlib import Path

import numpy

from run import run

TOLERANCE = 1e-5


def difference(got, wanted):
    """0 for what is equal, else the greatest difference over the greatest finite output; None for another type."""
    got = numpy.asarray(got)
    if got.shape != wanted.shape or (got.dtype.kind in "iu") != (wanted.dtype.kind in "iu"):
        return None
    if wanted.dtype.kind != "f":
        return 0.0 if numpy.array_equal(got, wanted) else None
    finite = numpy.isfinite(wanted)
    if not numpy.array_equal(got[~finite], wanted[~finite], equal_nan=True):
        return None
    if not finite.any():
        return 0.0
    a, b = got[finite].astype(numpy.float64), wanted[finite].astype(numpy.float64)
    return float(numpy.abs(a - b).max() / max(1.0, numpy.abs(b).max()))


def main():
    folder = Path(__file__).resolve().parent / "vectors"
    worst = 0.0
    for name in (folder / "list.txt").read_text().split():
        count = lambda kind: len(list((folder / name).glob(f"{kind}*.npy")))
        load = lambda kind: [numpy.load(folder / name / f"{kind}{i}.npy") for i in range(count(kind))]
        got, wanted = run(load("input")), load("output")
        if len(got) != len(wanted):
            sys.exit(f"{name}: {len(got)} outputs, but {len(wanted)} are wanted")
        for i, (a, b) in enumerate(zip(got, wanted)):
            d = difference(a, b)
            if d is None or not d <= TOLERANCE:
                sys.exit(f"{name}, output {i}: " + ("not equal" if d is None else f"relative difference {d:.1e}"))
            worst = max(worst, d)
        print(f"{name}: ok")
    print(f"all vectors pass, greatest relative difference {worst:.1e}")


if __name__ == "__main__":
    main()
`;
