import { isIntegerProgram, type Program } from '../ir/index.ts';
import type { ExportOptions } from './exporter.ts';

const ROUNDED = `

Integers that the model rounds from floats may fall on either side of a tie: MOST_STEPS of them may differ, by STEP at most.
`;

type Form = NonNullable<ExportOptions['form']>;

const isExact = (program: Program, form: Form): boolean => form === 'exact' && isIntegerProgram(program);

/** check.py: runs the vectors of a folder through its run.py. */
export const checkScript = (
  program: Program,
  form: Form = 'exact',
): string => `"""Runs every vector of vectors/ through run.py: integers have to be equal, floats within 1e-5 of the greatest output (at least of 1).${isExact(program, form) ? '' : ROUNDED}"""
import sys
from pathlib import Path

import numpy

from run import run

TOLERANCE = 1e-5
# by which integers made of floats may differ, and how many of them
STEP = ${isExact(program, form) ? 0 : form === 'qdq' ? 4 : 1}
MOST_STEPS = ${form === 'qdq' ? 0.5 : 0.02}


def difference(got, wanted):
    """0 for what is equal, else the greatest difference over the greatest finite output; None for another type."""
    got = numpy.asarray(got)
    if got.shape != wanted.shape or (got.dtype.kind in "iu") != (wanted.dtype.kind in "iu"):
        return None
    if wanted.dtype.kind != "f":
        if wanted.size == 0:
            return 0.0
        steps = numpy.abs(got.astype(numpy.int64) - wanted.astype(numpy.int64))
        most = STEP if wanted.dtype.kind in "iu" and (steps != 0).mean() <= MOST_STEPS else 0
        return 0.0 if steps.max() <= most else None
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
