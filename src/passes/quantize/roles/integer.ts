import type { FAMILIES } from '../../../ir/index.ts';
import { pointwise, integers } from './common.ts';
import type { RoleTable } from './common.ts';

export const integerRoles = {
  mod: integers,
  rem: integers,
  div_floor: integers,
  shift_left: integers,
  shift_right: integers,
  shift_right_logical: integers,
  bitwise_and: integers,
  bitwise_or: integers,
  bitwise_xor: integers,
  bitwise_not: pointwise,
  div_round: integers,
  clz: pointwise,
} as const satisfies RoleTable<keyof (typeof FAMILIES)['integer']>;
