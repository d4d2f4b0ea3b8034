import { expandForTable } from '../../src/exporters/index.ts';
import { type AnyAttrs, type AnyNode, type Program, ProgramBuilder, typeOf, type ValueId } from '../../src/ir/index.ts';
import { comparePrograms } from '../../src/passes/index.ts';
import { at } from '../../src/support/index.ts';

/** Axes counted from the start: -1 and 1 are the same axis of a matrix. */
const fromStart = (attrs: AnyAttrs, rank: number): AnyAttrs => {
  const positive = (axis: number): number => (axis < 0 ? axis + rank : axis);
  const { axis, axes } = attrs;
  return {
    ...attrs,
    ...(typeof axis === 'number' ? { axis: positive(axis) } : {}),
    ...(Array.isArray(axes) ? { axes: axes.map((a) => positive(Number(a))) } : {}),
  };
};

/** A program in which composites are their definitions, and axes count from the start. */
const spelled = (program: Program): Program => {
  const expanded = expandForTable(program, {});
  const builder = new ProgramBuilder(program.name);
  const map = new Map<ValueId, ValueId>();
  const mapped = (v: ValueId): ValueId => map.get(v) ?? v;
  for (const { name, value } of expanded.inputs) map.set(value, builder.input(name, typeOf(expanded, value)));
  for (const { name, value, tensor } of expanded.params) map.set(value, builder.param(name, tensor));
  for (const node of expanded.nodes as readonly AnyNode[]) {
    const [first] = node.operands;
    const rank = first === undefined ? 0 : typeOf(expanded, first).shape.length;
    const results = builder.copy({ ...node, attrs: fromStart(node.attrs, rank) }, node.operands.map(mapped));
    node.results.forEach((r, i) => map.set(r, at(results, i)));
  }
  for (const { name, value } of expanded.outputs) builder.output(name, mapped(value));
  return builder.finish();
};

/** Why a program that was exported and read back is not the same at level 3; undefined when it is. A composite means its definition. */
export const differenceOf = (program: Program, back: Program): string | undefined => {
  if (comparePrograms(program, back).reached >= 3) return undefined;
  const compared = comparePrograms(spelled(program), spelled(back));
  if (compared.reached >= 3) return undefined;
  return compared.levels.map((l) => `${l.level} ${l.outcome}: ${l.text}`).join('; ');
};
