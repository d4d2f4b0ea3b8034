import type { AnyNode, Tensor } from '../../../ir/index.ts';
import { invariant } from '../../../support/index.ts';
import type { ArrayConfig } from '../array/config.ts';
import type { CommandList } from '../array/list.ts';
import { COMMAND_BYTES, decodeCommand } from '../isa/commands.ts';
import type { FpgaProgram } from '../program.ts';
import { ArrayModel } from '../simulator/array.ts';
import { DEFAULT_TIMING, Timeline } from '../simulator/array-cycles.ts';
import { SimulatedCore } from '../simulator/machine.ts';
import type { ArrayUnit, ProcessorRun } from '../simulator/processor.ts';
import type { RunCycles, StepCycles } from './report.ts';

/** Larger programs are counted, not computed: their lists of commands take the same cycles whatever the data. */
const MOST_MACS = 2e8;

/** The array as a clock: it computes nothing. */
const clockOnly = (memory: Uint8Array, config: ArrayConfig): ArrayUnit => {
  const view = new DataView(memory.buffer, memory.byteOffset, memory.byteLength);
  return {
    run: (address, count) => {
      const timeline = new Timeline(DEFAULT_TIMING, config);
      for (let i = 0; i < count; i++) {
        const at = address + i * COMMAND_BYTES;
        const command = decodeCommand(Uint32Array.from({ length: COMMAND_BYTES / 4 }, (_, w) => view.getUint32(at + 4 * w, true)));
        invariant(command !== undefined, 'a compiled list has known commands');
        timeline.add(command);
      }
      return { cycles: timeline.result().cycles };
    },
  };
};

/** What was lowered. */
export interface Lowering {
  /** Nodes of the steps, in order. */
  readonly nodes: readonly AnyNode[];
  readonly lists: readonly CommandList[];
}

/** Cycles of each step: on the array as its list says, else from its mark to the next one, without the lists that it runs. */
const stepCycles = ({ cycles, marks }: ProcessorRun, { nodes, lists }: Lowering): readonly StepCycles[] => {
  const layers = new Map(lists.flatMap((list) => list.predict(DEFAULT_TIMING).layers.map((l) => [l.node, l] as const)));
  const marked = new Map(marks.map(({ step, cycle }, i) => [step, (marks[i + 1]?.cycle ?? cycles) - cycle] as const));
  return nodes.map((node, step): StepCycles => {
    const onArray = layers.get(node);
    return onArray === undefined
      ? { unit: 'processor', cycles: marked.get(step) ?? 0 }
      : { unit: 'array', cycles: Math.round(onArray.cycles), moved: onArray.moved };
  });
};

/** Cycles of a run by the simulator of instructions and commands; undefined where there are no inputs for it. */
export const runCycles = (
  program: FpgaProgram,
  config: ArrayConfig,
  lowering: Lowering,
  inputs: readonly Tensor[] | undefined,
): RunCycles | undefined => {
  if (inputs === undefined) return undefined;
  const macs = program.steps.reduce((sum, s) => sum + s.macs, 0);
  const array = (memory: Uint8Array): ArrayUnit => (macs > MOST_MACS ? clockOnly(memory, config) : new ArrayModel(memory, config));
  const core = new SimulatedCore(program, { array });
  const initialized = core.initialize();
  core.writeInputs(inputs);
  const run = core.start();
  const error = initialized.error ?? run.error;
  invariant(error === undefined, `the simulator of the core ends with ${error?.name ?? 'no error'}`);
  return { cycles: run.cycles, arrayCycles: run.arrayCycles, instructions: run.instructions, steps: stepCycles(run, lowering) };
};
