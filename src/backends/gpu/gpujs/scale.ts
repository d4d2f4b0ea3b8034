import { UnsupportedError } from '../../../ir/index.ts';
import { type Code, EXACT, num } from './code.ts';
import { carry, clamp, constant, fits, type Int, type Limbs, maximum, minimum, RADIX, single, toPair, toSingle } from './integers.ts';

const RADIX_BITS = 11;
const ROUNDING = RADIX / 2;
/** What a carry adds to a column. */
const MOST_CARRY = EXACT / RADIX;

/** A multiplier that is known when kernels are written, or one of a table: its limbs of 11 bits, none negative unless all are. */
export interface Factor {
  readonly limbs: readonly string[];
  readonly min: number;
  readonly max: number;
}

/** Limbs of a multiplier of either sign; exact for |m| < 2^21 times a power of two. */
export const limbsOfNumber = (m: number, count = 0): readonly number[] => {
  const limbs: number[] = [];
  for (let rest = Math.abs(m); rest > 0 || limbs.length < count; rest = Math.floor(rest / RADIX))
    limbs.push((rest % RADIX) * (m < 0 ? -1 : 1));
  return limbs;
};
export const factorOf = (m: number): Factor => ({ limbs: limbsOfNumber(m).map(num), min: m, max: m });

/** Shifts are done as whole limbs: `limbs` of them, after every multiplier is times 2^(11 limbs - shift). */
export const wholeShift = (mostShift: number): { readonly limbs: number; readonly bits: number } => {
  const limbs = Math.ceil(mostShift / RADIX_BITS);
  return { limbs, bits: limbs * RADIX_BITS };
};

export interface Term {
  readonly value: Limbs;
  readonly factor: Factor;
}

/** Bounds of a sum of products; exact up to the rounding of float64, which `limitOf` leaves room for. */
const rangeOf = (terms: readonly Term[], bits: number): { readonly min: number; readonly max: number } => {
  let [min, max] = [0, 0];
  for (const { value: v, factor: f } of terms) {
    const corners = [v.min * f.min, v.min * f.max, v.max * f.min, v.max * f.max];
    min += Math.min(...corners);
    max += Math.max(...corners);
  }
  return { min: Math.floor(min / 2 ** bits) - 1, max: Math.ceil(max / 2 ** bits) + 1 };
};

/** Sums of limb products by weight, checked to be exact. */
const columnsOf = (terms: readonly Term[]): readonly (readonly string[])[] => {
  const columns: string[][] = [];
  const bounds: number[] = [];
  for (const { value, factor } of terms) {
    const own = value.names.length === 1 ? Math.max(-value.min, value.max) : RADIX;
    for (const [i, x] of value.names.entries())
      for (const [j, m] of factor.limbs.entries()) {
        if (m === '0') continue;
        (columns[i + j] ??= []).push(`${x} * ${m}`);
        bounds[i + j] = (bounds[i + j] ?? 0) + own * (RADIX - 1);
      }
  }
  if (bounds.some((b) => b + MOST_CARRY + ROUNDING > EXACT))
    throw new UnsupportedError('a sum of products leaves what float32 has exactly');
  return Array.from(columns, (c) => c ?? []);
};

/** v = kept_0 + kept_1 2048 + ... + top 2048^n, where |top| < 2^13. */
interface Quotient {
  readonly kept: readonly string[];
  readonly top: string;
}

const divide = (code: Code, columns: readonly (readonly string[])[], shift: number): Quotient => {
  const kept: string[] = [];
  let top = '0';
  for (let j = 0; j < Math.max(columns.length, shift); j++) {
    const terms = [...(columns[j] ?? []), ...(top === '0' ? [] : [top])];
    if (terms.length === 0) {
      // half a unit alone does not carry
      if (j >= shift) kept.push('0');
      continue;
    }
    const sum = code.let([...terms, ...(j === shift - 1 ? [num(ROUNDING)] : [])].join(' + '));
    top = code.floor(`${sum} * ${num(1 / RADIX)}`);
    if (j >= shift) kept.push(code.let(`${sum} - ${top} * ${RADIX}`));
  }
  return { kept, top };
};

/** Puts limbs together. What leaves 2^24 is rounded, and as rounding is monotone it stays on its side of all limits below. */
const fold = (code: Code, { kept, top }: Quotient, from: number): string =>
  kept.slice(from).reduceRight((upper, limb) => code.let(`${upper} * ${RADIX} + ${limb}`), top);

export interface Limits {
  readonly zero: number;
  readonly lo: number;
  readonly hi: number;
}

const asPair = (code: Code, quotient: Quotient): { readonly lo: string; readonly hi: string } => {
  const [lo] = quotient.kept;
  return lo === undefined ? toPair(code, single(quotient.top, -MOST_CARRY, MOST_CARRY)) : { lo, hi: fold(code, quotient, 1) };
};

/**
 * clamp(floor((sum of terms + 2^(s-1)) / 2^s) + zero, lo, hi) with s = 11 `shift`. Saturating sums of any size are right: limits are of int32.
 */
export const scaled = (code: Code, terms: readonly Term[], shift: number, { zero, lo, hi }: Limits): Int => {
  const { min, max } = rangeOf(terms, shift * RADIX_BITS);
  const quotient = divide(code, columnsOf(terms), shift);
  if (Math.max(-lo, hi, Math.abs(zero)) <= 2 ** 20) {
    const value = fold(code, quotient, 0);
    const moved = zero === 0 ? value : code.let(`${value} + ${num(zero)}`);
    return clamp(code, single(moved, min + zero, max + zero), lo, hi);
  }
  const by = constant(zero);
  const pair = asPair(code, quotient);
  const moved: Int = zero === 0 ? { ...pair, min, max } : carry(code, code.let(`${pair.lo} + ${by.lo}`), pair.hi, min + zero, max + zero);
  const limited = maximum(code, minimum(code, moved, constant(hi)), constant(lo));
  return fits(limited.min, limited.max) ? single(toSingle(code, limited), limited.min, limited.max) : limited;
};
