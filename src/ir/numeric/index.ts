export * from './fixed.ts';
export * from './philox.ts';
export * from './strict-float.ts';
