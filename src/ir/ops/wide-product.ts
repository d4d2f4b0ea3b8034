import { attr } from '../attr.ts';
import { rshr } from '../numeric/index.ts';
import type { StaticType, TensorType } from '../types.ts';
import { isOneOf } from './util.ts';

/**
 * Products of 16-bit values (NUMERICS §4, "Verdict (2)"; §2.4a): their sum is exact in I53, then shifted down once so that
 * it fits int32: y = wrap32(rshr(sum, accumulator_shift)) + bias. The bias is in units of the shifted sum.
 */
export const accumulatorShift = attr.int({ min: 0, max: 31, default: 0 });

/** Products of one result: n 2^30 + 2^30 stays below 2^53, so the sum and its rounding are exact in float64. */
export const MOST_PRODUCTS = 2 ** 23 - 1;

/** x i16, w i16, i8 or i6, bias i32. */
export const isWideProduct = (x: TensorType, w: TensorType, bias: TensorType | undefined): boolean =>
  x.dtype === 'i16' && isOneOf(w, 'i16', 'i8', 'i6') && (bias === undefined || bias.dtype === 'i32');

/** The shifted sum in int32, wrapped. @param sum - |sum| < 2^53 */
export const shiftedSum = (sum: number, shift: number): number => rshr(sum, shift) | 0;

/** 8-bit products that one product of the two types counts as: a 16-bit operand is two of 8 bits. */
export const productCost = (x: StaticType, w: StaticType): number => (x.dtype === 'i16' ? 2 : 1) * (w.dtype === 'i16' ? 2 : 1);

export const SHIFT_TEXT = 'accumulator_shift is 0 unless the operands are i16.';
export const PRODUCTS_TEXT = `A result of i16 sums at most ${MOST_PRODUCTS} products.`;
