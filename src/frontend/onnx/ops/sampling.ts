import type { OnnxOps } from './row.ts';

export const sampling = {} as const satisfies OnnxOps;
