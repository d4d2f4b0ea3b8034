/** A test file of the FPGA backend, or some of its tests by a pattern of their names. */
export interface Bench {
  readonly test: string;
  readonly names?: string;
  /**
   * Simulated by verilator: all bugs are in one build and a number chooses one at run time. Otherwise each bug is written into its file,
   * for iverilog, which compiles in no time.
   */
  readonly woven: boolean;
}

const ARRAY = 'src/backends/fpga/testing/array/array.test.ts';
const DATAFLOW = 'src/backends/fpga/dataflow/dataflow.test.ts';

/** What runs with every commit, as it is: the same programs, seeds and sizes. */
export const BENCHES = {
  'array of 8 bits': { test: ARRAY, names: 'array with 8 bits, pack 0', woven: true },
  'array of 6 bits': { test: ARRAY, names: 'array with 6 bits', woven: true },
  'array of 8 inputs': { test: ARRAY, names: 'array with 8 bits, pack 1', woven: true },
  processor: { test: 'src/backends/fpga/testing/processor/processor.test.ts', woven: true },
  control: { test: 'src/backends/fpga/sim/control.test.ts', woven: true },
  'dataflow, line': { test: DATAFLOW, names: 'on iverilog line in', woven: false },
  'dataflow, corners': { test: DATAFLOW, names: 'on iverilog corners in', woven: false },
  'dataflow, residual': { test: DATAFLOW, names: 'on iverilog residual in', woven: false },
} as const satisfies Record<string, Bench>;

export type BenchName = keyof typeof BENCHES;
export const BENCH_NAMES = Object.keys(BENCHES) as readonly BenchName[];
