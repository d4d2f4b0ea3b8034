import { UnsupportedError } from '../../../ir/index.ts';
import { at, invariant } from '../../../support/index.ts';
import { Asm } from '../../cpu/simd/asm.ts';
import type { Access, FunctionBody, Kind, LaneBits, NamespaceName, Ref, VectorLoad } from '../../cpu/simd/index.ts';
import type { OpcodeName } from '../isa/opcodes.ts';
import { address, arithmetic, logic } from './fold.ts';
import { compileFunction, type RegisterLimits } from './function.ts';
import { ACCESSES, COMPARISONS, DIRECT, isVectorSpace, LANE_LOADS, LANE_STORES, VECTOR_LOADS } from './instructions.ts';
import { MEMORY_ROUTINES } from './memory-routines.ts';
import { SOFT_DOUBLES } from './soft-double.ts';
import type { Integers, Routine } from './soft-double-bits.ts';
import { constantOf, kindOf, type OpNode, type Tree, ZERO_VECTOR } from './tree.ts';
import type { FunctionCode } from './virtual.ts';

/** Why programs with float32 have no rows. */
export const FLOAT_REASON = 'the FPGA core computes with integers';

/** Conversions that leave the bits of a register as they are. */
const SAME_BITS: ReadonlyMap<string, Kind> = new Map([
  ['i64.extend_s', 'i64'],
  ['i64.reinterpret', 'i64'],
  ['f64.reinterpret', 'f64'],
]);

/**
 * The SIMD machine as code of the core's processor: expressions are trees until their function is complete, then it is compiled. What
 * the processor has no instruction for, doubles and moves of memory, becomes calls of subroutines that are added when first used.
 */
export class FpgaMachine implements Integers {
  /** Functions in the order of their definition: what is called comes first. */
  readonly functions = new Map<string, FunctionCode>();
  private readonly trees: (Tree | undefined)[] = [];
  private readonly asm: Asm;
  private readonly limits: RegisterLimits;

  constructor(limits: RegisterLimits = {}) {
    this.limits = limits;
    this.asm = new Asm(this);
  }

  private add(tree: Tree): Ref {
    return this.trees.push(tree) - 1;
  }

  private take(ref: Ref): Tree {
    const tree = at(this.trees, ref);
    invariant(tree !== undefined, 'an expression is used once');
    // constants and variables may stand in several places
    if (tree.type !== 'constant' && tree.type !== 'get' && tree.type !== 'vector') this.trees[ref] = undefined;
    return tree;
  }

  private takeAll(refs: readonly Ref[]): readonly Tree[] {
    return refs.map((ref) => this.take(ref));
  }

  /** An instruction of the core, which the SIMD machine need not have. @param kind - undefined when it has no value */
  instruction(op: OpcodeName, kind: Kind | undefined, args: readonly Ref[], lane?: number): Ref {
    const [a, b, c] = this.takeAll(args);
    return this.add(node(op, kind, { a, b, c, ...(lane === undefined ? {} : { lane }) }));
  }

  subroutine({ name, params, result, build }: Routine): string {
    return this.asm.define(name, params, result, (f) => build(f, this));
  }

  op(space: NamespaceName, path: string, args: readonly Ref[]): Ref {
    const name = `${space}.${path}`;
    const routine = SOFT_DOUBLES.get(name);
    if (routine !== undefined) return this.call(this.subroutine(routine), args, routine.result);
    const trees = this.takeAll(args);
    const same = SAME_BITS.get(name);
    const [first, second] = trees;
    if (same !== undefined && first !== undefined) return this.add(retyped(first, same));
    if (space === 'i32' || space === 'i64') {
      if (path === 'eqz') return this.add(logic('eq', at(trees, 0), constantOf(space, 0)));
      const comparison = COMPARISONS[path];
      if (comparison !== undefined) {
        const { op, swap } = comparison;
        return this.add(swap ? logic(op, at(trees, 1), at(trees, 0)) : logic(op, at(trees, 0), at(trees, 1)));
      }
    }
    const op = DIRECT[name];
    if (op === undefined) throw new UnsupportedError(space.startsWith('f') ? FLOAT_REASON : `the FPGA core has no instruction ${name}`);
    if (!isVectorSpace(space)) return this.add(arithmetic(op, space === 'i64' ? 'i64' : 'i32', at(trees, 0), second));
    return this.add(node(op, 'v128', { a: first, b: second }));
  }

  constant(kind: Exclude<Kind, 'v128'>, value: number | bigint): Ref {
    if (kind === 'f32') throw new UnsupportedError(FLOAT_REASON);
    return this.add(constantOf(kind, value));
  }

  zeroVector(): Ref {
    return this.add(ZERO_VECTOR);
  }

  get(local: number, kind: Kind): Ref {
    return this.add({ type: 'get', kind, local });
  }

  set(local: number, value: Ref): Ref {
    return this.add({ type: 'set', kind: undefined, local, value: this.take(value) });
  }

  if(condition: Ref, then: readonly Ref[], otherwise: readonly Ref[] | undefined): Ref {
    return this.add({
      type: 'if',
      kind: undefined,
      condition: this.take(condition),
      yes: this.takeAll(then),
      no: otherwise === undefined ? undefined : this.takeAll(otherwise),
    });
  }

  while(condition: Ref, body: readonly Ref[]): Ref {
    return this.add({ type: 'while', kind: undefined, condition: this.take(condition), body: this.takeAll(body) });
  }

  call(name: string, args: readonly Ref[], result: Kind | undefined): Ref {
    return this.add({ type: 'call', name, args: this.takeAll(args), kind: result });
  }

  select(condition: Ref, yes: Ref, no: Ref): Ref {
    const [c, a, b] = [this.take(condition), this.take(yes), this.take(no)];
    const kind = kindOf(a);
    return this.add(node(kind === 'v128' ? 'vsel' : 'sel', kind, { a, b, c }));
  }

  load(access: Access, offset: number, pointer: Ref): Ref {
    if (access === 'f32') throw new UnsupportedError(FLOAT_REASON);
    const { load, kind } = ACCESSES[access];
    return this.add(node(load, kind, address(this.take(pointer), offset)));
  }

  store(access: Access, offset: number, pointer: Ref, value: Ref): Ref {
    if (access === 'f32') throw new UnsupportedError(FLOAT_REASON);
    return this.add(
      node(ACCESSES[access].store, undefined, { ...address(this.take(pointer), offset), b: lowBits(this.take(value), access) }),
    );
  }

  vectorLoad(how: VectorLoad, offset: number, pointer: Ref): Ref {
    return this.add(node(VECTOR_LOADS[how], 'v128', address(this.take(pointer), offset)));
  }

  vectorStore(offset: number, pointer: Ref, vector: Ref): Ref {
    return this.add(node('vst', undefined, { ...address(this.take(pointer), offset), b: this.take(vector) }));
  }

  loadLane(bits: LaneBits, offset: number, lane: number, pointer: Ref, vector: Ref): Ref {
    return this.add(node(LANE_LOADS[bits], 'v128', { ...address(this.take(pointer), offset), b: this.take(vector), lane }));
  }

  storeLane(bits: LaneBits, offset: number, lane: number, pointer: Ref, vector: Ref): Ref {
    return this.add(node(LANE_STORES[bits], undefined, { ...address(this.take(pointer), offset), b: this.take(vector), lane }));
  }

  extractLane(space: 'i32x4' | 'i64x2' | 'f32x4', vector: Ref, lane: number): Ref {
    if (space === 'f32x4') throw new UnsupportedError(FLOAT_REASON);
    const [op, kind] = space === 'i32x4' ? (['vext32', 'i32'] as const) : (['vext64', 'i64'] as const);
    return this.add(node(op, kind, { a: this.take(vector), lane }));
  }

  shuffle(a: Ref, b: Ref, bytes: readonly number[]): Ref {
    return this.add(node('vshuffle', 'v128', { a: this.take(a), b: this.take(b), c: { type: 'vector', kind: 'v128', bytes } }));
  }

  bitselect(yes: Ref, no: Ref, mask: Ref): Ref {
    return this.add(node('vbitsel', 'v128', { a: this.take(yes), b: this.take(no), c: this.take(mask) }));
  }

  private memoryRoutine(name: keyof typeof MEMORY_ROUTINES, args: readonly Ref[]): Ref {
    const build = MEMORY_ROUTINES[name];
    return this.call(this.asm.define(`$${name}`, ['i32', 'i32', 'i32'], undefined, build), args, undefined);
  }

  copy(to: Ref, from: Ref, bytes: Ref): Ref {
    return this.memoryRoutine('copy', [to, from, bytes]);
  }

  fill(to: Ref, value: Ref, bytes: Ref): Ref {
    return this.memoryRoutine('fill', [to, value, bytes]);
  }

  /**
   * A statement that starts the array and waits for it: what the processor wrote is in memory before. Not of WebAssembly.
   * @param words - commands of 64 bytes, asked for when the program is linked, after the memory plan
   */
  commandList(words: () => Uint32Array): Ref {
    return this.add({ type: 'commands', kind: undefined, words });
  }

  define(body: FunctionBody): void {
    const tree = {
      ...body,
      statements: this.takeAll(body.statements),
      value: body.value === undefined ? undefined : this.take(body.value),
    };
    this.functions.set(body.name, compileFunction(tree, this.functions, this.limits));
  }
}

type Operands = { readonly [K in 'a' | 'b' | 'c']?: Tree | undefined } & { readonly imm?: number; readonly lane?: number };

/** A node without the operands that are absent. */
const node = (op: OpcodeName, kind: Kind | undefined, { a, b, c, imm, lane }: Operands): OpNode => ({
  type: 'op',
  op,
  kind,
  ...(a === undefined ? {} : { a }),
  ...(b === undefined ? {} : { b }),
  ...(c === undefined ? {} : { c }),
  ...(imm === undefined ? {} : { imm }),
  ...(lane === undefined ? {} : { lane }),
});

/** What is stored of a value: at most its low 32 bits, which are those of what it was made of. */
const lowBits = (tree: Tree, access: Access): Tree =>
  access !== 'i64' && access !== 'f64' && tree.type === 'op' && tree.op === 'sext32' && tree.a !== undefined ? tree.a : tree;

/** The same bits as another kind. */
const retyped = (tree: Tree, kind: Kind): Tree => {
  switch (tree.type) {
    case 'constant':
      invariant(kind === 'i64' || kind === 'f64', 'a register is retyped as a register');
      return { ...tree, kind };
    case 'op':
    case 'call':
    case 'get':
      return { ...tree, kind };
    default:
      invariant(false, `a ${tree.type} is no scalar`);
  }
};
