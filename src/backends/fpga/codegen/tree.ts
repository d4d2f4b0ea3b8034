import { invariant } from '../../../support/index.ts';
import type { Kind } from '../../cpu/simd/index.ts';
import type { OpcodeName } from '../isa/opcodes.ts';

/** An instruction with what it takes: operands by the letters of its form, evaluated in the order of the alphabet. */
export interface OpNode {
  readonly type: 'op';
  readonly op: OpcodeName;
  /** What the value is; undefined for what has none. */
  readonly kind: Kind | undefined;
  readonly a?: Tree;
  readonly b?: Tree;
  readonly c?: Tree;
  readonly imm?: number;
  readonly lane?: number;
}

export interface ConstantNode {
  readonly type: 'constant';
  readonly kind: Exclude<Kind, 'v128'>;
  /** The 64 bits of a register, signed: an i32 sign-extended, a double by its bits. */
  readonly value: bigint;
}

export interface VectorNode {
  readonly type: 'vector';
  readonly kind: 'v128';
  readonly bytes: readonly number[];
}

export interface CallNode {
  readonly type: 'call';
  readonly name: string;
  readonly args: readonly Tree[];
  readonly kind: Kind | undefined;
}

/** An expression or statement of a function. */
export type Tree =
  | OpNode
  | ConstantNode
  | VectorNode
  | CallNode
  | { readonly type: 'get'; readonly kind: Kind; readonly local: number }
  | { readonly type: 'set'; readonly kind: undefined; readonly local: number; readonly value: Tree }
  | {
      readonly type: 'if';
      readonly kind: undefined;
      readonly condition: Tree;
      readonly yes: readonly Tree[];
      readonly no: readonly Tree[] | undefined;
    }
  | { readonly type: 'while'; readonly kind: undefined; readonly condition: Tree; readonly body: readonly Tree[] }
  /** Starts the array with commands that are made when the program is linked. */
  | { readonly type: 'commands'; readonly kind: undefined; readonly words: () => Uint32Array };

/** What an expression has to be. */
export const kindOf = (tree: Tree): Kind => {
  invariant(tree.kind !== undefined, 'a statement has no value');
  return tree.kind;
};

export const ZERO_VECTOR: VectorNode = { type: 'vector', kind: 'v128', bytes: new Array<number>(16).fill(0) };

const BITS = new DataView(new ArrayBuffer(8));

/** The bits of a double; NaNs are canonical. */
export const doubleBits = (value: number): bigint => {
  if (Number.isNaN(value)) return 0x7ff8000000000000n;
  BITS.setFloat64(0, value);
  return BITS.getBigInt64(0);
};

/** A constant as it lies in a register. */
export const constantOf = (kind: Exclude<Kind, 'v128'>, value: number | bigint): ConstantNode => {
  invariant(kind !== 'f32', 'the core has no float32; its rows refuse programs with them');
  switch (kind) {
    case 'i32':
      return { type: 'constant', kind, value: BigInt.asIntN(32, BigInt(value)) };
    case 'i64':
      return { type: 'constant', kind, value: BigInt.asIntN(64, BigInt(value)) };
    case 'f64':
      return { type: 'constant', kind, value: doubleBits(Number(value)) };
    default:
      return kind satisfies never;
  }
};

/** The value of a constant that fits an immediate. */
export const immediateOf = (tree: Tree | undefined): number | undefined =>
  tree?.type === 'constant' && BigInt.asIntN(32, tree.value) === tree.value ? Number(tree.value) : undefined;
