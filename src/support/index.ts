export * from './bytes.ts';
export * from './codes/index.ts';
export * from './diagnostic.ts';
export * from './frames.ts';
export * from './hash.ts';
export * from './progress.ts';
export * from './result.ts';
export * from './text.ts';
