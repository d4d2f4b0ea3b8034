export {
  bandOf,
  type Certificate,
  certificateOf,
  checkCertificate,
  type Comparison,
  comparePrograms,
  type CompareOptions,
  DEFAULT_OUTPUT_TOLERANCE,
  DEFAULT_TOLERANCE,
  describeDifference,
  describeView,
  type Difference,
  type LevelResult,
  parseCertificate,
  type Verdict,
  verdictOf,
  probeInputs,
  type Row,
  type RunModel,
  sideBySide,
} from './isomorphism/index.ts';
export * from './observe.ts';
export { type Affine, dequantizeTensor, quantizeTensor } from './quantize/affine.ts';
export {
  type CalibrationSample,
  type Compile,
  type ObservedSamples,
  newCollector,
  observeHere,
  type ObserveJob,
} from './quantize/calibrate.ts';
export type { Collector, CollectorState } from './quantize/collector.ts';
export { Calibrated, type Settings } from './quantize/calibrated.ts';
export type { WeightBits } from './quantize/layer-weights.ts';
export * from './quantize/mixed.ts';
export type { Budgets } from './quantize/mixed/budget.ts';
export { LADDER, type Rung, settingsOf } from './quantize/mixed/ladder.ts';
export { isClassifier } from './quantize/mixed/probes.ts';
export type { Evaluated, Measured, Point } from './quantize/mixed/points.ts';
export type { LayerSensitivity, Memo, RungEffect, Sensitivity } from './quantize/mixed/sensitivity.ts';
export * from './quantize/model.ts';
export {
  type Observation,
  chunkCount,
  Observer,
  type ObserveRequest,
  type Run,
  watchedProgram,
} from './quantize/observation.ts';
export { multipliersLeft } from './quantize/shifts.ts';
export { prepareFloat } from './quantize/prepare.ts';
export * from './quantize/quantize.ts';
export { firstSamples, mapSamples, type Samples, type SampleSource, sourceOf } from './quantize/sample-source.ts';
export { RANGE_METHODS, type RangeMethod } from './quantize/ranges.ts';
export type { Searched, Trial } from './quantize/search.ts';
export { SHARE_BITS, type ShareBits, type SharedLayer, type SharedModel, shareWeights } from './quantize/share-weights.ts';
export * from './quantize/sqnr.ts';
export { inRangeSamples, measureDifference, type SourceDifference } from './quantize/given/difference.ts';
export { bringsScales, valuesToCalibrate } from './quantize/given/needs.ts';
export { type QuantizeSupport, quantizeSupport } from './quantize/support.ts';
export * from './registry.ts';
export {
  DamagedIndex,
  encodeIndex,
  examineModel,
  IndexFile,
  isIndex,
  type KnownModel,
  MAX_LAYERS,
  measureSimilarity,
  type Neighbour,
  nearestModels,
  type Similarity,
  type Subject,
} from './similarity/index.ts';
export { batchProgram, type BatchRefusal } from './transform/batch.ts';
