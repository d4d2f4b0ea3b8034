import type { FAMILIES } from '../../../ir/index.ts';
import type { RoleTable } from './common.ts';

export const randomRoles = {} as const satisfies RoleTable<keyof (typeof FAMILIES)['random']>;
