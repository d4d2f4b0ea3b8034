import type { OnnxOps } from './row.ts';

export const quantized = {} as const satisfies OnnxOps;
