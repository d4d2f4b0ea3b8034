import { type AttrScalar, isOpName, type SampleOperand } from '../../ir/index.ts';
import type { VectorCase } from '../case.ts';
import { DATA_CLASSES, type DataClass, FLOAT_ONLY } from '../data.ts';
import { namedShape, specOf } from '../shapes.ts';

/** The lettered groups of NUMERICS §8. */
export const GROUPS = ['A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'I', 'J', 'K'] as const;
export type Group = (typeof GROUPS)[number];

/** What a named case says. `op` is text: a case may be written before its op is defined, and waits for it. */
export interface NamedCase {
  readonly name: string;
  readonly op: string;
  readonly operands: readonly SampleOperand[];
  readonly attrs?: Readonly<Record<string, AttrScalar>>;
  /** Elements of each result, from the definition by hand or from the literature. */
  readonly known?: readonly (readonly number[])[];
  /** How operands without given elements are filled. */
  readonly data?: readonly DataClass[];
}

export const given = (type: string, data: readonly number[]): SampleOperand => ({ type, data });
export const within = (type: string, lo: number, hi: number): SampleOperand => ({ type, lo, hi });
/** `n` elements from a function of the index. */
export const filled = (n: number, f: (i: number) => number): number[] => Array.from({ length: n }, (_, i) => f(i));

const USUAL = ['uniform', 'lowest', 'highest', 'alternating', 'ties'] as const;

/** The cases of one named case: one when all its elements are given, else one for each data class. */
export const casesOfNamed = (group: Group, named: NamedCase): readonly VectorCase[] => {
  if (!isOpName(named.op)) return [];
  const shape = namedShape(named.op, `${group}-${named.name}`, named.operands.map(specOf), named.attrs ?? {});
  const id = `${group}/${named.name}`;
  if (shape.operands.every((o) => o.given !== undefined)) {
    return [{ id, shape, data: 'given', seed: 1, ...(named.known === undefined ? {} : { known: named.known }) }];
  }
  const floats = shape.operands.some((o) => o.type.dtype === 'f32');
  const classes = named.data ?? DATA_CLASSES.filter((d) => USUAL.some((u) => u === d));
  return classes.filter((d) => floats || !FLOAT_ONLY.has(d)).map((data) => ({ id: `${id}/${data}.1`, shape, data, seed: 1 }));
};
