import { divTrunc, pow64 } from '../numeric/index.ts';
import { addRange, mulRange, type Range, range, subRange } from '../range.ts';
import { constraint, type InferResult, primitive, types, violates } from '../schema.ts';
import { formatShape, sameShape, type Tensor, type TensorType } from '../types.ts';
import { broadcast, broadcastIndex, isOneOf, resultCount } from './util.ts';

type Kernel = (a: Tensor['data'], b: Tensor['data'], y: Tensor['data'], ai: Int32Array | undefined, bi: Int32Array | undefined) => void;

/** One monomorphic loop per dtype; the index tables are left out when shapes are equal. */
const float =
  (f: (a: number, b: number) => number): Kernel =>
  (a, b, y, ai, bi) => {
    for (let i = 0; i < y.length; i++) y[i] = f(a[ai === undefined ? i : ai[i]!]!, b[bi === undefined ? i : bi[i]!]!);
  };
const int =
  (f: (a: number, b: number) => number): Kernel =>
  (a, b, y, ai, bi) => {
    for (let i = 0; i < y.length; i++) y[i] = f(a[ai === undefined ? i : ai[i]!]!, b[bi === undefined ? i : bi[i]!]!) | 0;
  };

const run = (kernel: Kernel, a: Tensor, b: Tensor, y: Tensor): void => {
  const index = (t: Tensor): Int32Array | undefined => (sameShape(t.shape, y.shape) ? undefined : broadcastIndex(t.shape, y.shape));
  kernel(a.data, b.data, y.data, index(a), index(b));
};

const inferBroadcast = (a: TensorType, b: TensorType): InferResult => {
  if (a.dtype !== b.dtype) return violates('c1', `a is ${a.dtype} but b is ${b.dtype}`);
  if (!isOneOf(a, 'i32', 'f32')) return violates('c2', `a and b are ${a.dtype}`);
  const shape = broadcast(a.shape, b.shape);
  if (shape === undefined) return violates('c3', `a has shape ${formatShape(a.shape)} but b has shape ${formatShape(b.shape)}`);
  return types({ dtype: a.dtype, shape });
};

const constraints = {
  c1: constraint('a and b have the same dtype.', ['i32[2]', 'f32[2]']),
  c2: constraint('The dtype is i32 or f32 (quantized tensors add through add_rescale, multiply through mul_rescale).', ['i8[2]', 'i8[2]']),
  c3: constraint('Shapes broadcast: aligned at the end, sizes are equal or 1.', ['i32[2,3]', 'i32[2,2]']),
} as const;

const floatSamples = [
  { operands: ['f32[2,3,5]', 'f32[3,1]'] },
  { operands: ['f32[17]', 'f32[17]'] },
  { operands: ['f32[2,0]', 'f32[1]'] },
] as const;
const small = (type: string): { type: string; lo: number; hi: number } => ({ type, lo: -30000, hi: 30000 });
const intSamples = [
  { operands: [small('i32[2,3,5]'), small('i32[3,1]')] },
  { operands: [small('i32[19]'), small('i32[19]')] },
  { operands: [small('i32[4,1]'), small('i32[1,5]')] },
  { operands: [small('i32[]'), small('i32[2]')] },
];

interface Binary {
  readonly code: number;
  readonly summary: string;
  readonly doc: string;
  readonly f32: (a: number, b: number) => number;
  readonly i32: (a: number, b: number) => number;
  readonly bound: (a: Range, b: Range) => Range;
  readonly commutative?: boolean;
  readonly weight?: number;
}

const binary = (o: Binary) =>
  primitive({
    code: o.code,
    summary: o.summary,
    doc: o.doc,
    operands: ['a', 'b'],
    attrs: {},
    constraints,
    traits: { commutative: o.commutative ?? false },
    infer: ([a, b]) => inferBroadcast(a, b),
    evaluate: ([a, b], _attrs, [y]) => {
      if (y !== undefined) run(y.dtype === 'f32' ? float(o.f32) : int(o.i32), a, b, y);
    },
    range: ([a, b]) => [o.bound(a, b)],
    weight: o.weight ?? 1,
    cost: (_o, _a, results) => resultCount(results),
    samples: [...floatSamples, ...intSamples],
  });

const divBound = (a: Range): Range => {
  const m = Math.max(Math.abs(a.lo), Math.abs(a.hi));
  return range(-Math.min(m, 2 ** 31), Math.min(m, 2 ** 31 - 1));
};

export const arithmetic = {
  add: binary({
    code: 0x10,
    summary: 'Sum with broadcast.',
    doc: 'y = a + b. i32 wraps (proven not to); f32 rounds once.',
    f32: (a, b) => a + b,
    i32: (a, b) => a + b,
    bound: addRange,
    commutative: true,
  }),
  sub: binary({
    code: 0x11,
    summary: 'Difference with broadcast.',
    doc: 'y = a - b. i32 wraps (proven not to); f32 rounds once.',
    f32: (a, b) => a - b,
    i32: (a, b) => a - b,
    bound: subRange,
  }),
  mul: binary({
    code: 0x12,
    summary: 'Product with broadcast.',
    doc: 'y = a * b. i32 wraps (proven not to); f32 rounds once.',
    f32: (a, b) => a * b,
    i32: Math.imul,
    bound: mulRange,
    commutative: true,
  }),
  div: binary({
    code: 0x13,
    weight: 13,
    summary: 'Quotient with broadcast.',
    doc: 'y = a / b. f32 rounds once. i32 truncates toward zero; x / 0 = 0 and -2^31 / -1 = 2^31 - 1.',
    f32: (a, b) => a / b,
    i32: divTrunc,
    bound: divBound,
  }),
  maximum: binary({
    code: 0x14,
    summary: 'Greater of two, with broadcast.',
    doc: 'y = max(a, b). f32: NaN wins, and -0 < +0.',
    f32: Math.max,
    i32: Math.max,
    bound: (a, b) => range(Math.max(a.lo, b.lo), Math.max(a.hi, b.hi)),
    commutative: true,
  }),
  minimum: binary({
    code: 0x15,
    summary: 'Lesser of two, with broadcast.',
    doc: 'y = min(a, b). f32: NaN wins, and -0 < +0.',
    f32: Math.min,
    i32: Math.min,
    bound: (a, b) => range(Math.min(a.lo, b.lo), Math.min(a.hi, b.hi)),
    commutative: true,
  }),
  pow: primitive({
    code: 0x16,
    summary: 'Power with broadcast (float).',
    doc: 'y = a^b through exp(b ln |a|) in the strict sequence; exponents 0, 1, 2 and 0.5 are exact; a^0 = 1; a < 0 with fractional b is NaN.',
    operands: ['a', 'b'],
    attrs: {},
    constraints: {
      c1: constraint('a and b are f32.', ['i32[2]', 'i32[2]']),
      c2: constraint('Shapes broadcast.', ['f32[2,3]', 'f32[2,2]']),
    },
    infer: ([a, b]) => {
      if (a.dtype !== 'f32' || b.dtype !== 'f32') return violates('c1', `a is ${a.dtype}, b is ${b.dtype}`);
      const shape = broadcast(a.shape, b.shape);
      return shape === undefined
        ? violates('c2', `a has shape ${formatShape(a.shape)} but b has shape ${formatShape(b.shape)}`)
        : types({ dtype: 'f32', shape });
    },
    evaluate: ([a, b], _attrs, [y]) => {
      if (y !== undefined) run(float(pow64), a, b, y);
    },
    range: () => [],
    weight: 28,
    cost: (_o, _a, results) => 8 * resultCount(results),
    samples: [
      {
        operands: [
          { type: 'f32[3,4]', lo: 0, hi: 9 },
          { type: 'f32[4]', lo: -3, hi: 3 },
        ],
      },
      { operands: ['f32[5]', { type: 'f32[]', data: [2] }] },
      {
        operands: [
          { type: 'f32[6]', data: [-2, -1, 0, 1, 2, 3] },
          { type: 'f32[6]', data: [3, 0.5, 0, -1, -2, 1.5] },
        ],
      },
    ],
  }),
} as const;
