import type { FAMILIES } from '../../../ir/index.ts';
import { lowerDense, lowerMatmul, matmulFits, needsConstantWeights } from '../lower/linear.ts';
import type { RoleTable } from './common.ts';

export const matmulRoles = {
  dense: { lower: lowerDense, clamps: true, wide: 'source', refuses: needsConstantWeights },
  matmul: { lower: lowerMatmul, clamps: true, wide: 'source', refuses: matmulFits },
} as const satisfies RoleTable<keyof (typeof FAMILIES)['matmul']>;
