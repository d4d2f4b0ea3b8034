import type { FAMILIES } from '../../../ir/index.ts';
import { dequantizeFits, lowerDequantize, lowerQuantize } from '../lower/dequantize.ts';
import { pointwise, integerAlready } from './common.ts';
import type { RoleTable } from './common.ts';

export const quantizedRoles = {
  // of a value that has this quantization: `givenScales` sees to it
  quantize: { lower: lowerQuantize },
  // of an integer tensor of the program: one rescale
  dequantize: { elementwise: true, lower: lowerDequantize, clamps: true, wide: 'source', refuses: dequantizeFits },
  cast: pointwise,
  rescale: integerAlready,
  table: integerAlready,
  add_rescale: integerAlready,
  log2_fixed: integerAlready,
} as const satisfies RoleTable<keyof (typeof FAMILIES)['quantized']>;
