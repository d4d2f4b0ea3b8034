/** What a value is: WebAssembly's value types. */
export type Kind = 'i32' | 'i64' | 'f32' | 'f64' | 'v128';

/** Names of instruction groups: `i32x4` has `add`, and so on. */
export const NAMESPACES = ['i32', 'i64', 'f32', 'f64', 'v128', 'i8x16', 'i16x8', 'i32x4', 'i64x2', 'f32x4', 'f64x2'] as const;
export type NamespaceName = (typeof NAMESPACES)[number];

/** An expression or statement in the making; used once. What it stands for is the machine's own affair. */
export type Ref = number;

/** Element loads and stores: how the bytes in memory become a value. */
export type Access = 'i8' | 'u8' | 'i16' | 'i32' | 'f32' | 'f64' | 'i64';
export type VectorLoad = 'load' | 'load8x8_s' | 'load8x8_u' | 'load16x4_s' | 'load32_splat' | 'load32_zero';
export type LaneBits = 8 | 16 | 32 | 64;

/** A function with its body complete. */
export interface FunctionBody {
  readonly name: string;
  readonly params: readonly Kind[];
  readonly result: Kind | undefined;
  /** Variables behind the parameters; zero at first. */
  readonly locals: readonly Kind[];
  readonly statements: readonly Ref[];
  /** The value returned, when there is a result. */
  readonly value: Ref | undefined;
}

/**
 * A processor with 128-bit vectors, WebAssembly's instructions and one linear memory, for which code can be written: the
 * lowering of ops knows nothing else of its target. Every instruction means exactly what the WebAssembly specification says
 * (2.0 with SIMD), so a machine that prints another language has to keep wrapping sums, saturation, NaNs and signed zeros.
 * Addresses and sizes are i32 and count bytes; loads and stores need no alignment.
 */
export interface Machine {
  /** An instruction whose arguments are all expressions: `op('i32x4', 'add', [a, b])`; `path` may have two parts: `trunc_s_sat.f32`. */
  op(space: NamespaceName, path: string, args: readonly Ref[]): Ref;
  constant(kind: Exclude<Kind, 'v128'>, value: number | bigint): Ref;
  zeroVector(): Ref;
  get(local: number, kind: Kind): Ref;
  set(local: number, value: Ref): Ref;
  if(condition: Ref, then: readonly Ref[], otherwise: readonly Ref[] | undefined): Ref;
  /** Runs `body` while `condition`, evaluated before each round, is not 0. */
  while(condition: Ref, body: readonly Ref[]): Ref;
  call(name: string, args: readonly Ref[], result: Kind | undefined): Ref;
  select(condition: Ref, yes: Ref, no: Ref): Ref;
  load(access: Access, offset: number, address: Ref): Ref;
  store(access: Access, offset: number, address: Ref, value: Ref): Ref;
  vectorLoad(how: VectorLoad, offset: number, address: Ref): Ref;
  vectorStore(offset: number, address: Ref, vector: Ref): Ref;
  loadLane(bits: LaneBits, offset: number, lane: number, address: Ref, vector: Ref): Ref;
  storeLane(bits: LaneBits, offset: number, lane: number, address: Ref, vector: Ref): Ref;
  extractLane(space: 'i32x4' | 'i64x2' | 'f32x4', vector: Ref, lane: number): Ref;
  /** Picks bytes of a (0-15) and b (16-31). */
  shuffle(a: Ref, b: Ref, bytes: readonly number[]): Ref;
  bitselect(yes: Ref, no: Ref, mask: Ref): Ref;
  copy(to: Ref, from: Ref, bytes: Ref): Ref;
  fill(to: Ref, value: Ref, bytes: Ref): Ref;
  /** Adds a function; functions are called after they are defined. */
  define(body: FunctionBody): void;
}
