import { elementCount, stridesOf } from '../../../../ir/index.ts';
import { int, uint } from '../wgsl.ts';

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
 * The offset base + sum(index_d * steps_d) of the element that has number `i` (an expression, u32) in row-major order of a shape, as an
 * expression of type u32. Steps may be negative, offsets not.
 */
export const stridedOffset = (shape: readonly number[], steps: readonly number[], base: number, i: string): string => {
  const axes = axesOf(shape, steps);
  let below = 1;
  const terms = axes.flatMap(({ size, step }, k) => {
    const quotient = below === 1 ? i : `(${i}) / ${uint(below)}`;
    below *= size;
    if (step === 0) return [];
    const index = k === axes.length - 1 ? quotient : `((${quotient}) % ${uint(size)})`;
    return step === 1 ? `(${index})` : `(${index}) * bitcast<u32>(${int(step)})`;
  });
  return [...(base === 0 && terms.length > 0 ? [] : [uint(base)]), ...terms].join(' + ');
};

/** The element of `shape` that element `i` of `out` reads, with broadcast. */
export const broadcastOffset = (shape: readonly number[], out: readonly number[], i: string): string => {
  const lead = out.length - shape.length;
  const own = stridesOf(shape);
  const steps = out.map((_, d) => (d < lead || shape[d - lead] === 1 ? 0 : (own[d - lead] ?? 0)));
  return stridedOffset(out, steps, 0, i);
};

/** A shape around an axis: outer * n * inner. */
export const around = (shape: readonly number[], axis: number): { readonly outer: number; readonly n: number; readonly inner: number } => ({
  outer: elementCount(shape.slice(0, axis)),
  n: shape[axis] ?? 1,
  inner: elementCount(shape.slice(axis + 1)),
});

export const axisOf = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis);

/** A divisor in a constant expression; nothing is divided where it would be 0. */
export const divisor = (n: number): string => uint(Math.max(n, 1));
