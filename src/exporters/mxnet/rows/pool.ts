import { isStaticShape, type OpNode, type ValueId } from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';
import { floatText, type Made, type MxGraph, refuse } from '../graph.ts';
import { floats, type Rows } from './row.ts';
import { padded } from './shape.ts';

interface Form {
  readonly pad: readonly number[];
  readonly convention: 'valid' | 'full';
}

/** Sizes behind batch and channels. */
const spatialOf = (g: MxGraph, value: ValueId | undefined): readonly number[] => {
  const spatial = g.type(value).shape.slice(2);
  return isStaticShape(spatial) ? spatial : refuse(`its sizes [${spatial.join(', ')}] have to be known`);
};

/** Pads that MXNet has at both ends, and the convention that gives as many windows; the windows start at the same cells. */
const formOf = (g: MxGraph, node: OpNode<'max_pool' | 'average_pool' | 'lp_pool'>): Form | undefined => {
  const { kernel, stride, pads, dilation } = node.attrs;
  if (dilation.some((d) => d !== 1)) return refuse('MXNet has no dilated pooling');
  const spatial = spatialOf(g, node.operands[0]);
  const wanted = spatialOf(g, node.results[0]);
  const pad = pads.slice(0, kernel.length);
  if (pad.some((p, i) => p >= at(kernel, i))) return undefined;
  const steps = spatial.map((size, i) => (size + 2 * at(pad, i) - at(kernel, i)) / at(stride, i));
  if (steps.some((s) => s < 0)) return undefined;
  if (steps.every((s, i) => Math.floor(s) + 1 === at(wanted, i))) return { pad, convention: 'valid' };
  return steps.every((s, i) => Math.ceil(s) + 1 === at(wanted, i)) ? { pad, convention: 'full' } : undefined;
};

/** Cells of padding that the program counts and MXNet does not, or the other way round. */
const countsAlike = (node: OpNode<'average_pool'>, { convention }: Form): boolean => {
  const { pads, kernel, include_pad: counts } = node.attrs;
  if (!counts) return true;
  const even = kernel.every((_, i) => at(pads, i) === at(pads, kernel.length + i));
  return even && (convention === 'valid' || node.attrs.ceil || pads.every((p) => p === 0));
};

/** The input made larger at both ends, such that every window is whole. */
const withPads = (g: MxGraph, node: OpNode<'max_pool' | 'average_pool' | 'lp_pool'>, filler: string) => {
  const { kernel, stride, pads } = node.attrs;
  const spatial = spatialOf(g, node.operands[0]);
  const wanted = spatialOf(g, node.results[0]);
  const begin = pads.slice(0, kernel.length);
  const end = spatial.map((size, i) => Math.max(0, (at(wanted, i) - 1) * at(stride, i) + at(kernel, i) - size - at(begin, i)));
  return padded(g, g.x(node.operands[0]), [0, 0, ...begin, 0, 0, ...end], 'constant', filler);
};

const pooling = (g: MxGraph, node: OpNode<'max_pool' | 'average_pool' | 'lp_pool'>): Made => {
  floats(g, node);
  const { kernel, stride } = node.attrs;
  const kind = { max_pool: 'max', average_pool: 'avg', lp_pool: 'lp' }[node.op];
  const form = formOf(g, node);
  const average = node.op === 'average_pool' ? { count_include_pad: node.attrs.include_pad } : {};
  const norm = node.op === 'lp_pool' ? { p_value: node.attrs.p } : {};
  if (form !== undefined && (node.op !== 'average_pool' || countsAlike(node, form)))
    return g.op('Pooling', [g.x(node.operands[0])], {
      kernel,
      stride,
      pad: form.pad,
      pool_type: kind,
      pooling_convention: form.convention,
      ...average,
      ...norm,
    });
  if (node.op === 'average_pool' && (!node.attrs.include_pad || node.attrs.ceil))
    return refuse('MXNet pads both ends alike, and would count other cells at the edges');
  const x = withPads(g, node, node.op === 'max_pool' ? floatText(Math.fround(-3.4028234663852886e38)) : '0');
  return g.op('Pooling', [x], {
    kernel,
    stride,
    pool_type: kind,
    ...(node.op === 'average_pool' ? { count_include_pad: true } : {}),
    ...norm,
  });
};

const global = (kind: string) => (g: MxGraph, node: OpNode<'global_max_pool' | 'global_average_pool'>) => {
  floats(g, node);
  return g.op('Pooling', [g.x(node.operands[0])], { global_pool: true, pool_type: kind });
};

export const poolRows = {
  max_pool: pooling,
  average_pool: pooling,
  lp_pool: pooling,
  global_max_pool: global('max'),
  global_average_pool: global('avg'),
  adaptive_average_pool: (g, node) => {
    floats(g, node);
    return g.op('_contrib_AdaptiveAvgPooling2D', [g.x(node.operands[0])], { output_size: node.attrs.sizes });
  },
} as const satisfies Rows;
