import { rdiv } from '../../../ir/index.ts';
import type { ChannelFinish } from './weights.ts';

/** Sums of so many bytes are proven, one by one. */
const MOST_CELLS = 2 ** 15;
const BITS = 15;

/** The mean of bytes plus 128 as a rescale, and -128 as its zero point: sums are not negative, so that ties go up as in rdiv. */
export const MEAN_ZERO = -128;

/**
 * A rescale that is rdiv(sum, cells) for every sum of `cells` signed bytes: rshr((sum + bias) M, s) - 128. Found by trying the two
 * multipliers next to 2^s / cells, and proven by trying every sum at which the result changes.
 * @returns undefined where no such multiplier of 15 bits exists
 */
export const meanRescale = (cells: number): ChannelFinish | undefined => {
  if (cells < 1 || cells > MOST_CELLS) return undefined;
  const shift = Math.min(BITS + Math.floor(Math.log2(cells)), 47);
  for (const s of [shift, shift - 1]) {
    const exact = 2 ** s / cells;
    for (const multiplier of new Set([Math.ceil(exact), Math.floor(exact)])) {
      if (multiplier >= 2 ** BITS || multiplier < 1) continue;
      if (isMean(multiplier, s, cells)) return { bias: 128 * cells, multiplier, shift: s };
    }
  }
  return undefined;
};

const isMean = (multiplier: number, shift: number, cells: number): boolean => {
  const half = 2 ** (shift - 1);
  const rounded = (t: number): number => Math.floor((t * multiplier + half) / 2 ** shift);
  if (rounded(0) !== 0 || rounded(255 * cells) !== 255) return false;
  // both sides are monotone: they are equal if they change at the same sums
  for (let q = 1; q <= 255; q++) {
    const first = Math.ceil((2 * q - 1) * (cells / 2));
    if (rdiv(first, cells) !== q || rounded(first) !== q || rounded(first - 1) !== q - 1) return false;
  }
  return true;
};
