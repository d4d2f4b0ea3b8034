import type { FAMILIES } from '../../../ir/index.ts';
import { lowerAveragePool } from '../lower/move.ts';
import { same } from './common.ts';
import type { RoleTable } from './common.ts';

export const poolRoles = {
  max_pool: same,
  average_pool: { lower: lowerAveragePool, passthrough: true },
} as const satisfies RoleTable<keyof (typeof FAMILIES)['pool']>;
