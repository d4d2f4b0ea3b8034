import { broadcastStrides } from '../../../cpu/simd/kernels/nest.ts';
import { around, joinedAxes } from '../../axes.ts';
import { type Code, num, plus, times } from '../code.ts';

/**
 * The offset base + sum(index_d * steps_d) of the element that has number `i` in row-major order of a shape. Steps may be negative, offsets not.
 */
export const stridedOffset = (code: Code, shape: readonly number[], steps: readonly number[], base: number, i: string): string => {
  const axes = joinedAxes(shape, steps);
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
  return stridedOffset(code, out, broadcastStrides(shape, out, 1), 0, i);
};

/** The index along an axis of element `i` of a shape. */
export const indexAlong = (code: Code, shape: readonly number[], axis: number, i: string): string => {
  const { outer, n, inner } = around(shape, axis);
  const most = outer * n * inner;
  return code.remainder(code.quotient(i, inner, most), n, Math.ceil(most / inner));
};
