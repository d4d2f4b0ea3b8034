import type { AttrScalar } from '../attr.ts';
import {
  composite,
  type Constraint,
  type Decomposer,
  type InferResult,
  type Sample,
  type SampleOperand,
  types,
  type Wire,
} from '../schema.ts';
import { parseType, type TensorType } from '../types.ts';
import { conv } from './conv.ts';
import { pool } from './pool.ts';

/**
 * Windowed ops with the channels last: x [N, …spatial, C], weights [O, …kernel, C / groups] (NHWC and OHWI in two
 * dimensions, as TensorFlow Lite has them). Each is the op with the channels first between two transposes, so kernels, proofs
 * and quantization have one form; a transpose that meets its inverse is removed by canonicalize.
 */

/** Order of dimensions that puts the last one second. */
const toFirst = (rank: number): number[] => [0, rank - 1, ...Array.from({ length: rank - 2 }, (_, i) => i + 1)];
/** Order of dimensions that puts the second one last. */
const toLast = (rank: number): number[] => [0, ...Array.from({ length: rank - 2 }, (_, i) => i + 2), 1];

const reordered = (t: TensorType, order: (rank: number) => number[]): TensorType =>
  t.shape.length < 3 ? t : { dtype: t.dtype, shape: order(t.shape.length).map((i) => t.shape[i] ?? 1) };
const first = (t: TensorType): TensorType => reordered(t, toFirst);

const lastResult = (r: InferResult): InferResult => (r.ok ? types(...r.types.map((t) => reordered(t, toLast))) : r);

const transposed = (b: Decomposer, x: Wire, order: (rank: number) => number[]): Wire =>
  b.emit('transpose', [x], { perm: order(x.type.shape.length) });

/** The windowed op on operands with channels last; an operand of rank below 3 (bias) stays as it is. */
const between = (b: Decomposer, op: string, operands: readonly (Wire | undefined)[], attrs: Readonly<Record<string, AttrScalar>>): Wire => {
  const given = operands.filter((w) => w !== undefined);
  const inner = given.map((w) => (w.type.shape.length < 3 ? w : transposed(b, w, toFirst)));
  return transposed(b, b.emit(op, inner, attrs), toLast);
};

const typeText = (text: string): string => {
  const type = parseType(text);
  if (type === undefined) return text;
  const { dtype, shape } = reordered(type, toLast);
  return `${dtype}[${shape.join(',')}]`;
};
const lastOperand = (o: SampleOperand): SampleOperand => (typeof o === 'string' ? typeText(o) : { ...o, type: typeText(o.type) });
const lastSample = (s: Sample): Sample => ({ ...s, operands: s.operands.map(lastOperand) });

/** The constraints of the op with channels first, their examples reordered. */
const lastConstraints = (all: Readonly<Record<`c${number}`, Constraint>>): Readonly<Record<`c${number}`, Constraint>> =>
  Object.fromEntries(Object.entries(all).map(([label, c]) => [label, { text: c.text, broken: lastSample(c.broken) }]));

/** A few samples are enough: the op itself has them all. */
const lastSamples = (samples: readonly Sample[], ...chosen: readonly number[]): readonly Sample[] =>
  samples.filter((_, i) => chosen.includes(i)).map(lastSample);

export const layout = {
  conv_nhwc: composite({
    code: 0x12b,
    summary: 'Convolution with the channels last.',
    doc: 'conv of x [N, …spatial, C] with w [O, …kernel, C / groups]; y [N, …spatial, O]. Constraints, attributes and order of sums are those of conv.',
    operands: ['x', 'w', 'bias?'],
    attrs: conv.conv.attrs,
    added: { attr: 'accumulator_shift', code: 0x193 },
    constraints: lastConstraints(conv.conv.constraints),
    infer: ([x, w, bias], a) => lastResult(conv.conv.infer([first(x), first(w), bias], a)),
    decompose: (b, operands, a) => [between(b, 'conv', operands, a)],
    cost: (operands, a, results) => conv.conv.cost(operands, a, results),
    samples: lastSamples(conv.conv.samples, 0, 1, 2, 5, 7, 10),
  }),
  max_pool_nhwc: composite({
    code: 0x12c,
    summary: 'Maximum over windows with the channels last.',
    doc: 'max_pool of x [N, …spatial, C]; y [N, …spatial, C].',
    operands: ['x'],
    attrs: pool.max_pool.attrs,
    constraints: lastConstraints(pool.max_pool.constraints),
    infer: ([x], a) => lastResult(pool.max_pool.infer([first(x)], a)),
    decompose: (b, operands, a) => [between(b, 'max_pool', operands, a)],
    cost: (operands, a, results) => pool.max_pool.cost(operands, a, results),
    samples: lastSamples(pool.max_pool.samples, 0, 2, 3, 7),
  }),
  average_pool_nhwc: composite({
    code: 0x12d,
    summary: 'Mean over windows with the channels last.',
    doc: 'average_pool of x [N, …spatial, C]; y [N, …spatial, C].',
    operands: ['x'],
    attrs: pool.average_pool.attrs,
    constraints: lastConstraints(pool.average_pool.constraints),
    infer: ([x], a) => lastResult(pool.average_pool.infer([first(x)], a)),
    decompose: (b, operands, a) => [between(b, 'average_pool', operands, a)],
    cost: (operands, a, results) => pool.average_pool.cost(operands, a, results),
    samples: lastSamples(pool.average_pool.samples, 0, 2, 3, 13),
  }),
} as const;
