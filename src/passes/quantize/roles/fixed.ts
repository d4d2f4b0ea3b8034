import type { FAMILIES } from '../../../ir/index.ts';
import { integerAlready, type RoleTable } from './common.ts';

export const fixedRoles = {
  exp2_fixed: integerAlready,
  exp_fixed: integerAlready,
  sin_fixed: integerAlready,
  cos_fixed: integerAlready,
  isqrt: integerAlready,
  pow_fixed: integerAlready,
  softmax_fixed: integerAlready,
  layer_norm_fixed: integerAlready,
} as const satisfies RoleTable<keyof (typeof FAMILIES)['fixed']>;
