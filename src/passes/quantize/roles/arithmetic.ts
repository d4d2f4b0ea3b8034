import type { FAMILIES } from '../../../ir/index.ts';
import { lowerDiv, lowerExtreme, lowerMul, lowerSum } from '../lower/join.ts';
import { onlyAsTable } from './common.ts';
import type { RoleTable } from './common.ts';

export const arithmeticRoles = {
  add: { elementwise: true, lower: lowerSum, clamps: true, wholeRange: true },
  sub: { elementwise: true, lower: lowerSum, clamps: true, wholeRange: true },
  mul: { elementwise: true, lower: lowerMul, clamps: true },
  div: { elementwise: true, lower: lowerDiv, clamps: true },
  maximum: { elementwise: true, lower: lowerExtreme, clamps: true },
  minimum: { elementwise: true, lower: lowerExtreme, clamps: true },
  pow: onlyAsTable('its base and exponent are different run-time tensors'),
} as const satisfies RoleTable<keyof (typeof FAMILIES)['arithmetic']>;
