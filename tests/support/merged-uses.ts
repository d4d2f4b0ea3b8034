import { paramTensors, type Program, ProgramBuilder, type Tensor, type ValueId } from '../../src/ir/index.ts';
import { at, invariant } from '../../src/support/index.ts';
import type { OpUse } from './op-uses.ts';

/** Many uses of ops as one program, and where the outputs of each begin: compilers of other languages take seconds to start. */
export interface MergedUses {
  readonly program: Program;
  readonly inputs: readonly Tensor[];
  /** Uses by the number of an output. */
  readonly useOf: readonly OpUse[];
}

const addUse = (builder: ProgramBuilder, { program }: OpUse, prefix: string): void => {
  const map = new Map<ValueId, ValueId>();
  const params = paramTensors(program);
  for (const { name, value } of program.inputs) {
    const type = program.types[value];
    invariant(type !== undefined, 'an input has a type');
    map.set(value, builder.input(`${prefix} ${name}`, type));
  }
  for (const { name, value } of program.params) {
    const tensor = params.get(value);
    invariant(tensor !== undefined, 'a parameter has data');
    map.set(value, builder.param(`${prefix} ${name}`, tensor));
  }
  const mapped = (value: ValueId): ValueId => {
    const to = map.get(value);
    invariant(to !== undefined, 'a value is defined before it is used');
    return to;
  };
  for (const node of program.nodes) {
    const results = builder.copy(node, node.operands.map(mapped));
    node.results.forEach((value, i) => map.set(value, at(results, i)));
  }
  for (const { name, value } of program.outputs) builder.output(`${prefix} ${name}`, mapped(value));
};

export const mergeUses = (uses: readonly OpUse[]): MergedUses => {
  const builder = new ProgramBuilder('uses');
  uses.forEach((use, i) => addUse(builder, use, String(i)));
  return {
    program: builder.finish(),
    inputs: uses.flatMap((use) => use.inputs),
    useOf: uses.flatMap((use) => use.program.outputs.map(() => use)),
  };
};
