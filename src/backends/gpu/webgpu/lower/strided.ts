import { broadcastStrides } from '../../../cpu/simd/kernels/nest.ts';
import { joinedAxes } from '../../axes.ts';
import { int, uint } from '../wgsl.ts';

/**
 * The offset base + sum(index_d * steps_d) of the element that has number `i` (an expression, u32) in row-major order of a shape, as an
 * expression of type u32. Steps may be negative, offsets not.
 */
export const stridedOffset = (shape: readonly number[], steps: readonly number[], base: number, i: string): string => {
  const axes = joinedAxes(shape, steps);
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
  return stridedOffset(out, broadcastStrides(shape, out, 1), 0, i);
};

/** A divisor in a constant expression; nothing is divided where it would be 0. */
export const divisor = (n: number): string => uint(Math.max(n, 1));
