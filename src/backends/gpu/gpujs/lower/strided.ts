import { elementCount, stridesOf } from '../../../../ir/index.ts';
import { type Code, num, plus, times } from '../code.ts';

interface Axis {
  readonly size: number;
  readonly step: number;
}

/** Axes without those of one index, neighbours that continue each other joined, the innermost first. */
const axesOf = (shape: readonly number[], steps: readonly number[]): readonly Axis[] => {
  const axes: Axis[] = [];
  for (let d = shape.length - 1; d >= 0; d--) {
    const [size, step] = [shape[d] ?? 1, steps[d] ?? 0];
    const inner = axes.at(-1);
    if (size === 1) continue;
    if (inner !== undefined && step === inner.step * inner.size) axes[axes.length - 1] = { size: inner.size * size, step: inner.step };
    else axes.push({ size, step });
  }
  return axes;
};

/**
 * The offset base + sum(index_d * steps_d) of the element that has number `i` in row-major order of a shape. Steps may be negative, offsets not.
 */
export const stridedOffset = (code: Code, shape: readonly number[], steps: readonly number[], base: number, i: string): string => {
  const axes = axesOf(shape, steps);
  let most = axes.reduce((n, { size }) => n * size, 1);
  let rest = i;
  const terms = axes.map(({ size, step }, k) => {
    if (k === axes.length - 1) return times(rest, step);
    const upper = code.quotient(rest, size, most);
    const index = step === 0 ? '0' : code.let(`${rest} - ${upper} * ${num(size)}`);
    most = Math.ceil(most / size);
    rest = upper;
    return times(index, step);
  });
  return code.let(plus(num(base), ...terms));
};

/** The element of `shape` that element `i` of `out` reads, with broadcast. */
export const broadcastOffset = (code: Code, shape: readonly number[], out: readonly number[], i: string): string => {
  const lead = out.length - shape.length;
  const own = stridesOf(shape);
  const steps = out.map((_, d) => (d < lead || shape[d - lead] === 1 ? 0 : (own[d - lead] ?? 0)));
  return stridedOffset(code, out, steps, 0, i);
};

/** A shape around an axis: outer * n * inner. */
export const around = (shape: readonly number[], axis: number): { readonly outer: number; readonly n: number; readonly inner: number } => ({
  outer: elementCount(shape.slice(0, axis)),
  n: shape[axis] ?? 1,
  inner: elementCount(shape.slice(axis + 1)),
});

export const axisOf = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis);

/** The index along an axis of element `i` of a shape. */
export const indexAlong = (code: Code, shape: readonly number[], axis: number, i: string): string => {
  const { outer, n, inner } = around(shape, axis);
  const most = outer * n * inner;
  return code.remainder(code.quotient(i, inner, most), n, Math.ceil(most / inner));
};
