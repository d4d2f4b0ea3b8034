import type { OpName, Rule } from '../../../../ir/index.ts';
import { invariant } from '../../../../support/index.ts';
import { type AnyRule, type Context, type Emit, SIMD_ROWS } from '../../simd/index.ts';
import type { CModule } from '../c-module.ts';
import { lowerConv } from './conv.ts';
import { lowerDense } from './dense.ts';

const simdRule = (op: OpName): AnyRule => {
  const rule = SIMD_ROWS.get(op);
  invariant(rule !== undefined, `the SIMD machine has a row for ${op}`);
  return rule;
};

/** Rows that end in kernels written in C, for the dtypes that those are for; else the row of the SIMD machine does. */
export const kernelRows = (module: CModule): readonly (readonly [OpName, AnyRule])[] => {
  const rows: { readonly [K in 'conv' | 'dense']: Rule<Context, Emit, K> } = {
    conv: lowerConv(module, simdRule('conv')),
    dense: lowerDense(module, simdRule('dense')),
  };
  // each rule is called with nodes of its own op only, as the table of all rows is
  return (Object.entries(rows) as [OpName, Rule<Context, Emit, never>][]).map(([op, rule]) => [op, rule as unknown as AnyRule]);
};
