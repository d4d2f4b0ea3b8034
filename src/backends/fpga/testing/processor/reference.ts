import { invariant } from '../../../../support/index.ts';
import { type Instruction, INSTRUCTION_BYTES } from '../../isa/encode.ts';
import type { OpcodeName } from '../../isa/opcodes.ts';

/**
 * The processor's instructions as formulas of whole numbers, one a line: a second reading of isa/opcodes.ts, against which the RTL and
 * the simulator are held. Slow. Registers are kept as unsigned numbers of 64 and 128 bits.
 */
export interface Machine {
  readonly scalars: bigint[];
  readonly vectors: bigint[];
  readonly memory: Uint8Array;
}

/** What an instruction does besides writing its register. */
export interface Outcome {
  /** Of the next instruction. */
  readonly pc: number;
  /** A jump was taken. */
  readonly jumps?: boolean;
  readonly scalar?: bigint;
  readonly vector?: bigint;
}

const unsigned = (bits: number, x: bigint): bigint => BigInt.asUintN(bits, x);
const signed = (bits: number, x: bigint): bigint => BigInt.asIntN(bits, x);
/** Unsigned 64 bits that hold a sign-extended number of 32. */
const sext32 = (x: bigint): bigint => unsigned(64, signed(32, x));

const lanes = (bits: number, v: bigint): readonly bigint[] =>
  Array.from({ length: 128 / bits }, (_, i) => unsigned(bits, v >> BigInt(bits * i)));

const signedLanes = (bits: number, v: bigint): readonly bigint[] => lanes(bits, v).map((x) => signed(bits, x));

const pack = (bits: number, values: readonly bigint[]): bigint =>
  values.reduce((v, x, i) => v | (unsigned(bits, x) << BigInt(bits * i)), 0n);

const at = <T>(values: readonly T[], i: number): T => {
  const value = values[i];
  invariant(value !== undefined, `there is an element ${i} of ${values.length}`);
  return value;
};

const max = (x: bigint, y: bigint): bigint => (x > y ? x : y);
const min = (x: bigint, y: bigint): bigint => (x < y ? x : y);
const saturate = (low: bigint, high: bigint, x: bigint): bigint => max(low, min(high, x));

const zip = (bits: number, isSigned: boolean, f: (x: bigint, y: bigint) => bigint) => (a: bigint, b: bigint) => {
  const split = isSigned ? signedLanes : lanes;
  const right = split(bits, b);
  return pack(
    bits,
    split(bits, a).map((x, i) => f(x, at(right, i))),
  );
};

const each = (bits: number, isSigned: boolean, f: (x: bigint) => bigint) => (a: bigint) =>
  pack(bits, (isSigned ? signedLanes : lanes)(bits, a).map(f));

/** Elements of `bits` from 0 or from the middle of the vector, widened to twice their bits. */
const extend = (bits: number, isSigned: boolean, high: boolean) => (a: bigint) => {
  const all = (isSigned ? signedLanes : lanes)(bits, a);
  return pack(2 * bits, high ? all.slice(all.length / 2) : all.slice(0, all.length / 2));
};

const narrow = (bits: number, low: bigint, high: bigint) => (a: bigint, b: bigint) =>
  pack(
    bits,
    [...signedLanes(2 * bits, a), ...signedLanes(2 * bits, b)].map((x) => saturate(low, high, x)),
  );

const extmul = (high: boolean) => (a: bigint, b: bigint) => {
  const right = signedLanes(16, b);
  const products = signedLanes(16, a).map((x, i) => x * at(right, i));
  return pack(32, high ? products.slice(4) : products.slice(0, 4));
};

const dot = (a: bigint, b: bigint): bigint => {
  const right = signedLanes(16, b);
  const products = signedLanes(16, a).map((x, i) => x * at(right, i));
  return pack(
    32,
    [0, 2, 4, 6].map((i) => at(products, i) + at(products, i + 1)),
  );
};

const clz = (bits: number, x: bigint): bigint => BigInt(bits - (x === 0n ? 0 : x.toString(2).length));
const bool = (x: boolean): bigint => (x ? 1n : 0n);
const quotient = (x: bigint, y: bigint): bigint => (y === 0n ? 0n : x / y);
const remainder = (x: bigint, y: bigint): bigint => (y === 0n ? x : x % y);

const low = (x: bigint): bigint => unsigned(32, x);
const s64 = (x: bigint): bigint => signed(64, x);
const s32 = (x: bigint): bigint => signed(32, x);

/** Scalar results of scalars a, b (or the immediate) and c. All are cut to 64 bits. */
const SCALAR: { readonly [op in OpcodeName]?: (a: bigint, b: bigint, c: bigint) => bigint } = {
  li: (_, b) => b,
  lih: (a, b) => (low(b) << 32n) | low(a),
  add32: (a, b) => sext32(a + b),
  addi32: (a, b) => sext32(a + b),
  sub32: (a, b) => sext32(a - b),
  mul32: (a, b) => sext32(a * b),
  shl32: (a, b) => sext32(a << (b & 31n)),
  shr32s: (a, b) => s32(a) >> (b & 31n),
  shr32u: (a, b) => sext32(low(a) >> (b & 31n)),
  shli32: (a, b) => sext32(a << (b & 31n)),
  shri32s: (a, b) => s32(a) >> (b & 31n),
  shri32u: (a, b) => sext32(low(a) >> (b & 31n)),
  div32s: (a, b) => sext32(quotient(s32(a), s32(b))),
  div32u: (a, b) => sext32(quotient(low(a), low(b))),
  rem32s: (a, b) => remainder(s32(a), s32(b)),
  rem32u: (a, b) => sext32(remainder(low(a), low(b))),
  clz32: (a) => clz(32, low(a)),
  sext32: (a) => s32(a),
  zext32: (a) => low(a),
  sext8: (a) => signed(8, a),
  sext16: (a) => signed(16, a),
  add64: (a, b) => a + b,
  addi64: (a, b) => a + b,
  sub64: (a, b) => a - b,
  mul64: (a, b) => a * b,
  mulhu64: (a, b) => (a * b) >> 64n,
  shl64: (a, b) => a << (b & 63n),
  shr64s: (a, b) => s64(a) >> (b & 63n),
  shr64u: (a, b) => a >> (b & 63n),
  shli64: (a, b) => a << (b & 63n),
  shri64s: (a, b) => s64(a) >> (b & 63n),
  shri64u: (a, b) => a >> (b & 63n),
  div64s: (a, b) => quotient(s64(a), s64(b)),
  div64u: (a, b) => quotient(a, b),
  rem64s: (a, b) => remainder(s64(a), s64(b)),
  rem64u: (a, b) => remainder(a, b),
  clz64: (a) => clz(64, a),
  and: (a, b) => a & b,
  andi: (a, b) => a & b,
  or: (a, b) => a | b,
  xor: (a, b) => a ^ b,
  xori: (a, b) => a ^ b,
  eq: (a, b) => bool(a === b),
  ne: (a, b) => bool(a !== b),
  lts: (a, b) => bool(s64(a) < s64(b)),
  ltu: (a, b) => bool(a < b),
  les: (a, b) => bool(s64(a) <= s64(b)),
  leu: (a, b) => bool(a <= b),
  sel: (a, b, c) => (c === 0n ? b : a),
};

/** Vector results of vectors A, B and C. */
const VECTOR: { readonly [op in OpcodeName]?: (a: bigint, b: bigint, c: bigint) => bigint } = {
  vmov: (a) => a,
  vand: (a, b) => a & b,
  vor: (a, b) => a | b,
  vxor: (a, b) => a ^ b,
  vandnot: (a, b) => a & ~b,
  vbitsel: (a, b, c) => (a & c) | (b & ~c),
  vshuffle: (a, b, c) => {
    const bytes = [...lanes(8, a), ...lanes(8, b)];
    return pack(
      8,
      lanes(8, c).map((i) => at(bytes, Number(i & 31n))),
    );
  },
  vnarrow16s: narrow(8, -128n, 127n),
  vnarrow16u: narrow(8, 0n, 255n),
  vnarrow32s: narrow(16, -32768n, 32767n),
  vadd8: zip(8, false, (x, y) => x + y),
  vmax8s: zip(8, true, max),
  vmin8s: zip(8, true, min),
  vmax8u: zip(8, false, max),
  vmin8u: zip(8, false, min),
  vadd16: zip(16, false, (x, y) => x + y),
  vadds16: zip(16, true, (x, y) => saturate(-32768n, 32767n, x + y)),
  vsub16: zip(16, false, (x, y) => x - y),
  vmax16s: zip(16, true, max),
  vmin16s: zip(16, true, min),
  vextl8s: extend(8, true, false),
  vexth8s: extend(8, true, true),
  vextl8u: extend(8, false, false),
  vexth8u: extend(8, false, true),
  vextl16s: extend(16, true, false),
  vexth16s: extend(16, true, true),
  vextl16u: extend(16, false, false),
  vexth16u: extend(16, false, true),
  vextl32s: extend(32, true, false),
  vexth32s: extend(32, true, true),
  vextl32u: extend(32, false, false),
  vexth32u: extend(32, false, true),
  vadd32: zip(32, false, (x, y) => x + y),
  vsub32: zip(32, false, (x, y) => x - y),
  vmul32: zip(32, false, (x, y) => x * y),
  vneg32: each(32, true, (x) => -x),
  vabs32: each(32, true, (x) => max(x, -x)),
  vmax32s: zip(32, true, max),
  vmin32s: zip(32, true, min),
  veq32: zip(32, false, (x, y) => -bool(x === y)),
  vgt32s: zip(32, true, (x, y) => -bool(x > y)),
  vdot16: dot,
  vmull16s: extmul(false),
  vmulh16s: extmul(true),
  vadd64: zip(64, false, (x, y) => x + y),
  vsub64: zip(64, false, (x, y) => x - y),
};

/** Vector results of vector A and scalar b. */
const SHIFT: { readonly [op in OpcodeName]?: (a: bigint, b: bigint) => bigint } = {
  vshl16: (a, b) => each(16, false, (x) => x << (b & 15n))(a),
  vshr16s: (a, b) => each(16, true, (x) => x >> (b & 15n))(a),
  vshl32: (a, b) => each(32, false, (x) => x << (b & 31n))(a),
  vshr32s: (a, b) => each(32, true, (x) => x >> (b & 31n))(a),
  vshr32u: (a, b) => each(32, false, (x) => x >> (b & 31n))(a),
  vshl64: (a, b) => each(64, false, (x) => x << (b & 63n))(a),
  vshr64s: (a, b) => each(64, true, (x) => x >> (b & 63n))(a),
  vshr64u: (a, b) => each(64, false, (x) => x >> (b & 63n))(a),
};

const splat = (bits: number, x: bigint): bigint => pack(bits, Array<bigint>(128 / bits).fill(x));

const withLane = (bits: number, v: bigint, lane: number, x: bigint): bigint =>
  pack(
    bits,
    lanes(bits, v).map((old, i) => (i === lane % (128 / bits) ? x : old)),
  );

/** Vector results of scalar a, vector B and a lane number. */
const FROM_SCALAR: { readonly [op in OpcodeName]?: (a: bigint, b: bigint, lane: number) => bigint } = {
  vsplat8: (a) => splat(8, a),
  vsplat16: (a) => splat(16, a),
  vsplat32: (a) => splat(32, a),
  vsplat64: (a) => splat(64, a),
  vins64: (a, b, lane) => withLane(64, b, lane, a),
  vins32: (a, b, lane) => withLane(32, b, lane, a),
};

const JUMP: { readonly [op in OpcodeName]?: (a: bigint, b: bigint) => boolean } = {
  jmp: () => true,
  call: () => true,
  jr: () => true,
  jz: (a) => a === 0n,
  jnz: (a) => a !== 0n,
  beq: (a, b) => a === b,
  bne: (a, b) => a !== b,
  blt: (a, b) => s64(a) < s64(b),
  bge: (a, b) => s64(a) >= s64(b),
  bltu: (a, b) => a < b,
  bgeu: (a, b) => a >= b,
};

/** Bytes in memory, and what a load makes of them and of vector B. */
interface Load {
  readonly bytes: number;
  readonly scalar?: (x: bigint) => bigint;
  readonly vector?: (x: bigint, b: bigint, lane: number) => bigint;
}

const LOAD: { readonly [op in OpcodeName]?: Load } = {
  ld8s: { bytes: 1, scalar: (x) => signed(8, x) },
  ld8u: { bytes: 1, scalar: (x) => x },
  ld16s: { bytes: 2, scalar: (x) => signed(16, x) },
  ld32: { bytes: 4, scalar: s32 },
  ld64: { bytes: 8, scalar: (x) => x },
  vld: { bytes: 16, vector: (x) => x },
  vld8x8s: { bytes: 8, vector: extend(8, true, false) },
  vld8x8u: { bytes: 8, vector: extend(8, false, false) },
  vld16x4s: { bytes: 8, vector: extend(16, true, false) },
  vld32splat: { bytes: 4, vector: (x) => splat(32, x) },
  vld32zero: { bytes: 4, vector: (x) => x },
  vldlane8: { bytes: 1, vector: (x, b, lane) => withLane(8, b, lane, x) },
  vldlane16: { bytes: 2, vector: (x, b, lane) => withLane(16, b, lane, x) },
  vldlane32: { bytes: 4, vector: (x, b, lane) => withLane(32, b, lane, x) },
  vldlane64: { bytes: 8, vector: (x, b, lane) => withLane(64, b, lane, x) },
};

/** Bytes in memory, and what is stored of scalar b or vector B. */
const STORE: { readonly [op in OpcodeName]?: readonly [bytes: number, value: (b: bigint, vb: bigint, lane: number) => bigint] } = {
  st8: [1, (b) => b],
  st16: [2, (b) => b],
  st32: [4, (b) => b],
  st64: [8, (b) => b],
  vst: [16, (_, vb) => vb],
  vstlane8: [1, (_, vb, lane) => at(lanes(8, vb), lane % 16)],
  vstlane16: [2, (_, vb, lane) => at(lanes(16, vb), lane % 8)],
  vstlane32: [4, (_, vb, lane) => at(lanes(32, vb), lane % 4)],
  vstlane64: [8, (_, vb, lane) => at(lanes(64, vb), lane % 2)],
};

const WITHOUT_RESULT: ReadonlySet<OpcodeName> = new Set(['halt', 'trap', 'dflush', 'astart', 'await', 'mark']);

const peek = (memory: Uint8Array, from: number, bytes: number): bigint => {
  let value = 0n;
  for (let i = bytes - 1; i >= 0; i--) value = (value << 8n) | BigInt(memory[from + i] ?? 0);
  return value;
};

const poke = (memory: Uint8Array, from: number, bytes: number, value: bigint): void => {
  for (let i = 0; i < bytes; i++) memory[from + i] = Number((value >> BigInt(8 * i)) & 255n);
};

/** Bytes that an instruction moves from or to memory, and where. */
export interface Access {
  readonly address: number;
  readonly bytes: number;
  readonly writes: boolean;
}

/** The access of an instruction; undefined where it has none. */
export const accessOf = ({ scalars }: Machine, { op, ra, imm }: Instruction): Access | undefined => {
  const address = Number(unsigned(32, at(scalars, ra) + BigInt(imm)));
  const load = LOAD[op];
  if (load !== undefined) return { address, bytes: load.bytes, writes: false };
  const store = STORE[op];
  return store === undefined ? undefined : { address, bytes: store[0], writes: true };
};

/** What an instruction at `pc` does; memory is changed at once. */
const outcomeOf = (machine: Machine, { op, ra, rb, rc, imm }: Instruction, pc: number, immediate: boolean): Outcome => {
  const next = pc + INSTRUCTION_BYTES;
  const [a, c] = [at(machine.scalars, ra), at(machine.scalars, rc)];
  const b = immediate ? unsigned(64, BigInt(imm)) : at(machine.scalars, rb);
  const [va, vb, vc] = [at(machine.vectors, ra), at(machine.vectors, rb), at(machine.vectors, rc)];
  const jump = JUMP[op];
  if (jump !== undefined) {
    const jumps = jump(a, at(machine.scalars, rb));
    const target = op === 'jr' ? Number(low(a)) : imm >>> 0;
    return { pc: jumps ? target : next, jumps, ...(op === 'call' ? { scalar: BigInt(next) } : {}) };
  }
  const scalar = SCALAR[op]?.(a, b, c);
  if (scalar !== undefined) return { pc: next, scalar };
  const vector = VECTOR[op]?.(va, vb, vc) ?? SHIFT[op]?.(va, b) ?? FROM_SCALAR[op]?.(a, vb, rc);
  if (vector !== undefined) return { pc: next, vector };
  if (op === 'vsel') return { pc: next, vector: c === 0n ? vb : va };
  if (op === 'vext32') return { pc: next, scalar: s32(at(lanes(32, va), rc % 4)) };
  if (op === 'vext64') return { pc: next, scalar: at(lanes(64, va), rc % 2) };
  const address = Number(unsigned(32, a + BigInt(imm)));
  const load = LOAD[op];
  if (load !== undefined) {
    const x = peek(machine.memory, address, load.bytes);
    const into = load.vector?.(x, vb, rc);
    return into === undefined ? { pc: next, scalar: load.scalar?.(x) ?? 0n } : { pc: next, vector: into };
  }
  const store = STORE[op];
  if (store !== undefined) poke(machine.memory, address, store[0], store[1](at(machine.scalars, rb), vb, rc));
  else invariant(WITHOUT_RESULT.has(op), `${op} is an instruction of the reference`);
  return { pc: next };
};

/** Executes an instruction; those that end, wait or tell do nothing here. `immediate`: the second operand is `imm`. */
export const execute = (machine: Machine, instruction: Instruction, pc: number, immediate: boolean): Outcome => {
  const outcome = outcomeOf(machine, instruction, pc, immediate);
  const { scalar, vector } = outcome;
  if (scalar !== undefined && instruction.rd !== 0) machine.scalars[instruction.rd] = unsigned(64, scalar);
  if (vector !== undefined) machine.vectors[instruction.rd] = unsigned(128, vector);
  return outcome;
};
