import type { FAMILIES } from '../../../ir/index.ts';
import { integerAlready, type RoleTable } from './common.ts';

export const probabilityRoles = {
  add_saturated: integerAlready,
  lse_fixed: integerAlready,
} as const satisfies RoleTable<keyof (typeof FAMILIES)['probability']>;
