import { attr } from '../attr.ts';
import { clamp, erf64, exp64, INT32_MAX, log64, sigmoid64, softplus64, tanh64 } from '../numeric/index.ts';
import { mapMonotone, type Range, range } from '../range.ts';
import { composite, constraint, primitive, type Sample, types, violates } from '../schema.ts';
import type { Tensor, TensorType } from '../types.ts';
import { holds, isOneOf, resultCount } from './util.ts';

const floatOnly = { c1: constraint('x is f32.', ['bool[2]']) } as const;
const samples: readonly Sample[] = [
  { operands: [{ type: 'f32[3,7]', lo: -6, hi: 6 }] },
  { operands: [{ type: 'f32[5]', lo: -90, hi: 90 }] },
  { operands: ['f32[0]'] },
];
const inferFloat = ([x]: readonly [TensorType]) => (x.dtype === 'f32' ? types(x) : violates('c1', `x is ${x.dtype}`));

const apply = (x: Tensor, y: Tensor | undefined, f: (v: number) => number): void => {
  if (y === undefined) return;
  const xs = x.data;
  const ys = y.data;
  for (let i = 0; i < ys.length; i++) ys[i] = f(xs[i]!);
};

interface FloatUnary {
  readonly code: number;
  readonly summary: string;
  readonly doc: string;
  /** Float64 sequence on a float32 argument; the result is rounded once on store. */
  readonly f: (x: number) => number;
  /** Operations per element. */
  readonly work?: number;
  /** What one of them takes. */
  readonly weight?: number;
  readonly monotone?: boolean;
  readonly samples?: readonly Sample[];
}

/** A pointwise float op without attributes. At integer level it becomes a table (NUMERICS §1.3). */
export const unaryFloat = (o: FloatUnary) =>
  primitive({
    code: o.code,
    summary: o.summary,
    doc: o.doc,
    operands: ['x'],
    attrs: {},
    constraints: floatOnly,
    traits: { pointwise: true, monotone: o.monotone ?? false },
    infer: inferFloat,
    evaluate: ([x], _a, [y]) => apply(x, y, o.f),
    range: () => [],
    weight: o.weight ?? 1,
    cost: (_o, _a, results) => (o.work ?? 1) * resultCount(results),
    samples: o.samples ?? samples,
  });

const positive: readonly Sample[] = [
  { operands: [{ type: 'f32[3,5]', lo: 0, hi: 100 }] },
  { operands: [{ type: 'f32[4]', data: [0, -0, 1, -1] }] },
];

/** Same meaning for i32 and f32. */
interface MixedUnary {
  readonly code: number;
  readonly summary: string;
  readonly doc: string;
  readonly f: (x: number) => number;
  readonly bound: (r: Range) => Range;
  readonly monotone?: boolean;
  readonly idempotent?: boolean;
}
const unaryMixed = (o: MixedUnary) =>
  primitive({
    code: o.code,
    summary: o.summary,
    doc: o.doc,
    operands: ['x'],
    attrs: {},
    constraints: { c1: constraint('x is f32 or i32.', ['bool[2]']) },
    traits: { pointwise: true, monotone: o.monotone ?? false, idempotent: o.idempotent ?? false },
    infer: ([x]) => (x.dtype === 'f32' || x.dtype === 'i32' ? types(x) : violates('c1', `x is ${x.dtype}`)),
    evaluate: ([x], _a, [y]) => apply(x, y, x.dtype === 'f32' ? o.f : (v) => Math.min(o.f(v), INT32_MAX)),
    range: ([x]) => [mapMonotone(o.bound(x), (v) => Math.min(v, INT32_MAX))],
    cost: (_o, _a, results) => resultCount(results),
    samples: [...samples, { operands: [{ type: 'i32[2,9]', lo: -99, hi: 99 }] }, { operands: ['i32[19]'] }],
  });

const round = (x: number): number => {
  const f = Math.floor(x);
  const d = x - f;
  return d < 0.5 ? f : d > 0.5 ? f + 1 : f % 2 === 0 ? f : f + 1;
};

const sign = (x: number): number => (x > 0 ? 1 : x < 0 ? -1 : x === 0 ? 0 : x);

const SQRT_HALF = 0.7071067811865476;

export const unary = {
  neg: unaryMixed({
    code: 0x20,
    summary: 'Negation.',
    doc: 'y = -x; for i32, -2^31 gives 2^31 - 1.',
    f: (x) => -x,
    bound: (r) => range(-r.hi, -r.lo),
  }),
  abs: unaryMixed({
    code: 0x21,
    summary: 'Absolute value.',
    doc: 'y = |x|; for i32, -2^31 gives 2^31 - 1.',
    f: Math.abs,
    bound: (r) => range(r.lo > 0 ? r.lo : r.hi < 0 ? -r.hi : 0, Math.max(Math.abs(r.lo), Math.abs(r.hi))),
    idempotent: true,
  }),
  relu: unaryMixed({
    code: 0x22,
    summary: 'max(x, 0).',
    doc: 'y = x if x > 0, else 0; NaN stays NaN.',
    f: (x) => (x > 0 || x !== x ? x : 0),
    bound: (r) => mapMonotone(r, (v) => Math.max(v, 0)),
    monotone: true,
    idempotent: true,
  }),
  clip: primitive({
    code: 0x23,
    summary: 'Clamp to [min, max].',
    doc: 'y = min(max(x, min), max); NaN stays NaN.',
    operands: ['x'],
    attrs: { min: attr.f32(), max: attr.f32() },
    constraints: {
      c1: constraint('x is f32.', ['bool[2]'], { min: 0, max: 1 }),
      c2: constraint('min <= max.', ['f32[2]'], { min: 2, max: 1 }),
    },
    traits: { pointwise: true, monotone: true, idempotent: true },
    infer: ([x], a) =>
      x.dtype !== 'f32'
        ? violates('c1', `x is ${x.dtype}`)
        : a.min > a.max
          ? violates('c2', `min is ${a.min} but max is ${a.max}`)
          : types(x),
    evaluate: ([x], a, [y]) => apply(x, y, (v) => (v < a.min ? a.min : v > a.max ? a.max : v)),
    range: () => [],
    cost: (_o, _a, results) => resultCount(results),
    samples: [{ operands: ['f32[3,5]'], attrs: { min: -1, max: 1.5 } }],
  }),
  leaky_relu: primitive({
    code: 0x24,
    summary: 'x where x >= 0, else alpha * x.',
    doc: 'y = x if x >= 0, else fl(alpha * x).',
    operands: ['x'],
    attrs: { alpha: attr.f32() },
    constraints: { c1: constraint('x is f32.', ['bool[2]'], { alpha: 0.5 }) },
    traits: { pointwise: true },
    infer: inferFloat,
    evaluate: ([x], a, [y]) => apply(x, y, (v) => (v < 0 ? a.alpha * v : v)),
    range: () => [],
    cost: (_o, _a, results) => resultCount(results),
    samples: [{ operands: ['f32[3,5]'], attrs: { alpha: 0.125 } }],
  }),
  shrink: primitive({
    code: 0x38,
    summary: 'Moves values outside [-lambd, lambd] toward 0 by bias, and clears those inside.',
    doc: 'y = fl(x + bias) if x < -lambd, fl(x - bias) if x > lambd, else 0 (NaN gives 0).',
    operands: ['x'],
    attrs: { bias: attr.f32({ default: 0 }), lambd: attr.f32({ default: 0.5 }) },
    constraints: { c1: constraint('x is f32.', ['bool[2]']) },
    traits: { pointwise: true },
    infer: inferFloat,
    evaluate: ([x], a, [y]) => apply(x, y, (v) => (v < -a.lambd ? v + a.bias : v > a.lambd ? v - a.bias : 0)),
    range: () => [],
    cost: (_o, _a, results) => 2 * resultCount(results),
    samples: [{ operands: ['f32[3,9]'] }, { operands: ['f32[17]'], attrs: { bias: 0.75, lambd: 1.5 } }],
  }),
  elu: primitive({
    code: 0x25,
    summary: 'Exponential linear unit with scales.',
    doc: 'y = gamma * x if x > 0, else gamma * alpha * (e^x - 1), in float64, rounded once. SELU is this op with its two constants.',
    operands: ['x'],
    attrs: { alpha: attr.f32({ default: 1 }), gamma: attr.f32({ default: 1 }) },
    constraints: floatOnly,
    traits: { pointwise: true },
    infer: inferFloat,
    evaluate: ([x], a, [y]) => apply(x, y, (v) => (v > 0 ? a.gamma * v : a.gamma * (a.alpha * (exp64(v) - 1)))),
    range: () => [],
    cost: (_o, _a, results) => 4 * resultCount(results),
    samples: [...samples, { operands: ['f32[9]'], attrs: { alpha: 2, gamma: 0.5 } }],
  }),
  sigmoid: unaryFloat({
    code: 0x26,
    summary: '1 / (1 + e^-x).',
    doc: 'y = 1 / (1 + e^-x) in float64, rounded once.',
    f: sigmoid64,
    work: 4,
    weight: 20,
    monotone: true,
  }),
  tanh: unaryFloat({
    code: 0x27,
    summary: 'Hyperbolic tangent.',
    doc: 'y = tanh(x) in float64, rounded once.',
    f: tanh64,
    work: 4,
    weight: 19,
    monotone: true,
  }),
  erf: unaryFloat({
    code: 0x28,
    summary: 'Error function.',
    doc: 'y = erf(x) in float64, rounded once.',
    f: erf64,
    work: 8,
    weight: 108,
    monotone: true,
  }),
  exp: unaryFloat({ code: 0x29, summary: 'e^x.', doc: 'y = e^x in float64, rounded once.', f: exp64, work: 4, weight: 20, monotone: true }),
  log: unaryFloat({
    code: 0x2a,
    summary: 'Natural logarithm.',
    doc: 'y = ln x in float64, rounded once; x < 0 is NaN, ln 0 = -infinity.',
    f: log64,
    work: 4,
    weight: 19,
    samples: positive,
  }),
  sqrt: unaryFloat({
    code: 0x2b,
    summary: 'Square root.',
    doc: 'y = sqrt(x), correctly rounded; x < 0 is NaN.',
    f: Math.sqrt,
    samples: positive,
  }),
  softplus: unaryFloat({
    code: 0x2c,
    summary: 'ln(1 + e^x).',
    doc: 'y = max(x, 0) + ln(1 + e^-|x|) in float64, rounded once.',
    f: softplus64,
    work: 8,
    weight: 23,
    monotone: true,
  }),
  floor: unaryFloat({ code: 0x2d, summary: 'Greatest integer not above x.', doc: 'y = floor(x).', f: Math.floor, monotone: true }),
  ceil: unaryFloat({ code: 0x2e, summary: 'Least integer not below x.', doc: 'y = ceil(x).', f: Math.ceil, monotone: true }),
  round: unaryFloat({
    code: 0x2f,
    summary: 'Nearest integer, ties to even.',
    doc: 'y = x rounded to the nearest integer, ties to even.',
    f: round,
    weight: 50,
    monotone: true,
  }),
  sign: unaryMixed({
    code: 0xcb,
    summary: 'Sign.',
    doc: 'y = 1 where x > 0, -1 where x < 0, +0 where x = 0; NaN stays NaN.',
    f: sign,
    bound: (r) => mapMonotone(r, sign),
    monotone: true,
    idempotent: true,
  }),
  trunc: unaryFloat({
    code: 0xcc,
    summary: 'Integer part of x.',
    doc: 'y = x rounded toward zero; keeps the sign of zero.',
    f: Math.trunc,
  }),

  relu6: composite({
    code: 0x30,
    summary: 'min(max(x, 0), 6).',
    doc: 'y = clip(x, 0, 6).',
    operands: ['x'],
    attrs: {},
    constraints: floatOnly,
    traits: { pointwise: true, monotone: true, idempotent: true },
    infer: inferFloat,
    decompose: (b, [x]) => [b.emit('clip', [x], { min: 0, max: 6 })],
    cost: (_o, _a, results) => resultCount(results),
    samples,
  }),
  hard_sigmoid: composite({
    code: 0x31,
    summary: 'clip(alpha * x + beta, 0, 1).',
    doc: 'y = clip(fl(fl(alpha * x) + beta), 0, 1).',
    operands: ['x'],
    attrs: { alpha: attr.f32({ default: 0.20000000298023224 }), beta: attr.f32({ default: 0.5 }) },
    constraints: floatOnly,
    traits: { pointwise: true },
    infer: inferFloat,
    decompose: (b, [x], a) => {
      const scaled = b.emit('mul', [x, b.constant({ dtype: 'f32', shape: [] }, [a.alpha])]);
      return [b.emit('clip', [b.emit('add', [scaled, b.constant({ dtype: 'f32', shape: [] }, [a.beta])])], { min: 0, max: 1 })];
    },
    cost: (_o, _a, results) => 3 * resultCount(results),
    samples,
  }),
  hard_swish: composite({
    code: 0x32,
    summary: 'x * hard_sigmoid(x) with alpha 1/6.',
    doc: 'y = x * clip(fl(fl(x / 6) + 0.5), 0, 1) with 1/6 rounded to float32.',
    operands: ['x'],
    attrs: {},
    constraints: floatOnly,
    traits: { pointwise: true },
    infer: inferFloat,
    decompose: (b, [x]) => [b.emit('mul', [x, b.emit('hard_sigmoid', [x], { alpha: Math.fround(1 / 6), beta: 0.5 })])],
    cost: (_o, _a, results) => 4 * resultCount(results),
    samples,
  }),
  silu: composite({
    code: 0x33,
    summary: 'x * sigmoid(x) (swish).',
    doc: 'y = fl(x * sigmoid(x)).',
    operands: ['x'],
    attrs: {},
    constraints: floatOnly,
    traits: { pointwise: true },
    infer: inferFloat,
    decompose: (b, [x]) => [b.emit('mul', [x, b.emit('sigmoid', [x])])],
    weight: 17,
    cost: (_o, _a, results) => 5 * resultCount(results),
    samples,
  }),
  gelu: composite({
    code: 0x34,
    summary: 'Gaussian error linear unit, erf or tanh form.',
    doc: 'erf: y = 0.5 x (1 + erf(x / sqrt 2)); tanh: y = 0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))). The forms differ by up to 4.73e-4.',
    operands: ['x'],
    attrs: { approximate: attr.oneOf(['none', 'tanh'], { default: 'none' }) },
    constraints: floatOnly,
    traits: { pointwise: true },
    infer: inferFloat,
    decompose: (b, [x], a) => {
      const c = (v: number) => b.constant({ dtype: 'f32', shape: [] }, [Math.fround(v)]);
      const half = b.emit('mul', [x, c(0.5)]);
      if (a.approximate === 'none') {
        return [b.emit('mul', [half, b.emit('add', [b.emit('erf', [b.emit('mul', [x, c(SQRT_HALF)])]), c(1)])])];
      }
      const cube = b.emit('mul', [b.emit('mul', [x, x]), x]);
      const inner = b.emit('mul', [b.emit('add', [x, b.emit('mul', [cube, c(0.044715)])]), c(0.7978845608028654)]);
      return [b.emit('mul', [half, b.emit('add', [b.emit('tanh', [inner]), c(1)])])];
    },
    weight: 73,
    cost: (_o, _a, results) => 12 * resultCount(results),
    samples: [...samples, { operands: [{ type: 'f32[11]', lo: -4, hi: 4 }], attrs: { approximate: 'tanh' } }],
  }),
  softsign: composite({
    code: 0x35,
    summary: 'x / (1 + |x|).',
    doc: 'y = fl(x / fl(1 + |x|)).',
    operands: ['x'],
    attrs: {},
    constraints: floatOnly,
    traits: { pointwise: true, monotone: true },
    infer: inferFloat,
    decompose: (b, [x]) => [b.emit('div', [x, b.emit('add', [b.emit('abs', [x]), b.constant({ dtype: 'f32', shape: [] }, [1])])])],
    cost: (_o, _a, results) => 3 * resultCount(results),
    samples,
  }),
  reciprocal: composite({
    code: 0x36,
    summary: '1 / x.',
    doc: 'y = fl(1 / x).',
    operands: ['x'],
    attrs: {},
    constraints: floatOnly,
    traits: { pointwise: true },
    infer: inferFloat,
    decompose: (b, [x]) => [b.emit('div', [b.constant({ dtype: 'f32', shape: [] }, [1]), x])],
    cost: (_o, _a, results) => resultCount(results),
    samples,
  }),
  rsqrt: composite({
    code: 0xcd,
    summary: '1 / sqrt(x).',
    doc: 'y = fl(1 / fl(sqrt x)); x < 0 is NaN, 0 gives infinity.',
    operands: ['x'],
    attrs: {},
    constraints: floatOnly,
    traits: { pointwise: true },
    infer: inferFloat,
    decompose: (b, [x]) => [b.emit('reciprocal', [b.emit('sqrt', [x])])],
    cost: (_o, _a, results) => 2 * resultCount(results),
    samples: positive,
  }),
  clamp: primitive({
    code: 0x37,
    summary: 'Clamp integers to [lo, hi].',
    doc: 'y = min(max(x, lo), hi) for i8, u8, i16 and i32.',
    operands: ['x'],
    attrs: { lo: attr.int(), hi: attr.int() },
    constraints: {
      c1: constraint('x is i8, u8, i16 or i32.', ['f32[2]'], { lo: 0, hi: 1 }),
      c2: constraint('lo <= hi, both values of the dtype of x.', ['i8[2]'], { lo: 0, hi: 200 }),
    },
    traits: { pointwise: true, monotone: true, idempotent: true },
    infer: ([x], a) => {
      if (!isOneOf(x, 'i8', 'u8', 'i16', 'i32')) return violates('c1', `x is ${x.dtype}`);
      const fits = a.lo <= a.hi && holds(x.dtype, a.lo) && holds(x.dtype, a.hi);
      return fits ? types(x) : violates('c2', `lo is ${a.lo} and hi is ${a.hi} but x is ${x.dtype}`);
    },
    evaluate: ([x], a, [y]) => apply(x, y, (v) => clamp(v, a.lo, a.hi)),
    range: ([x], a) => [mapMonotone(x, (v) => clamp(v, a.lo, a.hi))],
    cost: (_o, _a, results) => resultCount(results),
    samples: [
      { operands: ['i8[2,9]'], attrs: { lo: -100, hi: 50 } },
      { operands: ['i32[5]'], attrs: { lo: -100, hi: 50 } },
    ],
  }),
} as const;
