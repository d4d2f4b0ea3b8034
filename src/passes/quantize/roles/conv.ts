import type { FAMILIES } from '../../../ir/index.ts';
import { lowerConv, needsConstantWeights } from '../lower/linear.ts';
import type { RoleTable } from './common.ts';

export const convRoles = {
  conv: { lower: lowerConv, clamps: true, wide: 'source', refuses: needsConstantWeights },
} as const satisfies RoleTable<keyof (typeof FAMILIES)['conv']>;
