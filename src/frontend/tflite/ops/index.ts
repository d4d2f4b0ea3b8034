import { conv } from './conv.ts';
import { detection, detectionPostProcess } from './detection.ts';
import { elementwise } from './elementwise.ts';
import { indexing } from './indexing.ts';
import { linear } from './linear.ts';
import { quantize } from './quantize.ts';
import { recurrent } from './recurrent.ts';
import { reduce } from './reduce.ts';
import { refused } from './refused.ts';
import type { TfliteOp, TfliteTable } from './row.ts';
import { shape } from './shape.ts';
import { spatial } from './spatial.ts';
import { stridedSlices } from './strided-slice.ts';

/** Every operator of the schema: how it is imported, or why it is not. */
export const TFLITE_OPS = {
  ...conv,
  ...detection,
  ...elementwise,
  ...indexing,
  ...linear,
  ...quantize,
  ...recurrent,
  ...reduce,
  ...refused,
  ...shape,
  ...spatial,
  ...stridedSlices,
} as const satisfies TfliteTable;

/** Custom operators whose meaning is known, by name. */
export const CUSTOM_OPS: ReadonlyMap<string, TfliteOp> = new Map([['TFLite_Detection_PostProcess', detectionPostProcess]]);
