import { type FAMILIES, isStaticShape, type OpNode, type Shape } from '../../../ir/index.ts';
import { type OnnxGraph, refuse } from '../graph.ts';
import type { Attributes } from '../message.ts';
import { called, type Made, plain, type Rows } from './row.ts';

interface Window {
  readonly stride: readonly number[];
  readonly pads: readonly number[];
  readonly dilation: readonly number[];
}

const windowAttributes = ({ stride, pads, dilation }: Window): Attributes => ({ strides: stride, pads, dilations: dilation });

/** Products of two bytes fit 2^16: beyond this many, the sums of halves leave int32. */
const MOST_HALVES = 2 ** 15;

const conv = (g: OnnxGraph, node: OpNode<'conv'>): Made => {
  const { dtype } = g.t(node);
  const suffix = g.has(node, 2) ? 'bias' : undefined;
  if (dtype === 'f32') {
    const kernel = g.sizes(node, 1).slice(2);
    return g.one('Conv', g.xs(node), { kernel_shape: kernel, ...windowAttributes(node.attrs), group: node.attrs.groups });
  }
  if (dtype !== 'i16') return g.call(node, suffix);
  const products = g
    .sizes(node, 1)
    .slice(1)
    .reduce((a, d) => a * d, 1);
  if (products > MOST_HALVES) return refuse(`${products} products of 16 bits are summed, and ONNX sums at most ${MOST_HALVES} exactly`);
  return g.call(node, suffix === undefined ? 'i16' : 'i16_bias');
};

export const convRows = { conv } as const satisfies Rows<keyof (typeof FAMILIES)['conv']>;

const dense = (g: OnnxGraph, node: OpNode<'dense'>): Made => {
  const { dtype, shape } = g.t(node);
  const suffix = g.has(node, 2) ? 'bias' : undefined;
  if (dtype === 'i16') return g.call(node, suffix === undefined ? 'i16' : 'i16_bias');
  if (dtype !== 'f32') return g.call(node, suffix);
  if (shape.length === 2) return g.one('Gemm', g.xs(node), { transB: 1 });
  const y = g.one('MatMul', [g.x(node), g.one('Transpose', [g.x(node, 1)], { perm: [1, 0] })]);
  return suffix === undefined ? y : g.one('Add', [y, g.x(node, 2)]);
};

const matmul = (g: OnnxGraph, node: OpNode<'matmul'>): Made => {
  const { dtype } = g.t(node);
  if (dtype === 'f32') return g.one('MatMul', g.xs(node));
  if (dtype === 'i16') return g.call(node, 'i16');
  return node.attrs.a_zero === 0 && node.attrs.b_zero === 0 ? g.one('MatMulInteger', g.xs(node)) : g.call(node);
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

/** Of the spatial dimensions alone, so that a symbolic batch stays one. */
const resized = (
  g: OnnxGraph,
  node: OpNode<'resize' | 'cubic_resize' | 'antialias_resize'>,
  attributes: Readonly<Record<string, Attributes[string] | undefined>>,
): Made => {
  const { sizes, coordinates } = node.attrs;
  const given = Object.entries(attributes).flatMap(([name, v]) => (v === undefined ? [] : [[name, v] as const]));
  const axes = sizes.map((_, i) => i + 2);
  const all = { coordinate_transformation_mode: coordinates, ...Object.fromEntries(given), axes };
  return g.one('Resize', [g.x(node), '', '', g.ints('sizes', sizes)], all, { opset: 19 });
};

export const normRows = {
  softmax: (g, n) => g.one('Softmax', [g.x(n)], { axis: n.attrs.axis }),
  log_softmax: (g, n) => g.one('LogSoftmax', [g.x(n)], { axis: n.attrs.axis }),
  softmax_lut: called(),
  lrn: (g, n) =>
    g.one('LRN', [g.x(n)], {
      alpha: { float: n.attrs.alpha },
      beta: { float: n.attrs.beta },
      bias: { float: n.attrs.bias },
      size: n.attrs.size,
    }),
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
