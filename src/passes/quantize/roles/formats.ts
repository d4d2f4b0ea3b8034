import type { FAMILIES } from '../../../ir/index.ts';
import { pointwise, type RoleTable } from './common.ts';

export const formatsRoles = {
  round_float: pointwise,
  bitcast: pointwise,
} as const satisfies RoleTable<keyof (typeof FAMILIES)['formats']>;
