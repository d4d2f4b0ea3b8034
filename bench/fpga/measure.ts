import { basename, dirname } from 'node:path';
import { sharedCache } from '../../src/backends/cpu/index.ts';
import {
  buildSimulator,
  compileTraced,
  type CoreConfig,
  DEFAULT_CONFIG,
  openSimulation,
  predict,
  type Prediction,
  referenceValues,
  traceOnSimulator,
  traceOnVerilog,
  type TraceReport,
} from '../../src/backends/fpga/index.ts';
import { canonicalBytes, type Program, runProgram, type Tensor } from '../../src/ir/index.ts';
import { at, unwrap } from '../../src/support/index.ts';

/** The simulator that all runs share, by its digest. */
export const prepareSimulator = (): string =>
  basename(dirname(unwrap(buildSimulator(DEFAULT_CONFIG, { cache: sharedCache() })))).slice(0, 12);

/** A run of the program that ships, nothing stored but what has to be. */
export interface Measured {
  readonly prediction: Prediction;
  readonly cycles: number;
  readonly arrayCycles: number;
  readonly instructions: number;
  readonly outputs: readonly Tensor[];
  /** Of the simulation: processor time where the system tells, else wall time. */
  readonly seconds: number;
  readonly macs: number;
}

export const measure = (program: Program, inputs: readonly Tensor[], config: CoreConfig): Measured => {
  const prediction = unwrap(predict(program, inputs, config));
  const { opened } = unwrap(openSimulation(prediction.program, { config }));
  try {
    const [before, started] = [opened.core.processorSeconds(), performance.now()];
    const outputs = opened.run(inputs);
    const [after, wall] = [opened.core.processorSeconds(), (performance.now() - started) / 1000];
    const { cycles, arrayCycles, instructions } = opened.counters();
    const seconds = before === undefined || after === undefined ? wall : after - before;
    const macs = prediction.program.steps.reduce((n, s) => n + s.macs, 0);
    return { prediction, cycles, arrayCycles, instructions, outputs, seconds, macs };
  } finally {
    opened.close();
  }
};

/** Every layer against the reference interpreter, on the Verilog and in the simulator of instructions; and the outputs of another run. */
export interface Traced {
  readonly verilog: TraceReport;
  readonly simulator: TraceReport | undefined;
  readonly outputsEqual: boolean;
}

/** @param outputs - of the program that is not traced */
export const trace = (
  program: Program,
  inputs: readonly Tensor[],
  outputs: readonly Tensor[],
  config: CoreConfig,
  both: boolean,
): Traced => {
  const traced = unwrap(compileTraced(program, config));
  const values = referenceValues(traced, inputs);
  const known = (traced.traced?.outputs ?? []).flatMap(({ value }) => values.get(value) ?? []);
  // outputs that no step makes are not among the values
  const expected = known.length === program.outputs.length ? known : runProgram(program, inputs);
  const outputsEqual = expected.every((tensor, i) => Buffer.compare(canonicalBytes(tensor), canonicalBytes(at(outputs, i))) === 0);
  return {
    verilog: unwrap(traceOnVerilog(traced, inputs, values, { config })),
    simulator: both ? traceOnSimulator(traced, inputs, values, config) : undefined,
    outputsEqual,
  };
};
