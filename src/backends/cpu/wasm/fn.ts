import type binaryen from 'binaryen';
import { at } from '../../../support/index.ts';
import { Ex, type Kind, Local, type Lifted, refOf, type Val } from './lift.ts';

/** Element loads and stores: how the bytes in memory become a value. */
export type Access = 'i8' | 'u8' | 'i16' | 'i32' | 'f32' | 'f64' | 'i64';
type VectorLoad = 'load' | 'load8x8_s' | 'load8x8_u' | 'load16x4_s' | 'load32_splat' | 'load32_zero';
type LaneBits = 8 | 16 | 32 | 64;

/** What a function body needs of the module that it is built in. */
export interface FnHost {
  readonly module: binaryen.Module;
  readonly ops: Lifted;
  typeOf(kind: Kind): binaryen.Type;
  /** Result of a function that is defined already. */
  resultOf(name: string): Kind | undefined;
}

/** A function body under construction: statements go into the innermost open block. */
export class Fn {
  readonly ops: Lifted;
  readonly params: readonly Local[];
  readonly localKinds: Kind[] = [];
  private readonly asm: FnHost;
  private readonly m: binaryen.Module;
  private block: binaryen.ExpressionRef[] = [];
  private labels = 0;
  private readonly free: Local[] = [];
  private taken: Local[] = [];

  constructor(asm: FnHost, params: readonly Kind[]) {
    this.asm = asm;
    this.m = asm.module;
    this.ops = asm.ops;
    this.params = params.map((kind, i) => new Local(i, kind));
  }

  /** Parameter `i`. */
  arg(i: number): Local {
    return at(this.params, i);
  }

  private ref(value: Val, kind: Kind = 'i32'): binaryen.ExpressionRef {
    return refOf(this.m, value, kind, (k) => this.asm.typeOf(k));
  }

  body(result: binaryen.Type): binaryen.ExpressionRef {
    return this.m.block(null, this.block, result);
  }

  /** Collects the statements that `build` adds. */
  private nested(build: () => void): binaryen.ExpressionRef {
    const outer = this.block;
    this.block = [];
    build();
    const inner = this.m.block(null, this.block);
    this.block = outer;
    return inner;
  }

  /** Adds an expression without a value as a statement. */
  do(statement: Ex): void {
    this.block.push(statement.ref);
  }

  /** Ends the body: the last expression is the result. */
  result(value: Val, kind: Kind = 'i32'): void {
    this.block.push(this.ref(value, kind));
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
    this.block.push(this.m.local.set(local.index, this.ref(value, local.kind)));
  }

  /** local += value. */
  inc(local: Local, value: Val): void {
    this.set(local, this.ops.i32.add(local, value));
  }

  if(condition: Val, then: () => void, otherwise?: () => void): void {
    const yes = this.nested(then);
    this.block.push(
      otherwise === undefined ? this.m.if(this.ref(condition), yes) : this.m.if(this.ref(condition), yes, this.nested(otherwise)),
    );
  }

  /** Runs while `condition` (evaluated before each round) is not 0. */
  while(condition: () => Val, body: () => void): void {
    const label = `l${this.labels++}`;
    const inner = this.nested(() => {
      body();
      this.block.push(this.m.br(label));
    });
    this.block.push(this.m.loop(label, this.m.if(this.ref(condition()), inner)));
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
    const kind = this.asm.resultOf(name);
    return new Ex(
      this.m.call(
        name,
        args.map((a) => this.ref(a)),
        kind === undefined ? 0 : this.asm.typeOf(kind),
      ),
    );
  }

  select(condition: Val, yes: Val, no: Val, kind: Kind = 'i32'): Ex {
    return new Ex(this.m.select(this.ref(condition), this.ref(yes, kind), this.ref(no, kind)));
  }

  // Constants that a plain number cannot express in place.
  f32c(value: number): Ex {
    return new Ex(this.m.f32.const(value));
  }
  f64c(value: number): Ex {
    return new Ex(this.m.f64.const(value));
  }
  i64Bits(value: bigint): Ex {
    return new Ex(this.m.i64.const(value));
  }
  zero(): Ex {
    return new Ex(this.m.v128.const(new Uint8Array(16)));
  }

  load(access: Access, ptr: Val, offset = 0): Ex {
    const p = this.ref(ptr);
    const { i32, i64, f32, f64 } = this.m;
    switch (access) {
      case 'i8':
        return new Ex(i32.load8_s(offset, 1, p));
      case 'u8':
        return new Ex(i32.load8_u(offset, 1, p));
      case 'i16':
        return new Ex(i32.load16_s(offset, 1, p));
      case 'i32':
        return new Ex(i32.load(offset, 1, p));
      case 'i64':
        return new Ex(i64.load(offset, 1, p));
      case 'f32':
        return new Ex(f32.load(offset, 1, p));
      case 'f64':
        return new Ex(f64.load(offset, 1, p));
      default:
        return access satisfies never;
    }
  }

  store(access: Access, ptr: Val, value: Val, offset = 0): void {
    const p = this.ref(ptr);
    const { i32, i64, f32, f64 } = this.m;
    switch (access) {
      case 'i8':
      case 'u8':
        this.block.push(i32.store8(offset, 1, p, this.ref(value)));
        break;
      case 'i16':
        this.block.push(i32.store16(offset, 1, p, this.ref(value)));
        break;
      case 'i32':
        this.block.push(i32.store(offset, 1, p, this.ref(value)));
        break;
      case 'i64':
        this.block.push(i64.store(offset, 1, p, this.ref(value, 'i64')));
        break;
      case 'f32':
        this.block.push(f32.store(offset, 1, p, this.ref(value, 'f32')));
        break;
      case 'f64':
        this.block.push(f64.store(offset, 1, p, this.ref(value, 'f64')));
        break;
      default:
        access satisfies never;
    }
  }

  vload(how: VectorLoad, ptr: Val, offset = 0): Ex {
    return new Ex(this.m.v128[how](offset, 1, this.ref(ptr)));
  }

  vstore(ptr: Val, vector: Ex | Local, offset = 0): void {
    this.block.push(this.m.v128.store(offset, 1, this.ref(ptr), this.ref(vector)));
  }

  loadLane(bits: LaneBits, lane: number, ptr: Val, vector: Ex | Local, offset = 0): Ex {
    return new Ex(this.m.v128[`load${bits}_lane`](offset, 1, lane, this.ref(ptr), this.ref(vector)));
  }

  storeLane(bits: LaneBits, lane: number, ptr: Val, vector: Ex | Local, offset = 0): void {
    this.block.push(this.m.v128[`store${bits}_lane`](offset, 1, lane, this.ref(ptr), this.ref(vector)));
  }

  /** Picks 32-bit lanes of a (0-3) and b (4-7). */
  shuffle32(a: Ex | Local, b: Ex | Local, lanes: readonly number[]): Ex {
    const bytes = lanes.flatMap((l) => [4 * l, 4 * l + 1, 4 * l + 2, 4 * l + 3]);
    return new Ex(this.m.i8x16.shuffle(this.ref(a), this.ref(b), bytes));
  }

  /** Picks 16-bit lanes of a (0-7) and b (8-15). */
  shuffle16(a: Ex | Local, b: Ex | Local, lanes: readonly number[]): Ex {
    const bytes = lanes.flatMap((l) => [2 * l, 2 * l + 1]);
    return new Ex(this.m.i8x16.shuffle(this.ref(a), this.ref(b), bytes));
  }

  lane32(vector: Ex | Local, lane: number): Ex {
    return new Ex(this.m.i32x4.extract_lane(this.ref(vector), lane));
  }

  lane64(vector: Ex | Local, lane: number): Ex {
    return new Ex(this.m.i64x2.extract_lane(this.ref(vector), lane));
  }

  laneF32(vector: Ex | Local, lane: number): Ex {
    return new Ex(this.m.f32x4.extract_lane(this.ref(vector), lane));
  }

  bitselect(yes: Ex | Local, no: Ex | Local, mask: Ex | Local): Ex {
    return new Ex(this.m.v128.bitselect(this.ref(yes), this.ref(no), this.ref(mask)));
  }

  copy(to: Val, from: Val, bytes: Val): void {
    this.block.push(this.m.memory.copy(this.ref(to), this.ref(from), this.ref(bytes)));
  }

  fill(to: Val, value: Val, bytes: Val): void {
    this.block.push(this.m.memory.fill(this.ref(to), this.ref(value), this.ref(bytes)));
  }
}
