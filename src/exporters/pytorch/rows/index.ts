import type { LoweringTable } from '../../../ir/index.ts';
import type { Step } from '../../outline/code.ts';
import type { Layouts } from '../../outline/writer.ts';
import { integerRows, quantizedRows } from './integer.ts';
import { layerRows } from './layers.ts';
import { logicRows, pointwiseRows } from './pointwise.ts';
import { poolRows } from './pools.ts';
import { reduceRows } from './reduce.ts';
import { refusedRows } from './refused.ts';
import { samplingRows } from './sampling.ts';
import { shapeRows } from './shape.ts';

/** How PyTorch does each op; composites without a row are written as their definitions. */
export const TORCH_ROWS = {
  ...pointwiseRows,
  ...logicRows,
  ...layerRows,
  ...poolRows,
  ...shapeRows,
  ...reduceRows,
  ...integerRows,
  ...quantizedRows,
  ...samplingRows,
  ...refusedRows,
} satisfies LoweringTable<Layouts, Step>;
