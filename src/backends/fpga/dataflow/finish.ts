import { rdiv, type Tensor } from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';
import type { Finish, FinishSet } from './stages.ts';

/** The attributes of a rescale that a layer needs. */
export interface RescaleAttrs {
  readonly input_zero: number;
  readonly output_zero: number;
  readonly lo: number;
  readonly hi: number;
}

/** Bias alone: the accumulator is the result. */
export const biasFinish = (channels: number, bias: Tensor | undefined): Finish => ({
  mode: 'bias',
  sets: Array.from({ length: channels }, (_, c) => ({ bias: bias?.data[c] ?? 0, multiplier: 0, shift: 1 })),
  zero: 0,
  lo: 0,
  hi: 0,
});

/** Bias and rescale of each channel. */
export const rescaleFinish = (channels: number, bias: Tensor | undefined, multiplier: Tensor, shift: Tensor, a: RescaleAttrs): Finish => {
  const shared = multiplier.data.length === 1;
  const sets = Array.from({ length: channels }, (_, c): FinishSet => {
    const from = shared ? 0 : c;
    return { bias: ((bias?.data[c] ?? 0) - a.input_zero) | 0, multiplier: at(multiplier.data, from), shift: at(shift.data, from) };
  });
  return { mode: 'rescale', sets, zero: a.output_zero, lo: a.lo, hi: a.hi };
};

export const plainFinish: Finish = { mode: 'none', sets: [], zero: 0, lo: 0, hi: 0 };

const MEAN_BITS = [15, 21] as const;
const MOST_VALUE = 255;

/** Whether rshr(t M, s) = rdiv(t, cells) for all sums t of `cells` values of 0 to 255: both change at the same sums. */
const isMean = (multiplier: number, shift: number, cells: number): boolean => {
  const rounded = (t: number): number => Math.floor((t * multiplier + 2 ** (shift - 1)) / 2 ** shift);
  if (rounded(0) !== 0 || rounded(MOST_VALUE * cells) !== MOST_VALUE) return false;
  for (let q = 1; q <= MOST_VALUE; q++) {
    const first = Math.ceil((2 * q - 1) * (cells / 2));
    if (rdiv(first, cells) !== q || rounded(first) !== q || rounded(first - 1) !== q - 1) return false;
  }
  return true;
};

const meanOf = (cells: number, bits: number): FinishSet | undefined => {
  const most = bits + Math.floor(Math.log2(cells));
  for (const shift of [most, most - 1])
    for (const multiplier of [Math.ceil(2 ** shift / cells), Math.floor(2 ** shift / cells)])
      if (multiplier >= 1 && multiplier < 2 ** bits && shift >= 1 && isMean(multiplier, shift, cells))
        return { bias: 0, multiplier, shift };
  return undefined;
};

/**
 * Division of sums by 1 up to `most` cells as a rescale, exact, ties up: set n divides by n. Values of i8 are taken plus 128, since sums
 * that are not negative round as rdiv does.
 * @returns undefined where a number of cells has no multiplier of 21 bits
 */
export const meanFinish = (most: number, signed: boolean): Finish | undefined => {
  for (const bits of MEAN_BITS) {
    const sets = Array.from({ length: most }, (_, i) => meanOf(i + 1, bits));
    if (!sets.every((s) => s !== undefined)) continue;
    const [lo, hi] = signed ? [-128, 127] : [0, 255];
    const biased = sets.map((s, i) => ({ ...s, bias: signed ? 128 * (i + 1) : 0 }));
    return { mode: 'rescale', sets: [{ bias: 0, multiplier: 0, shift: at(sets, 0).shift }, ...biased], zero: lo, lo, hi };
  }
  return undefined;
};
