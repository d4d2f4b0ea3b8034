import { attr } from '../attr.ts';
import { composite, constraint, type Decomposer, type InferResult, type Sample, types, violates, type Wire } from '../schema.ts';
import { type DType, elementCount, type TensorType } from '../types.ts';
import { describe, isOneOf, resolveAxes } from './util.ts';

/** Reductions that are another reduction with a function before and after. */

const attrs = { axes: attr.ints({ min: -8, max: 7 }), keep: attr.bool({ default: false }) } as const;
interface Axes {
  readonly axes: readonly number[];
  readonly keep: boolean;
}

const infer = (x: TensorType, a: Axes, allowed: readonly DType[], dtype: DType): InferResult => {
  const axes = resolveAxes(a.axes, x.shape.length);
  if (axes === undefined) return violates('c1', `axes ${a.axes.join(', ')} for ${describe('x', x)}`);
  if (!isOneOf(x, ...allowed)) return violates('c2', `x is ${x.dtype}`);
  const shape = x.shape.flatMap((d, i) => (axes.includes(i) ? (a.keep ? [1] : []) : [d]));
  return types({ dtype, shape });
};

interface Aggregate {
  readonly code: number;
  readonly summary: string;
  readonly doc: string;
  readonly dtypes: readonly DType[];
  /** A dtype that the op does not take. */
  readonly wrong: DType;
  readonly result?: (d: DType) => DType;
  readonly decompose: (b: Decomposer, x: Wire, a: Axes) => Wire;
}

const samplesFor = (dtypes: readonly DType[]): readonly Sample[] =>
  dtypes.flatMap((d) => {
    // squares and their sums stay inside int32
    const t = (shape: string) => (d === 'i32' || d === 'i16' ? { type: `${d}${shape}`, lo: -1000, hi: 1000 } : `${d}${shape}`);
    return [
      { operands: [t('[2,3,5]')], attrs: { axes: [1] } },
      { operands: [t('[2,3,5]')], attrs: { axes: [-1, 0], keep: true } },
      { operands: [t('[2,0]')], attrs: { axes: [1] } },
    ];
  });

const aggregateOp = (o: Aggregate) =>
  composite({
    code: o.code,
    summary: o.summary,
    doc: o.doc,
    operands: ['x'],
    attrs,
    constraints: {
      c1: constraint('axes are within the rank of x and named once.', [`${o.dtypes[0] ?? 'f32'}[2,3]`], { axes: [2] }),
      c2: constraint(`x is ${o.dtypes.join(', ')}.`, [`${o.wrong}[2,3]`], { axes: [1] }),
    },
    infer: ([x], a) => infer(x, a, o.dtypes, o.result?.(x.dtype) ?? x.dtype),
    decompose: (b, [x], a) => [o.decompose(b, x, a)],
    cost: ([x]) => 2 * elementCount(x.shape),
    samples: samplesFor(o.dtypes),
  });

const NUMBERS = ['i8', 'u8', 'i16', 'i32', 'f32'] as const;
const wide = (d: DType): DType => (d === 'f32' ? 'f32' : 'i32');
/** x as f32 or i32. */
const widened = (b: Decomposer, x: Wire): Wire => (isOneOf(x.type, 'f32', 'i32') ? x : b.emit('cast', [x], { dtype: 'i32' }));
const sum = (b: Decomposer, x: Wire, { axes, keep }: Axes): Wire => b.emit('reduce_sum', [x], { axes, keep });

/** Greatest element, 0 where it is infinite: x minus it is then never inf - inf. */
const finiteShift = (b: Decomposer, greatest: Wire): Wire =>
  b.emit('select', [b.emit('is_inf', [greatest]), b.constant({ dtype: 'f32', shape: [] }, [0]), greatest]);

const anyOf = (b: Decomposer, x: Wire, { axes, keep }: Axes): Wire => {
  const most = b.emit('reduce_max', [b.emit('cast', [x], { dtype: 'u8' })], { axes, keep });
  return b.emit('cast', [most], { dtype: 'bool' });
};

export const aggregate = {
  logsumexp: aggregateOp({
    code: 0x118,
    summary: 'Logarithm of the sum of exponentials over axes (float).',
    doc: 'y = fl(log(sum by F3 of exp(fl(x - m))) + m) with m the greatest element, or 0 where that is infinite; no exponential overflows. Empty: -inf.',
    dtypes: ['f32'],
    wrong: 'i8',
    decompose: (b, x, a) => {
      const shift = finiteShift(b, b.emit('reduce_max', [x], { axes: a.axes, keep: true }));
      const total = sum(b, b.emit('exp', [b.emit('sub', [x, shift])]), { axes: a.axes, keep: true });
      const y = b.emit('add', [b.emit('log', [total]), shift]);
      return a.keep ? y : b.emit('squeeze', [y], { axes: a.axes });
    },
  }),
  reduce_l1: aggregateOp({
    code: 0x119,
    summary: 'Sum of absolute values over axes.',
    doc: 'y = reduce_sum of |x|. Integers are widened to i32 first (wraps; proven not to).',
    dtypes: NUMBERS,
    wrong: 'bool',
    result: wide,
    decompose: (b, x, a) => sum(b, b.emit('abs', [widened(b, x)]), a),
  }),
  reduce_l2: aggregateOp({
    code: 0x11a,
    summary: 'Euclidean norm over axes (float).',
    doc: 'y = fl(sqrt(reduce_sum of fl(x x))).',
    dtypes: ['f32'],
    wrong: 'i8',
    decompose: (b, x, a) => b.emit('sqrt', [sum(b, b.emit('mul', [x, x]), a)]),
  }),
  reduce_sum_square: aggregateOp({
    code: 0x11b,
    summary: 'Sum of squares over axes.',
    doc: 'y = reduce_sum of x x. Integers are widened to i32 first (wraps; proven not to).',
    dtypes: NUMBERS,
    wrong: 'bool',
    result: wide,
    decompose: (b, x, a) => {
      const w = widened(b, x);
      return sum(b, b.emit('mul', [w, w]), a);
    },
  }),
  reduce_any: aggregateOp({
    code: 0x11c,
    summary: 'True where an element over axes is true.',
    doc: 'y = or of x. Empty: false.',
    dtypes: ['bool'],
    wrong: 'u8',
    decompose: (b, x, a) => anyOf(b, x, a),
  }),
  reduce_all: aggregateOp({
    code: 0x11d,
    summary: 'True where every element over axes is true.',
    doc: 'y = and of x, as not any not. Empty: true.',
    dtypes: ['bool'],
    wrong: 'u8',
    decompose: (b, x, a) => b.emit('logical_not', [anyOf(b, b.emit('logical_not', [x]), a)]),
  }),
} as const;
