import {
  type AnyAttrs,
  type AnyNode,
  type Program,
  ProgramBuilder,
  paramTensors,
  type Tensor,
  typeOf,
  type ValueId,
} from '../../src/ir/index.ts';
import { at, unwrap } from '../../src/support/index.ts';
import type { OpUse } from './op-uses.ts';

/** Adds a program to a larger one, with names of its own. */
const append = (b: ProgramBuilder, program: Program, prefix: string): void => {
  const values = new Map<ValueId, ValueId>();
  const of = (v: ValueId): ValueId => values.get(v) ?? v;
  for (const { name, value } of program.inputs) {
    const { dtype, shape } = typeOf(program, value);
    values.set(value, b.input(`${prefix}${name}`, { dtype, shape: shape as readonly number[] }));
  }
  for (const [value, tensor] of paramTensors(program)) values.set(value, b.param(`${prefix}p${value}`, tensor));
  for (const { op, operands, attrs, results } of program.nodes as readonly AnyNode[]) {
    const made = unwrap(b.tryEmit(op, operands.map(of), attrs as AnyAttrs));
    results.forEach((r, i) => values.set(r, at(made, i)));
  }
  for (const { name, value } of program.outputs) b.output(`${prefix}${name}`, of(value));
};

/** A program that does what several do, side by side. */
export const joinUses = (name: string, uses: readonly OpUse[]): { readonly program: Program; readonly inputs: readonly Tensor[] } => {
  const b = new ProgramBuilder(name);
  uses.forEach(({ program }, i) => append(b, program, `u${i}.`));
  return { program: b.finish(), inputs: uses.flatMap((u) => u.inputs) };
};
