import { type Code, EXACT, num } from './code.ts';

/** Radix of limbs: products of two and sums of four of them are exact in float32. */
export const RADIX = 2048;
const RADIX_BITS = 11;
/** 2^32 over the radix: where the upper part of an int32 wraps. */
const UPPER = 2 ** (32 - RADIX_BITS);

/**
 * An integer of a kernel, with its range: one float32 where |v| <= 2^24, else v = hi 2048 + lo with 0 <= lo < 2048, where hi is the name of an
 * integer of at most 2^24.
 */
export interface Int {
  readonly lo: string;
  readonly hi?: string;
  readonly min: number;
  readonly max: number;
}

export const fits = (min: number, max: number): boolean => min >= -EXACT && max <= EXACT;
export const single = (name: string, min: number, max: number): Int => ({ lo: name, min, max });
export const I32 = { min: -(2 ** 31), max: 2 ** 31 - 1 } as const;

/** Parts of a number of the compiler. */
export const split = (n: number): { readonly lo: number; readonly hi: number } => {
  const hi = Math.floor(n / RADIX);
  return { lo: n - hi * RADIX, hi };
};
export const constant = (n: number): Int => {
  if (fits(n, n)) return single(num(n), n, n);
  const { lo, hi } = split(n);
  return { lo: num(lo), hi: num(hi), min: n, max: n };
};

const floorRadix = (code: Code, v: string): string => code.floor(`${v} * ${num(1 / RADIX)}`);

export interface Pair extends Int {
  readonly hi: string;
}
export const toPair = (code: Code, v: Int): Pair => {
  if (v.hi !== undefined) return { ...v, hi: v.hi };
  const hi = floorRadix(code, v.lo);
  return { lo: code.let(`${v.lo} - ${hi} * ${RADIX}`), hi, min: v.min, max: v.max };
};
/** One float32, where the value is known to fit it. */
export const toSingle = (code: Code, v: Int): string => (v.hi === undefined ? v.lo : code.let(`${v.hi} * ${RADIX} + ${v.lo}`));

/** hi 2048 + lo with lo of any size below 2^24 and |hi| < 2^23, as a pair. */
export const carry = (code: Code, lo: string, hi: string, min: number, max: number): Pair => {
  const up = floorRadix(code, lo);
  return { lo: code.let(`${lo} - ${up} * ${RADIX}`), hi: code.let(`${hi} + ${up}`), min, max };
};

/** The same modulo 2^32, as int32. */
export const wrap = (code: Code, v: Pair): Pair => {
  if (v.min >= I32.min && v.max <= I32.max) return v;
  const turns = code.floor(`(${v.hi} + ${UPPER / 2}) * ${num(1 / UPPER)}`);
  return { lo: v.lo, hi: code.let(`${v.hi} - ${turns} * ${UPPER}`), ...I32 };
};

const sumOf = (code: Code, a: Int, b: Int, sign: '+' | '-'): Int => {
  const [min, max] = sign === '+' ? [a.min + b.min, a.max + b.max] : [a.min - b.max, a.max - b.min];
  if (a.hi === undefined && b.hi === undefined && fits(min, max)) return single(code.let(`${a.lo} ${sign} ${b.lo}`), min, max);
  const [p, q] = [toPair(code, a), toPair(code, b)];
  return wrap(code, carry(code, code.let(`${p.lo} ${sign} ${q.lo}`), code.let(`${p.hi} ${sign} ${q.hi}`), min, max));
};
/** The sum as int32, which wraps. */
export const add = (code: Code, a: Int, b: Int): Int => sumOf(code, a, b, '+');
export const subtract = (code: Code, a: Int, b: Int): Int => sumOf(code, a, b, '-');

/** Limbs of 11 bits, all but the last below 2048 and not negative; the last has the sign, and |last| <= 2048. */
export interface Limbs {
  readonly names: readonly string[];
  readonly min: number;
  readonly max: number;
}
export const limbsOf = (code: Code, v: Int): Limbs => {
  const most = Math.max(-v.min, v.max);
  const { min, max } = v;
  if (v.hi === undefined && most <= RADIX) return { names: [v.lo], min, max };
  const { lo, hi } = toPair(code, v);
  if (most <= RADIX * RADIX) return { names: [lo, hi], min, max };
  const top = floorRadix(code, hi);
  return { names: [lo, code.let(`${hi} - ${top} * ${RADIX}`), top], min, max };
};

/** The product as int32, which wraps: terms of 2^33 and more vanish. */
export const multiply = (code: Code, a: Int, b: Int): Int => {
  const corners = [a.min * b.min, a.min * b.max, a.max * b.min, a.max * b.max];
  const [min, max] = [Math.min(...corners), Math.max(...corners)];
  if (a.hi === undefined && b.hi === undefined && fits(min, max)) return single(code.let(`${a.lo} * ${b.lo}`), min, max);
  const [x, y] = [limbsOf(code, a).names, limbsOf(code, b).names];
  const column = (k: number): string => {
    const terms = x.flatMap((n, i) => (y[k - i] === undefined ? [] : [`${n} * ${y[k - i]}`]));
    return terms.length === 0 ? '0' : terms.join(' + ');
  };
  const first = code.let(column(0));
  const c1 = floorRadix(code, first);
  const second = code.let(`${column(1)} + ${c1}`);
  const c2 = floorRadix(code, second);
  const third = code.let(`${column(2)} + ${c2}`);
  const turns = code.floor(`(${third} + 512) * ${num(1 / 1024)}`);
  const range = min >= I32.min && max <= I32.max ? { min, max } : I32;
  return {
    lo: code.let(`${first} - ${c1} * ${RADIX}`),
    hi: code.let(`(${third} - ${turns} * 1024) * ${RADIX} + ${second} - ${c2} * ${RADIX}`),
    ...range,
  };
};

/** A condition that holds where a < b. */
export const less = (code: Code, a: Int, b: Int): string => {
  if (a.hi === undefined && b.hi === undefined) return `${a.lo} < ${b.lo}`;
  const [p, q] = [toPair(code, a), toPair(code, b)];
  return `${p.hi} < ${q.hi} || (${p.hi} == ${q.hi} && ${p.lo} < ${q.lo})`;
};

/** `yes` where the condition holds, else `no`. */
export const choose = (code: Code, condition: string, yes: Int, no: Int): Int => {
  const [min, max] = [Math.min(yes.min, no.min), Math.max(yes.max, no.max)];
  if (yes.hi === undefined && no.hi === undefined) {
    const v = code.variable(no.lo);
    code.line(`if (${condition}) { ${v} = ${yes.lo}; }`);
    return single(v, min, max);
  }
  const [p, q] = [toPair(code, yes), toPair(code, no)];
  const [lo, hi] = [code.variable(q.lo), code.variable(q.hi)];
  code.line(`if (${condition}) { ${lo} = ${p.lo}; ${hi} = ${p.hi}; }`);
  return { lo, hi, min, max };
};

export const minimum = (code: Code, a: Int, b: Int): Int => {
  const [min, max] = [Math.min(a.min, b.min), Math.min(a.max, b.max)];
  if (a.hi === undefined && b.hi === undefined) return single(code.let(`Math.min(${a.lo}, ${b.lo})`), min, max);
  return { ...choose(code, less(code, a, b), a, b), min, max };
};
export const maximum = (code: Code, a: Int, b: Int): Int => {
  const [min, max] = [Math.max(a.min, b.min), Math.max(a.max, b.max)];
  if (a.hi === undefined && b.hi === undefined) return single(code.let(`Math.max(${a.lo}, ${b.lo})`), min, max);
  return { ...choose(code, less(code, b, a), a, b), min, max };
};
/** max(lo, min(v, hi)); one float32 where the limits are. */
export const clamp = (code: Code, v: Int, lo: number, hi: number): Int => {
  const above = v.max > hi ? minimum(code, v, constant(hi)) : v;
  const within = above.min < lo ? maximum(code, above, constant(lo)) : above;
  return within.hi !== undefined && fits(within.min, within.max) ? single(toSingle(code, within), within.min, within.max) : within;
};
