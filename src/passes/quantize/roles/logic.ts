import type { FAMILIES } from '../../../ir/index.ts';
import { pointwise, onlyAsTable, compare } from './common.ts';
import type { RoleTable } from './common.ts';

export const logicRoles = {
  equal: compare,
  less: compare,
  less_equal: compare,
  logical_not: compare,
  select: onlyAsTable('it chooses between run-time tensors; only functions of one tensor are supported'),
  is_nan: pointwise,
  is_inf: pointwise,
} as const satisfies RoleTable<keyof (typeof FAMILIES)['logic']>;
