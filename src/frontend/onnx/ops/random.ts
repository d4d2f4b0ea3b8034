import type { OnnxOps } from './row.ts';

export const random = {} as const satisfies OnnxOps;
