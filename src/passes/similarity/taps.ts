import { type AnyNode, opOf, type Program, typeOf, useCounts, type ValueId } from '../../ir/index.ts';
import { at } from '../../support/index.ts';

const LAYERS: ReadonlySet<string> = new Set(['conv', 'conv_nhwc', 'conv_transpose', 'dense', 'gemm', 'matmul']);
const AFTER: ReadonlySet<string> = new Set(['batch_norm', 'rescale', 'table', 'quantize', 'dequantize', 'prelu']);

/**
 * The values behind the layers of a program: each with its bias, norm and activation, which different exports put into different nodes. In
 * order of execution.
 */
export const tapsOf = (program: Program): readonly ValueId[] => {
  const uses = useCounts(program);
  const params = new Set(program.params.map((p) => p.value));
  const user = new Map<ValueId, AnyNode>();
  for (const n of program.nodes as readonly AnyNode[]) for (const o of n.operands) user.set(o, n);
  const own = (n: AnyNode, v: ValueId): boolean =>
    n.results.length === 1 &&
    n.operands.every((o) => o === v || params.has(o)) &&
    (AFTER.has(n.op) || opOf(n.op).traits.pointwise === true || n.op === 'add' || n.op === 'mul');
  const taps: ValueId[] = [];
  for (const n of program.nodes as readonly AnyNode[]) {
    if (!LAYERS.has(n.op) || !n.operands.some((o) => params.has(o))) continue;
    let v = at(n.results, 0);
    for (let next = user.get(v); next !== undefined && uses[v] === 1 && own(next, v); next = user.get(v)) v = at(next.results, 0);
    taps.push(v);
  }
  return [...new Set(taps)];
};

/** A program that also gives the values of its taps, after its own outputs. */
export const tapped = (program: Program, taps: readonly ValueId[]): Program => ({
  ...program,
  outputs: [...program.outputs, ...taps.map((value, i) => ({ name: `tap ${i}`, value }))],
});

/** Elements of a value. */
export const sizeOf = (program: Program, value: ValueId): number =>
  typeOf(program, value).shape.reduce<number>((n, d) => n * (typeof d === 'number' ? d : 1), 1);
