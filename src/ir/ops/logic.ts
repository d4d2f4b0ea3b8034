import { type Range, range } from '../range.ts';
import { attr } from '../attr.ts';
import { composite, constraint, type Decomposer, primitive, type Sample, types, violates, type Wire } from '../schema.ts';
import { formatShape } from '../types.ts';
import { broadcast, broadcastAll, broadcastIndex, isOneOf, resultCount } from './util.ts';

interface Comparison {
  readonly code: number;
  readonly summary: string;
  readonly doc: string;
  readonly test: (a: number, b: number) => boolean;
  readonly commutative?: boolean;
}

const samples: readonly Sample[] = [
  { operands: ['f32[2,3]', 'f32[3]'] },
  {
    operands: [
      { type: 'i32[3,4]', lo: -2, hi: 2 },
      { type: 'i32[3,4]', lo: -2, hi: 2 },
    ],
  },
  {
    operands: [
      { type: 'i8[9]', lo: -1, hi: 1 },
      { type: 'i8[1]', lo: 0, hi: 0 },
    ],
  },
];

const comparison = (o: Comparison) =>
  primitive({
    code: o.code,
    summary: o.summary,
    doc: o.doc,
    operands: ['a', 'b'],
    attrs: {},
    constraints: {
      c1: constraint('a and b have the same dtype.', ['i32[2]', 'f32[2]']),
      c2: constraint('Shapes broadcast.', ['i32[2,3]', 'i32[2,2]']),
    },
    traits: { commutative: o.commutative ?? false },
    infer: ([a, b]) => {
      if (a.dtype !== b.dtype) return violates('c1', `a is ${a.dtype} but b is ${b.dtype}`);
      const shape = broadcast(a.shape, b.shape);
      return shape === undefined
        ? violates('c2', `a has shape ${formatShape(a.shape)} but b has shape ${formatShape(b.shape)}`)
        : types({ dtype: 'bool', shape });
    },
    evaluate: ([a, b], _attrs, [y]) => {
      if (y === undefined) return;
      const ai = broadcastIndex(a.shape, y.shape);
      const bi = broadcastIndex(b.shape, y.shape);
      for (let i = 0; i < y.data.length; i++) y.data[i] = o.test(a.data[ai[i]!]!, b.data[bi[i]!]!) ? 1 : 0;
    },
    range: () => [range(0, 1)],
    cost: (_o, _a, results) => resultCount(results),
    samples,
  });

const union = (a: Range, b: Range): Range => range(Math.min(a.lo, b.lo), Math.max(a.hi, b.hi));

interface Connective {
  readonly code: number;
  readonly summary: string;
  readonly doc: string;
  readonly decompose: (b: Decomposer, x: Wire, y: Wire) => Wire;
}

const connective = (o: Connective) =>
  composite({
    code: o.code,
    summary: o.summary,
    doc: o.doc,
    operands: ['a', 'b'],
    attrs: {},
    constraints: {
      c1: constraint('a and b are bool.', ['i32[2]', 'i32[2]']),
      c2: constraint('Shapes broadcast.', ['bool[2,3]', 'bool[2,2]']),
    },
    traits: { commutative: true },
    infer: ([a, b]) => {
      if (a.dtype !== 'bool' || b.dtype !== 'bool') return violates('c1', `a is ${a.dtype} and b is ${b.dtype}`);
      const shape = broadcast(a.shape, b.shape);
      return shape === undefined
        ? violates('c2', `a has shape ${formatShape(a.shape)} but b has shape ${formatShape(b.shape)}`)
        : types({ dtype: 'bool', shape });
    },
    decompose: (b, [x, y]) => [o.decompose(b, x, y)],
    cost: (_o, _a, results) => resultCount(results),
    samples: [{ operands: ['bool[2,3]', 'bool[3]'] }, { operands: ['bool[2,1]', 'bool[1,5]'] }, { operands: ['bool[]', 'bool[7]'] }],
  });

const truth = (b: Decomposer, value: 0 | 1): Wire => b.constant({ dtype: 'bool', shape: [] }, [value]);

const floats: readonly Sample[] = [
  { operands: ['f32[2,5]'] },
  { operands: [{ type: 'f32[5]', data: [0, 3.4e38, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -1] }] },
];
const infinities: readonly Sample[] = [
  ...floats,
  ...floats.map((s) => ({ ...s, attrs: { negative: false } })),
  ...floats.map((s) => ({ ...s, attrs: { positive: false } })),
  ...floats.map((s) => ({ ...s, attrs: { negative: false, positive: false } })),
];

export const logic = {
  equal: comparison({
    code: 0x40,
    summary: 'a = b.',
    doc: 'y = 1 where a = b, else 0; NaN equals nothing; -0 = +0.',
    test: (a, b) => a === b,
    commutative: true,
  }),
  less: comparison({ code: 0x41, summary: 'a < b.', doc: 'y = 1 where a < b, else 0; false for NaN.', test: (a, b) => a < b }),
  less_equal: comparison({ code: 0x42, summary: 'a <= b.', doc: 'y = 1 where a <= b, else 0; false for NaN.', test: (a, b) => a <= b }),
  logical_not: primitive({
    code: 0x43,
    summary: 'Logical negation.',
    doc: 'y = 1 - x for bool.',
    operands: ['x'],
    attrs: {},
    constraints: { c1: constraint('x is bool.', ['i32[2]']) },
    traits: {},
    infer: ([x]) => (x.dtype === 'bool' ? types(x) : violates('c1', `x is ${x.dtype}`)),
    evaluate: ([x], _a, [y]) => {
      if (y !== undefined) for (let i = 0; i < y.data.length; i++) y.data[i] = x.data[i] === 0 ? 1 : 0;
    },
    range: () => [range(0, 1)],
    cost: (_o, _a, results) => resultCount(results),
    samples: [{ operands: ['bool[2,5]'] }],
  }),
  select: primitive({
    code: 0x44,
    summary: 'Elements of a where the condition holds, else of b.',
    doc: 'y = condition ? a : b, with broadcast of all three.',
    operands: ['condition', 'a', 'b'],
    attrs: {},
    constraints: {
      c1: constraint('condition is bool; a and b have the same dtype.', ['i32[2]', 'i32[2]', 'i32[2]']),
      c2: constraint('Shapes broadcast.', ['bool[2]', 'i32[3]', 'i32[3]']),
    },
    infer: ([c, a, b]) => {
      if (!isOneOf(c, 'bool') || a.dtype !== b.dtype) return violates('c1', `condition is ${c.dtype}, a is ${a.dtype}, b is ${b.dtype}`);
      const shape = broadcastAll([c.shape, a.shape, b.shape]);
      return shape === undefined
        ? violates('c2', `shapes are ${[c, a, b].map((t) => formatShape(t.shape)).join(', ')}`)
        : types({ dtype: a.dtype, shape });
    },
    evaluate: ([c, a, b], _attrs, [y]) => {
      if (y === undefined) return;
      const [ci, ai, bi] = [c, a, b].map((t) => broadcastIndex(t.shape, y.shape));
      for (let i = 0; i < y.data.length; i++) y.data[i] = c.data[ci![i]!]! !== 0 ? a.data[ai![i]!]! : b.data[bi![i]!]!;
    },
    range: ([, a, b]) => [union(a, b)],
    cost: (_o, _a, results) => resultCount(results),
    samples: [{ operands: ['bool[2,3]', 'i8[3]', 'i8[2,1]'] }, { operands: ['bool[1]', 'f32[4]', 'f32[4]'] }],
  }),
  is_nan: primitive({
    code: 0xda,
    summary: 'Where x is NaN.',
    doc: 'y = 1 where x is NaN, else 0.',
    operands: ['x'],
    attrs: {},
    constraints: { c1: constraint('x is f32.', ['i32[2]']) },
    infer: ([x]) => (x.dtype === 'f32' ? types({ dtype: 'bool', shape: x.shape }) : violates('c1', `x is ${x.dtype}`)),
    evaluate: ([x], _a, [y]) => {
      if (y !== undefined) for (let i = 0; i < y.data.length; i++) y.data[i] = x.data[i] !== x.data[i] ? 1 : 0;
    },
    range: () => [range(0, 1)],
    cost: (_o, _a, results) => resultCount(results),
    samples: floats,
  }),
  is_inf: primitive({
    code: 0xdb,
    summary: 'Where x is infinite.',
    doc: 'y = 1 where x is +infinity (if `positive`) or -infinity (if `negative`), else 0.',
    operands: ['x'],
    attrs: { negative: attr.bool({ default: true }), positive: attr.bool({ default: true }) },
    constraints: { c1: constraint('x is f32.', ['i32[2]']) },
    infer: ([x]) => (x.dtype === 'f32' ? types({ dtype: 'bool', shape: x.shape }) : violates('c1', `x is ${x.dtype}`)),
    evaluate: ([x], a, [y]) => {
      if (y === undefined) return;
      const hi = a.positive ? Number.POSITIVE_INFINITY : Number.NaN;
      const lo = a.negative ? Number.NEGATIVE_INFINITY : Number.NaN;
      for (let i = 0; i < y.data.length; i++) y.data[i] = x.data[i] === hi || x.data[i] === lo ? 1 : 0;
    },
    range: () => [range(0, 1)],
    cost: (_o, _a, results) => resultCount(results),
    samples: infinities,
  }),
  logical_and: connective({
    code: 0xdc,
    summary: 'a and b.',
    doc: 'y = select(a, b, false).',
    decompose: (b, x, y) => b.emit('select', [x, y, truth(b, 0)]),
  }),
  logical_or: connective({
    code: 0xdd,
    summary: 'a or b.',
    doc: 'y = select(a, true, b).',
    decompose: (b, x, y) => b.emit('select', [x, truth(b, 1), y]),
  }),
  logical_xor: connective({
    code: 0xde,
    summary: 'Either a or b.',
    doc: 'y = not(a = b).',
    decompose: (b, x, y) => b.emit('logical_not', [b.emit('equal', [x, y])]),
  }),
} as const;
