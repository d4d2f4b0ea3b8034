import type { FAMILIES, OpNode } from '../../../ir/index.ts';
import type { OnnxGraph } from '../graph.ts';
import { ELEM } from '../message.ts';
import { called, type Made, plain, plainForFloat, type Rows, unlessSpelled } from './row.ts';

export const arithmeticRows = {
  add: unlessSpelled(plain('Add')),
  sub: plain('Sub'),
  mul: plain('Mul'),
  div: plainForFloat('Div'),
  maximum: plain('Max'),
  minimum: plain('Min'),
  pow: plain('Pow'),
} as const satisfies Rows<keyof (typeof FAMILIES)['arithmetic']>;

const bitwise = (opType: string) => plain(opType, 18);

export const integerRows = {
  mod: called(),
  rem: (g, n) => (g.t(n).dtype === 'f32' ? g.one('Mod', g.xs(n), { fmod: 1 }) : g.call(n)),
  div_floor: called(),
  shift_left: (g, n) => g.call(n, g.t(n).dtype),
  shift_right: called(),
  shift_right_logical: called(),
  bitwise_and: bitwise('BitwiseAnd'),
  bitwise_or: bitwise('BitwiseOr'),
  bitwise_xor: bitwise('BitwiseXor'),
  bitwise_not: bitwise('BitwiseNot'),
  div_round: called(),
  clz: called(),
} as const satisfies Rows<keyof (typeof FAMILIES)['integer']>;

/** onnxruntime compares numbers, and truth values for equality alone. */
const compared =
  (opType: string) =>
  (g: OnnxGraph, node: OpNode): Made => {
    if (g.t(node).dtype !== 'bool' || opType === 'Equal') return g.one(opType, g.xs(node));
    return g.one(
      opType,
      g.xs(node).map((x) => g.cast(x, ELEM.int32)),
    );
  };

const select = (g: OnnxGraph, node: OpNode<'select'>): Made => {
  const { dtype } = g.t(node, 1);
  return dtype === 'i16' || dtype === 'bool' ? g.call(node, dtype) : g.one('Where', g.xs(node));
};

export const logicRows = {
  equal: compared('Equal'),
  less: unlessSpelled(compared('Less')),
  less_equal: compared('LessOrEqual'),
  logical_not: plain('Not'),
  select: unlessSpelled(select),
  is_nan: plain('IsNaN'),
  is_inf: (g, n) => g.one('IsInf', [g.x(n)], { detect_negative: n.attrs.negative ? 1 : 0, detect_positive: n.attrs.positive ? 1 : 0 }),
  logical_and: plain('And'),
  logical_or: plain('Or'),
  logical_xor: plain('Xor'),
} as const satisfies Rows<keyof (typeof FAMILIES)['logic']>;

export const probabilityRows = {
  add_saturated: called(),
  lse_fixed: called(),
} as const satisfies Rows<keyof (typeof FAMILIES)['probability']>;

export const fixedRows = {
  exp2_fixed: called(),
  exp_fixed: called(),
  sin_fixed: called(),
  cos_fixed: called(),
  isqrt: called(),
  pow_fixed: called(),
  softmax_fixed: called(),
  layer_norm_fixed: called(),
} as const satisfies Rows<keyof (typeof FAMILIES)['fixed']>;
