import type { FAMILIES } from '../../../ir/index.ts';
import { move } from './common.ts';
import type { RoleTable } from './common.ts';

export const indexingRoles = {
  gather_elements: move,
  gather_nd: move,
} as const satisfies RoleTable<keyof (typeof FAMILIES)['indexing']>;
