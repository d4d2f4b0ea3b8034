import { type AnyNode, Philox, type Program, ProgramBuilder, type Tensor, typeOf, type ValueId } from '../../src/ir/index.ts';
import { at, unwrap } from '../../src/support/index.ts';

/** What stands for a node: the values of its results, or undefined to keep it. */
export type Visit = (node: AnyNode, operands: readonly ValueId[], index: number, builder: ProgramBuilder) => readonly ValueId[] | undefined;

export interface Edit {
  /** Nodes in another order; operands still come first. */
  readonly order?: readonly number[];
  readonly visit?: Visit;
  /** Another tensor for a parameter. */
  readonly param?: (tensor: Tensor, index: number) => Tensor;
  /** Another name for anything that has one. */
  readonly rename?: (name: string) => string;
}

/** A copy of a program with changes; undefined where a change does not fit the ops around it. */
export const edited = (program: Program, { order, visit, param, rename = (n): string => n }: Edit): Program | undefined => {
  const builder = new ProgramBuilder(program.name);
  const map = new Map<ValueId, ValueId>();
  for (const { name, value } of program.inputs) map.set(value, builder.input(name, typeOf(program, value)));
  program.params.forEach(({ name, value, tensor }, i) => map.set(value, builder.param(rename(name), param?.(tensor, i) ?? tensor)));
  for (const index of order ?? program.nodes.keys()) {
    const node = at(program.nodes, index) as AnyNode;
    const operands = node.operands.map((v) => map.get(v) ?? v);
    const origin = node.origin === undefined ? undefined : rename(node.origin);
    let results = visit?.(node, operands, index, builder);
    if (results === undefined) {
      const emitted = builder.tryEmit(node.op, operands, node.attrs, origin);
      if (!emitted.ok) return undefined;
      results = emitted.value;
    }
    for (const [i, r] of node.results.entries()) map.set(r, at(results, i));
  }
  for (const { name, value } of program.outputs) builder.output(name, map.get(value) ?? value);
  const made = builder.finish();
  const kept = program.outputs.every(({ value }, i) => {
    const [before, after] = [typeOf(program, value), typeOf(made, at(made.outputs, i).value)];
    return before.shape.join() === after.shape.join();
  });
  return kept ? made : undefined;
};

/** Whole numbers from a seed. */
export class Dice {
  readonly #random: Philox;

  constructor(seed: number) {
    this.#random = new Philox(seed);
  }

  /** 0 to n - 1. */
  below(n: number): number {
    return this.#random.next() % Math.max(1, n);
  }

  pick<T>(items: readonly T[]): T | undefined {
    return items[this.below(items.length)];
  }

  shuffled(n: number): number[] {
    const order = Array.from({ length: n }, (_, i) => i);
    for (let i = n - 1; i > 0; i--) {
      const j = this.below(i + 1);
      [order[i], order[j]] = [at(order, j), at(order, i)];
    }
    return order;
  }
}

/** Indices of the nodes that a test holds for. */
export const nodesWhere = (program: Program, test: (node: AnyNode) => boolean): readonly number[] =>
  (program.nodes as readonly AnyNode[]).flatMap((n, i) => (test(n) ? [i] : []));

/** The parameter behind a value of the program. */
export const tensorOf = (program: Program, value: ValueId | undefined): Tensor | undefined =>
  program.params.find((p) => p.value === value)?.tensor;

/** Adds a node that is known to be right. */
export const put = (b: ProgramBuilder, op: AnyNode['op'], operands: readonly ValueId[], attrs: AnyNode['attrs'] = {}): ValueId =>
  at(unwrap(b.tryEmit(op, operands, attrs, `added ${op}`)), 0);
