import type { FAMILIES } from '../../../ir/index.ts';
import { same } from './common.ts';
import type { RoleTable } from './common.ts';

export const sortingRoles = {
  top_k: same,
} as const satisfies RoleTable<keyof (typeof FAMILIES)['sorting']>;
