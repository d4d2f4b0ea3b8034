import type { FAMILIES } from '../../../ir/index.ts';
import { pointwise } from './common.ts';
import type { RoleTable } from './common.ts';

export const unaryRoles = {
  neg: pointwise,
  abs: pointwise,
  relu: pointwise,
  clip: pointwise,
  leaky_relu: pointwise,
  shrink: pointwise,
  elu: pointwise,
  sigmoid: pointwise,
  tanh: pointwise,
  erf: pointwise,
  exp: pointwise,
  log: pointwise,
  sqrt: pointwise,
  softplus: pointwise,
  floor: pointwise,
  ceil: pointwise,
  round: pointwise,
  sign: pointwise,
  trunc: pointwise,
  clamp: pointwise,
} as const satisfies RoleTable<keyof (typeof FAMILIES)['unary']>;
