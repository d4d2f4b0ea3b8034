import type { OnnxOps } from './row.ts';

export const signal = {} as const satisfies OnnxOps;
