import type { FAMILIES } from '../../../ir/index.ts';
import { pointwise, integerAlready } from './common.ts';
import type { RoleTable } from './common.ts';

export const quantizedRoles = {
  quantize: pointwise,
  dequantize: pointwise,
  cast: pointwise,
  rescale: integerAlready,
  table: integerAlready,
  add_rescale: integerAlready,
  log2_fixed: integerAlready,
} as const satisfies RoleTable<keyof (typeof FAMILIES)['quantized']>;
