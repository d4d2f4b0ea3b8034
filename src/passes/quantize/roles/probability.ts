import type { FAMILIES } from '../../../ir/index.ts';
import type { RoleTable } from './common.ts';

export const probabilityRoles = {} as const satisfies RoleTable<keyof (typeof FAMILIES)['probability']>;
