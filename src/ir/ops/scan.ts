import { attr } from '../attr.ts';
import { type Range, range } from '../range.ts';
import { constraint, primitive, type RangeContext, type Sample, types, violates } from '../schema.ts';
import { type DType, elementCount } from '../types.ts';
import { describe, isOneOf, resolveAxis, splitAt } from './util.ts';

interface Scan {
  readonly code: number;
  readonly summary: string;
  readonly doc: string;
  readonly dtypes: readonly DType[];
  readonly result: (d: DType) => DType;
  readonly start: number;
  readonly int: (acc: number, x: number) => number;
  readonly f32: (acc: number, x: number) => number;
  /** Interval of a result over `least` to `most` elements. */
  readonly bound: (x: Range, least: number, most: number) => Range;
}

const axisSize = (context: RangeContext, axis: number): number => {
  const shape = context.operandTypes[0]?.shape ?? [];
  return shape[resolveAxis(axis, shape.length) ?? 0] ?? 0;
};

const samplesFor = (dtypes: readonly DType[]): readonly Sample[] =>
  dtypes.flatMap((d) => {
    const t = (shape: string) => (d === 'i32' ? { type: `i32${shape}`, lo: -1000, hi: 1000 } : `${d}${shape}`);
    return [
      { operands: [t('[2,3,5]')], attrs: { axis: 1 } },
      { operands: [t('[2,3,5]')], attrs: { axis: 0, exclusive: true } },
      { operands: [t('[2,7]')], attrs: { axis: -1, reverse: true } },
      { operands: [t('[37]')], attrs: { axis: 0, exclusive: true, reverse: true } },
      { operands: [t('[2,0,3]')], attrs: { axis: 1 } },
    ];
  });

const scanOp = (o: Scan) =>
  primitive({
    code: o.code,
    summary: o.summary,
    doc: o.doc,
    operands: ['x'],
    attrs: {
      axis: attr.int({ min: -8, max: 7 }),
      exclusive: attr.bool({ default: false }),
      reverse: attr.bool({ default: false }),
    },
    constraints: {
      c1: constraint('axis is within the rank of x.', ['f32[2,3]'], { axis: 2 }),
      c2: constraint('x has a dtype that the op takes (bool is not one).', ['bool[2,3]'], { axis: 1 }),
    },
    infer: ([x], a) => {
      if (resolveAxis(a.axis, x.shape.length) === undefined) return violates('c1', `axis ${a.axis} for ${describe('x', x)}`);
      if (!isOneOf(x, ...o.dtypes)) return violates('c2', `x is ${x.dtype}`);
      return types({ dtype: o.result(x.dtype), shape: x.shape });
    },
    evaluate: ([x], a, [y]) => {
      if (y === undefined) return;
      const { outer, n, inner } = splitAt(x.shape, resolveAxis(a.axis, x.shape.length) ?? 0);
      const step = y.dtype === 'f32' ? o.f32 : o.int;
      for (let s = 0; s < outer; s++)
        for (let i = 0; i < inner; i++) {
          let acc = o.start;
          for (let k = 0; k < n; k++) {
            const e = (s * n + (a.reverse ? n - 1 - k : k)) * inner + i;
            const next = step(acc, x.data[e]!);
            y.data[e] = a.exclusive ? acc : next;
            acc = next;
          }
        }
    },
    range: ([x], a, context) => {
      const n = axisSize(context, a.axis);
      return [n === 0 ? range(0, 0) : o.bound(x, a.exclusive ? 0 : 1, a.exclusive ? n - 1 : n)];
    },
    weight: 2,
    cost: ([x]) => elementCount(x.shape),
    samples: samplesFor(o.dtypes),
  });

/** Ops whose result at an index depends on the elements up to it. */
export const scan = {
  cumsum: scanOp({
    code: 0xec,
    summary: 'Running sum along an axis.',
    doc: 'y[k] = x[0] + … + x[k], from 0 in index order; exclusive leaves x[k] out, reverse starts at the last index. i8, u8, i16 and i32 sum into i32 (wraps; proven not to). f32 rounds after each addition, starting from +0.',
    dtypes: ['i8', 'u8', 'i16', 'i32', 'f32'],
    result: (d) => (d === 'f32' ? 'f32' : 'i32'),
    start: 0,
    int: (acc, x) => (acc + x) | 0,
    f32: (acc, x) => Math.fround(acc + x),
    bound: (x, least, most) => range(Math.min(least * x.lo, most * x.lo), Math.max(least * x.hi, most * x.hi)),
  }),
  cumprod: scanOp({
    code: 0xed,
    summary: 'Running product along an axis (float).',
    doc: 'y[k] = x[0] * … * x[k], from 1 in index order, rounding after each factor; exclusive leaves x[k] out, reverse starts at the last index.',
    dtypes: ['f32'],
    result: (d) => d,
    start: 1,
    int: Math.imul,
    f32: (acc, x) => Math.fround(acc * x),
    bound: () => range(0, 0),
  }),
} as const;
