import type { Port, Program, ValueId } from '../ir/index.ts';

/** The same program with other outputs, named `v<id>`: to look at values inside. Nodes are shared, not copied. */
export const withOutputs = (program: Program, values: readonly ValueId[]): Program => ({
  ...program,
  outputs: values.map((value): Port => ({ name: `v${value}`, value })),
});
