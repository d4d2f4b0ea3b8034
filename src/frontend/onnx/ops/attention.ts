import type { OnnxOps } from './row.ts';

export const attention = {} as const satisfies OnnxOps;
