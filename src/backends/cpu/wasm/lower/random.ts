import type { FAMILIES, LoweringTable } from '../../../../ir/index.ts';
import type { Context, Emit } from '../context.ts';

export const randomRows = {} satisfies LoweringTable<Context, Emit, keyof (typeof FAMILIES)['random']>;
