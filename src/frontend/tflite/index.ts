export {
  examineTflite,
  importTflite,
  type TfliteImport,
  type TfliteOptions,
  type TflitePort,
  type TfliteReport,
  type TfliteSource,
} from './import.ts';
export { isTflite } from './model.ts';
export { CUSTOM_OPS, TFLITE_OPS } from './ops/index.ts';
export { isRefusal } from './ops/row.ts';
