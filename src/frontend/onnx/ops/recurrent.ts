import type { OnnxOps } from './row.ts';

export const recurrent = {} as const satisfies OnnxOps;
