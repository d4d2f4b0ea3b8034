import { paramTensors, type Program, ProgramBuilder, type ValueId } from '../../ir/index.ts';
import { at, invariant } from '../../support/index.ts';

const addProgram = (builder: ProgramBuilder, program: Program, prefix: string): void => {
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

/**
 * Programs side by side in one, for backends whose compilers take seconds to start: inputs and outputs are those of the first, then those
 * of the second, and so on, each name behind the program's number.
 */
export const mergePrograms = (name: string, programs: readonly Program[]): Program => {
  const builder = new ProgramBuilder(name);
  programs.forEach((program, i) => addProgram(builder, program, String(i)));
  return builder.finish();
};
