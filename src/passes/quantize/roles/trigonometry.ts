import type { FAMILIES } from '../../../ir/index.ts';
import { pointwise } from './common.ts';
import type { RoleTable } from './common.ts';

export const trigonometryRoles = {
  sin: pointwise,
  cos: pointwise,
  tan: pointwise,
  asin: pointwise,
  acos: pointwise,
  atan: pointwise,
  sinh: pointwise,
  cosh: pointwise,
  asinh: pointwise,
  acosh: pointwise,
  atanh: pointwise,
} as const satisfies RoleTable<keyof (typeof FAMILIES)['trigonometry']>;
