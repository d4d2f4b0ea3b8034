import { elementCount, type OpNode, type Tensor, type ValueId } from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';
import { floatText, type Made, type MxGraph, type Ref, refuse } from '../graph.ts';
import { floats, type Rows } from './row.ts';
import { padded, reshaped } from './shape.ts';

const symmetric = (pads: readonly number[]): boolean => pads.slice(0, pads.length / 2).every((p, i) => p === pads[pads.length / 2 + i]);

/** conv with pads that differ at both ends pads before. */
const convolution = (g: MxGraph, node: OpNode<'conv'>): Made => {
  floats(g, node);
  const [x, w, bias] = node.operands;
  const { stride, dilation, groups, pads } = node.attrs;
  const [filters = 0, , ...kernel] = g.sizes(w);
  const even = symmetric(pads);
  const count = kernel.length;
  const data = even ? g.x(x) : padded(g, g.x(x), [0, 0, ...pads.slice(0, count), 0, 0, ...pads.slice(count)], 'constant', '0');
  return g.op('Convolution', [data, g.x(w), ...(bias === undefined ? [] : [g.x(bias)])], {
    kernel,
    stride,
    dilate: dilation,
    pad: even ? pads.slice(0, count) : kernel.map(() => 0),
    num_filter: filters,
    num_group: groups,
    no_bias: bias === undefined,
  });
};

const transposed = (g: MxGraph, node: OpNode<'conv_transpose'>): Made => {
  const [x, w, bias] = node.operands;
  const { stride, dilation, groups, pads, output_padding: extra } = node.attrs;
  const [, filters = 0, ...kernel] = g.sizes(w);
  const begin = pads.slice(0, kernel.length);
  return g.op('Deconvolution', [g.x(x), g.x(w), ...(bias === undefined ? [] : [g.x(bias)])], {
    kernel,
    stride,
    dilate: dilation,
    pad: begin,
    adj: begin.map((p, i) => p - at(pads, kernel.length + i) + at(extra, i)),
    num_filter: filters * groups,
    num_group: groups,
    no_bias: bias === undefined,
  });
};

const dense = (g: MxGraph, node: OpNode<'dense'>): Made => {
  floats(g, node);
  const [x, w, bias] = node.operands;
  const [units = 0] = g.sizes(w);
  const own = g.rank(x);
  const data = own === 1 ? reshaped(g, g.x(x), [1, ...g.sizes(x)]) : g.x(x);
  const y = g.op('FullyConnected', [data, g.x(w), ...(bias === undefined ? [] : [g.x(bias)])], {
    num_hidden: units,
    no_bias: bias === undefined,
    flatten: own === 2,
  });
  return own === 1 ? reshaped(g, y, [units]) : y;
};

const matmul = (g: MxGraph, node: OpNode<'matmul'>): Made => {
  floats(g, node);
  const [a, b] = node.operands;
  const [left, right] = [g.type(a).shape, g.type(b).shape];
  if (left.length === 2 && right.length === 2) return g.op('dot', [g.x(a), g.x(b)]);
  const batched = left.length === right.length && left.slice(0, -2).every((d, i) => d === right[i]);
  return g.op(batched ? 'batch_dot' : '_npi_matmul', [g.x(a), g.x(b)]);
};

const batchNorm = (g: MxGraph, node: OpNode<'batch_norm'>): Made => {
  const [x, scale, bias, mean, variance] = node.operands;
  const stored = [mean, variance].map((v) => g.auxiliary(v) ?? refuse('mean and variance have to be parameters'));
  return g.op('BatchNorm', [g.x(x), g.x(scale), g.x(bias), ...stored], { eps: floatText(node.attrs.epsilon), fix_gamma: false });
};

/** The slope as a vector with an entry for each channel, or one for all. */
const prelu = (g: MxGraph, node: OpNode<'prelu'>): Made => {
  const [x, slope] = node.operands;
  const tensor: Tensor = g.tensor(slope) ?? refuse('the slope has to be a parameter');
  const vector = g.constant(g.nameOf(slope), { ...tensor, shape: [elementCount(tensor.shape)] });
  return g.op('LeakyReLU', [g.x(x), vector], { act_type: 'prelu' });
};

const filled = (g: MxGraph, name: string, count: number, value: number): Ref =>
  g.constant(name, { dtype: 'f32', shape: [count], data: new Float32Array(count).fill(value) });
const factor = (g: MxGraph, v: ValueId | undefined, name: string, size: number, value: number): Ref =>
  v === undefined ? filled(g, name, size, value) : g.x(v);

const layerNorm = (g: MxGraph, node: OpNode<'layer_norm'>): Made => {
  const [x, scale, bias] = node.operands;
  const size = at(g.sizes(x), g.rank(x) - 1);
  const name = node.origin ?? 'layer_norm';
  return g.op('LayerNorm', [g.x(x), factor(g, scale, `${name}_gamma`, size, 1), factor(g, bias, `${name}_beta`, size, 0)], {
    axis: -1,
    eps: floatText(node.attrs.epsilon),
  });
};

export const layerRows = {
  conv: convolution,
  conv_transpose: transposed,
  dense,
  matmul,
  batch_norm: batchNorm,
  prelu,
  layer_norm: layerNorm,
  instance_norm: (g, node) =>
    g.op(
      'InstanceNorm',
      node.operands.map((v) => g.x(v)),
      { eps: floatText(node.attrs.epsilon) },
    ),
  softmax: (g, node) => g.op('softmax', [g.x(node.operands[0])], { axis: node.attrs.axis }),
  log_softmax: (g, node) => g.op('log_softmax', [g.x(node.operands[0])], { axis: node.attrs.axis }),
  lrn: (g, node) => {
    const { size, alpha, beta, bias } = node.attrs;
    if (size % 2 === 0 || g.rank(node.operands[0]) !== 4) return refuse('MXNet takes an odd size and images only');
    return g.op('LRN', [g.x(node.operands[0])], { nsize: size, alpha: floatText(alpha), beta: floatText(beta), knorm: floatText(bias) });
  },
} as const satisfies Rows;
