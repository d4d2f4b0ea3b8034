import type { FAMILIES } from '../../../ir/index.ts';
import type { RoleTable } from './common.ts';

export const detectionRoles = {} as const satisfies RoleTable<keyof (typeof FAMILIES)['detection']>;
