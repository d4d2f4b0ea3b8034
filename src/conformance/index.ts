export * from './case.ts';
export * from './cases.ts';
export * from './compare.ts';
export * from './data.ts';
export * from './program.ts';
export * from './run.ts';
export * from './shapes.ts';
