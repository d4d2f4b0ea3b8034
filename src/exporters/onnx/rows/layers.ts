import { type FAMILIES, isStaticShape, type OpNode, type Shape, zeros } from '../../../ir/index.ts';
import { type OnnxGraph, refuse } from '../graph.ts';
import { type Attributes, tensorMessage } from '../message.ts';
import { called, type Made, plain, type Rows } from './row.ts';

interface Window {
  readonly stride: readonly number[];
  readonly pads: readonly number[];
  readonly dilation: readonly number[];
}

const windowAttributes = ({ stride, pads, dilation }: Window): Attributes => ({ strides: stride, pads, dilations: dilation });

/** Products of two bytes fit 2^16: beyond this many, the sums of halves leave int32. */
const MOST_HALVES = 2 ** 15;

/** Name of a form of a function. */
const form = (...parts: readonly (string | false)[]): string | undefined => {
  const name = parts.filter((p) => p !== false).join('_');
  return name === '' ? undefined : name;
};

/** Sums of no products: the bias alone. */
const emptySum = (g: OnnxGraph, node: OpNode<'conv' | 'dense'>, trailingOnes: number): Made => {
  const { dtype, shape } = g.result(node);
  if (!isStaticShape(shape)) return refuse('a dimension is symbolic; bind it with --bind');
  const none = g.constant('zeros', (name) => tensorMessage(name, zeros({ dtype, shape })));
  if (!g.has(node, 2)) return g.one('Identity', [none]);
  const bias = trailingOnes === 0 ? g.x(node, 2) : g.one('Reshape', [g.x(node, 2), g.ints('shape', [-1, ...ones(trailingOnes)])]);
  return g.one('Add', [none, bias]);
};

const ones = (count: number): readonly number[] => Array.from({ length: count }, () => 1);

const conv = (g: OnnxGraph, node: OpNode<'conv'>): Made => {
  const { dtype } = g.t(node);
  const weights = g.sizes(node, 1);
  if (weights[1] === 0) return emptySum(g, node, weights.length - 2);
  if (dtype === 'f32')
    return g.one('Conv', g.xs(node), { kernel_shape: weights.slice(2), ...windowAttributes(node.attrs), group: node.attrs.groups });
  const products = weights.slice(1).reduce((a, d) => a * d, 1);
  if (dtype === 'i16' && products > MOST_HALVES)
    return refuse(`${products} products of 16 bits are summed, and ONNX sums at most ${MOST_HALVES} exactly`);
  return g.call(node, form(dtype !== 'i8' && dtype, g.has(node, 2) && 'bias'));
};

export const convRows = { conv } as const satisfies Rows<keyof (typeof FAMILIES)['conv']>;

const dense = (g: OnnxGraph, node: OpNode<'dense'>): Made => {
  const { dtype, shape } = g.t(node);
  if (g.sizes(node, 1)[1] === 0) return emptySum(g, node, 0);
  if (dtype !== 'f32') return g.call(node, form(dtype !== 'i8' && dtype, g.has(node, 2) && 'bias'));
  if (shape.length === 2) return g.one('Gemm', g.xs(node), { transB: 1 });
  const y = g.one('MatMul', [g.x(node), g.one('Transpose', [g.x(node, 1)], { perm: [1, 0] })]);
  return g.has(node, 2) ? g.one('Add', [y, g.x(node, 2)]) : y;
};

const matmul = (g: OnnxGraph, node: OpNode<'matmul'>): Made => {
  const { dtype } = g.t(node);
  if (dtype === 'f32') return g.one('MatMul', g.xs(node));
  return g.call(node, dtype === 'i16' ? 'i16' : `${dtype}_${g.t(node, 1).dtype}`);
};

export const matmulRows = { dense, matmul } as const satisfies Rows<keyof (typeof FAMILIES)['matmul']>;

export const linearRows = {
  determinant: plain('Det'),
  gemm: (g, n) =>
    g.one('Gemm', g.xs(n), {
      alpha: { float: n.attrs.alpha },
      beta: { float: n.attrs.beta },
      transA: n.attrs.transpose_a ? 1 : 0,
      transB: n.attrs.transpose_b ? 1 : 0,
    }),
} as const satisfies Rows<keyof (typeof FAMILIES)['linear']>;

export const spatialRows = {
  conv_transpose: (g, n) =>
    g.one('ConvTranspose', g.xs(n), {
      kernel_shape: g.sizes(n, 1).slice(2),
      ...windowAttributes(n.attrs),
      output_padding: n.attrs.output_padding,
      group: n.attrs.groups,
    }),
  resize: (g, n) => resized(g, n, { mode: n.attrs.mode, nearest_mode: n.attrs.mode === 'nearest' ? n.attrs.rounding : undefined }),
  cubic_resize: (g, n) => resized(g, n, { mode: 'cubic', ...cubic(n.attrs) }),
  antialias_resize: (g, n) =>
    resized(g, n, { mode: n.attrs.mode, antialias: 1, ...(n.attrs.mode === 'cubic' ? cubic(n.attrs) : outside(n.attrs)) }),
} as const satisfies Rows<keyof (typeof FAMILIES)['spatial']>;

const outside = (a: { readonly exclude_outside: boolean }): Attributes => (a.exclude_outside ? { exclude_outside: 1 } : {});
const cubic = (a: { readonly exclude_outside: boolean; readonly cubic_a: number }): Attributes => ({
  cubic_coeff_a: { float: a.cubic_a },
  ...outside(a),
});

/** All sizes where they are numbers; those of the spatial dimensions alone otherwise, which the transpose optimizer of onnxruntime spoils. */
const resized = (
  g: OnnxGraph,
  node: OpNode<'resize' | 'cubic_resize' | 'antialias_resize'>,
  attributes: Readonly<Record<string, Attributes[string] | undefined>>,
): Made => {
  const { sizes, coordinates } = node.attrs;
  const given = Object.entries(attributes).flatMap(([name, v]) => (v === undefined ? [] : [[name, v] as const]));
  const lead = g.t(node).shape.slice(0, 2);
  const axes = isStaticShape(lead) ? {} : { axes: sizes.map((_, i) => i + 2) };
  const all = { coordinate_transformation_mode: coordinates, ...Object.fromEntries(given), ...axes };
  return g.one('Resize', [g.x(node), '', '', g.ints('sizes', isStaticShape(lead) ? [...lead, ...sizes] : sizes)], all, { opset: 19 });
};

/** onnxruntime takes windows of an odd number of channels; means over others are pooled along the channels as an axis of their own. */
const lrn = (g: OnnxGraph, node: OpNode<'lrn'>): Made => {
  const { alpha, beta, bias, size } = node.attrs;
  const x = g.x(node);
  if (size % 2 === 1) return g.one('LRN', [x], { alpha: { float: alpha }, beta: { float: beta }, bias: { float: bias }, size });
  const channels = g.t(node).shape[1];
  if (typeof channels !== 'number') return refuse('the number of channels is symbolic; bind it with --bind');
  const before = Math.floor((size - 1) / 2);
  const rows = g.one('Reshape', [g.one('Mul', [x, x]), g.ints('rows', [0, 1, channels, -1])]);
  const window = { kernel_shape: [size, 1], pads: [before, 0, size - 1 - before, 0], count_include_pad: 1 };
  const means = g.one('Reshape', [g.one('AveragePool', [rows], window), g.one('Shape', [x])]);
  const base = g.one('Add', [g.one('Mul', [means, g.float('alpha', alpha)]), g.float('bias', bias)]);
  return g.one('Div', [x, g.one('Pow', [base, g.float('beta', beta)])]);
};

export const normRows = {
  softmax: (g, n) => g.one('Softmax', [g.x(n)], { axis: n.attrs.axis }),
  log_softmax: (g, n) => g.one('LogSoftmax', [g.x(n)], { axis: n.attrs.axis }),
  softmax_lut: called(),
  lrn,
  batch_norm: (g, n) => g.one('BatchNormalization', g.xs(n), { epsilon: { float: n.attrs.epsilon } }),
  prelu: plain('PRelu'),
} as const satisfies Rows<keyof (typeof FAMILIES)['norm']>;

/** The dimensions from an axis on, where they are numbers. */
export const trailing = (shape: Shape, axis: number): readonly number[] | undefined => {
  const tail = shape.slice(axis < 0 ? axis + shape.length : axis);
  return isStaticShape(tail) ? tail : undefined;
};

export const normalizeRows = {
  layer_norm: (g, n) => g.one('LayerNormalization', g.xs(n), { axis: n.attrs.axis, epsilon: { float: n.attrs.epsilon } }),
  rms_norm: (g, n) => g.one('RMSNormalization', g.xs(n), { axis: n.attrs.axis, epsilon: { float: n.attrs.epsilon } }, { opset: 23 }),
  instance_norm: (g, n) => g.one('InstanceNormalization', g.xs(n), { epsilon: { float: n.attrs.epsilon } }),
  group_norm: (g, n) =>
    g.one('GroupNormalization', g.xs(n), { epsilon: { float: n.attrs.epsilon }, num_groups: n.attrs.groups }, { opset: 21 }),
} as const satisfies Rows<keyof (typeof FAMILIES)['normalize']>;
