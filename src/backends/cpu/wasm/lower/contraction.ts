import type { FAMILIES, LoweringTable } from '../../../../ir/index.ts';
import type { Context, Emit } from '../context.ts';

export const contractionRows = {} satisfies LoweringTable<Context, Emit, keyof (typeof FAMILIES)['contraction']>;
