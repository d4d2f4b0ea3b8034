import { attr } from '../attr.ts';
import { addSaturated, LOG_FRACTION, LOG_MAX, logSumExp, LSE_TERMS, NEG_INF } from '../numeric/index.ts';
import { range } from '../range.ts';
import { composite, constraint, primitive, type Sample, types, violates } from '../schema.ts';
import { type Dim, elementCount, formatShape, stridesOf } from '../types.ts';
import { broadcast, broadcastIndex, describe, resolveAxes, resultCount, stridedIndex } from './util.ts';

const LOGARITHMS = range(NEG_INF, LOG_MAX);
const fraction = attr.int({ min: 0, max: 16, default: LOG_FRACTION });
const axes = attr.ints({ min: -8, max: 7 });

/** Number of elements along axes; undefined when a size is not known yet. */
const countAlong = (shape: readonly Dim[], along: readonly number[]): number | undefined => {
  const sizes = along.map((i) => shape[i]);
  return sizes.every((d) => typeof d === 'number') ? elementCount(sizes) : undefined;
};

/** Logarithms around every border: impossible ones, the greatest, and the sums that saturate. */
const EDGES = [-2147483648, -1073741824, -536870913, -536870912, -536870911, -1, 0, 1, 536870911, 1073741823, 1073741824, 2147483647];
const edges: Sample['operands'][number] = { type: 'i32[12]', data: EDGES };
const logs = (type: string): Sample['operands'][number] => ({ type, lo: -60000, hi: 4000 });

const axesConstraints = {
  c1: constraint('axes are within the rank of x and named once.', ['i32[2,3]'], { axes: [2] }),
  c2: constraint('x is i32.', ['f32[2,3]'], { axes: [1] }),
  c3: constraint('At most 2^24 elements are summed at once.', ['i32[16777217]'], { axes: [0] }),
} as const;

const checkAxes = (x: { readonly dtype: string; readonly shape: readonly Dim[] }, along: readonly number[] | undefined, given: string) => {
  if (along === undefined) return violates('c1', `axes ${given} for x of shape ${formatShape(x.shape)}`);
  if (x.dtype !== 'i32') return violates('c2', `x is ${x.dtype}`);
  const count = countAlong(x.shape, along);
  return count !== undefined && count > LSE_TERMS ? violates('c3', `${count} elements are summed`) : undefined;
};

/** Log-domain sums and products of probabilistic models (NUMERICS §7). */
export const probability = {
  add_saturated: primitive({
    code: 0x170,
    summary: 'Product of factors: sum of their logarithms, with broadcast.',
    doc: 'y = -2^30 where a or b is at most -2^29 (both stand for log 0, which absorbs), else min(a + b, 2^30). Exact integers; logarithms in any one Q.F.',
    operands: ['a', 'b'],
    attrs: {},
    constraints: {
      c1: constraint('a and b are i32.', ['i32[2]', 'f32[2]']),
      c2: constraint('Shapes broadcast.', ['i32[2,3]', 'i32[2,2]']),
    },
    traits: { commutative: true },
    infer: ([a, b]) => {
      if (a.dtype !== 'i32' || b.dtype !== 'i32') return violates('c1', `${describe('a', a)}, ${describe('b', b)}`);
      const shape = broadcast(a.shape, b.shape);
      return shape === undefined ? violates('c2', `${describe('a', a)}, ${describe('b', b)}`) : types({ dtype: 'i32', shape });
    },
    evaluate: ([a, b], _attrs, [y]) => {
      if (y === undefined) return;
      const [ai, bi] = [broadcastIndex(a.shape, y.shape), broadcastIndex(b.shape, y.shape)];
      for (let i = 0; i < y.data.length; i++) y.data[i] = addSaturated(a.data[ai[i]!]!, b.data[bi[i]!]!);
    },
    range: () => [LOGARITHMS],
    cost: (_o, _a, results) => resultCount(results),
    samples: [
      { operands: [{ type: 'i32[12,1]', data: EDGES }, edges] },
      { operands: [logs('i32[2,3,5]'), logs('i32[3,1]')] },
      { operands: [logs('i32[]'), logs('i32[2,0]')] },
    ],
  }),
  lse_fixed: primitive({
    code: 0x171,
    summary: 'Sum of probabilities: log-sum-exp of logarithms over axes, exact in integers.',
    doc:
      'Logarithms in Q.F, F = fraction; those at most -2^29 stand for log 0 and count nothing. m = greatest; none possible, or nothing to sum: y = -2^30. ' +
      't_i = min(rshr((m - x_i) round(log2(e) 2^(30 - F)), 14), 40 2^16), k = t_i >> 16, f = t_i & 65535, ' +
      'u = D[f >> 8] + rshr((D[(f >> 8) + 1] - D[f >> 8]) (f & 255), 8), D[i] = round(2^30 2^(-i / 256)); s = sum of rshr(u, 7 + k), an integer, so any order gives it. ' +
      'b = floor(log2 s), l = (b - 23) 2^24 + L(s) with L as in log2_fixed on the leading 32 bits of s; y = min(m + rshr(l round(ln 2 2^20), 44 - F), 2^30). ' +
      'F = 12: error at most 0.51 units of 2^-12 (NUMERICS §7).',
    operands: ['x'],
    attrs: { axes, keep: attr.bool({ default: false }), fraction },
    constraints: axesConstraints,
    infer: ([x], a) => {
      const along = resolveAxes(a.axes, x.shape.length);
      const problem = checkAxes(x, along, a.axes.join(', '));
      if (problem !== undefined || along === undefined) return problem ?? violates('c1', 'axes');
      const shape = a.keep ? x.shape.map((d, i) => (along.includes(i) ? 1 : d)) : x.shape.filter((_, i) => !along.includes(i));
      return types({ dtype: 'i32', shape });
    },
    evaluate: ([x], a, [y]) => {
      if (y === undefined) return;
      const along = resolveAxes(a.axes, x.shape.length) ?? [];
      const strides = stridesOf(x.shape);
      const pick = (inside: boolean): Int32Array => {
        const dims = x.shape.map((_, i) => i).filter((i) => along.includes(i) === inside);
        return stridedIndex(
          dims.map((i) => x.shape[i]!),
          dims.map((i) => strides[i]!),
          0,
        );
      };
      const [kept, inner] = [pick(false), pick(true)];
      for (let k = 0; k < kept.length; k++) y.data[k] = logSumExp(inner.length, (i) => x.data[kept[k]! + inner[i]!]!, a.fraction);
    },
    range: () => [LOGARITHMS],
    cost: ([x]) => 12 * elementCount(x.shape),
    samples: [
      { operands: [logs('i32[2,3,5]')], attrs: { axes: [1] } },
      { operands: [logs('i32[4,3,5]')], attrs: { axes: [-1, 0], keep: true } },
      { operands: [{ type: 'i32[300]', lo: -9000, hi: 9000 }], attrs: { axes: [0] } },
      { operands: [{ type: 'i32[3,40]', lo: -600000, hi: 600000 }], attrs: { axes: [1], fraction: 16 } },
      { operands: [{ type: 'i32[3,40]', lo: -9, hi: 9 }], attrs: { axes: [1], fraction: 0 } },
      { operands: [{ type: 'i32[4,3]', data: EDGES }], attrs: { axes: [1] } },
      { operands: [{ type: 'i32[4,3]', data: EDGES }], attrs: { axes: [], keep: true } },
      { operands: [{ type: 'i32[2,8]', lo: -700, hi: -700 }], attrs: { axes: [1] } },
      { operands: ['i32[2,0]'], attrs: { axes: [1] } },
    ],
  }),
  posterior_fixed: composite({
    code: 0x172,
    summary: 'Probabilities from logarithms, normalized over axes.',
    doc:
      'y = exp_fixed(add_saturated(x, -lse_fixed(x))) in Q.result_fraction: add_saturated with the log-sum-exp over axes, then e^x. ' +
      'What stands for log 0 gives 0; so where nothing is possible, all are 0. The sum is 1 up to rounding and is not forced to be.',
    operands: ['x'],
    attrs: { axes, fraction, result_fraction: attr.int({ min: 0, max: 30, default: 15 }) },
    constraints: axesConstraints,
    infer: ([x], a) => checkAxes(x, resolveAxes(a.axes, x.shape.length), a.axes.join(', ')) ?? types(x),
    decompose: (b, [x], a) => {
      const total = b.emit('lse_fixed', [x], { axes: a.axes, keep: true, fraction: a.fraction });
      const ratio = b.emit('add_saturated', [x, b.emit('neg', [total])]);
      return [b.emit('exp_fixed', [ratio], { fraction: a.fraction, result_fraction: a.result_fraction })];
    },
    cost: ([x]) => 24 * elementCount(x.shape),
    samples: [
      { operands: [logs('i32[2,5]')], attrs: { axes: [1] } },
      { operands: [{ type: 'i32[3,2]', lo: -900, hi: 900 }], attrs: { axes: [0, 1], fraction: 8, result_fraction: 30 } },
      { operands: [{ type: 'i32[2,2]', lo: -1073741824, hi: -1073741824 }], attrs: { axes: [1] } },
    ],
  }),
} as const;
