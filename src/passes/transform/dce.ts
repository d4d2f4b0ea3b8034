import { type AnyNode, type Program, ProgramBuilder, type ValueId } from '../../ir/index.ts';
import { at, invariant } from '../../support/index.ts';

/** Drops nodes and parameters that no output depends on. Inputs stay: they are the model's interface. */
export const dce = (program: Program): Program => {
  const nodes = program.nodes as readonly AnyNode[];
  const live = new Uint8Array(program.types.length);
  for (const output of program.outputs) live[output.value] = 1;
  for (const node of [...nodes].reverse()) {
    if (node.results.some((r) => live[r] === 1)) for (const v of node.operands) live[v] = 1;
  }
  const isLive = (node: AnyNode): boolean => node.results.some((r) => live[r] === 1);
  if (nodes.every(isLive) && program.params.every((p) => live[p.value] === 1)) return program;

  const builder = new ProgramBuilder(program.name);
  const map = new Map<ValueId, ValueId>();
  const mapped = (v: ValueId): ValueId => {
    const to = map.get(v);
    invariant(to !== undefined, `value ${v} is used before it is defined`);
    return to;
  };
  for (const port of program.inputs) map.set(port.value, builder.input(port.name, at(program.types, port.value)));
  for (const param of program.params) {
    if (live[param.value] === 1) map.set(param.value, builder.param(param.name, param.tensor));
  }
  for (const node of nodes.filter(isLive)) {
    builder.copy(node, node.operands.map(mapped)).forEach((r, i) => map.set(at(node.results, i), r));
  }
  for (const output of program.outputs) builder.output(output.name, mapped(output.value));
  return builder.finish();
};
