import { arrayOf } from '../../../src/backends/fpga/array/config.ts';
import { compileForFpga, type CoreConfig, DEFAULT_CONFIG } from '../../../src/backends/fpga/index.ts';
import { coreRows } from '../../../src/backends/fpga/lower/rows.ts';
import { buildSimulator } from '../../../src/backends/fpga/sim/build.ts';
import { Simulator } from '../../../src/backends/fpga/sim/process.ts';
import { RtlProgram } from '../../../src/backends/fpga/sim/rtl-program.ts';
import { coreAsGates } from '../../../src/backends/fpga/synthesis/index.ts';
import { sharedCache } from '../../../src/backends/cpu/cache/cache.ts';
import { canonicalBytes, type Program, runProgram, type Tensor } from '../../../src/ir/index.ts';
import { at, ok, type Result } from '../../../src/support/index.ts';

/** A core with an array and small memories: its netlist is half as large. */
export const GATES_CONFIG: CoreConfig = {
  ...DEFAULT_CONFIG,
  columns: true,
  scratchBeats: 4096,
  weightEntries: 256,
  parameterBeats: 512,
  icacheLines: 64,
  dcacheLines: 64,
};

export interface GatesRun {
  readonly cycles: number;
  /** Of all outputs. */
  readonly bytes: number;
  readonly wrong: number;
  readonly seconds: { readonly build: number; readonly run: number };
}

/**
 * Runs a program on the gates of the core and compares with the reference. Errors: those of synthesis and of the compiler; a core that
 * reports an error throws.
 * @param cache - folder in which the netlist is kept
 */
export const runOnGates = (program: Program, inputs: readonly Tensor[], cache: string): Result<GatesRun> => {
  const started = Date.now();
  const compiled = compileForFpga(program, { rows: coreRows({ config: arrayOf(GATES_CONFIG) }) });
  if (!compiled.ok) return compiled;
  const rtl = coreAsGates(GATES_CONFIG, cache);
  if (!rtl.ok) return rtl;
  const path = buildSimulator(GATES_CONFIG, { cache: sharedCache(), rtl: rtl.value, quick: true });
  if (!path.ok) return path;
  const built = Date.now();
  const simulator = new Simulator(path.value);
  try {
    const core = new RtlProgram(simulator, compiled.value, {});
    const outputs = core.run(inputs);
    const expected = runProgram(program, inputs);
    let [bytes, wrong] = [0, 0];
    expected.forEach((tensor, i) => {
      const [right, got] = [canonicalBytes(tensor), canonicalBytes(at(outputs, i))];
      bytes += right.length;
      for (const [k, byte] of right.entries()) if (byte !== got[k]) wrong++;
    });
    const seconds = { build: (built - started) / 1000, run: (Date.now() - built) / 1000 };
    return ok({ cycles: core.core.counters().cycles, bytes, wrong, seconds });
  } finally {
    simulator.close();
  }
};
