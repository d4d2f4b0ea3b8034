import { activations } from './activation.ts';
import { ALIASES } from './aliases.ts';
import { constants } from './constant.ts';
import { conv } from './conv.ts';
import { elementwise } from './elementwise.ts';
import { indexing } from './indexing.ts';
import { linear } from './linear.ts';
import { norm } from './norm.ts';
import { numpy } from './numpy.ts';
import { pool } from './pool.ts';
import { recurrent } from './recurrent.ts';
import { reduce } from './reduce.ts';
import { refused } from './refused.ts';
import type { MxTable } from './row.ts';
import { shape } from './shape.ts';
import { slices } from './slice.ts';
import { spatial } from './spatial.ts';

const ROWS: MxTable = {
  ...conv,
  ...pool,
  ...norm,
  ...activations,
  ...elementwise,
  ...shape,
  ...slices,
  ...reduce,
  ...indexing,
  ...linear,
  ...recurrent,
  ...spatial,
  ...constants,
  ...numpy,
  ...refused,
};

/** Every operator that this importer knows. */
export const MX_TABLE: MxTable = {
  ...ROWS,
  ...Object.fromEntries(
    Object.entries(ALIASES).map(([alias, op]) => [alias, ROWS[op] ?? { refused: `${op}, which it stands for, has no row` }]),
  ),
};
