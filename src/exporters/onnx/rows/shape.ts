import { type DType, DTYPE_INFO, type FAMILIES, type OpNode } from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';
import type { OnnxGraph } from '../graph.ts';
import { ELEM_OF, tensorMessage } from '../message.ts';
import { type Made, type Rows } from './row.ts';

const slice = (g: OnnxGraph, node: OpNode<'slice'>): Made => {
  const { starts, sizes, steps } = node.attrs;
  const { shape } = g.t(node);
  const axes = sizes.flatMap((size, i) => {
    const [start, step] = [at(starts, i), at(steps, i)];
    const whole = size === -1 || (start === 0 && step === 1 && size === shape[i]);
    return whole ? [] : [i];
  });
  if (axes.length === 0) return g.one('Identity', [g.x(node)]);
  // an end before the first element is one far below 0
  const ends = axes.map((i) => {
    const end = at(starts, i) + at(sizes, i) * at(steps, i);
    return end < 0 ? -(2 ** 31) : end;
  });
  const pick = (list: readonly number[]): readonly number[] => axes.map((i) => at(list, i));
  const inputs = [g.ints('starts', pick(starts)), g.ints('ends', ends), g.ints('axes', axes)];
  const stepped = pick(steps).some((s) => s !== 1) ? [g.ints('steps', pick(steps))] : [];
  return g.one('Slice', [g.x(node), ...inputs, ...stepped]);
};

/** A dtype that onnxruntime pads, in which all values of another one are exact. */
const carrier = (dtype: DType): DType => (dtype === 'i16' ? 'i32' : dtype === 'bool' ? 'u8' : dtype);

const pad = (g: OnnxGraph, node: OpNode<'pad'>): Made => {
  const { pads, mode, value } = node.attrs;
  const { dtype } = g.t(node);
  const through = carrier(dtype);
  const x = through === dtype ? g.x(node) : g.cast(g.x(node), ELEM_OF[through]);
  const inputs = [x, g.ints('pads', pads)];
  if (mode === 'constant' && value !== 0) {
    const data = DTYPE_INFO[through].make(1);
    data[0] = value;
    inputs.push(g.constant('value', (name) => tensorMessage(name, { dtype: through, shape: [], data })));
  }
  const y = g.one('Pad', inputs, { mode });
  return through === dtype ? y : g.cast(y, ELEM_OF[dtype]);
};

/** 1 in a target keeps the size of x, as in ONNX. */
const expand = (g: OnnxGraph, node: OpNode<'expand'>): Made => g.one('Expand', [g.x(node), g.ints('shape', node.attrs.shape)]);

/** Operators of ONNX for indices that are known to lie within; our functions for all others, which hold them there. */
const gather = (g: OnnxGraph, node: OpNode<'gather'>): Made => {
  const { axis } = node.attrs;
  const { shape } = g.t(node);
  const raw = g.wraps.indices.get(node);
  if (raw !== undefined) return g.one('Gather', [g.x(node), g.nameOf(raw)], { axis });
  return g.isWithin(node, [at(shape, axis < 0 ? axis + shape.length : axis)]) ? g.one('Gather', g.xs(node), { axis }) : g.call(node);
};

export const shapeRows = {
  reshape: (g, n) => g.one('Reshape', [g.x(n), g.ints('shape', n.attrs.shape)]),
  transpose: (g, n) => g.one('Transpose', [g.x(n)], { perm: n.attrs.perm }),
  concat: (g, n) => g.one('Concat', g.xs(n), { axis: n.attrs.axis }),
  split: (g, n) => g.all('Split', [g.x(n), g.ints('sizes', n.attrs.sizes)], { axis: n.attrs.axis }, { outputs: n.results.length }),
  pad,
  slice,
  expand,
  gather,
} as const satisfies Rows<keyof (typeof FAMILIES)['shape']>;

export const viewRows = {
  flatten: (g, n) => g.one('Flatten', [g.x(n)], { axis: n.attrs.axis }),
  squeeze: (g, n) => g.one('Squeeze', [g.x(n), g.ints('axes', n.attrs.axes)]),
  unsqueeze: (g, n) => g.one('Unsqueeze', [g.x(n), g.ints('axes', n.attrs.axes)]),
} as const satisfies Rows<keyof (typeof FAMILIES)['view']>;

export const blocksRows = {
  depth_to_space: (g, n) => g.one('DepthToSpace', [g.x(n)], { blocksize: n.attrs.block, mode: n.attrs.mode }),
  space_to_depth: (g, n) => g.one('SpaceToDepth', [g.x(n)], { blocksize: n.attrs.block }),
  tile: (g, n) => g.one('Tile', [g.x(n), g.ints('repeats', n.attrs.repeats)]),
} as const satisfies Rows<keyof (typeof FAMILIES)['blocks']>;

export const indexingRows = {
  gather_elements: (g, n) => {
    const { axis } = n.attrs;
    const { shape } = g.t(n);
    const raw = g.wraps.indices.get(n);
    if (raw !== undefined) return g.one('GatherElements', [g.x(n), g.nameOf(raw)], { axis });
    const within = g.isWithin(n, [at(shape, axis < 0 ? axis + shape.length : axis)]);
    return within ? g.one('GatherElements', g.xs(n), { axis }) : g.call(n);
  },
  gather_nd: (g, n) => {
    const batch = n.attrs.batch_dims;
    const length = Number(at(g.t(n, 1).shape, g.t(n, 1).shape.length - 1));
    if (!g.isWithin(n, g.t(n).shape.slice(batch, batch + length))) return g.call(n);
    // GatherND takes int64 alone
    return g.one('GatherND', [g.x(n), g.long(g.x(n, 1))], { batch_dims: batch });
  },
} as const satisfies Rows<keyof (typeof FAMILIES)['indexing']>;
