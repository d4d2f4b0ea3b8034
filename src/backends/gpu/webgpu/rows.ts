import { supportTable } from '../../support-table.ts';
import { FLOAT_REASON, hasRow } from './lower/index.ts';
import { lowerProgram } from './lower.ts';

export const { refusal: refusalOf, support: supportOf } = supportTable({ hasRow, lower: lowerProgram, floatReason: FLOAT_REASON });
