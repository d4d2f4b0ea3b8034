import { invariant } from '../../../support/index.ts';
import type { Access, FunctionBody, Kind, LaneBits, Machine, NamespaceName, Ref, VectorLoad } from '../simd/index.ts';
import { doubleBytes, floatBytes, longBytes, signedBytes, unsignedBytes } from './encoding/bytes.ts';
import { ModuleWriter } from './encoding/module.ts';
import {
  ATOMIC,
  INSTRUCTIONS,
  LANE_EXTRACTS,
  LANE_LOADS,
  LANE_STORES,
  LOADS,
  MISC,
  OPCODE,
  PREFIX,
  prefixed,
  SIMD,
  STORES,
  VECTOR_LOADS,
  VECTOR_STORE,
} from './encoding/opcodes.ts';

/** Alignment (as a power of two) and offset behind an access; nothing is known of alignment, but atomic words have it. */
const [UNALIGNED, WORD] = [0, 2];
const place = (opcode: readonly number[], offset: number, alignment: number = UNALIGNED): readonly number[] => [
  ...opcode,
  ...unsignedBytes(alignment),
  ...unsignedBytes(offset),
];

/** Opcode and alignment of a word that threads share. */
const atomic = (number: number): readonly number[] => [...place([PREFIX.atomic, number], 0, WORD)];

/** The machine itself, written in WebAssembly's binary format. */
export class WasmMachine implements Machine {
  private readonly module: ModuleWriter;
  private labels = 0;
  /** Reading a variable is most of what code does. */
  private readonly gets: (readonly number[])[] = [];

  constructor(options: { readonly shared?: boolean } = {}) {
    this.module = new ModuleWriter(options);
  }

  private plain(bytes: readonly number[], operands: readonly Ref[] = []): Ref {
    return this.module.expressions.add({ kind: 'plain', bytes, operands });
  }

  op(space: NamespaceName, path: string, args: readonly Ref[]): Ref {
    const bytes = INSTRUCTIONS.get(`${space}.${path}`);
    invariant(bytes !== undefined, `there is no instruction ${space}.${path}`);
    return this.plain(bytes, args);
  }

  constant(kind: Exclude<Kind, 'v128'>, value: number | bigint): Ref {
    switch (kind) {
      case 'f32':
        return this.plain([0x43, ...floatBytes(Number(value))]);
      case 'f64':
        return this.plain([0x44, ...doubleBytes(Number(value))]);
      case 'i64':
        return this.plain([0x42, ...longBytes(BigInt(value))]);
      case 'i32':
        return this.plain([0x41, ...signedBytes(Number(value))]);
      default:
        return kind satisfies never;
    }
  }

  zeroVector(): Ref {
    return this.plain([...prefixed(PREFIX.simd, SIMD.const), ...new Array<number>(16).fill(0)]);
  }

  get(local: number, _kind?: Kind): Ref {
    return this.plain((this.gets[local] ??= [OPCODE.get, ...unsignedBytes(local)]));
  }

  set(local: number, value: Ref): Ref {
    return this.plain([OPCODE.set, ...unsignedBytes(local)], [value]);
  }

  /** Statements one after another. */
  block(statements: readonly Ref[]): Ref {
    return this.module.expressions.add({ kind: 'block', statements });
  }

  /** Statements that `br` to the label begins again. */
  loop(label: string, statements: readonly Ref[]): Ref {
    return this.module.expressions.add({ kind: 'loop', label, statements });
  }

  br(label: string): Ref {
    return this.module.expressions.add({ kind: 'branch', label });
  }

  return(...value: readonly Ref[]): Ref {
    return this.plain([OPCODE.return], value);
  }

  drop(value: Ref): Ref {
    return this.plain([OPCODE.drop], [value]);
  }

  unreachable(): Ref {
    return this.plain([OPCODE.unreachable]);
  }

  if(condition: Ref, then: readonly Ref[], otherwise?: readonly Ref[]): Ref {
    const [yes, no] = [this.block(then), otherwise === undefined ? undefined : this.block(otherwise)];
    return this.module.expressions.add({ kind: 'if', condition, yes, no });
  }

  while(condition: Ref, body: readonly Ref[]): Ref {
    const label = `l${this.labels++}`;
    return this.loop(label, [this.if(condition, [...body, this.br(label)])]);
  }

  call(name: string, args: readonly Ref[], _result?: Kind): Ref {
    return this.module.expressions.add({ kind: 'call', name, operands: args });
  }

  select(condition: Ref, yes: Ref, no: Ref): Ref {
    return this.plain([OPCODE.select], [yes, no, condition]);
  }

  load(access: Access, offset: number, address: Ref): Ref {
    return this.plain(place(LOADS[access], offset), [address]);
  }

  store(access: Access, offset: number, address: Ref, value: Ref): Ref {
    return this.plain(place(STORES[access], offset), [address, value]);
  }

  vectorLoad(how: VectorLoad, offset: number, address: Ref): Ref {
    return this.plain(place(prefixed(PREFIX.simd, VECTOR_LOADS[how]), offset), [address]);
  }

  vectorStore(offset: number, address: Ref, vector: Ref): Ref {
    return this.plain(place(prefixed(PREFIX.simd, VECTOR_STORE), offset), [address, vector]);
  }

  loadLane(bits: LaneBits, offset: number, lane: number, address: Ref, vector: Ref): Ref {
    return this.plain([...place(prefixed(PREFIX.simd, LANE_LOADS[bits]), offset), lane], [address, vector]);
  }

  storeLane(bits: LaneBits, offset: number, lane: number, address: Ref, vector: Ref): Ref {
    return this.plain([...place(prefixed(PREFIX.simd, LANE_STORES[bits]), offset), lane], [address, vector]);
  }

  extractLane(space: 'i32x4' | 'i64x2' | 'f32x4', vector: Ref, lane: number): Ref {
    return this.plain([...prefixed(PREFIX.simd, LANE_EXTRACTS[space]), lane], [vector]);
  }

  shuffle(a: Ref, b: Ref, bytes: readonly number[]): Ref {
    return this.plain([...prefixed(PREFIX.simd, SIMD.shuffle), ...bytes], [a, b]);
  }

  bitselect(yes: Ref, no: Ref, mask: Ref): Ref {
    return this.plain(prefixed(PREFIX.simd, SIMD.bitselect), [yes, no, mask]);
  }

  /** Both memories are the only one. */
  copy(to: Ref, from: Ref, bytes: Ref): Ref {
    return this.plain([...prefixed(PREFIX.misc, MISC.copy), 0, 0], [to, from, bytes]);
  }

  fill(to: Ref, value: Ref, bytes: Ref): Ref {
    return this.plain([...prefixed(PREFIX.misc, MISC.fill), 0], [to, value, bytes]);
  }

  /** A word that threads share, at an address that is a multiple of 4. */
  atomicLoad(address: Ref): Ref {
    return this.plain(atomic(ATOMIC.load32), [address]);
  }

  atomicStore(address: Ref, value: Ref): Ref {
    return this.plain(atomic(ATOMIC.store32), [address, value]);
  }

  /** Adds, and gives the word before. */
  atomicAdd(address: Ref, value: Ref): Ref {
    return this.plain(atomic(ATOMIC.add32), [address, value]);
  }

  /** Wakes threads that wait for the word; gives how many. */
  notify(address: Ref, count: Ref): Ref {
    return this.plain(atomic(ATOMIC.notify), [address, count]);
  }

  /** Sleeps while the word is `expected`, at most so many nanoseconds (negative: for ever). */
  wait(address: Ref, expected: Ref, nanoseconds: Ref): Ref {
    return this.plain(atomic(ATOMIC.wait32), [address, expected, nanoseconds]);
  }

  define({ name, params, result, locals, statements, value }: FunctionBody): void {
    const body = value === undefined ? statements : [...statements, value];
    this.module.define({ name, params, results: result === undefined ? [] : [result], locals, body });
  }

  /** Encodes the module with its memory imported as env.memory. @param exports - functions to export under their names */
  finish(exports: readonly string[]): Uint8Array {
    return this.module.finish(exports);
  }
}
