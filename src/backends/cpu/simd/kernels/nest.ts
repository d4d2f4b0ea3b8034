import { stridesOf } from '../../../../ir/index.ts';
import type { Fn } from '../fn.ts';
import type { Local, Val } from '../lift.ts';
import { type Share, shareOf } from './share.ts';

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

/**
 * Emits nested loops; `body` gets, per pointer, base + sum(index * stride).
 * @param divided - the calling thread does its share of the outermost loop, or the one that is given
 */
export const nest = (
  f: Fn,
  axes: Axes,
  bases: readonly Val[],
  body: (pointers: readonly Local[]) => void,
  divided: boolean | Share = false,
): void => {
  const { i32 } = f.ops;
  const level = (d: number, pointers: readonly Local[]): void => {
    const size = axes.sizes[d];
    if (size === undefined) {
      body(pointers);
      return;
    }
    const inner = pointers.map((p) => f.i32(p));
    const strides = inner.map((_, k) => axes.strides[k]?.[d] ?? 0);
    const round = (): void => {
      level(d + 1, inner);
      inner.forEach((p, k) => f.inc(p, strides[k] ?? 0));
    };
    if (d > 0 || divided === false) {
      f.for(0, size, 1, round);
      return;
    }
    const own = divided === true ? shareOf(f, size) : { first: f.i32(divided.first), end: divided.end };
    inner.forEach((p, k) => f.inc(p, i32.mul(own.first, strides[k] ?? 0)));
    f.while(
      () => i32.lt_u(own.first, own.end),
      () => {
        round();
        f.inc(own.first, 1);
      },
    );
  };
  level(
    0,
    bases.map((b) => f.i32(b)),
  );
};

/** The same walk in another order: the longest dimension outermost, where threads divide it. For bodies that do not see the order. */
export const longestFirst = ({ sizes, strides }: Axes): Axes => {
  const longest = sizes.indexOf(Math.max(...sizes));
  const moved = (list: readonly number[]): number[] => [...list.slice(longest, longest + 1), ...list.filter((_, d) => d !== longest)];
  return sizes.length === 0 ? { sizes, strides } : { sizes: moved(sizes), strides: strides.map(moved) };
};

/** Elements of a row that stay together: whole vectors and cache lines. */
export const ROW_GRAIN = 64;

/**
 * Splits the walk along its innermost axis from the walk over the others, and divides one of them: the others' outermost loop, or the row
 * itself where it is the longer one.
 * @param row - gets the pointers and the length of a row
 */
export const nestRows = (
  f: Fn,
  { sizes, strides }: Axes,
  bases: readonly Val[],
  row: (pointers: readonly Local[], count: Val) => void,
  divided = false,
): void => {
  const { i32 } = f.ops;
  const inner = sizes.length - 1;
  const length = sizes[inner] ?? 1;
  const outer = { sizes: sizes.slice(0, -1), strides: strides.map((s) => s.slice(0, -1)) };
  if (!divided || (inner > 0 && (sizes[0] ?? 1) * ROW_GRAIN > length)) {
    nest(f, outer, bases, (pointers) => row(pointers, length), divided);
    return;
  }
  const own = shareOf(f, length, ROW_GRAIN);
  f.if(i32.lt_u(own.first, own.end), () => {
    const shifted = bases.map((b, k) => f.i32(i32.add(b, i32.mul(own.first, strides[k]?.[inner] ?? 0))));
    nest(f, outer, shifted, (pointers) => row(pointers, i32.sub(own.end, own.first)));
  });
};
