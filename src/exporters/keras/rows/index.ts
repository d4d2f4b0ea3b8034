import type { LoweringTable } from '../../../ir/index.ts';
import type { Step } from '../../outline/code.ts';
import type { Layouts } from '../../outline/writer.ts';
import { layerRows } from './layers.ts';
import { pointwiseRows } from './pointwise.ts';
import { poolRows } from './pools.ts';
import { reduceRows } from './reduce.ts';
import { refusedRows } from './refused.ts';
import { shapeRows } from './shape.ts';

/** How Keras does each op; composites without a row are written as their definitions. */
export const KERAS_ROWS = {
  ...pointwiseRows,
  ...layerRows,
  ...poolRows,
  ...shapeRows,
  ...reduceRows,
  ...refusedRows,
} satisfies LoweringTable<Layouts, Step>;
