import { attr } from '../attr.ts';
import { range } from '../range.ts';
import { composite, constraint, type InferResult, primitive, types, violates } from '../schema.ts';
import { elementCount, type Tensor, type TensorType } from '../types.ts';
import { describe, movedRange, resolveAxis, splitAt } from './util.ts';

/** Sorts after every number, in both directions. */
const NAN_KEY = 0x7fffffff;

/**
 * Integers in the order in which elements are taken: v itself, or the bits of a float32 as a sign-magnitude number
 * (+0 for both zeros). The complement turns the order round; no number has the key of NaN.
 */
const sortKeys = (x: Tensor, descending: boolean): Int32Array => {
  const keys = new Int32Array(x.data.length);
  if (x.dtype === 'f32') {
    const bits = new Int32Array(x.data.buffer, x.data.byteOffset, x.data.length);
    for (let i = 0; i < keys.length; i++) {
      const v = x.data[i]!;
      const b = v === 0 ? 0 : bits[i]!;
      const key = b ^ ((b >> 31) & 0x7fffffff);
      keys[i] = v !== v ? NAN_KEY : descending ? ~key : key;
    }
  } else for (let i = 0; i < keys.length; i++) keys[i] = descending ? ~x.data[i]! : x.data[i]!;
  return keys;
};

const sortConstraints = {
  c1: constraint('axis is within the rank of x.', ['f32[2,3]'], { axis: 2 }),
  c2: constraint('x is not bool.', ['bool[2,3]'], { axis: 1 }),
  c3: constraint('x has a number along axis.', ['f32[2,N]'], { axis: 1 }),
} as const;
const sortAttrs = { axis: attr.int({ min: -8, max: 7, default: -1 }), descending: attr.bool({ default: false }) } as const;

const inferSort = (x: TensorType, axis: number, result: TensorType['dtype']): InferResult => {
  const resolved = resolveAxis(axis, x.shape.length);
  if (resolved === undefined) return violates('c1', `axis ${axis} for ${describe('x', x)}`);
  if (x.dtype === 'bool') return violates('c2', 'x is bool');
  if (typeof x.shape[resolved] !== 'number') return violates('c3', `x has ${String(x.shape[resolved])} along axis ${axis}`);
  return types({ dtype: result, shape: x.shape });
};

const wholeAxis = (x: TensorType, axis: number): number => Number(x.shape[resolveAxis(axis, x.shape.length) ?? 0]);

/** log2 of n, rounded up. */
const levels = (n: number): number => (n < 2 ? 0 : 32 - Math.clz32(n - 1));

/** A step of merging an element. */
const SORT_WEIGHT = 28;

/** Ops that order elements: a total order (value, then index; NaN last), so that every algorithm agrees. */
export const sorting = {
  top_k: primitive({
    code: 0xe8,
    summary: 'The k greatest or least elements along an axis, in order, with their indices.',
    doc: 'values[j] = x[indices[j]] for the first k elements along axis in the order: greatest first (largest) or least first; among equals (-0 = +0) the lower index first; NaN after every number.',
    operands: ['x'],
    results: ['values', 'indices'],
    attrs: {
      axis: attr.int({ min: -8, max: 7, default: -1 }),
      k: attr.int({ min: 0 }),
      largest: attr.bool({ default: true }),
    },
    constraints: {
      c1: constraint('axis is within the rank of x.', ['f32[2,3]'], { axis: 2, k: 1 }),
      c2: constraint('x is not bool.', ['bool[2,3]'], { k: 1 }),
      c3: constraint('x has a number along axis, at least k.', ['f32[2,3]'], { k: 4 }),
    },
    infer: ([x], a) => {
      const axis = resolveAxis(a.axis, x.shape.length);
      if (axis === undefined) return violates('c1', `axis ${a.axis} for ${describe('x', x)}`);
      if (x.dtype === 'bool') return violates('c2', 'x is bool');
      const size = x.shape[axis];
      if (typeof size !== 'number' || size < a.k) return violates('c3', `k is ${a.k} but x has ${String(size)} along axis ${axis}`);
      const shape = x.shape.map((d, i) => (i === axis ? a.k : d));
      return types({ dtype: x.dtype, shape }, { dtype: 'i32', shape });
    },
    evaluate: ([x], a, [values, indices]) => {
      if (values === undefined || indices === undefined) return;
      const { outer, n, inner } = splitAt(x.shape, resolveAxis(a.axis, x.shape.length) ?? 0);
      const keys = sortKeys(x, a.largest);
      for (let o = 0; o < outer; o++)
        for (let i = 0; i < inner; i++) {
          const from = o * n * inner + i;
          const order = Int32Array.from({ length: n }, (_, k) => k);
          order.sort((p, q) => keys[from + p * inner]! - keys[from + q * inner]! || p - q);
          for (let j = 0; j < a.k; j++) {
            const e = (o * a.k + j) * inner + i;
            indices.data[e] = order[j]!;
            values.data[e] = x.data[from + order[j]! * inner]!;
          }
        }
    },
    range: ([x], a, context) => {
      const shape = context.operandTypes[0]?.shape ?? [];
      return [movedRange(x), range(0, Math.max(0, (shape[resolveAxis(a.axis, shape.length) ?? 0] ?? 1) - 1))];
    },
    weight: SORT_WEIGHT,
    cost: ([x], a) => elementCount(x.shape) * (1 + levels(x.shape[resolveAxis(a.axis, x.shape.length) ?? 0] ?? 1)),
    samples: [
      { operands: ['f32[2,9]'], attrs: { k: 3 } },
      { operands: ['f32[2,5,3]'], attrs: { axis: 1, k: 5, largest: false } },
      { operands: [{ type: 'i8[3,33]', lo: -2, hi: 2 }], attrs: { k: 20 } },
      { operands: [{ type: 'u8[16,2]', lo: 0, hi: 3 }], attrs: { axis: 0, k: 1, largest: false } },
      { operands: ['i32[7]'], attrs: { k: 7 } },
      { operands: ['i16[2,4]'], attrs: { k: 2, largest: false } },
      { operands: ['f32[2,3]'], attrs: { k: 0 } },
      { operands: ['f32[0]'], attrs: { k: 0 } },
      { operands: ['i6[6]'], attrs: { k: 4 } },
    ],
  }),
  sort: composite({
    code: 0xe9,
    summary: 'Elements in order along an axis.',
    doc: 'y = x sorted along axis, least first, or greatest first (descending); NaN after every number; equal elements (-0 = +0) keep their order.',
    operands: ['x'],
    attrs: sortAttrs,
    constraints: sortConstraints,
    infer: ([x], a) => inferSort(x, a.axis, x.dtype),
    decompose: (b, [x], a) => b.emitAll('top_k', [x], { axis: a.axis, k: wholeAxis(x.type, a.axis), largest: a.descending }).slice(0, 1),
    weight: SORT_WEIGHT,
    cost: ([x], a) => elementCount(x.shape) * (1 + levels(wholeAxis(x, a.axis))),
    samples: [{ operands: ['f32[2,9]'] }, { operands: [{ type: 'i8[17,2]', lo: -3, hi: 3 }], attrs: { axis: 0, descending: true } }],
  }),
  argsort: composite({
    code: 0xea,
    summary: 'Indices that put the elements in order along an axis.',
    doc: 'y[j] = index of the element that stands at j after sort: the order is stable, descending too.',
    operands: ['x'],
    attrs: sortAttrs,
    constraints: sortConstraints,
    infer: ([x], a) => inferSort(x, a.axis, 'i32'),
    decompose: (b, [x], a) => b.emitAll('top_k', [x], { axis: a.axis, k: wholeAxis(x.type, a.axis), largest: a.descending }).slice(1, 2),
    weight: SORT_WEIGHT,
    cost: ([x], a) => elementCount(x.shape) * (1 + levels(wholeAxis(x, a.axis))),
    samples: [
      { operands: ['f32[2,9]'], attrs: { descending: true } },
      { operands: [{ type: 'i32[17,2]', lo: -3, hi: 3 }], attrs: { axis: 0 } },
    ],
  }),
} as const;
