import { at } from '../../../support/index.ts';
import { Ex, Local, type Lifted, refOf, type Val } from './lift.ts';
import type { Access, Kind, LaneBits, Machine, Ref, VectorLoad } from './machine.ts';

export type { Access } from './machine.ts';

/** What a function body needs of the module that it is built in. */
export interface FnHost {
  readonly machine: Machine;
  readonly ops: Lifted;
  /** Result of a function that is defined already. */
  resultOf(name: string): Kind | undefined;
}

/** A function body under construction: statements go into the innermost open block. */
export class Fn {
  readonly ops: Lifted;
  readonly params: readonly Local[];
  readonly localKinds: Kind[] = [];
  private readonly asm: FnHost;
  private readonly m: Machine;
  private block: Ref[] = [];
  private value: Ref | undefined;
  private readonly free: Local[] = [];
  private taken: Local[] = [];

  constructor(asm: FnHost, params: readonly Kind[]) {
    this.asm = asm;
    this.m = asm.machine;
    this.ops = asm.ops;
    this.params = params.map((kind, i) => new Local(i, kind));
  }

  /** Parameter `i`. */
  arg(i: number): Local {
    return at(this.params, i);
  }

  private ref(value: Val, kind: Kind = 'i32'): Ref {
    return refOf(this.m, value, kind);
  }

  body(): { readonly statements: readonly Ref[]; readonly value: Ref | undefined } {
    return { statements: this.block, value: this.value };
  }

  /** Collects the statements that `build` adds. */
  private nested(build: () => void): readonly Ref[] {
    const outer = this.block;
    this.block = [];
    build();
    const inner = this.block;
    this.block = outer;
    return inner;
  }

  /** Adds an expression without a value as a statement. */
  do(statement: Ex): void {
    this.block.push(statement.ref);
  }

  /** Ends the body: the last expression is the result. */
  result(value: Val, kind: Kind = 'i32'): void {
    this.value = this.ref(value, kind);
  }

  /** A local; 0 at first, unless it takes the place of one that a `scope` gave back. */
  local(kind: Kind): Local {
    const free = this.free.findIndex((l) => l.kind === kind);
    const local = free >= 0 ? this.free.splice(free, 1)[0] : undefined;
    if (local === undefined) this.localKinds.push(kind);
    const own = local ?? new Local(this.params.length + this.localKinds.length - 1, kind);
    this.taken.push(own);
    return own;
  }

  /** Gives the locals that `build` declares back afterwards: engines limit their number. */
  scope(build: () => void): void {
    const outer = this.taken;
    this.taken = [];
    build();
    this.free.push(...this.taken);
    this.taken = outer;
  }

  /** A new local with a value. */
  let(kind: Kind, value: Val): Local {
    const local = this.local(kind);
    this.set(local, value);
    return local;
  }

  i32(value: Val): Local {
    return this.let('i32', value);
  }

  v128(value: Ex | Local): Local {
    return this.let('v128', value);
  }

  set(local: Local, value: Val): void {
    this.block.push(this.m.set(local.index, this.ref(value, local.kind)));
  }

  /** local += value. */
  inc(local: Local, value: Val): void {
    this.set(local, this.ops.i32.add(local, value));
  }

  if(condition: Val, then: () => void, otherwise?: () => void): void {
    const yes = this.nested(then);
    const no = otherwise === undefined ? undefined : this.nested(otherwise);
    this.block.push(this.m.if(this.ref(condition), yes, no));
  }

  /** Runs while `condition` (evaluated before each round) is not 0. */
  while(condition: () => Val, body: () => void): void {
    const inner = this.nested(body);
    this.block.push(this.m.while(this.ref(condition()), inner));
  }

  /** for (i = from; i < to; i += step), unsigned; `to` is evaluated every round and must stay the same. */
  for(from: Val, to: Local | number, step: number, body: (i: Local) => void): void {
    const i = this.i32(from);
    this.while(
      () => this.ops.i32.lt_u(i, to),
      () => {
        body(i);
        this.inc(i, step);
      },
    );
  }

  call(name: string, args: readonly Val[]): Ex {
    return new Ex(
      this.m.call(
        name,
        args.map((a) => this.ref(a)),
        this.asm.resultOf(name),
      ),
    );
  }

  select(condition: Val, yes: Val, no: Val, kind: Kind = 'i32'): Ex {
    return new Ex(this.m.select(this.ref(condition), this.ref(yes, kind), this.ref(no, kind)));
  }

  // Constants that a plain number cannot express in place.
  f32c(value: number): Ex {
    return new Ex(this.m.constant('f32', value));
  }
  f64c(value: number): Ex {
    return new Ex(this.m.constant('f64', value));
  }
  i64Bits(value: bigint): Ex {
    return new Ex(this.m.constant('i64', value));
  }
  zero(): Ex {
    return new Ex(this.m.zeroVector());
  }

  load(access: Access, ptr: Val, offset = 0): Ex {
    return new Ex(this.m.load(access, offset, this.ref(ptr)));
  }

  store(access: Access, ptr: Val, value: Val, offset = 0): void {
    const kind = access === 'f32' || access === 'f64' || access === 'i64' ? access : 'i32';
    this.block.push(this.m.store(access, offset, this.ref(ptr), this.ref(value, kind)));
  }

  vload(how: VectorLoad, ptr: Val, offset = 0): Ex {
    return new Ex(this.m.vectorLoad(how, offset, this.ref(ptr)));
  }

  vstore(ptr: Val, vector: Ex | Local, offset = 0): void {
    this.block.push(this.m.vectorStore(offset, this.ref(ptr), this.ref(vector)));
  }

  loadLane(bits: LaneBits, lane: number, ptr: Val, vector: Ex | Local, offset = 0): Ex {
    return new Ex(this.m.loadLane(bits, offset, lane, this.ref(ptr), this.ref(vector)));
  }

  storeLane(bits: LaneBits, lane: number, ptr: Val, vector: Ex | Local, offset = 0): void {
    this.block.push(this.m.storeLane(bits, offset, lane, this.ref(ptr), this.ref(vector)));
  }

  /** Picks bytes of a (0-15) and b (16-31). */
  shuffle8(a: Ex | Local, b: Ex | Local, bytes: readonly number[]): Ex {
    return new Ex(this.m.shuffle(this.ref(a), this.ref(b), bytes));
  }

  /** Picks 32-bit lanes of a (0-3) and b (4-7). */
  shuffle32(a: Ex | Local, b: Ex | Local, lanes: readonly number[]): Ex {
    const bytes = lanes.flatMap((l) => [4 * l, 4 * l + 1, 4 * l + 2, 4 * l + 3]);
    return new Ex(this.m.shuffle(this.ref(a), this.ref(b), bytes));
  }

  /** Picks 16-bit lanes of a (0-7) and b (8-15). */
  shuffle16(a: Ex | Local, b: Ex | Local, lanes: readonly number[]): Ex {
    const bytes = lanes.flatMap((l) => [2 * l, 2 * l + 1]);
    return new Ex(this.m.shuffle(this.ref(a), this.ref(b), bytes));
  }

  lane32(vector: Ex | Local, lane: number): Ex {
    return new Ex(this.m.extractLane('i32x4', this.ref(vector), lane));
  }

  lane64(vector: Ex | Local, lane: number): Ex {
    return new Ex(this.m.extractLane('i64x2', this.ref(vector), lane));
  }

  laneF32(vector: Ex | Local, lane: number): Ex {
    return new Ex(this.m.extractLane('f32x4', this.ref(vector), lane));
  }

  bitselect(yes: Ex | Local, no: Ex | Local, mask: Ex | Local): Ex {
    return new Ex(this.m.bitselect(this.ref(yes), this.ref(no), this.ref(mask)));
  }

  copy(to: Val, from: Val, bytes: Val): void {
    this.block.push(this.m.copy(this.ref(to), this.ref(from), this.ref(bytes)));
  }

  fill(to: Val, value: Val, bytes: Val): void {
    this.block.push(this.m.fill(this.ref(to), this.ref(value), this.ref(bytes)));
  }
}
