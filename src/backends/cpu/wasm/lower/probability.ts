import type { FAMILIES, LoweringTable } from '../../../../ir/index.ts';
import type { Context, Emit } from '../context.ts';

export const probabilityRows = {} satisfies LoweringTable<Context, Emit, keyof (typeof FAMILIES)['probability']>;
