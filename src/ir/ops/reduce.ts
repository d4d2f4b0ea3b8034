import { attr } from '../attr.ts';
import { rdiv, sumF3 } from '../numeric/index.ts';
import { type Range, range } from '../range.ts';
import { constraint, type InferResult, primitive, type RangeContext, type Sample, types, violates } from '../schema.ts';
import { type Dim, type DType, DTYPE_INFO, elementCount, stridesOf, type Tensor, type TensorType } from '../types.ts';
import { describe, isOneOf, movedRange, resolveAxes, resolveAxis, splitAt, stridedIndex } from './util.ts';

const attrs = { axes: attr.ints({ min: -8, max: 7 }), keep: attr.bool({ default: false }) } as const;
interface ReduceAttrs {
  readonly axes: readonly number[];
  readonly keep: boolean;
}

const reducedShape = (shape: readonly Dim[], axes: readonly number[], keep: boolean): Dim[] =>
  keep ? shape.map((d, i) => (axes.includes(i) ? 1 : d)) : shape.filter((_, i) => !axes.includes(i));

const infer = (x: TensorType, a: ReduceAttrs, allowed: readonly DType[], result: (d: DType) => DType): InferResult => {
  const axes = resolveAxes(a.axes, x.shape.length);
  if (axes === undefined) return violates('c1', `axes ${a.axes.join(', ')} for ${describe('x', x)}`);
  if (!isOneOf(x, ...allowed)) return violates('c2', `x is ${x.dtype}`);
  return types({ dtype: result(x.dtype), shape: reducedShape(x.shape, axes, a.keep) });
};

const constraints = {
  c1: constraint('axes are within the rank of x and named once.', ['f32[2,3]'], { axes: [2] }),
  c2: constraint('x has a dtype that the op takes (bool is not one).', ['bool[2,3]'], { axes: [1] }),
} as const;

/** Offsets of the kept positions, and of the reduced elements relative to one of them, both in row-major order. */
const walk = (x: Tensor, a: ReduceAttrs): { kept: Int32Array; inner: Int32Array } => {
  const axes = resolveAxes(a.axes, x.shape.length) ?? [];
  const strides = stridesOf(x.shape);
  const pick = (inside: boolean) => {
    const dims = x.shape.map((_, i) => i).filter((i) => axes.includes(i) === inside);
    return stridedIndex(
      dims.map((i) => x.shape[i] ?? 1),
      dims.map((i) => strides[i] ?? 1),
      0,
    );
  };
  return { kept: pick(false), inner: pick(true) };
};

const reducedCount = (a: ReduceAttrs, context: RangeContext): number => {
  const shape = context.operandTypes[0]?.shape ?? [];
  return elementCount((resolveAxes(a.axes, shape.length) ?? []).map((i) => shape[i] ?? 1));
};

interface Reduction {
  readonly code: number;
  readonly summary: string;
  readonly doc: string;
  readonly dtypes: readonly DType[];
  readonly result?: (d: DType) => DType;
  /** Reduces n values of the dtype read through `term`. */
  readonly int: (n: number, term: (i: number) => number, dtype: DType) => number;
  readonly f32: (n: number, term: (i: number) => number, dtype: DType) => number;
  readonly bound: (x: Range, n: number, dtype: DType) => Range;
}

const samplesFor = (dtypes: readonly DType[]): readonly Sample[] =>
  dtypes.flatMap((d) => {
    const t = (shape: string) => (d === 'i32' ? { type: `i32${shape}`, lo: -1000, hi: 1000 } : `${d}${shape}`);
    return [
      { operands: [t('[2,3,5]')], attrs: { axes: [1] } },
      { operands: [t('[2,3,5]')], attrs: { axes: [-1, 0], keep: true } },
      { operands: [t('[37]')], attrs: { axes: [0] } },
      { operands: [t('[2,4,6,7]')], attrs: { axes: [2, 3], keep: true } },
      { operands: [t('[2,0]')], attrs: { axes: [1] } },
    ];
  });

const reduction = (o: Reduction) =>
  primitive({
    code: o.code,
    summary: o.summary,
    doc: o.doc,
    operands: ['x'],
    attrs,
    constraints,
    infer: ([x], a) => infer(x, a, o.dtypes, o.result ?? ((d) => d)),
    evaluate: ([x], a, [y]) => {
      if (y === undefined) return;
      const { kept, inner } = walk(x, a);
      const reduce = y.dtype === 'f32' ? o.f32 : o.int;
      for (let k = 0; k < kept.length; k++) {
        const base = kept[k]!;
        y.data[k] = reduce(inner.length, (i) => x.data[base + inner[i]!]!, x.dtype);
      }
    },
    range: ([x], a, context) => [o.bound(x, reducedCount(a, context), context.operandTypes[0]?.dtype ?? 'i32')],
    weight: 8,
    cost: ([x]) => elementCount(x.shape),
    samples: samplesFor(o.dtypes),
  });

const fold =
  (start: number, f: (a: number, b: number) => number) =>
  (n: number, term: (i: number) => number): number => {
    let acc = start;
    for (let i = 0; i < n; i++) acc = f(acc, term(i));
    return acc;
  };
const wrapSum = fold(0, (a, b) => (a + b) | 0);

/** What changes no maximum (sign 1) or no minimum (-1): the result of reducing nothing (NUMERICS §8 E). */
const extremeOfNothing = (sign: 1 | -1, dtype: DType): number => (sign === 1 ? DTYPE_INFO[dtype].lo : DTYPE_INFO[dtype].hi);

const extreme =
  (sign: 1 | -1, f: (a: number, b: number) => number) =>
  (n: number, term: (i: number) => number, dtype: DType): number => {
    let acc = extremeOfNothing(sign, dtype);
    for (let i = 0; i < n; i++) acc = f(acc, term(i));
    return acc;
  };
const extremeBound =
  (sign: 1 | -1) =>
  (x: Range, n: number, dtype: DType): Range => {
    if (n > 0) return movedRange(x);
    return range(extremeOfNothing(sign, dtype), extremeOfNothing(sign, dtype));
  };

const argReduce = (code: number, name: 'greatest' | 'least', better: (a: number, b: number) => boolean) =>
  primitive({
    code,
    summary: `Index of the ${name} element along an axis.`,
    doc: `y = index of the ${name} element; among equals the lowest index, or the highest with last. NaN never wins over a number. An empty axis gives 0.`,
    operands: ['x'],
    attrs: { axis: attr.int({ min: -8, max: 7 }), keep: attr.bool({ default: false }), last: attr.bool({ default: false }) },
    constraints: {
      c1: constraint('axis is within the rank of x.', ['f32[2,3]'], { axis: 2 }),
      c2: constraint('x is not bool.', ['bool[2,3]'], { axis: 1 }),
    },
    infer: ([x], a) => {
      const axis = resolveAxis(a.axis, x.shape.length);
      if (axis === undefined) return violates('c1', `axis ${a.axis} for ${describe('x', x)}`);
      if (x.dtype === 'bool') return violates('c2', 'x is bool');
      return types({ dtype: 'i32', shape: reducedShape(x.shape, [axis], a.keep) });
    },
    evaluate: ([x], a, [y]) => {
      if (y === undefined) return;
      const { outer, n, inner } = splitAt(x.shape, resolveAxis(a.axis, x.shape.length) ?? 0);
      for (let o = 0; o < outer; o++)
        for (let i = 0; i < inner; i++) {
          let best = 0;
          for (let k = 1; k < n; k++) {
            const v = x.data[(o * n + k) * inner + i]!;
            const b = x.data[(o * n + best) * inner + i]!;
            if (better(v, b) || (a.last && v === b) || (b !== b && v === v)) best = k;
          }
          y.data[o * inner + i] = best;
        }
    },
    range: (_o, a, context) => {
      const shape = context.operandTypes[0]?.shape ?? [];
      return [range(0, Math.max(0, (shape[resolveAxis(a.axis, shape.length) ?? 0] ?? 1) - 1))];
    },
    weight: 8,
    cost: ([x]) => elementCount(x.shape),
    samples: [
      { operands: ['f32[2,5,3]'], attrs: { axis: 1 } },
      { operands: [{ type: 'i8[3,9]', lo: -1, hi: 1 }], attrs: { axis: -1, keep: true } },
      { operands: [{ type: 'i32[7,2]', lo: 0, hi: 2 }], attrs: { axis: 0, last: true } },
    ],
  });

export const reduce = {
  reduce_sum: reduction({
    code: 0x60,
    summary: 'Sum over axes.',
    doc: 'i8, u8, i16 and i32 sum into i32 (wraps; proven not to). f32: order F3 over the reduced elements in row-major order. Empty: 0.',
    dtypes: ['i8', 'u8', 'i16', 'i32', 'f32'],
    result: (d) => (d === 'f32' ? 'f32' : 'i32'),
    int: wrapSum,
    f32: sumF3,
    bound: (x, n) => range(n * x.lo, n * x.hi),
  }),
  reduce_mean: reduction({
    code: 0x61,
    summary: 'Mean over axes.',
    doc: 'Integer: y = rdiv(sum, n), half up, same dtype. f32: fl(sum by F3 / n). Empty: 0.',
    dtypes: ['i8', 'u8', 'i16', 'f32'],
    int: (n, term) => (n === 0 ? 0 : rdiv(fold(0, (a, b) => a + b)(n, term), n)),
    f32: (n, term) => (n === 0 ? 0 : sumF3(n, term) / n),
    bound: (x, n) => (n === 0 ? range(0, 0) : movedRange(x)),
  }),
  reduce_max: reduction({
    code: 0x62,
    summary: 'Greatest element over axes.',
    doc: 'y = max; f32: NaN wins, -0 < +0. Empty: the least value of the dtype, f32: -infinity.',
    dtypes: ['i8', 'u8', 'i16', 'i32', 'f32'],
    int: extreme(1, Math.max),
    f32: extreme(1, Math.max),
    bound: extremeBound(1),
  }),
  reduce_min: reduction({
    code: 0x63,
    summary: 'Least element over axes.',
    doc: 'y = min; f32: NaN wins, -0 < +0. Empty: the greatest value of the dtype, f32: infinity.',
    dtypes: ['i8', 'u8', 'i16', 'i32', 'f32'],
    int: extreme(-1, Math.min),
    f32: extreme(-1, Math.min),
    bound: extremeBound(-1),
  }),
  reduce_prod: reduction({
    code: 0x64,
    summary: 'Product over axes (float).',
    doc: 'y = product in row-major order, rounding after each factor, from 1. Empty: 1.',
    dtypes: ['f32'],
    int: fold(1, Math.imul),
    f32: fold(1, (a, b) => Math.fround(a * b)),
    bound: () => range(0, 0),
  }),
  argmax: argReduce(0x65, 'greatest', (a, b) => a > b),
  argmin: argReduce(0x66, 'least', (a, b) => a < b),
} as const;
