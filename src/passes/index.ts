export * from './observe.ts';
export { type Affine, dequantizeTensor, quantizeTensor } from './quantize/affine.ts';
export type { CalibrationSample, Compile } from './quantize/calibrate.ts';
export * from './quantize/quantize.ts';
export { RANGE_METHODS, type RangeMethod } from './quantize/ranges.ts';
export * from './quantize/sqnr.ts';
export { type QuantizeSupport, quantizeSupport } from './quantize/support.ts';
export * from './registry.ts';
