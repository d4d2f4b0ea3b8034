export * from './fixed-functions.ts';
export * from './fixed.ts';
export * from './log-domain.ts';
export * from './normal.ts';
export * from './philox-fill.ts';
export * from './philox.ts';
export * from './strict-float.ts';
export * from './trigonometry.ts';
