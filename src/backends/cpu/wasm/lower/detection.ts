import type { FAMILIES, LoweringTable } from '../../../../ir/index.ts';
import type { Context, Emit } from '../context.ts';

export const detectionRows = {} satisfies LoweringTable<Context, Emit, keyof (typeof FAMILIES)['detection']>;
