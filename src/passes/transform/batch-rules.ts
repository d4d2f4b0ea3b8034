import { type AnyAttrs, type AnyNode, opOf, type OpName, type StaticType } from '../../ir/index.ts';

/** One use of a primitive, some of whose operands have the samples along their first axis. */
export interface BatchedUse {
  readonly node: AnyNode;
  /** Types with one sample. */
  readonly operands: readonly StaticType[];
  readonly results: readonly StaticType[];
  /** Which operands hold samples. */
  readonly holds: readonly boolean[];
  readonly samples: number;
}

/** Attributes under which the op does to each sample what it did to the one; undefined when it does not keep samples apart. */
export type BatchRule = (use: BatchedUse) => AnyAttrs | undefined;

const when = (condition: boolean, use: BatchedUse): AnyAttrs | undefined => (condition ? use.node.attrs : undefined);

const ints = (attrs: AnyAttrs, name: string): readonly number[] => {
  const value = attrs[name];
  return Array.isArray(value) ? value.map(Number) : [];
};

const ranksEqual = ({ operands, results, holds }: BatchedUse): boolean =>
  operands.every((t, i) => holds[i] !== true || t.shape.length === results[0]?.shape.length);

/** Broadcasting: the samples stand along the first axis of the result. */
const elementwise: BatchRule = (use) => when(ranksEqual(use), use);

/** Only the first operand holds samples, and it has a channel axis or row besides them. */
const first: BatchRule = (use) => when(use.holds.every((h, i) => h === (i === 0)) && (use.operands[0]?.shape.length ?? 0) >= 2, use);

const axesWithin = (use: BatchedUse, axes: readonly number[]): boolean => {
  const rank = use.operands[0]?.shape.length ?? 0;
  return axes.every((axis) => (axis < 0 ? axis + rank : axis) > 0);
};

/** Works along one axis that is not that of the samples. */
const alongAxis: BatchRule = (use) => when(axesWithin(use, [Number(use.node.attrs['axis'])]) && first(use) !== undefined, use);

/** Reduces axes that are not that of the samples. */
const reduction: BatchRule = (use) => {
  const axes = ints(use.node.attrs, 'axes');
  return when(axes.length > 0 && axesWithin(use, axes), use);
};

/** A shape that is written out, with the number of samples in front. */
const target: BatchRule = ({ node, results: [result], samples }) =>
  result?.shape[0] === 1 && result.shape.every((d) => d > 0) ? { ...node.attrs, shape: [samples, ...result.shape.slice(1)] } : undefined;

const expand: BatchRule = (use) => (ranksEqual(use) ? target(use) : undefined);

const transpose: BatchRule = (use) => when(ints(use.node.attrs, 'perm')[0] === 0, use);

const concat: BatchRule = (use) => when(use.holds.every(Boolean) && axesWithin(use, [Number(use.node.attrs['axis'])]), use);

const slice: BatchRule = ({ node, results: [result], samples }) => {
  const [starts, sizes, steps] = [ints(node.attrs, 'starts'), ints(node.attrs, 'sizes'), ints(node.attrs, 'steps')];
  if (result?.shape[0] !== 1) return undefined;
  return {
    ...node.attrs,
    starts: [0, ...starts.slice(1)],
    sizes: [samples, ...sizes.slice(1)],
    ...(steps.length === 0 ? {} : { steps: [1, ...steps.slice(1)] }),
  };
};

/** Rows of a table by the samples' indices, or samples that are all indexed alike along another axis. */
const gather: BatchRule = (use) => {
  const [rows, indices] = use.holds;
  const axis = Number(use.node.attrs['axis']);
  if (rows === true) return when(indices !== true && axesWithin(use, [axis]), use);
  return when(axis === 0 && (use.operands[1]?.shape.length ?? 0) >= 1, use);
};

/** Leading axes of both operands are batches; with two axes, that of the samples is the row axis of a. */
const matmul: BatchRule = (use) => {
  const [a, b] = use.operands.map((t) => t.shape.length);
  const [inA, inB] = use.holds;
  const rank = use.results[0]?.shape.length;
  if (a === undefined || b === undefined) return undefined;
  return when((inA !== true || (a >= 2 && a === rank)) && (inB !== true || (b >= 3 && b === rank)), use);
};

/** All operands that the op has hold samples. */
const all: BatchRule = (use) => when(use.holds.every(Boolean), use);

const BROADCASTING = [
  ...(['add', 'sub', 'mul', 'div', 'maximum', 'minimum', 'pow', 'equal', 'less', 'less_equal', 'logical_not', 'select', 'mod'] as const),
  ...(['rem', 'div_floor', 'div_round', 'shift_left', 'shift_right', 'shift_right_logical', 'bitwise_and', 'bitwise_or'] as const),
  ...(['bitwise_xor', 'is_nan', 'is_inf', 'add_saturated', 'pow_fixed', 'add_rescale'] as const),
] satisfies readonly OpName[];

const ALONG_AXIS = [
  ...(['argmax', 'argmin', 'softmax', 'log_softmax', 'softmax_lut', 'softmax_fixed', 'layer_norm_fixed', 'top_k', 'cumsum'] as const),
  ...(['cumprod', 'split'] as const),
] satisfies readonly OpName[];

const rulesFor = (ops: readonly OpName[], rule: BatchRule): readonly (readonly [OpName, BatchRule])[] => ops.map((op) => [op, rule]);

const RULES: ReadonlyMap<OpName, BatchRule> = new Map([
  ...rulesFor(BROADCASTING, elementwise),
  ...rulesFor(ALONG_AXIS, alongAxis),
  ...rulesFor(['conv', 'dense', 'max_pool', 'average_pool', 'lrn', 'rescale', 'table', 'pad'], first),
  ...rulesFor(['reduce_sum', 'reduce_mean', 'reduce_max', 'reduce_min', 'reduce_prod', 'lse_fixed'], reduction),
  ...rulesFor(['reshape'], target),
  ...rulesFor(['expand'], expand),
  ...rulesFor(['transpose'], transpose),
  ...rulesFor(['concat'], concat),
  ...rulesFor(['slice'], slice),
  ...rulesFor(['gather'], gather),
  ...rulesFor(['matmul'], matmul),
  ...rulesFor(['interpolate'], all),
]);

/** The rule of a primitive; undefined for those that may mix samples, or whose result depends on the place of an element. */
export const batchRuleOf = (op: OpName): BatchRule | undefined =>
  RULES.get(op) ?? (opOf(op).traits.pointwise === true ? elementwise : undefined);
