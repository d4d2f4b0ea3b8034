import { type OpName, type OpNode, unsupported } from '../../../ir/index.ts';
import { floatText, type Made, type MxGraph, refuse } from '../graph.ts';
import { floats, only, type Rows } from './row.ts';

const named =
  (op: string, attrs: Readonly<Record<string, string>> = {}) =>
  (g: MxGraph, node: OpNode<OpName>): Made => {
    floats(g, node);
    return g.op(
      op,
      node.operands.map((v) => g.x(v, 'scalar')),
      attrs,
    );
  };
const whole =
  (op: string) =>
  (g: MxGraph, node: OpNode<OpName>): Made => {
    only(g, node, 'f32', 'i32');
    return g.op(
      op,
      node.operands.map((v) => g.x(v, 'scalar')),
    );
  };
const activation = (kind: string) => named('Activation', { act_type: kind });

/** Constants of the self-normalizing unit (Klambauer et al. 2017). */
const SELU = { alpha: Math.fround(1.6732631921768188), gamma: Math.fround(1.0507010221481323) } as const;

export const unaryRows = {
  neg: whole('negative'),
  abs: whole('abs'),
  sign: whole('sign'),
  relu: (g, node) => (g.type(node.operands[0]).dtype === 'f32' ? activation('relu')(g, node) : whole('relu')(g, node)),
  sigmoid: activation('sigmoid'),
  tanh: activation('tanh'),
  softplus: activation('softrelu'),
  softsign: activation('softsign'),
  erf: named('erf'),
  exp: named('exp'),
  log: named('log'),
  sqrt: named('sqrt'),
  rsqrt: named('rsqrt'),
  reciprocal: named('reciprocal'),
  floor: named('floor'),
  ceil: named('ceil'),
  trunc: named('trunc'),
  sin: named('sin'),
  cos: named('cos'),
  tan: named('tan'),
  asin: named('arcsin'),
  acos: named('arccos'),
  atan: named('arctan'),
  sinh: named('sinh'),
  cosh: named('cosh'),
  asinh: named('arcsinh'),
  acosh: named('arccosh'),
  atanh: named('arctanh'),
  clip: (g, node) => {
    floats(g, node);
    return g.op('clip', [g.x(node.operands[0], 'scalar')], { a_min: floatText(node.attrs.min), a_max: floatText(node.attrs.max) });
  },
  relu6: (g, node) => g.op('clip', [g.x(node.operands[0], 'scalar')], { a_min: 0, a_max: 6 }),
  clamp: (g, node) => {
    only(g, node, 'i32');
    const { lo, hi } = node.attrs;
    const x = g.x(node.operands[0], 'scalar');
    // the bounds of clip are float32
    if ([lo, hi].every((v) => Math.fround(v) === v && Math.abs(v) < 2 ** 31)) return g.op('clip', [x], { a_min: lo, a_max: hi });
    return g.op('_minimum_scalar', [g.op('_maximum_scalar', [x], { scalar: lo })], { scalar: hi });
  },
  leaky_relu: (g, node) => g.op('LeakyReLU', [g.x(node.operands[0], 'scalar')], { act_type: 'leaky', slope: floatText(node.attrs.alpha) }),
  elu: (g, node) => {
    const { alpha, gamma } = node.attrs;
    const x = g.x(node.operands[0], 'scalar');
    if (alpha === SELU.alpha && gamma === SELU.gamma) return g.op('LeakyReLU', [x], { act_type: 'selu' });
    const unit = g.op('LeakyReLU', [x], { act_type: 'elu', slope: floatText(alpha) });
    return gamma === 1 ? unit : g.op('_mul_scalar', [unit], { scalar: floatText(gamma) });
  },
  hard_sigmoid: (g, node) =>
    g.op('hard_sigmoid', [g.x(node.operands[0], 'scalar')], { alpha: floatText(node.attrs.alpha), beta: floatText(node.attrs.beta) }),
  gelu: (g, node) =>
    node.attrs.approximate === 'none'
      ? g.op('LeakyReLU', [g.x(node.operands[0], 'scalar')], { act_type: 'gelu' })
      : refuse('MXNet has the form by erf only'),
  round: unsupported('MXNet rounds halves away from zero or down, not to even'),
  shrink: unsupported('MXNet has no shrinkage function'),
} as const satisfies Rows;
