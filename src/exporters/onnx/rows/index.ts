import type { LoweringTable } from '../../../ir/index.ts';
import type { OnnxGraph } from '../graph.ts';
import { columnsRows, contractionRows } from './contraction.ts';
import { arithmeticRows, fixedRows, integerRows, logicRows, probabilityRows } from './elementwise.ts';
import { convRows, linearRows, matmulRows, normalizeRows, normRows, spatialRows } from './layers.ts';
import { poolingRows, poolRows } from './pool.ts';
import { detectionRows, formatsRows, quantizedRows, randomRows } from './quantized.ts';
import { recurrentRows } from './recurrent.ts';
import { aggregateRows, reduceRows, scanRows, sortingRows } from './reduce.ts';
import type { Made } from './row.ts';
import { samplingRows, scatterRows } from './sampling.ts';
import { blocksRows, indexingRows, shapeRows, viewRows } from './shape.ts';
import { trigonometryRows, unaryRows } from './unary.ts';

export { qdqRows } from './qdq.ts';
export type { Made } from './row.ts';

/** How every op is written in ONNX. */
export const ONNX_ROWS = {
  ...aggregateRows,
  ...arithmeticRows,
  ...blocksRows,
  ...columnsRows,
  ...contractionRows,
  ...convRows,
  ...detectionRows,
  ...fixedRows,
  ...formatsRows,
  ...indexingRows,
  ...integerRows,
  ...linearRows,
  ...logicRows,
  ...matmulRows,
  ...normRows,
  ...normalizeRows,
  ...poolRows,
  ...poolingRows,
  ...probabilityRows,
  ...quantizedRows,
  ...randomRows,
  ...recurrentRows,
  ...reduceRows,
  ...samplingRows,
  ...scanRows,
  ...scatterRows,
  ...shapeRows,
  ...sortingRows,
  ...spatialRows,
  ...trigonometryRows,
  ...unaryRows,
  ...viewRows,
} as const satisfies LoweringTable<OnnxGraph, Made>;
