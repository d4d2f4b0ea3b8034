import { type FAMILIES, unsupported } from '../../../ir/index.ts';
import { ofSomething, lowerReduceSum } from '../lower/join.ts';
import { lowerArg } from '../lower/move.ts';
import { same } from './common.ts';
import type { Role } from '../emit.ts';
import type { RoleTable } from './common.ts';

const sum: Role = { lower: lowerReduceSum, clamps: true, wide: 'source' };

export const reduceRoles = {
  reduce_sum: sum,
  reduce_mean: sum,
  reduce_max: { ...same, refuses: ofSomething },
  reduce_min: { ...same, refuses: ofSomething },
  reduce_prod: { lower: unsupported('a product of many elements has no integer form') },
  argmax: { lower: lowerArg, wide: 'read' },
  argmin: { lower: lowerArg, wide: 'read' },
} as const satisfies RoleTable<keyof (typeof FAMILIES)['reduce']>;
