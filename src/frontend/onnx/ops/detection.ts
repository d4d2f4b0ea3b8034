import type { OnnxOps } from './row.ts';

export const detection = {} as const satisfies OnnxOps;
