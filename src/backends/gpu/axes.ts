import { elementCount } from '../../ir/index.ts';

export interface Axis {
  readonly size: number;
  readonly step: number;
}

/** Axes without those of one index, neighbours that continue each other joined, the innermost first. */
export const joinedAxes = (shape: readonly number[], steps: readonly number[]): readonly Axis[] => {
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

/** A shape around an axis: outer * n * inner. */
export const around = (shape: readonly number[], axis: number): { readonly outer: number; readonly n: number; readonly inner: number } => ({
  outer: elementCount(shape.slice(0, axis)),
  n: shape[axis] ?? 1,
  inner: elementCount(shape.slice(axis + 1)),
});
