import type { OnnxOps } from './row.ts';

export const control = {} as const satisfies OnnxOps;
