import { DTYPE_INFO, type FAMILIES, type OpNode } from '../../../ir/index.ts';
import type { OnnxGraph } from '../graph.ts';
import { ELEM, tensorMessage } from '../message.ts';
import { called, type Made, plain, plainForFloat, type Rows } from './row.ts';

/** max(x, 0): Relu takes integers too. */
const relu = (g: OnnxGraph, node: OpNode<'relu'>): Made => g.one('Relu', [g.x(node)]);

/** Clip with limits as inputs. */
const clipTo = (g: OnnxGraph, x: string, lo: number, hi: number): string => g.one('Clip', [x, g.float('min', lo), g.float('max', hi)]);

const clamp = (g: OnnxGraph, node: OpNode<'clamp'>): Made => {
  const { dtype } = g.t(node);
  // onnxruntime has no Clip of int16
  const wide = dtype === 'i16' ? 'i32' : dtype;
  const x = dtype === 'i16' ? g.cast(g.x(node), ELEM.int32) : g.x(node);
  const limit = (hint: string, value: number): string => {
    const data = DTYPE_INFO[wide].make(1);
    data[0] = value;
    return g.constant(hint, (name) => tensorMessage(name, { dtype: wide, shape: [], data }));
  };
  const y = g.one('Clip', [x, limit('min', node.attrs.lo), limit('max', node.attrs.hi)]);
  return dtype === 'i16' ? g.cast(y, ELEM.int16) : y;
};

/** Elu has no factor for the positive side; Selu has. */
const elu = (g: OnnxGraph, node: OpNode<'elu'>): Made => {
  const { alpha, gamma } = node.attrs;
  if (gamma === 1) return g.one('Elu', [g.x(node)], { alpha: { float: alpha } });
  return g.one('Selu', [g.x(node)], { alpha: { float: alpha }, gamma: { float: gamma } });
};

export const unaryRows = {
  neg: plainForFloat('Neg'),
  abs: plainForFloat('Abs'),
  relu,
  clip: (g, n) => clipTo(g, g.x(n), n.attrs.min, n.attrs.max),
  leaky_relu: (g, n) => g.one('LeakyRelu', [g.x(n)], { alpha: { float: n.attrs.alpha } }),
  elu,
  sigmoid: plain('Sigmoid'),
  tanh: plain('Tanh'),
  erf: plain('Erf'),
  exp: plain('Exp'),
  log: plain('Log'),
  sqrt: plain('Sqrt'),
  softplus: plain('Softplus'),
  floor: plain('Floor'),
  ceil: plain('Ceil'),
  round: plain('Round'),
  relu6: (g, n) => clipTo(g, g.x(n), 0, 6),
  hard_sigmoid: (g, n) => g.one('HardSigmoid', [g.x(n)], { alpha: { float: n.attrs.alpha }, beta: { float: n.attrs.beta } }),
  hard_swish: plain('HardSwish'),
  gelu: (g, n) => g.one('Gelu', [g.x(n)], { approximate: n.attrs.approximate }),
  softsign: plain('Softsign'),
  reciprocal: plain('Reciprocal'),
  rsqrt: (g, n) => g.one('Reciprocal', [g.one('Sqrt', [g.x(n)])]),
  clamp,
  shrink: (g, n) => g.one('Shrink', [g.x(n)], { bias: { float: n.attrs.bias }, lambd: { float: n.attrs.lambd } }),
  sign: plain('Sign'),
  trunc: called(),
} as const satisfies Rows<keyof (typeof FAMILIES)['unary']>;

export const trigonometryRows = {
  sin: plain('Sin'),
  cos: plain('Cos'),
  tan: plain('Tan'),
  asin: plain('Asin'),
  acos: plain('Acos'),
  atan: plain('Atan'),
  sinh: plain('Sinh'),
  cosh: plain('Cosh'),
  asinh: plain('Asinh'),
  acosh: plain('Acosh'),
  atanh: plain('Atanh'),
} as const satisfies Rows<keyof (typeof FAMILIES)['trigonometry']>;
