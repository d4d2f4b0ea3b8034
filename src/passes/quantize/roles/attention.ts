import type { FAMILIES } from '../../../ir/index.ts';
import type { RoleTable } from './common.ts';

export const attentionRoles = {} as const satisfies RoleTable<keyof (typeof FAMILIES)['attention']>;
