import { type OpNode, sameShape, unsupported, type ValueId } from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';
import { floatText, type Made, type MxGraph, type Ref, refuse } from '../graph.ts';
import { heldShape } from '../params.ts';
import { only, type Rows } from './row.ts';

/** Operators of movement that MXNet does not have for truth values. */
const noBool = (g: MxGraph, node: { readonly operands: readonly ValueId[] }): void => {
  if (node.operands.some((v) => g.type(v).dtype === 'bool')) refuse('MXNet has this operator for numbers only');
};

export const reshaped = (g: MxGraph, x: Ref, shape: readonly number[]): Ref => g.op('Reshape', [x], { shape: heldShape(shape) });

/** To the type of result 0, whose sizes are known but for those that the codes copy. */
const toResult = (g: MxGraph, node: OpNode<'reshape' | 'flatten' | 'squeeze' | 'unsqueeze'>): Made => {
  const [x] = node.operands;
  const { shape } = g.type(at(node.results, 0));
  const own = g.type(x).shape;
  const open = shape.filter((d) => typeof d !== 'number').length;
  if (open > 1) return refuse(`its sizes [${shape.join(', ')}] have to be known`);
  if (sameShape(shape, own)) return g.op('identity', [g.x(x, 'scalar')]);
  return reshaped(
    g,
    g.x(x, 'scalar'),
    shape.map((d) => (typeof d === 'number' ? d : -1)),
  );
};

/** begin:end:step of each dimension; None keeps it whole. */
const sliced = (g: MxGraph, node: OpNode<'slice'>): Made => {
  const { starts, sizes, steps } = node.attrs;
  g.limit(5, node.operands[0]);
  const bounds = sizes.map((size, d) => {
    if (size === -1) return { begin: undefined, end: undefined, step: undefined };
    const [begin, step] = [at(starts, d), at(steps, d)];
    const end = begin + (size - 1) * step + Math.sign(step);
    return { begin, end: end < 0 ? undefined : end, step };
  });
  return g.op('slice', [g.x(node.operands[0])], {
    begin: bounds.map((b) => b.begin),
    end: bounds.map((b) => b.end),
    step: bounds.map((b) => b.step),
  });
};

const split = (g: MxGraph, node: OpNode<'split'>): Made => {
  const { axis, sizes } = node.attrs;
  noBool(g, node);
  const x = g.x(node.operands[0]);
  if (sizes.length === 1) return g.op('identity', [x]);
  const equal = sizes.every((s) => s === sizes[0]);
  const starts = sizes.map((_, i) => sizes.slice(0, i).reduce((a, b) => a + b, 0));
  const place = axis < 0 ? axis + g.rank(node.operands[0]) : axis;
  const { node: made } = equal
    ? g.op('SliceChannel', [x], { num_outputs: sizes.length, axis: place, squeeze_axis: false })
    : g.op('_split_v2', [x], { indices: starts, axis: place, squeeze_axis: false, sections: 0 });
  return sizes.map((_, output) => ({ node: made, output }));
};

/**
 * Begin and end of each dimension in turn; Pad knows images and volumes of floats, its numpy form everything.
 * @param image - whether the elements are floats
 */
export const padded = (g: MxGraph, x: Ref, pads: readonly number[], mode: string, value: string, image = true): Ref => {
  const rank = pads.length / 2;
  const pairs = pads.slice(0, rank).map((begin, d) => [begin, at(pads, rank + d)] as const);
  const spatial = image && (rank === 4 || rank === 5) && pairs.slice(0, 2).every(([a, b]) => a === 0 && b === 0);
  const filler = mode === 'constant' ? { constant_value: value } : {};
  if (spatial) return g.op('Pad', [x], { mode, pad_width: pairs.flat(), ...filler });
  const width = `(${pairs.map(([a, b]) => `(${a}, ${b})`).join(', ')},)`;
  return g.op('_npi_pad', [x], { pad_width: width, mode, ...filler });
};

/** The numpy form adds dimensions in front. */
const expand = (g: MxGraph, node: OpNode<'expand'>): Made => {
  const [x] = node.operands;
  const shape = g.sizes(at(node.results, 0));
  const own = g.sizes(x);
  const ready = g.x(x, 'scalar');
  if (sameShape(shape, own)) return g.op('identity', [ready]);
  return g.op(own.length === shape.length ? 'broadcast_to' : '_npi_broadcast_to', [ready], { shape: heldShape(shape) });
};

const gatherElements = (g: MxGraph, node: OpNode<'gather_elements'>): Made => {
  const [x, index] = node.operands;
  const [own, places] = [g.sizes(x), g.sizes(index)];
  const axis = node.attrs.axis < 0 ? node.attrs.axis + own.length : node.attrs.axis;
  if (places.some((d, i) => d !== (i === axis ? 1 : at(own, i))))
    return refuse('MXNet picks one element along the axis at every place, not others');
  const flat = reshaped(
    g,
    g.x(index),
    places.filter((_, i) => i !== axis),
  );
  return g.op('pick', [g.x(x), flat], { axis, keepdims: true, mode: 'clip' });
};

/**
 * Index vectors along dimension 0, as MXNet wants them. It ends a run where an index lies outside, so that those of a run are
 * clamped to their dimensions first.
 */
const indexVectors = (g: MxGraph, node: OpNode<'gather_nd'>): Ref => {
  const [x, index] = node.operands;
  const rank = g.rank(index);
  const sizes = g.sizes(x);
  const width = at(g.sizes(index), rank - 1);
  const first = g.op('transpose', [g.x(index)], { axes: [rank - 1, ...Array.from({ length: rank - 1 }, (_, i) => i)] });
  const known = g.tensor(index);
  if (known !== undefined) {
    const outside = known.data.some((v, i) => v < 0 || v >= at(sizes, i % width));
    return outside ? refuse('an index lies outside, which MXNet does not clamp') : first;
  }
  g.limit(5, index);
  const shape = [width, ...new Array<number>(rank - 1).fill(1)];
  const last = g.constant(`${node.origin ?? node.op}_last`, {
    dtype: 'i32',
    shape,
    data: Int32Array.from(sizes.slice(0, width), (s) => s - 1),
  });
  return g.op('broadcast_minimum', [g.op('_maximum_scalar', [first], { scalar: 0 }), last]);
};

const gatherNd = (g: MxGraph, node: OpNode<'gather_nd'>): Made => {
  if (node.attrs.batch_dims !== 0) return refuse('MXNet has no leading dimensions that both share');
  if (g.rank(node.operands[1]) < 2) return refuse('MXNet wants a list of index vectors');
  return g.op('gather_nd', [g.x(node.operands[0]), indexVectors(g, node)]);
};

const all = (g: MxGraph, node: { readonly operands: readonly ValueId[] }): readonly Ref[] => node.operands.map((v) => g.x(v));

export const shapeRows = {
  reshape: toResult,
  flatten: (g, node) => {
    const [x] = node.operands;
    return node.attrs.axis === 1 && g.rank(x) > 1 ? g.op('Flatten', [g.x(x)]) : toResult(g, node);
  },
  squeeze: toResult,
  unsqueeze: toResult,
  transpose: (g, node) => {
    noBool(g, node);
    g.limit(6, node.operands[0]);
    return g.op('transpose', all(g, node), { axes: node.attrs.perm });
  },
  concat: (g, node) => {
    noBool(g, node);
    return g.op('Concat', all(g, node), { num_args: node.operands.length, dim: node.attrs.axis });
  },
  stack: (g, node) => {
    noBool(g, node);
    return g.op('stack', all(g, node), { num_args: node.operands.length, axis: node.attrs.axis });
  },
  split,
  pad: (g, node) => {
    const { pads, mode, value } = node.attrs;
    noBool(g, node);
    return padded(g, g.x(node.operands[0]), pads, mode, floatText(value), g.type(node.operands[0]).dtype === 'f32');
  },
  slice: sliced,
  expand,
  gather: (g, node) => {
    if (g.rank(node.operands[1]) === 0) return refuse('MXNet has no indices without dimensions');
    return g.op('take', all(g, node), { axis: node.attrs.axis, mode: 'clip' });
  },
  embedding: (g, node) => {
    only(g, { ...node, operands: node.operands.slice(0, 1) }, 'f32');
    const [rows = 0, width = 0] = g.sizes(node.operands[0]);
    return g.op('Embedding', [g.x(node.operands[1]), g.x(node.operands[0])], { input_dim: rows, output_dim: width });
  },
  gather_elements: gatherElements,
  gather_nd: gatherNd,
  tile: (g, node) => g.op('tile', all(g, node), { reps: node.attrs.repeats }),
  repeat: (g, node) => g.op('repeat', all(g, node), { repeats: node.attrs.repeats, axis: node.attrs.axis }),
  flip: (g, node) => {
    noBool(g, node);
    const rank = g.rank(node.operands[0]);
    return g.op('reverse', all(g, node), { axis: node.attrs.axes.map((a) => (a < 0 ? a + rank : a)) });
  },
  depth_to_space: (g, node) => g.op('depth_to_space', all(g, node), { block_size: node.attrs.block }),
  space_to_depth: (g, node) => g.op('space_to_depth', all(g, node), { block_size: node.attrs.block }),
  scatter_elements: unsupported('MXNet does not define which of several writes to one place stays'),
  scatter_nd: unsupported('MXNet does not define which of several writes to one place stays'),
} as const satisfies Rows;
