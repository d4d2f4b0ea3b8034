import { type AnyNode, expandInto, opOf, type OpName, paramTensors, type Program, ProgramBuilder, type ValueId } from '../../ir/index.ts';
import { invariant } from '../../support/index.ts';

/** Replaces every composite for which `hasRow` is false by its definition, until none is left. */
export const expandComposites = (program: Program, hasRow: (op: OpName) => boolean): Program => {
  const isOpen = (node: AnyNode): boolean => opOf(node.op).kind === 'composite' && !hasRow(node.op);
  let current = program;
  while ((current.nodes as readonly AnyNode[]).some(isOpen)) current = expandOnce(current, isOpen);
  return current;
};

const expandOnce = (program: Program, isOpen: (node: AnyNode) => boolean): Program => {
  const builder = new ProgramBuilder(program.name);
  const map = new Map<ValueId, ValueId>();
  const mapped = (value: ValueId): ValueId => {
    const to = map.get(value);
    invariant(to !== undefined, `value ${value} is used before it is defined`);
    return to;
  };
  for (const input of program.inputs) {
    const type = program.types[input.value];
    if (type !== undefined) map.set(input.value, builder.input(input.name, type));
  }
  const params = paramTensors(program);
  for (const param of program.params) {
    const tensor = params.get(param.value);
    // a constant that an expansion adds could take the name of a parameter; names do not matter here
    if (tensor !== undefined) map.set(param.value, builder.constant(tensor));
  }
  for (const node of program.nodes as readonly AnyNode[]) {
    const operands = node.operands.map(mapped);
    const results = isOpen(node) ? expandInto(builder, node.op, operands, node.attrs, node.origin) : builder.copy(node, operands);
    node.results.forEach((r, i) => {
      const to = results[i];
      if (to !== undefined) map.set(r, to);
    });
  }
  for (const output of program.outputs) builder.output(output.name, mapped(output.value));
  return builder.finish();
};
