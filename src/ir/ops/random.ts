import { attr, type AttrsOf } from '../attr.ts';
import { belowFloat, mulHi32, NORMAL_FRACTION, NORMAL_TABLE, philoxFill, POW2 } from '../numeric/index.ts';
import { range } from '../range.ts';
import { composite, constraint, primitive, type Sample, types, violates } from '../schema.ts';
import { DTYPE_INFO, type DType, elementCount, formatShape, sameShape, type Tensor, type TensorType } from '../types.ts';
import { broadcast, broadcastIndex, describe, fullRange, holds, isOneOf, resultCount } from './util.ts';

/** Every random op has these: what it makes, and the upper half of its counter (bit patterns of uint32). */
const common = {
  shape: attr.ints({ min: 0 }),
  op_id: attr.int({ default: 0 }),
  stream: attr.int({ default: 0 }),
} as const;

/** What one step takes. */
const WEIGHT = 2;

const KEY = 'i32[2]';
const SHAPE = { shape: [2, 3] } as const;
const SEED_TEXT = 'seed is i32[2].';
const isSeed = (seed: TensorType): boolean => seed.dtype === 'i32' && sameShape(seed.shape, [2]);

const COUNTER =
  ' w is word e & 3 of block e >> 2 of Philox4x32-10 for element e in row-major order, with key = seed and counter (block, 0, op_id, stream) (NUMERICS §1.8): no order of evaluation, layout or backend matters.';

/** Calls `use(e, w)` for each element e with its random word, 0 <= w < 2^32. */
const eachWord = (
  seed: Tensor,
  a: { readonly op_id: number; readonly stream: number },
  count: number,
  use: (e: number, w: number) => void,
): void => {
  const words = new Uint32Array(Math.min(4096, 4 * Math.ceil(count / 4)));
  const key = [seed.data[0]!, seed.data[1]!] as const;
  for (let start = 0; start < count; start += words.length) {
    philoxFill(key, start / 4, words, [a.op_id, a.stream]);
    for (let i = 0; i < words.length && start + i < count; i++) use(start + i, words[i]!);
  }
};

/** By how much a word is shifted down to the bits that a dtype holds. */
const topShift = (dtype: DType): number => (dtype === 'bool' ? 31 : 32 - 8 * DTYPE_INFO[dtype].bytes);

/** What is wrong with the interval of a uniform draw. */
const uniformProblem = (a: { readonly low: number; readonly high: number }): string | undefined =>
  a.low < a.high && Number.isFinite(Math.fround(a.high - a.low)) ? undefined : `low is ${a.low} and high is ${a.high}`;

const seeded = (attrs: Readonly<Record<string, number | string | readonly number[]>>): Sample => ({ operands: [KEY], attrs });
const lane = { op_id: 7, stream: -1 } as const;

const randomBits = primitive({
  code: 0x160,
  summary: 'Random bits.',
  doc: `i32: the word w itself; i16, i8, u8, bool: its top 16, 8, 8 or 1 bits.${COUNTER}`,
  operands: ['seed'],
  attrs: { ...common, dtype: attr.dtype({ default: 'i32' }) },
  constraints: {
    c1: constraint(SEED_TEXT, ['i32[3]'], SHAPE),
    c2: constraint('dtype is i8, i16, i32, u8 or bool.', [KEY], { ...SHAPE, dtype: 'f32' }),
  },
  infer: ([seed], a) => {
    if (!isSeed(seed)) return violates('c1', describe('seed', seed));
    const fits = a.dtype !== 'f32' && a.dtype !== 'i6';
    return fits ? types({ dtype: a.dtype, shape: a.shape }) : violates('c2', `dtype is ${a.dtype}`);
  },
  evaluate: ([seed], a, [y]) => {
    if (y === undefined) return;
    const shift = topShift(a.dtype);
    eachWord(seed, a, y.data.length, (e, w) => {
      y.data[e] = w >>> shift; // stored as the dtype holds the bits
    });
  },
  range: (_o, _a, { resultTypes }) => resultTypes.map(fullRange),
  weight: WEIGHT,
  cost: (_o, _a, results) => 8 * resultCount(results),
  samples: [
    seeded({ shape: [2, 3, 5], ...lane }),
    seeded({ shape: [], dtype: 'i16' }),
    seeded({ shape: [9], dtype: 'i8' }),
    seeded({ shape: [3, 1], dtype: 'u8', op_id: 2 ** 31 - 1 }),
    seeded({ shape: [37], dtype: 'bool', stream: -(2 ** 31) }),
    seeded({ shape: [4, 0] }),
  ],
});

const randomUniform = primitive({
  code: 0x161,
  summary: 'Uniform float32 numbers in [low, high).',
  doc: `u = (w >> 8) 2^-24; y = fl(low + fl(u fl(high - low))), and the float32 below high where that rounds up to high or beyond.${COUNTER}`,
  operands: ['seed'],
  attrs: { ...common, low: attr.f32({ default: 0 }), high: attr.f32({ default: 1 }) },
  constraints: {
    c1: constraint(SEED_TEXT, ['i32[3]'], SHAPE),
    c2: constraint('low < high, and their difference is a finite float32.', [KEY], { ...SHAPE, low: 1, high: 1 }),
  },
  infer: ([seed], a) => {
    if (!isSeed(seed)) return violates('c1', describe('seed', seed));
    const problem = uniformProblem(a);
    return problem === undefined ? types({ dtype: 'f32', shape: a.shape }) : violates('c2', problem);
  },
  evaluate: ([seed], a, [y]) => {
    if (y === undefined) return;
    const { fround, min } = Math;
    const span = fround(a.high - a.low);
    const top = belowFloat(a.high);
    eachWord(seed, a, y.data.length, (e, w) => {
      y.data[e] = min(fround(a.low + fround(((w >>> 8) / 2 ** 24) * span)), top);
    });
  },
  range: () => [],
  weight: WEIGHT,
  cost: (_o, _a, results) => 11 * resultCount(results),
  samples: [
    seeded({ shape: [2, 3, 5], ...lane }),
    seeded({ shape: [37], low: -3.5, high: 2 }),
    seeded({ shape: [9], low: 1, high: 1.0000001192092896 }),
    seeded({ shape: [0] }),
  ],
});

const randomInt = primitive({
  code: 0x162,
  summary: 'Uniform integers in [low, high).',
  doc: `y = low + floor(w (high - low) / 2^32): the high word of the product, no rejection.${COUNTER}`,
  operands: ['seed'],
  attrs: { ...common, low: attr.int({ default: 0 }), high: attr.int(), dtype: attr.dtype({ default: 'i32' }) },
  constraints: {
    c1: constraint(SEED_TEXT, ['i32[3]'], { ...SHAPE, high: 6 }),
    c2: constraint('dtype is i8, i16, i32 or u8, and holds low and high - 1.', [KEY], { ...SHAPE, high: 129, dtype: 'i8' }),
    c3: constraint('low < high.', [KEY], { ...SHAPE, low: 3, high: 3 }),
  },
  infer: ([seed], a) => {
    if (!isSeed(seed)) return violates('c1', describe('seed', seed));
    if (a.low >= a.high) return violates('c3', `low is ${a.low} and high is ${a.high}`);
    const fits = isOneOf({ dtype: a.dtype, shape: [] }, 'i8', 'i16', 'i32', 'u8') && holds(a.dtype, a.low) && holds(a.dtype, a.high - 1);
    return fits ? types({ dtype: a.dtype, shape: a.shape }) : violates('c2', `${a.dtype} with low ${a.low} and high ${a.high}`);
  },
  evaluate: ([seed], a, [y]) => {
    if (y === undefined) return;
    const n = a.high - a.low;
    eachWord(seed, a, y.data.length, (e, w) => {
      y.data[e] = a.low + mulHi32(w, n);
    });
  },
  range: (_o, a) => [range(a.low, a.high - 1)],
  weight: WEIGHT,
  cost: (_o, _a, results) => 10 * resultCount(results),
  samples: [
    seeded({ shape: [2, 3, 5], high: 1000, ...lane }),
    seeded({ shape: [37], low: -128, high: 128, dtype: 'i8' }),
    seeded({ shape: [9], low: -(2 ** 31), high: 2 ** 31 - 1 }),
    seeded({ shape: [5], high: 1, dtype: 'u8' }),
    seeded({ shape: [6], low: -5, high: -2, dtype: 'i16' }),
  ],
});

const randomBernoulli = primitive({
  code: 0x163,
  summary: '1 with the given probability, else 0.',
  doc: `probability f32: y = 1 where w < p 2^32 as real numbers (p >= 1 always, p <= 0 and NaN never). probability i32: its bits are a uint32 threshold, y = 1 where w < threshold. It broadcasts to shape.${COUNTER}`,
  operands: ['seed', 'probability'],
  attrs: { ...common, dtype: attr.dtype({ default: 'bool' }) },
  constraints: {
    c1: constraint(SEED_TEXT, ['i32[3]', 'f32[]'], SHAPE),
    c2: constraint('probability is f32 or i32.', [KEY, 'i8[]'], SHAPE),
    c3: constraint('probability broadcasts to shape.', [KEY, 'f32[2]'], SHAPE),
    c4: constraint('dtype is bool, i8, i16, i32, u8 or f32.', [KEY, 'f32[]'], { ...SHAPE, dtype: 'i6' }),
  },
  infer: ([seed, p], a) => {
    if (!isSeed(seed)) return violates('c1', describe('seed', seed));
    if (!isOneOf(p, 'f32', 'i32')) return violates('c2', describe('probability', p));
    const joined = broadcast(p.shape, a.shape);
    if (joined === undefined || !sameShape(joined, a.shape))
      return violates('c3', `${describe('probability', p)} but shape is ${formatShape(a.shape)}`);
    return a.dtype === 'i6' ? violates('c4', `dtype is ${a.dtype}`) : types({ dtype: a.dtype, shape: a.shape });
  },
  evaluate: ([seed, p], a, [y]) => {
    if (y === undefined) return;
    const index = broadcastIndex(p.shape, y.shape);
    const threshold = p.dtype === 'f32' ? (v: number) => v * 2 ** 32 : (v: number) => v >>> 0;
    eachWord(seed, a, y.data.length, (e, w) => {
      y.data[e] = w < threshold(p.data[index[e]!]!) ? 1 : 0;
    });
  },
  range: () => [range(0, 1)],
  weight: WEIGHT,
  cost: (_o, _a, results) => 10 * resultCount(results),
  samples: [
    { operands: [KEY, { type: 'f32[]', data: [0.25] }], attrs: { shape: [3, 7], ...lane } },
    { operands: [KEY, { type: 'f32[3,1]', lo: 0, hi: 1 }], attrs: { shape: [2, 3, 5], dtype: 'f32' } },
    { operands: [KEY, { type: 'f32[6]', data: [0, -0, 1, 2, -1, 0.9999999403953552] }], attrs: { shape: [6], dtype: 'i32' } },
    { operands: [KEY, 'i32[37]'], attrs: { shape: [37], dtype: 'i8' } },
    { operands: [KEY, { type: 'i32[1]', data: [-2147483648] }], attrs: { shape: [2, 0] } },
  ],
});

type NormalAttrs = AttrsOf<typeof common> & { readonly dtype: DType; readonly mean: number; readonly scale: number };
const isPlain = (a: NormalAttrs): boolean => a.dtype === 'f32' || (a.mean === 0 && a.scale === 1);

const randomNormal = composite({
  code: 0x164,
  summary: 'Normally distributed numbers.',
  doc: 'z = table(random_bits in i16) with the 513-entry table of the inverse distribution function in Q13 (linear between entries; |z| <= 3.44 2^13, variance 1): one of 65536 values. dtype i16: y = z. f32: y = fl(mean + fl(scale fl(z 2^-13))).',
  operands: ['seed'],
  attrs: {
    ...common,
    dtype: attr.dtype({ default: 'f32' }),
    mean: attr.f32({ default: 0 }),
    scale: attr.f32({ default: 1 }),
  },
  constraints: {
    c1: constraint(SEED_TEXT, ['i32[3]'], SHAPE),
    c2: constraint('dtype is f32, or i16 with mean 0 and scale 1.', [KEY], { ...SHAPE, dtype: 'i16', scale: 2 }),
  },
  infer: ([seed], a) => {
    if (!isSeed(seed)) return violates('c1', describe('seed', seed));
    return (a.dtype === 'f32' || a.dtype === 'i16') && isPlain(a)
      ? types({ dtype: a.dtype, shape: a.shape })
      : violates('c2', `dtype is ${a.dtype}, mean is ${a.mean}, scale is ${a.scale}`);
  },
  decompose: (b, [seed], a) => {
    const bits = b.emit('random_bits', [seed], { shape: a.shape, op_id: a.op_id, stream: a.stream, dtype: 'i16' });
    const z = b.emit('table', [bits, b.constant({ dtype: 'i16', shape: [513] }, NORMAL_TABLE)]);
    if (a.dtype === 'i16') return [z];
    const real = b.emit('dequantize', [z], { scale: 1 / POW2[NORMAL_FRACTION]!, zero: 0 });
    const scalar = (v: number) => b.constant({ dtype: 'f32', shape: [] }, [v]);
    return [b.emit('add', [b.emit('mul', [real, scalar(a.scale)]), scalar(a.mean)])];
  },
  weight: WEIGHT,
  cost: (_o, a) => 13 * elementCount(a.shape),
  samples: [seeded({ shape: [2, 3, 5], ...lane, mean: 1.5, scale: 0.25 }), seeded({ shape: [37], dtype: 'i16' }), seeded({ shape: [0] })],
});

const randomGumbel = composite({
  code: 0x165,
  summary: 'Gumbel distributed numbers.',
  doc: 'y = fl(-ln fl(-ln u)), u = random_uniform in [0, 1); u = 0 gives -infinity. argmax(log weights + y) draws an index in proportion to the weights.',
  operands: ['seed'],
  attrs: common,
  constraints: { c1: constraint(SEED_TEXT, ['i32[3]'], SHAPE) },
  infer: ([seed], a) => (isSeed(seed) ? types({ dtype: 'f32', shape: a.shape }) : violates('c1', describe('seed', seed))),
  decompose: (b, [seed], a) => {
    const minusLog = (v: typeof seed) => b.emit('neg', [b.emit('log', [v])]);
    return [minusLog(minusLog(b.emit('random_uniform', [seed], { shape: a.shape, op_id: a.op_id, stream: a.stream })))];
  },
  weight: 9,
  cost: (_o, a) => 29 * elementCount(a.shape),
  samples: [seeded({ shape: [2, 3, 5], ...lane }), seeded({ shape: [0] })],
});

/** Random tensors from an explicit seed (NUMERICS §1.8). */
export const random = {
  random_bits: randomBits,
  random_uniform: randomUniform,
  random_int: randomInt,
  random_bernoulli: randomBernoulli,
  random_normal: randomNormal,
  random_gumbel: randomGumbel,
} as const;
