import type { FAMILIES } from '../../../ir/index.ts';
import { lowerLrn, lrnFits } from '../lower/lrn.ts';
import { lowerLogSoftmax, lowerSoftmax, rowFits } from '../lower/softmax.ts';
import { integerAlready } from './common.ts';
import type { RoleTable } from './common.ts';

export const normRoles = {
  softmax: {
    lower: lowerSoftmax,
    wide: 'follow',
    fixed: { narrow: { scale: 1 / 256, zero: -128 }, wide: { scale: 1 / 32768, zero: 0 } },
    refuses: rowFits,
  },
  log_softmax: { lower: lowerLogSoftmax, wide: 'any', refuses: rowFits },
  softmax_lut: integerAlready,
  lrn: { lower: lowerLrn, refuses: lrnFits },
} as const satisfies RoleTable<keyof (typeof FAMILIES)['norm']>;
