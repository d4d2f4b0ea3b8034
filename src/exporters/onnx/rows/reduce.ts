import type { FAMILIES, OpNode } from '../../../ir/index.ts';
import type { OnnxGraph } from '../graph.ts';
import { ELEM } from '../message.ts';
import { type Made, type Rows } from './row.ts';

type Reduction = OpNode<
  | 'reduce_sum'
  | 'reduce_mean'
  | 'reduce_max'
  | 'reduce_min'
  | 'reduce_prod'
  | 'reduce_any'
  | 'reduce_all'
  | 'logsumexp'
  | 'reduce_l1'
  | 'reduce_l2'
  | 'reduce_sum_square'
>;

/** Axes as an input; the empty list means none here, all in ONNX unless it is told otherwise. */
const over = (g: OnnxGraph, node: Reduction, opType: string, x: string, opset: number): string => {
  const { axes, keep } = node.attrs;
  const empty = axes.length === 0 ? { noop_with_empty_axes: 1 } : {};
  return g.one(opType, [x, g.ints('axes', axes)], { keepdims: keep ? 1 : 0, ...empty }, { opset });
};

const isNarrow = (g: OnnxGraph, node: OpNode): boolean => g.t(node).dtype !== 'f32' && g.t(node).dtype !== 'i32';

const sums =
  (opType: string) =>
  (g: OnnxGraph, node: Reduction): Made =>
    isNarrow(g, node) ? g.call(node) : over(g, node, opType, g.x(node), 18);

const extremes =
  (opType: string) =>
  (g: OnnxGraph, node: Reduction): Made =>
    g.t(node).dtype === 'i16' ? g.call(node, 'i16') : over(g, node, opType, g.x(node), 20);

/** Index of the first greatest or least; int64 in ONNX. */
const index =
  (opType: string) =>
  (g: OnnxGraph, node: OpNode<'argmax' | 'argmin'>): Made => {
    const { axis, keep, last } = node.attrs;
    const x = g.t(node).dtype === 'i16' ? g.cast(g.x(node), ELEM.int32) : g.x(node);
    const which = last ? { select_last_index: 1 } : {};
    return g.cast(g.one(opType, [x], { axis, keepdims: keep ? 1 : 0, ...which }), ELEM.int32);
  };

export const reduceRows = {
  reduce_sum: sums('ReduceSum'),
  reduce_mean: (g, n) => (g.t(n).dtype === 'f32' ? over(g, n, 'ReduceMean', g.x(n), 18) : g.call(n)),
  reduce_max: extremes('ReduceMax'),
  reduce_min: extremes('ReduceMin'),
  reduce_prod: sums('ReduceProd'),
  argmax: index('ArgMax'),
  argmin: index('ArgMin'),
} as const satisfies Rows<keyof (typeof FAMILIES)['reduce']>;

export const aggregateRows = {
  logsumexp: sums('ReduceLogSumExp'),
  reduce_l1: sums('ReduceL1'),
  reduce_l2: sums('ReduceL2'),
  reduce_sum_square: sums('ReduceSumSquare'),
  reduce_any: extremes('ReduceMax'),
  reduce_all: extremes('ReduceMin'),
} as const satisfies Rows<keyof (typeof FAMILIES)['aggregate']>;

const running =
  (opType: string, opset: number) =>
  (g: OnnxGraph, node: OpNode<'cumsum' | 'cumprod'>): Made => {
    if (isNarrow(g, node)) return g.call(node);
    const { axis, exclusive, reverse } = node.attrs;
    const flags = { ...(exclusive ? { exclusive: 1 } : {}), ...(reverse ? { reverse: 1 } : {}) };
    return g.one(opType, [g.x(node), g.int('axis', axis)], flags, { opset });
  };

export const scanRows = {
  cumsum: running('CumSum', 14),
  cumprod: running('CumProd', 26),
} as const satisfies Rows<keyof (typeof FAMILIES)['scan']>;

const topK = (g: OnnxGraph, node: OpNode<'top_k'>): Made => {
  if (isNarrow(g, node)) return g.call(node);
  const { axis, k, largest } = node.attrs;
  const made = g.all('TopK', [g.x(node), g.ints('k', [k])], { axis, largest: largest ? 1 : 0, sorted: 1 }, { outputs: 2 });
  const [values = '', indices = ''] = made;
  return [values, g.cast(indices, ELEM.int32)];
};

export const sortingRows = { top_k: topK } as const satisfies Rows<keyof (typeof FAMILIES)['sorting']>;
