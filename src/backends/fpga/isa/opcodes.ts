/**
 * Instructions of the core's processor, once: assembler, simulator, Verilog (`cx_isa.vh`) and docs/fpga-core.md are made from this table.
 *
 * An instruction has 64 bits: opcode [7:0], rd [13:8], ra [19:14], rb [25:20], rc [31:26], imm [63:32] (signed). There are 64 scalar
 * registers of 64 bits (r0 is always 0) and 64 vector registers of 128 bits. A value of 32 bits is kept sign-extended in a scalar
 * register, by every instruction whose name ends in 32 and by loads of less than 64 bits (ld8u: zero-extended, which is the same).
 */

/** Where operands come from: letters name scalar registers (d, a, b, c), vector registers (D, A, B, C), i the immediate, l a lane number in field rc. */
export interface Opcode<N extends string = string> {
  readonly name: N;
  readonly code: number;
  /** Operands in the order of assembler text; the first is the result where there is one: `dab`, `Dai`. */
  readonly form: string;
  /** In words of the wasm specification, where one is named, with the immediate as last operand where there is one. */
  readonly doc: string;
}

type Row<N extends string> = readonly [name: N, form: string, doc: string];

/** Rows of a group, numbered from its base. */
const group = <N extends string>(base: number, rows: readonly Row<N>[]): readonly Opcode<N>[] =>
  rows.map(([name, form, doc], i) => ({ name, code: base + i, form, doc }));

export const OPCODES = [
  ...group(0x01, [
    ['halt', '', 'The run is done; dirty lines of the data cache are written back first.'],
    ['trap', 'i', 'Stops with error PROGRAM_TRAP and imm in ERROR_INFO.'],
    ['jmp', 'i', 'pc = imm, a byte address.'],
    ['jr', 'a', 'pc = a: return.'],
    ['call', 'di', 'd = pc + 8; pc = imm.'],
    ['jz', 'ai', 'if a = 0 then pc = imm.'],
    ['jnz', 'ai', 'if a != 0 then pc = imm.'],
    ['beq', 'abi', 'if a = b then pc = imm (64 bits).'],
    ['bne', 'abi', 'if a != b then pc = imm.'],
    ['blt', 'abi', 'if a < b, signed, then pc = imm.'],
    ['bge', 'abi', 'if a >= b, signed, then pc = imm.'],
    ['bltu', 'abi', 'if a < b, unsigned, then pc = imm; right for sign-extended u32 too.'],
    ['bgeu', 'abi', 'if a >= b, unsigned, then pc = imm.'],
    ['dflush', '', 'Writes dirty lines of the data cache back and empties it.'],
    ['astart', 'ab', 'Starts the array: commands at byte address a, b of them. The array must be idle.'],
    ['await', '', 'Waits until the array is idle; its error becomes the error of the run.'],
    ['mark', 'i', 'Step imm begins: STEP = imm, and the cycle counter is kept for it.'],
  ]),
  ...group(0x20, [
    ['li', 'di', 'd = imm, sign-extended.'],
    ['lih', 'dai', 'd = imm in bits 63..32, bits 31..0 of a below.'],
    ['add32', 'dab', 'd = sext32(a + b).'],
    ['addi32', 'dai', 'd = sext32(a + imm).'],
    ['sub32', 'dab', 'd = sext32(a - b).'],
    ['mul32', 'dab', 'd = sext32(a * b).'],
    ['shl32', 'dab', 'd = sext32(a << (b & 31)).'],
    ['shr32s', 'dab', 'd = a[31:0] >> (b & 31), arithmetic.'],
    ['shr32u', 'dab', 'd = sext32(a[31:0] >>> (b & 31)), logical.'],
    ['shli32', 'dai', 'shl32 by imm.'],
    ['shri32s', 'dai', 'shr32s by imm.'],
    ['shri32u', 'dai', 'shr32u by imm.'],
    ['div32s', 'dab', 'Truncated; x / 0 = 0, -2^31 / -1 = -2^31.'],
    ['div32u', 'dab', 'x / 0 = 0; operands a[31:0], b[31:0].'],
    ['rem32s', 'dab', 'Sign of a; x rem 0 = x.'],
    ['rem32u', 'dab', 'x rem 0 = x.'],
    ['clz32', 'da', 'Leading zeros of a[31:0]; 32 for 0.'],
    ['sext32', 'da', 'd = sext32(a): i32.wrap_i64.'],
    ['zext32', 'da', 'd = a[31:0], zero-extended: i64.extend_i32_u.'],
    ['sext8', 'da', 'd = a[7:0], sign-extended.'],
    ['sext16', 'da', 'd = a[15:0], sign-extended.'],
  ]),
  ...group(0x40, [
    ['add64', 'dab', 'd = a + b.'],
    ['addi64', 'dai', 'd = a + imm.'],
    ['sub64', 'dab', 'd = a - b.'],
    ['mul64', 'dab', 'Low 64 bits of a * b.'],
    ['mulhu64', 'dab', 'High 64 bits of a * b, unsigned.'],
    ['shl64', 'dab', 'a << (b & 63).'],
    ['shr64s', 'dab', 'Arithmetic.'],
    ['shr64u', 'dab', 'Logical.'],
    ['shli64', 'dai', 'By imm.'],
    ['shri64s', 'dai', 'By imm.'],
    ['shri64u', 'dai', 'By imm.'],
    ['div64s', 'dab', 'Truncated; x / 0 = 0, -2^63 / -1 = -2^63.'],
    ['div64u', 'dab', 'x / 0 = 0.'],
    ['rem64s', 'dab', 'x rem 0 = x.'],
    ['rem64u', 'dab', 'x rem 0 = x.'],
    ['clz64', 'da', 'Leading zeros; 64 for 0.'],
    ['and', 'dab', 'Bitwise, 64 bits.'],
    ['andi', 'dai', 'With imm, sign-extended.'],
    ['or', 'dab', 'Bitwise.'],
    ['xor', 'dab', 'Bitwise.'],
    ['xori', 'dai', 'With imm, sign-extended.'],
    ['eq', 'dab', 'd = 1 if a = b, else 0; comparisons are of 64 bits, which is right for sign-extended values of 32.'],
    ['ne', 'dab', 'a != b.'],
    ['lts', 'dab', 'a < b, signed.'],
    ['ltu', 'dab', 'a < b, unsigned.'],
    ['les', 'dab', 'a <= b, signed.'],
    ['leu', 'dab', 'a <= b, unsigned.'],
    ['sel', 'dabc', 'd = c != 0 ? a : b.'],
  ]),
  // Addresses are (a[31:0] + imm) mod 2^32 and need no alignment.
  ...group(0x60, [
    ['ld8s', 'dai', 'Load a byte, sign-extended.'],
    ['ld8u', 'dai', 'Load a byte, zero-extended.'],
    ['ld16s', 'dai', 'Load 2 bytes, sign-extended.'],
    ['ld32', 'dai', 'Load 4 bytes, sign-extended.'],
    ['ld64', 'dai', 'Load 8 bytes.'],
    ['st8', 'bai', 'Store b[7:0].'],
    ['st16', 'bai', 'Store b[15:0].'],
    ['st32', 'bai', 'Store b[31:0].'],
    ['st64', 'bai', 'Store b.'],
    ['vld', 'Dai', 'Load 16 bytes.'],
    ['vst', 'Bai', 'Store 16 bytes.'],
    ['vld8x8s', 'Dai', 'Load 8 bytes, each sign-extended to 16 bits.'],
    ['vld8x8u', 'Dai', 'Load 8 bytes, each zero-extended to 16 bits.'],
    ['vld16x4s', 'Dai', 'Load 4 times 2 bytes, each sign-extended to 32 bits.'],
    ['vld32splat', 'Dai', 'Load 4 bytes into every 32-bit lane.'],
    ['vld32zero', 'Dai', 'Load 4 bytes into lane 0, zeros above.'],
    ['vldlane8', 'DaBli', 'D = B with lane l of 8 bits loaded.'],
    ['vldlane16', 'DaBli', 'Lane of 16 bits.'],
    ['vldlane32', 'DaBli', 'Lane of 32 bits.'],
    ['vldlane64', 'DaBli', 'Lane of 64 bits.'],
    ['vstlane8', 'Bali', 'Store lane l of B, 8 bits.'],
    ['vstlane16', 'Bali', '16 bits.'],
    ['vstlane32', 'Bali', '32 bits.'],
    ['vstlane64', 'Bali', '64 bits.'],
  ]),
  ...group(0x80, [
    ['vsplat8', 'Da', 'i8x16.splat.'],
    ['vsplat16', 'Da', 'i16x8.splat.'],
    ['vsplat32', 'Da', 'i32x4.splat; of r0: zero.'],
    ['vsplat64', 'Da', 'i64x2.splat.'],
    ['vext32', 'dAl', 'i32x4.extract_lane, sign-extended.'],
    ['vext64', 'dAl', 'i64x2.extract_lane.'],
    ['vins64', 'DaBl', 'D = B with 64-bit lane l = a.'],
    ['vins32', 'DaBl', 'D = B with 32-bit lane l = a[31:0].'],
    ['vmov', 'DA', 'D = A.'],
    ['vand', 'DAB', 'v128.and.'],
    ['vor', 'DAB', 'v128.or.'],
    ['vxor', 'DAB', 'v128.xor.'],
    ['vandnot', 'DAB', 'A & ~B.'],
    ['vbitsel', 'DABC', 'v128.bitselect: (A & C) | (B & ~C).'],
    ['vshuffle', 'DABC', 'Byte i is byte C[i] & 31 of A (0-15) and B (16-31).'],
    ['vsel', 'DABc', 'D = c != 0 ? A : B.'],
    ['vnarrow16s', 'DAB', 'i8x16.narrow_i16x8_s.'],
    ['vnarrow16u', 'DAB', 'i8x16.narrow_i16x8_u.'],
    ['vnarrow32s', 'DAB', 'i16x8.narrow_i32x4_s.'],
    ['vadd8', 'DAB', 'i8x16.add.'],
    ['vmax8s', 'DAB', 'i8x16.max_s.'],
    ['vmin8s', 'DAB', 'i8x16.min_s.'],
    ['vmax8u', 'DAB', 'i8x16.max_u.'],
    ['vmin8u', 'DAB', 'i8x16.min_u.'],
  ]),
  ...group(0xa0, [
    ['vadd16', 'DAB', 'i16x8.add.'],
    ['vadds16', 'DAB', 'i16x8.add_sat_s.'],
    ['vsub16', 'DAB', 'i16x8.sub.'],
    ['vmax16s', 'DAB', 'i16x8.max_s.'],
    ['vmin16s', 'DAB', 'i16x8.min_s.'],
    ['vshl16', 'DAb', 'i16x8.shl by b & 15.'],
    ['vshr16s', 'DAb', 'i16x8.shr_s.'],
    ['vextl8s', 'DA', 'i16x8.extend_low_i8x16_s.'],
    ['vexth8s', 'DA', 'i16x8.extend_high_i8x16_s.'],
    ['vextl8u', 'DA', 'i16x8.extend_low_i8x16_u.'],
    ['vexth8u', 'DA', 'i16x8.extend_high_i8x16_u.'],
    ['vextl16s', 'DA', 'i32x4.extend_low_i16x8_s.'],
    ['vexth16s', 'DA', 'i32x4.extend_high_i16x8_s.'],
    ['vextl16u', 'DA', 'i32x4.extend_low_i16x8_u.'],
    ['vexth16u', 'DA', 'i32x4.extend_high_i16x8_u.'],
    ['vextl32s', 'DA', 'i64x2.extend_low_i32x4_s.'],
    ['vexth32s', 'DA', 'i64x2.extend_high_i32x4_s.'],
    ['vextl32u', 'DA', 'i64x2.extend_low_i32x4_u.'],
    ['vexth32u', 'DA', 'i64x2.extend_high_i32x4_u.'],
  ]),
  ...group(0xc0, [
    ['vadd32', 'DAB', 'i32x4.add.'],
    ['vsub32', 'DAB', 'i32x4.sub.'],
    ['vmul32', 'DAB', 'i32x4.mul.'],
    ['vneg32', 'DA', 'i32x4.neg.'],
    ['vabs32', 'DA', 'i32x4.abs.'],
    ['vmax32s', 'DAB', 'i32x4.max_s.'],
    ['vmin32s', 'DAB', 'i32x4.min_s.'],
    ['veq32', 'DAB', 'i32x4.eq.'],
    ['vgt32s', 'DAB', 'i32x4.gt_s.'],
    ['vshl32', 'DAb', 'i32x4.shl by b & 31.'],
    ['vshr32s', 'DAb', 'i32x4.shr_s.'],
    ['vshr32u', 'DAb', 'i32x4.shr_u.'],
    ['vdot16', 'DAB', 'i32x4.dot_i16x8_s.'],
    ['vmull16s', 'DAB', 'i32x4.extmul_low_i16x8_s.'],
    ['vmulh16s', 'DAB', 'i32x4.extmul_high_i16x8_s.'],
    ['vadd64', 'DAB', 'i64x2.add.'],
    ['vsub64', 'DAB', 'i64x2.sub.'],
    ['vshl64', 'DAb', 'i64x2.shl by b & 63.'],
    ['vshr64s', 'DAb', 'i64x2.shr_s.'],
    ['vshr64u', 'DAb', 'i64x2.shr_u.'],
  ]),
];

export type OpcodeName = (typeof OPCODES)[number]['name'];

const BY_NAME: ReadonlyMap<string, Opcode<OpcodeName>> = new Map(OPCODES.map((opcode) => [opcode.name, opcode]));
const BY_CODE: ReadonlyMap<number, Opcode<OpcodeName>> = new Map(OPCODES.map((opcode) => [opcode.code, opcode]));

export const opcodeNamed = (name: string): Opcode<OpcodeName> | undefined => BY_NAME.get(name);
export const opcodeOf = (code: number): Opcode<OpcodeName> | undefined => BY_CODE.get(code);
