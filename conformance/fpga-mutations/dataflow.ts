import type { BenchName } from './benches.ts';
import { DATAFLOW_MUTATIONS, type DataflowMutation } from './dataflow-bugs.ts';
import type { Mutation } from './mutation.ts';

const BENCH_OF: Readonly<Record<DataflowMutation['network'], BenchName>> = {
  line: 'dataflow, line',
  corners: 'dataflow, corners',
  residual: 'dataflow, residual',
};

/** Those of the dataflow mode's own list, on the networks that are tested with every commit. */
export const dataflowMutations: readonly Mutation[] = DATAFLOW_MUTATIONS.map(({ name, file, find, replace, network }) => ({
  name: `dataflow: ${name}`,
  file: `dataflow/rtl/${file}`,
  find,
  replace,
  bench: BENCH_OF[network],
}));
