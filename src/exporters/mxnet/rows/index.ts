import type { LoweringTable } from '../../../ir/index.ts';
import type { Made, MxGraph } from '../graph.ts';
import { elementwiseRows } from './elementwise.ts';
import { layerRows } from './layers.ts';
import { poolRows } from './pool.ts';
import { recurrentRows } from './recurrent.ts';
import { reduceRows, refusedRows } from './reduce.ts';
import { shapeRows } from './shape.ts';
import { spatialRows } from './spatial.ts';
import { unaryRows } from './unary.ts';

/** How every op is written for MXNet. */
export const MXNET_ROWS = {
  ...elementwiseRows,
  ...layerRows,
  ...poolRows,
  ...recurrentRows,
  ...reduceRows,
  ...refusedRows,
  ...shapeRows,
  ...spatialRows,
  ...unaryRows,
} as const satisfies LoweringTable<MxGraph, Made>;
