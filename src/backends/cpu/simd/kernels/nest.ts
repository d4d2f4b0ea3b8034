import { stridesOf } from '../../../../ir/index.ts';
import type { Fn } from '../fn.ts';
import type { Local, Val } from '../lift.ts';

/** Loops over `sizes`; `strides[k][d]` is the step of pointer k along dimension d. */
export interface Axes {
  readonly sizes: readonly number[];
  readonly strides: readonly (readonly number[])[];
}

/** The same walk with dimensions of size 1 dropped and neighbours joined wherever every pointer runs on without a jump. */
export const collapse = (axes: Axes): Axes => {
  const sizes: number[] = [];
  const strides: number[][] = axes.strides.map(() => []);
  for (let d = 0; d < axes.sizes.length; d++) {
    const size = axes.sizes[d] ?? 1;
    if (size === 1) continue;
    const last = sizes.length - 1;
    const joins = last >= 0 && axes.strides.every((s, k) => strides[k]?.[last] === (s[d] ?? 0) * size);
    if (joins) sizes[last] = (sizes[last] ?? 1) * size;
    else sizes.push(size);
    const at = sizes.length - 1;
    axes.strides.forEach((s, k) => {
      const own = strides[k];
      if (own !== undefined) own[at] = s[d] ?? 0;
    });
  }
  return { sizes, strides };
};

/** Strides with which an operand of `shape` is read along `out` under broadcasting; 0 where it repeats. */
export const broadcastStrides = (shape: readonly number[], out: readonly number[], unit: number): number[] => {
  const own = stridesOf(shape);
  const lead = out.length - shape.length;
  return out.map((_, d) => (d < lead || (shape[d - lead] ?? 1) === 1 ? 0 : (own[d - lead] ?? 0) * unit));
};

export const scaled = (strides: readonly number[], unit: number): number[] => strides.map((s) => s * unit);

/** Emits nested loops; `body` gets, per pointer, base + sum(index * stride). */
export const nest = (f: Fn, axes: Axes, bases: readonly Val[], body: (pointers: readonly Local[]) => void): void => {
  const level = (d: number, pointers: readonly Local[]): void => {
    const size = axes.sizes[d];
    if (size === undefined) {
      body(pointers);
      return;
    }
    const inner = pointers.map((p) => f.i32(p));
    f.for(0, size, 1, () => {
      level(d + 1, inner);
      inner.forEach((p, k) => f.inc(p, axes.strides[k]?.[d] ?? 0));
    });
  };
  level(
    0,
    bases.map((b) => f.i32(b)),
  );
};
