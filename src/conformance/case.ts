import { type AnyAttrs, formatType, type OpName, Philox, type StaticType, type Tensor } from '../ir/index.ts';
import { sha256 } from '../support/index.ts';
import { type DataClass, fillOperand, type OperandSpec } from './data.ts';

export type { OperandSpec } from './data.ts';

/** What a shape class is about: the columns of the report. */
export const SHAPE_KINDS = ['sample', 'zero', 'one', 'odd', 'rank', 'broadcast', 'attribute', 'named'] as const;
export type ShapeKind = (typeof SHAPE_KINDS)[number];

/** One use of an op with sizes and attributes: what a backend compiles. */
export interface ShapeClass {
  readonly op: OpName;
  readonly name: string;
  readonly kind: ShapeKind;
  readonly operands: readonly OperandSpec[];
  readonly attrs: AnyAttrs;
  readonly results: readonly StaticType[];
}

/** One conformance case: a shape class with the elements of its operands, which derive from the id alone. */
export interface VectorCase {
  /** `op/shape/data.seed`; named cases of NUMERICS §8 have `GROUP/name`, or `GROUP/name/data.seed`. */
  readonly id: string;
  readonly shape: ShapeClass;
  readonly data: DataClass | 'given';
  readonly seed: number;
  /** Results by hand or from the literature, where there are any. */
  readonly known?: readonly (readonly number[])[];
}

/** 53 bits of the SHA-256 of a text, as the key of Philox: least significant byte first. */
const keyOf = (text: string): number => {
  const digest = sha256(text);
  let key = 0;
  for (let i = 5; i >= 0; i--) key = key * 256 + (digest[i] ?? 0);
  return key + ((digest[6] ?? 0) % 32) * 2 ** 48;
};

/**
 * The operand tensors of a case. Operand k is filled from stream k of Philox4x32-10, whose key is the SHA-256 of the id;
 * constant operands take the id of the shape class instead. docs/conformance.md has the algorithm.
 */
export const operandsOf = ({ id, shape, data }: VectorCase): readonly Tensor[] =>
  shape.operands.map((spec, k) =>
    spec.constant
      ? fillOperand(spec, 'uniform', new Philox(keyOf(`${shape.op}/${shape.name}`), k))
      : fillOperand(spec, data === 'given' ? 'uniform' : data, new Philox(keyOf(id), k)),
  );

/** `i8[2,3], i32[3]` */
export const operandText = (shape: ShapeClass): string => shape.operands.map((o) => formatType(o.type)).join(', ');
