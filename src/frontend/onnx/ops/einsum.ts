import type { OnnxOps } from './row.ts';

export const einsum = {} as const satisfies OnnxOps;
