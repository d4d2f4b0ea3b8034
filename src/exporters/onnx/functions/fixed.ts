import {
  EXP2_DOWN_TABLE,
  EXP2_TABLE,
  expFactor,
  INT32_MAX,
  INT32_MIN,
  LN2_Q20,
  LOG2_TABLE,
  LSE_CUT,
  phaseFactor,
  SIN_TABLE,
} from '../../../ir/index.ts';
import { ELEM } from '../message.ts';
import { type Body, define, type FunctionDef, saturated } from './define.ts';

/** Elementary functions on integers in fixed point (NUMERICS §1.4, §1.6, §7). Every value is int64. */

const upTo = (n: number): readonly number[] => Array.from({ length: n + 1 }, (_, i) => i);

/** table[f >> 8] with linear interpolation to the next entry, f of 16 bits. */
const interpolated16 = (b: Body, table: string, f: string): string => {
  const step = b.int(256);
  const [i, g] = [b.floorDiv(f, step), b.one('Mod', [f, step])];
  const low = b.gather(table, i);
  return b.add(low, b.rshr(b.mul(b.sub(b.gather(table, b.add(i, b.int(1))), low), g), b.int(8)));
};

/** 2^t of t in Q16, in Q.fraction, saturated to int32. */
const exp2 = (b: Body, t: string, fraction: string): string => {
  const one = b.int(65536);
  const k = b.floorDiv(t, one);
  const m = interpolated16(b, b.table(EXP2_TABLE), b.one('Mod', [t, one]));
  const shift = b.sub(b.sub(b.int(30), fraction), k);
  const small = b.where(b.less(b.int(32), shift), b.int(0), b.rshr(m, b.clip(shift, b.int(0), b.int(32))));
  return b.where(b.less(shift, b.int(0)), b.int(INT32_MAX), small);
};

/** Bits of an integer of at least 0, below 2^62: how many powers of two are not above it. */
const bitLength = (b: Body, n: string): string => {
  const wide = b.one('Unsqueeze', [n, b.ints([-1])]);
  const powers = b.table(upTo(52).map((i) => 2 ** i));
  return b.sum(b.long(b.one('LessOrEqual', [powers, wide])), b.ints([-1]), 0);
};

/** L of the 8 bits behind the leading one of m, 2^31 <= m < 2^32, interpolated. */
const logOfMantissa = (b: Body, m: string): string => {
  const [table, step] = [b.table(LOG2_TABLE), b.int(2 ** 23)];
  const i = b.one('Mod', [b.floorDiv(m, step), b.int(256)]);
  const low = b.gather(table, i);
  const slope = b.sub(b.gather(table, b.add(i, b.int(1))), low);
  return b.add(low, b.rshr(b.mul(slope, b.one('Mod', [m, step])), b.int(23)));
};

/** log2 of n >= 1 below 2^32 in Q24. */
const log2 = (b: Body, n: string): string => {
  const e = b.sub(bitLength(b, n), b.int(1));
  const m = b.mul(n, b.pow2(b.sub(b.int(31), e)));
  return b.add(b.mul(e, b.int(2 ** 24)), logOfMantissa(b, m));
};

/** floor(sqrt(n)) for 0 <= n < 2^53: the root in double precision is off by at most one. */
const squareRoot = (b: Body, n: string): string => {
  const guess = b.long(b.one('Sqrt', [b.cast(n, ELEM.double)]));
  const down = b.sub(guess, b.long(b.less(n, b.mul(guess, guess))));
  const next = b.add(down, b.int(1));
  return b.add(down, b.long(b.one('LessOrEqual', [b.mul(next, next), n])));
};

const exp2Fixed: FunctionDef = define({
  op: 'exp2_fixed',
  inputs: ['x'],
  body: (b, [x = '']) => {
    const fraction = b.attr('fraction');
    const [up, down] = [b.sub(b.int(16), fraction), b.sub(fraction, b.int(16))];
    const raised = b.mul(b.long(x), b.pow2(b.max(up, b.int(0))));
    return b.cast(exp2(b, b.rshr(raised, b.max(down, b.int(0))), b.attr('result_fraction')), ELEM.int32);
  },
});

const expFixed: FunctionDef = define({
  op: 'exp_fixed',
  inputs: ['x'],
  body: (b, [x = '']) => {
    const fraction = b.attr('fraction');
    const limit = b.mul(b.int(64), b.pow2(fraction));
    const clamped = b.clip(b.long(x), b.one('Neg', [limit]), limit);
    const factor = b.gather(b.table(upTo(16).map(expFactor)), fraction);
    return b.cast(exp2(b, b.rshr(b.mul(clamped, factor), b.int(14)), b.attr('result_fraction')), ELEM.int32);
  },
});

const sine = (op: 'sin_fixed' | 'cos_fixed'): FunctionDef =>
  define({
    op,
    inputs: ['x'],
    body: (b, [x = '']) => {
      const [fraction, wide] = [b.attr('fraction'), b.long(x)];
      const factors = upTo(30).map(phaseFactor);
      const high = b.gather(b.table(factors.map((f) => f.high)), fraction);
      const low = b.gather(b.table(factors.map((f) => f.low)), fraction);
      const turned = b.add(b.mul(wide, high), b.floorDiv(b.mul(wide, low), b.int(65536)));
      const phase = b.one('Mod', [op === 'sin_fixed' ? turned : b.add(turned, b.int(2 ** 30)), b.int(2 ** 32)]);
      const quarter = b.int(2 ** 30);
      const within = b.one('Mod', [phase, quarter]);
      const odd = b.equal(b.one('Mod', [b.floorDiv(phase, quarter), b.int(2)]), b.int(1));
      const r = b.where(odd, b.sub(quarter, within), within);
      const [table, step] = [b.table(SIN_TABLE), b.int(2 ** 20)];
      const i = b.floorDiv(r, step);
      const first = b.gather(table, i);
      const slope = b.sub(b.gather(table, b.add(i, b.int(1))), first);
      const v = b.add(first, b.rshr(b.mul(slope, b.one('Mod', [r, step])), b.int(20)));
      return b.cast(b.where(b.less(phase, b.int(2 ** 31)), v, b.one('Neg', [v])), ELEM.int32);
    },
  });

const isqrt: FunctionDef = define({
  op: 'isqrt',
  inputs: ['x'],
  body: (b, [x = '']) => {
    const n = b.mul(b.max(b.long(x), b.int(0)), b.pow2(b.attr('fraction')));
    return b.cast(squareRoot(b, n), ELEM.int32);
  },
});

const log2Fixed: FunctionDef = define({
  op: 'log2_fixed',
  inputs: ['x'],
  body: (b, [x = '']) => {
    const n = b.long(x);
    const y = log2(b, b.max(n, b.int(1)));
    return b.cast(b.where(b.less(n, b.int(1)), b.int(INT32_MIN), y), ELEM.int32);
  },
});

/** a^n for 0 <= n, at most 2^31: squares and products that stop there. */
const wholePower = (b: Body, a: string, n: string): string => {
  const most = b.int(2 ** 31);
  // from 31 on, everything but 0 and 1 has stopped
  let left = b.min(n, b.int(31));
  let [power, result] = [a, b.int(1)];
  for (let bit = 0; bit < 5; bit++) {
    const odd = b.equal(b.one('Mod', [left, b.int(2)]), b.int(1));
    result = b.where(odd, b.min(b.mul(result, power), most), result);
    power = b.min(b.mul(power, power), most);
    left = b.floorDiv(left, b.int(2));
  }
  return result;
};

const powFixed: FunctionDef = define({
  op: 'pow_fixed',
  inputs: ['a', 'b'],
  body: (b, [x = '', y = '']) => {
    const [base, exponent] = [b.long(x), b.long(y)];
    const [zero, one] = [b.int(0), b.int(1)];
    const [fraction, exponentFraction] = [b.attr('fraction'), b.attr('exponent_fraction')];
    const unit = b.pow2(exponentFraction);
    const whole = b.equal(b.one('Mod', [exponent, unit]), zero);
    const n = b.floorDiv(exponent, unit);
    const below = b.less(base, zero);
    const negative = b.one('And', [below, b.equal(b.one('Mod', [n, b.int(2)]), one)]);
    const size = b.one('Abs', [base]);
    const log = b.sub(log2(b, b.max(size, one)), b.mul(fraction, b.int(2 ** 24)));
    const limit = b.int(2 ** 52);
    const product = b.clip(b.mul(exponent, log), b.one('Neg', [limit]), limit);
    const real = exp2(b, b.rshr(product, b.add(b.int(8), exponentFraction)), fraction);
    const counted = b.one('And', [b.one('And', [b.equal(fraction, zero), whole]), b.less(zero, exponent)]);
    const magnitude = b.where(counted, wholePower(b, size, b.max(n, zero)), real);
    const signed = b.where(negative, b.one('Neg', [magnitude]), magnitude);
    const ofZero = b.where(b.less(zero, exponent), zero, b.int(INT32_MAX));
    const defined = b.where(b.one('And', [below, b.one('Not', [whole])]), zero, signed);
    const notZero = b.where(b.equal(base, zero), ofZero, defined);
    return saturated(b, b.where(b.equal(exponent, zero), b.pow2(fraction), notZero), 'i32');
  },
});

/** How many powers of two are below n: ceil(log2 n). */
const ceilLog2 = (b: Body, n: string): string => {
  const powers = b.table(upTo(20).map((i) => 2 ** i));
  return b.sum(b.long(b.less(powers, n)), b.ints([0]), 0);
};

const softmaxFixed: FunctionDef = define({
  op: 'softmax_fixed',
  inputs: ['x'],
  body: (b, [x = '']) => {
    const [wide, axis] = [b.long(x), b.attr('axis')];
    const axes = b.vector(axis);
    const scale = b.min(b.int(22), b.sub(b.int(30), ceilLog2(b, b.gather(b.shape(x), axis))));
    const far = b.sub(b.one('ReduceMax', [wide, axes]), wide);
    const t = b.rshr(b.mul(far, b.attr('multiplier')), b.attr('shift'));
    const e = exp2(b, b.one('Neg', [t]), scale);
    const places = b.add(b.int(30), scale);
    const r = b.div(b.pow2(places), b.sum(e, axes));
    const bits = b.attr('bits');
    const most = b.sub(b.pow2(bits), b.int(1));
    const y = b.min(most, b.rshr(b.mul(e, r), b.sub(places, bits)));
    return b.castTo(b.add(y, b.attr('output_zero')), 'dtype');
  },
});

const layerNormFixed: FunctionDef = define({
  op: 'layer_norm_fixed',
  inputs: ['x', 'gain', 'bias'],
  body: (b, [x = '', gain = '', bias = '']) => {
    const shape = b.shape(x);
    const tail = b.one('Slice', [shape, b.vector(b.attr('axis')), b.ints([64])]);
    const n = b.div(b.one('ReduceProd', [tail, b.ints([0])], { keepdims: 0 }), b.attr('groups'));
    const rows = b.one('Reshape', [b.sub(b.long(x), b.attr('input_zero')), b.concat(b.ints([-1]), b.vector(n))]);
    const last = b.ints([1]);
    const s1 = b.mul(b.sum(rows, last), b.attr('center'));
    const s2 = b.sum(b.mul(rows, rows), last);
    const epsilon = b.mul(b.attr('epsilon'), b.pow2(b.attr('epsilon_shift')));
    const d = b.max(b.add(b.sub(b.mul(n, s2), b.mul(s1, s1)), epsilon), b.int(1));
    const t = b.max(b.int(0), b.floorDiv(b.sub(b.int(50), bitLength(b, d)), b.int(2)));
    const root = squareRoot(b, b.mul(d, b.pow2(b.mul(t, b.int(2)))));
    const r = b.div(b.int(2 ** 50), root);
    const z = b.rshr(b.mul(b.sub(b.mul(n, rows), s1), r), b.sub(b.int(39), t));
    const scaled = b.add(b.mul(b.reshape(z, shape), b.long(gain)), b.long(bias));
    const y = b.add(b.rshr(scaled, b.attr('shift')), b.attr('output_zero'));
    return b.castTo(b.clip(y, b.attr('lo'), b.attr('hi')), 'dtype');
  },
});

const lseFixed: FunctionDef = define({
  op: 'lse_fixed',
  inputs: ['x'],
  body: (b, [x = '']) => {
    const [wide, axes, fraction] = [b.long(x), b.attrs('axes'), b.attr('fraction')];
    const [never, impossible] = [b.int(-(2 ** 30)), b.int(-(2 ** 29))];
    const m = b.max(b.one('ReduceMax', [wide, axes], { noop_with_empty_axes: 1 }), never);
    const factor = b.gather(b.table(upTo(16).map(expFactor)), fraction);
    const far = b.min(b.sub(m, wide), b.mul(b.int(64), b.pow2(fraction)));
    // only what stands for nothing is above the greatest
    const t = b.clip(b.rshr(b.mul(far, factor), b.int(14)), b.int(0), b.int(LSE_CUT));
    const one = b.int(65536);
    const u = interpolated16(b, b.table(EXP2_DOWN_TABLE), b.one('Mod', [t, one]));
    const e = b.rshr(u, b.add(b.int(7), b.floorDiv(t, one)));
    const s = b.max(b.sum(b.where(b.less(impossible, wide), e, b.int(0)), axes), b.int(1));
    const top = b.sub(bitLength(b, s), b.int(1));
    const [up, down] = [b.sub(b.int(31), top), b.sub(top, b.int(31))];
    const mantissa = b.shiftRight(b.mul(s, b.pow2(b.max(up, b.int(0)))), b.max(down, b.int(0)));
    const log = b.add(b.mul(b.sub(top, b.int(23)), b.int(2 ** 24)), logOfMantissa(b, mantissa));
    const sum = b.add(m, b.rshr(b.mul(log, b.int(LN2_Q20)), b.sub(b.int(44), fraction)));
    const y = b.where(b.one('LessOrEqual', [m, impossible]), never, b.min(sum, b.int(2 ** 30)));
    // the axes have size 1 by now: this drops them, or not
    const reduced = b.one('ReduceSum', [y, axes], { keepdims: { ref: 'keep', kind: 'int' }, noop_with_empty_axes: 1 });
    return b.cast(reduced, ELEM.int32);
  },
});

export const fixed = {
  exp2_fixed: exp2Fixed,
  exp_fixed: expFixed,
  sin_fixed: sine('sin_fixed'),
  cos_fixed: sine('cos_fixed'),
  isqrt,
  log2_fixed: log2Fixed,
  pow_fixed: powFixed,
  softmax_fixed: softmaxFixed,
  layer_norm_fixed: layerNormFixed,
  lse_fixed: lseFixed,
} as const;
