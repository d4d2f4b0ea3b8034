import { canonicalBytes, type Program, runProgram, type Tensor } from '../../../../ir/index.ts';
import { at, unwrap } from '../../../../support/index.ts';
import type { ArrayConfig } from '../../array/config.ts';
import type { CommandList } from '../../array/list.ts';
import { compileForFpga } from '../../lower.ts';
import { DEFAULT_TIMING } from '../../simulator/array-cycles.ts';
import { ArrayModel, type UnitOrder } from '../../simulator/array.ts';
import { SimulatedCore } from '../../simulator/machine.ts';
import { coreRows } from '../rows.ts';

const JUNK = 0xa5;
const MOST_INSTRUCTIONS = 5e7;

/** Orders of the units that show a missing wait, whichever it is: results may not depend on them. */
export const ORDERS: readonly UnitOrder[] = [
  ['load', 'compute', 'store'],
  ['compute', 'load', 'store'],
  ['store', 'compute', 'load'],
  ['load', 'store', 'compute'],
];

export interface SimulatedRun {
  readonly outputs: readonly Tensor[];
  readonly cycles: number;
  readonly lists: readonly CommandList[];
}

/** Runs a program on the simulated core with the array; what the image does not fill is junk. @throws Error when the core stops with one */
export const simulate = (
  program: Program,
  inputs: readonly Tensor[],
  config: ArrayConfig,
  order: UnitOrder = at(ORDERS, 0),
): SimulatedRun => {
  const lists: CommandList[] = [];
  const compiled = unwrap(compileForFpga(program, { rows: coreRows({ config, onList: (list) => lists.push(list) }) }));
  const array = (memory: Uint8Array): ArrayModel => {
    const model = new ArrayModel(memory, config, DEFAULT_TIMING, order);
    model.memories.activations.fill(JUNK);
    model.memories.weights.fill(JUNK);
    return model;
  };
  const core = new SimulatedCore(compiled, { rest: JUNK, mostInstructions: MOST_INSTRUCTIONS, array });
  const initialized = core.initialize();
  core.writeInputs(inputs);
  const { error, cycles } = core.start();
  const problem = initialized.error ?? error;
  if (problem !== undefined) throw new RangeError(`${program.name}: ${problem.name}, info ${problem.info}`);
  return { outputs: core.readOutputs(inputs), cycles, lists };
};

/** Names of outputs whose bytes are not those of the reference. */
export const differences = (program: Program, inputs: readonly Tensor[], outputs: readonly Tensor[]): readonly string[] => {
  const expected = runProgram(program, inputs);
  const isSame = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && a.every((v, i) => v === b[i]);
  return program.outputs.flatMap(({ name }, i) => (isSame(canonicalBytes(at(outputs, i)), canonicalBytes(at(expected, i))) ? [] : [name]));
};
