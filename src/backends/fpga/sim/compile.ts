import type { Program, Tensor } from '../../../ir/index.ts';
import { at, fail, MrlError, ok, type Result } from '../../../support/index.ts';
import type { CompileOptions, Executable, StepTime } from '../../backend.ts';
import { arrayOf } from '../array/config.ts';
import { type Cache, sharedCache } from '../../cpu/cache/cache.ts';
import { misfits } from '../../cpu/port-tensors.ts';
import type { CoreConfig } from '../isa/config.ts';
import { DEFAULT_CONFIG } from '../isa/config.ts';
import { coreRows } from '../lower/rows.ts';
import { compileForFpga, type FpgaOptions } from '../lower.ts';
import type { FpgaProgram } from '../program.ts';
import { processorRows } from '../rows.ts';
import { buildSimulator } from './build.ts';
import { Simulator } from './process.ts';
import type { Traffic } from './rtl-core.ts';
import { RtlProgram } from './rtl-program.ts';

/** Clock that cycles are turned into time with: an assumption, since no clock was ever met on silicon. */
export const ASSUMED_CLOCK_MHZ = 200;

export interface FpgaSimOptions extends CompileOptions {
  readonly config?: CoreConfig;
  readonly traffic?: Traffic;
  readonly cache?: Cache;
}

/** Rows for what a core has. */
export const rowsFor = (config: CoreConfig): NonNullable<FpgaOptions['rows']> =>
  config.array ? coreRows({ config: arrayOf(config) }) : () => processorRows();

/** The processes that run, by the path of their program: one serves all programs. */
const simulators = new Map<string, Simulator>();

const simulatorAt = (path: string): Simulator => {
  const known = simulators.get(path);
  if (known !== undefined && !known.isClosed) return known;
  const started = new Simulator(path);
  simulators.set(path, started);
  return started;
};

/** Programs whose executables nobody has any more give their memory back. */
const forgotten = new FinalizationRegistry<{ program: RtlProgram | undefined }>((held) => held.program?.close());

const executableOf = (program: FpgaProgram, path: string, options: FpgaSimOptions, first: RtlProgram): Executable => {
  const held: { program: RtlProgram | undefined } = { program: first };
  /** After an error, or with its process, the core and its memory are gone: the next run has new ones. */
  const use = <T>(work: (on: RtlProgram) => T): T => {
    held.program ??= new RtlProgram(simulatorAt(path), program, options);
    try {
      return work(held.program);
    } catch (error) {
      const lost = held.program;
      held.program = undefined;
      lost.close();
      throw error;
    }
  };
  const checked = (inputs: readonly Tensor[]): readonly Tensor[] => {
    const wrong = misfits(program.inputs, inputs);
    if (wrong.length > 0) throw new MrlError(wrong);
    return inputs;
  };
  const profile = (inputs: readonly Tensor[]): readonly StepTime[] => {
    checked(inputs);
    const cycles = use((on) => {
      on.run(inputs);
      return on.stepCycles();
    });
    return program.steps.map(({ place, op, macs }, i) => ({
      place,
      op,
      macs,
      milliseconds: at(cycles, i) / (ASSUMED_CLOCK_MHZ * 1000),
    }));
  };
  const initial = program.parts.reduce((sum, part) => sum + part.bytes.length, 0);
  const executable: Executable = {
    run: (inputs) => {
      checked(inputs);
      return use((on) => on.run(inputs));
    },
    profile,
    memory: { parameters: initial, arena: program.header.limit - initial },
    close: () => {
      held.program?.close();
      held.program = undefined;
    },
  };
  forgotten.register(executable, held);
  return executable;
};

/** A program of the core in a simulation of its Verilog, for those who ask for cycles. Errors: FPG0030 to FPG0034. */
export const openSimulation = (
  program: FpgaProgram,
  options: FpgaSimOptions = {},
): Result<{ readonly opened: RtlProgram; readonly path: string }> => {
  const { config = DEFAULT_CONFIG, cache = sharedCache() } = options;
  const path = buildSimulator(config, { cache });
  if (!path.ok) return path;
  try {
    return ok({ opened: new RtlProgram(simulatorAt(path.value), program, options), path: path.value });
  } catch (error) {
    if (error instanceof MrlError) return fail(...error.diagnostics);
    throw error;
  }
};

/**
 * Compiles a program for the core and opens it in a simulation of the core's Verilog. Errors: BKD0002 for ops that the core refuses,
 * FPG0030 no verilator, FPG0031 it does not build the simulator, FPG0032 to FPG0034 from the initialization.
 */
export const compileForSimulation = (source: Program, options: FpgaSimOptions = {}): Result<Executable> => {
  const program = compileForFpga(source, { rows: rowsFor(options.config ?? DEFAULT_CONFIG) });
  if (!program.ok) return program;
  const simulation = openSimulation(program.value, options);
  if (!simulation.ok) return simulation;
  const { opened, path } = simulation.value;
  return ok(executableOf(program.value, path, options, opened));
};
