import type { FAMILIES } from '../../../ir/index.ts';
import { lowerBernoulli, lowerUniform, uniformFits } from '../lower/random.ts';
import { integerAlready, type RoleTable } from './common.ts';

/** Draws of integers stand between integers, and are copied as they are. */
export const randomRoles = {
  random_bits: integerAlready,
  random_uniform: { lower: lowerUniform, clamps: true, wide: 'source', refuses: uniformFits },
  random_int: integerAlready,
  random_bernoulli: { lower: lowerBernoulli },
} as const satisfies RoleTable<keyof (typeof FAMILIES)['random']>;
