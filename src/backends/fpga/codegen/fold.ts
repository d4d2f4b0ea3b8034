import { COMMUTATIVE, WITH_IMMEDIATE } from './instructions.ts';
import { constantOf, immediateOf, type OpNode, type Tree } from './tree.ts';
import type { OpcodeName } from '../isa/opcodes.ts';

// Constants are added up on the way out of sums, so that those of an address end in the immediate of its load or store.

const ZERO = constantOf('i32', 0);

/** The parts of `x + c`, where that is what a sum of 32 bits is. */
const partsOf = (tree: Tree): { readonly base: Tree; readonly offset: number } =>
  tree.type === 'op' && tree.op === 'addi32' && tree.a !== undefined ? { base: tree.a, offset: tree.imm ?? 0 } : { base: tree, offset: 0 };

/** x + offset, modulo 2^32. */
const plus = (tree: Tree, offset: number): Tree => {
  const { base, offset: before } = partsOf(tree);
  const imm = (before + offset) | 0;
  if (base.type === 'constant') return constantOf('i32', Number(base.value) + imm);
  return imm === 0 ? base : { type: 'op', op: 'addi32', kind: 'i32', a: base, imm };
};

const isZero = (tree: Tree): boolean => tree.type === 'constant' && tree.value === 0n;

/** The operands of a load or store at `tree + offset`. */
export const address = (tree: Tree, offset: number): { readonly a: Tree; readonly imm: number } => {
  const { base, offset: more } = partsOf(tree);
  return base.type === 'constant' ? { a: ZERO, imm: (Number(base.value) + offset) | 0 } : { a: base, imm: (more + offset) | 0 };
};

/** Results of operations of 32 bits on constants, where lowering leaves them. */
const FOLDED: Readonly<Partial<Record<OpcodeName, (a: number, b: number) => number>>> = {
  add32: (a, b) => a + b,
  sub32: (a, b) => a - b,
  mul32: (a, b) => Math.imul(a, b),
  shl32: (a, b) => a << b,
  shr32s: (a, b) => a >> b,
  shr32u: (a, b) => a >>> b,
};

const binary = (op: OpcodeName, kind: 'i32' | 'i64', a: Tree, b: Tree): OpNode => ({ type: 'op', op, kind, a, b });

const sum = (op: OpcodeName, a: Tree, b: Tree): Tree | undefined => {
  const [left, right] = [partsOf(a), partsOf(b)];
  const sign = op === 'add32' ? 1 : -1;
  const constant = immediateOf(b);
  if (constant !== undefined) return plus(a, sign * constant);
  if (op === 'add32' && a.type === 'constant') return plus(b, Number(a.value));
  if (left.offset === 0 && right.offset === 0) return undefined;
  const offset = left.offset + sign * right.offset;
  return plus(binary(op, 'i32', left.base, right.base), offset | 0);
};

/** A product with a power of two is a shift. */
const shiftOf = (factor: number | undefined): number | undefined =>
  factor !== undefined && factor > 0 && (factor & (factor - 1)) === 0 ? 31 - Math.clz32(factor) : undefined;

/** An operation on registers, with constants in immediates where there is such a form. */
export const arithmetic = (op: OpcodeName, kind: 'i32' | 'i64', a: Tree, b: Tree | undefined): Tree => {
  if (b === undefined) return { type: 'op', op, kind, a };
  const fold = FOLDED[op];
  const [x, y] = [immediateOf(a), immediateOf(b)];
  if (fold !== undefined && x !== undefined && y !== undefined) return constantOf('i32', fold(x, y));
  if (op === 'add32' || op === 'sub32') {
    const folded = sum(op, a, b);
    if (folded !== undefined) return folded;
  }
  if (x !== undefined && y === undefined && COMMUTATIVE.has(op)) return arithmetic(op, kind, b, a);
  if (op === 'mul32' || op === 'mul64') {
    if (y === 1) return a;
    const shift = shiftOf(y);
    if (shift !== undefined) return { type: 'op', op: op === 'mul32' ? 'shli32' : 'shli64', kind, a, imm: shift };
  }
  if (op === 'sub64' && y !== undefined && y !== -(2 ** 31)) return { type: 'op', op: 'addi64', kind, a, imm: -y };
  const immediate = WITH_IMMEDIATE[op];
  if (immediate === undefined || y === undefined) return binary(op, kind, a, b);
  if (immediate.startsWith('sh')) {
    const imm = y & (kind === 'i32' ? 31 : 63);
    return imm === 0 ? a : { type: 'op', op: immediate, kind, a, imm };
  }
  return { type: 'op', op: immediate, kind, a, imm: y };
};

/** A comparison, which is 0 or 1. */
export const logic = (op: OpcodeName, a: Tree, b: Tree): Tree => {
  // not (a < b) is b <= a: with 0 in place of the comparison's result
  if (op === 'eq' && isZero(b) && a.type === 'op') {
    const negated = NEGATED[a.op];
    if (negated !== undefined && a.a !== undefined && a.b !== undefined)
      return negated.swap ? binary(negated.op, 'i32', a.b, a.a) : binary(negated.op, 'i32', a.a, a.b);
  }
  return binary(op, 'i32', a, b);
};

const NEGATED: Readonly<Partial<Record<OpcodeName, { readonly op: OpcodeName; readonly swap: boolean }>>> = {
  eq: { op: 'ne', swap: false },
  ne: { op: 'eq', swap: false },
  lts: { op: 'les', swap: true },
  ltu: { op: 'leu', swap: true },
  les: { op: 'lts', swap: true },
  leu: { op: 'ltu', swap: true },
};
