import { type AnyAttrs, type AnyNode, isStaticType, type Program, ProgramBuilder, typeOf, type ValueId } from '../../ir/index.ts';
import { at } from '../../support/index.ts';
import { portsOf } from './align.ts';

/** The size that all inputs have as their first; undefined when they have none in common. */
export const batchOf = (program: Program): number | undefined => {
  const sizes = program.inputs.map((p) => typeOf(program, p.value).shape[0]);
  const first = sizes[0];
  return typeof first === 'number' && sizes.every((s) => s === first) ? first : undefined;
};

/** Sizes that an attribute spells out, with another batch. */
const rebatched = (attrs: AnyAttrs, from: number, to: number): AnyAttrs => {
  const { shape } = attrs;
  return Array.isArray(shape) && shape[0] === from ? { ...attrs, shape: [to, ...(shape as readonly number[]).slice(1)] } : attrs;
};

/** The program for another number of samples; undefined when an op does not take it. */
export const withBatch = (program: Program, to: number): Program | undefined => {
  const from = batchOf(program);
  if (from === undefined) return undefined;
  if (from === to) return program;
  const builder = new ProgramBuilder(program.name);
  const map = new Map<ValueId, ValueId>();
  for (const { name, value } of program.inputs) {
    const { dtype, shape } = typeOf(program, value);
    map.set(value, builder.input(name, { dtype, shape: [to, ...shape.slice(1)] }));
  }
  for (const { name, value, tensor } of program.params) map.set(value, builder.param(name, tensor));
  const mapped = (v: ValueId): ValueId => map.get(v) ?? v;
  for (const node of program.nodes as readonly AnyNode[]) {
    const emitted = builder.tryEmit(node.op, node.operands.map(mapped), rebatched(node.attrs, from, to), node.origin);
    if (!emitted.ok) return undefined;
    node.results.forEach((r, i) => map.set(r, at(emitted.value, i)));
  }
  for (const { name, value } of program.outputs) builder.output(name, mapped(value));
  const made = builder.finish();
  const fits = made.outputs.every(({ value }, i) => {
    const [now, before] = [typeOf(made, value), typeOf(program, at(program.outputs, i).value)];
    return isStaticType(now) && now.shape.length === before.shape.length && now.shape.slice(1).every((d, k) => d === before.shape[k + 1]);
  });
  return fits ? made : undefined;
};

/** The same network exported for another number of samples. */
export const sameBatch = (
  a: Program,
  b: Program,
): { readonly a: Program; readonly b: Program; readonly batch?: number; readonly notes: readonly string[] } => {
  const [m, n] = [batchOf(a), batchOf(b)];
  const others = (p: Program): string => JSON.stringify(portsOf(p, 'inputs').map((q) => q.type.shape.slice(1)));
  if (m === undefined || n === undefined || m === n || others(a) !== others(b)) return { a, b, notes: [] };
  const size = Math.min(m, n);
  const [left, right] = [withBatch(a, size), withBatch(b, size)];
  if (left === undefined || right === undefined) return { a, b, notes: [] };
  return { a: left, b: right, batch: size, notes: [`A takes ${m} samples at once and B ${n}: compared with ${size}`] };
};
