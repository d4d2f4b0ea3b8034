import type { FAMILIES, OpNode } from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';
import { type OnnxGraph, refuse } from '../graph.ts';
import type { Attributes } from '../message.ts';
import { type Made, plain, type Rows } from './row.ts';

type Pool = OpNode<'max_pool' | 'average_pool'>;

/**
 * Padding at the end such that the last partial window of `ceil` is a whole one. Rules of frameworks about partial windows differ;
 * with it all windows are whole.
 */
const endPadding = (g: OnnxGraph, node: Pool): readonly number[] => {
  const { kernel, stride, dilation, pads } = node.attrs;
  const [sizes, results] = [g.sizes(node).slice(2), g.result(node).shape.slice(2)];
  return kernel.map((k, i) => {
    const reach = (Number(at(results, i)) - 1) * at(stride, i) + (k - 1) * at(dilation, i) + 1;
    const covered = at(sizes, i) + at(pads, i) + at(pads, kernel.length + i);
    return Math.max(reach - covered, 0);
  });
};

const window = (node: Pool, pads: readonly number[]): Attributes => ({
  kernel_shape: node.attrs.kernel,
  strides: node.attrs.stride,
  pads,
  dilations: node.attrs.dilation,
});

const extended = (node: Pool, more: readonly number[]): readonly number[] =>
  node.attrs.pads.map((p, i) => p + (i < more.length ? 0 : at(more, i - more.length)));

const maxPool = (g: OnnxGraph, node: OpNode<'max_pool'>): Made => {
  const pads = extended(node, node.attrs.ceil ? endPadding(g, node) : node.attrs.kernel.map(() => 0));
  return g.t(node).dtype === 'i16' ? g.call(node, 'i16', { pads, ceil: false }) : g.one('MaxPool', [g.x(node)], window(node, pads));
};

/** Cells outside of the image do not count, so more of them change nothing; unless padding counts. */
const integerAverage = (g: OnnxGraph, node: OpNode<'average_pool'>, more: readonly number[]): Made => {
  const partial = more.some((m) => m > 0);
  if (node.attrs.include_pad && partial) return refuse('windows are partial, and padding counts');
  const whole = partial ? { ceil: false, pads: extended(node, more) } : {};
  const { dtype } = g.t(node);
  const parts = [...(dtype === 'i8' ? [] : [dtype]), ...(node.attrs.include_pad ? ['pads'] : [])];
  return g.call(node, parts.length === 0 ? undefined : parts.join('_'), whole);
};

const averagePool = (g: OnnxGraph, node: OpNode<'average_pool'>): Made => {
  const more = node.attrs.ceil ? endPadding(g, node) : [];
  const partial = more.some((m) => m > 0);
  const { dtype } = g.t(node);
  if (dtype !== 'f32') return integerAverage(g, node, more);
  const include = node.attrs.include_pad ? { count_include_pad: 1 } : {};
  const ceil = partial ? { ceil_mode: 1 } : {};
  return g.one('AveragePool', [g.x(node)], { ...window(node, node.attrs.pads), ...include, ...ceil });
};

export const poolRows = {
  max_pool: maxPool,
  average_pool: averagePool,
  global_max_pool: plain('GlobalMaxPool'),
  global_average_pool: plain('GlobalAveragePool'),
} as const satisfies Rows<keyof (typeof FAMILIES)['pool']>;

export const poolingRows = {
  lp_pool: (g, n) =>
    g.one('LpPool', [g.x(n)], {
      kernel_shape: n.attrs.kernel,
      strides: n.attrs.stride,
      pads: n.attrs.pads,
      dilations: n.attrs.dilation,
      ceil_mode: n.attrs.ceil ? 1 : 0,
      p: n.attrs.p,
    }),
} as const satisfies Rows<keyof (typeof FAMILIES)['pooling']>;
