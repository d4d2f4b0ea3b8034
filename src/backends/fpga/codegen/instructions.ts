import type { OpcodeName } from '../isa/opcodes.ts';

/** An instruction of the SIMD machine that is one of the core with operands in the same order. */
type Direct = Readonly<Record<string, OpcodeName>>;

/** Of two operands `a` and `b`, or of one. */
export const DIRECT: Direct = {
  'i32.add': 'add32',
  'i32.sub': 'sub32',
  'i32.mul': 'mul32',
  'i32.shl': 'shl32',
  'i32.shr_s': 'shr32s',
  'i32.shr_u': 'shr32u',
  'i32.div_s': 'div32s',
  'i32.div_u': 'div32u',
  'i32.rem_s': 'rem32s',
  'i32.rem_u': 'rem32u',
  'i32.clz': 'clz32',
  'i32.wrap': 'sext32',
  'i32.extend8_s': 'sext8',
  'i32.extend16_s': 'sext16',
  'i64.extend_u': 'zext32',
  'i64.add': 'add64',
  'i64.sub': 'sub64',
  'i64.mul': 'mul64',
  'i64.shl': 'shl64',
  'i64.shr_s': 'shr64s',
  'i64.shr_u': 'shr64u',
  'i64.div_s': 'div64s',
  'i64.div_u': 'div64u',
  'i64.rem_s': 'rem64s',
  'i64.rem_u': 'rem64u',
  'i64.clz': 'clz64',
  'i8x16.splat': 'vsplat8',
  'i16x8.splat': 'vsplat16',
  'i32x4.splat': 'vsplat32',
  'i64x2.splat': 'vsplat64',
  'f64x2.splat': 'vsplat64',
  'v128.and': 'vand',
  'v128.or': 'vor',
  'v128.xor': 'vxor',
  'v128.andnot': 'vandnot',
  'i8x16.narrow_i16x8_s': 'vnarrow16s',
  'i8x16.narrow_i16x8_u': 'vnarrow16u',
  'i16x8.narrow_i32x4_s': 'vnarrow32s',
  'i8x16.add': 'vadd8',
  'i8x16.max_s': 'vmax8s',
  'i8x16.min_s': 'vmin8s',
  'i8x16.max_u': 'vmax8u',
  'i8x16.min_u': 'vmin8u',
  'i16x8.add': 'vadd16',
  'i16x8.add_saturate_s': 'vadds16',
  'i16x8.sub': 'vsub16',
  'i16x8.max_s': 'vmax16s',
  'i16x8.min_s': 'vmin16s',
  'i16x8.shl': 'vshl16',
  'i16x8.shr_s': 'vshr16s',
  'i16x8.extend_low_i8x16_s': 'vextl8s',
  'i16x8.extend_high_i8x16_s': 'vexth8s',
  'i16x8.extend_low_i8x16_u': 'vextl8u',
  'i16x8.extend_high_i8x16_u': 'vexth8u',
  'i32x4.extend_low_i16x8_s': 'vextl16s',
  'i32x4.extend_high_i16x8_s': 'vexth16s',
  'i32x4.extend_low_i16x8_u': 'vextl16u',
  'i32x4.extend_high_i16x8_u': 'vexth16u',
  'i64x2.extend_low_i32x4_s': 'vextl32s',
  'i64x2.extend_high_i32x4_s': 'vexth32s',
  'i64x2.extend_low_i32x4_u': 'vextl32u',
  'i64x2.extend_high_i32x4_u': 'vexth32u',
  'i32x4.add': 'vadd32',
  'i32x4.sub': 'vsub32',
  'i32x4.mul': 'vmul32',
  'i32x4.neg': 'vneg32',
  'i32x4.abs': 'vabs32',
  'i32x4.max_s': 'vmax32s',
  'i32x4.min_s': 'vmin32s',
  'i32x4.eq': 'veq32',
  'i32x4.gt_s': 'vgt32s',
  'i32x4.shl': 'vshl32',
  'i32x4.shr_s': 'vshr32s',
  'i32x4.shr_u': 'vshr32u',
  'i32x4.dot_i16x8_s': 'vdot16',
  'i32x4.extmul_low_i16x8_s': 'vmull16s',
  'i32x4.extmul_high_i16x8_s': 'vmulh16s',
  'i64x2.add': 'vadd64',
  'i64x2.sub': 'vsub64',
  'i64x2.shl': 'vshl64',
  'i64x2.shr_s': 'vshr64s',
  'i64x2.shr_u': 'vshr64u',
  'i32.and': 'and',
  'i32.or': 'or',
  'i32.xor': 'xor',
  'i64.and': 'and',
  'i64.or': 'or',
  'i64.xor': 'xor',
};

/** Comparisons of integers of 32 and 64 bits, which registers hold alike. */
export const COMPARISONS: Readonly<Record<string, { readonly op: OpcodeName; readonly swap: boolean }>> = {
  eq: { op: 'eq', swap: false },
  ne: { op: 'ne', swap: false },
  lt_s: { op: 'lts', swap: false },
  lt_u: { op: 'ltu', swap: false },
  gt_s: { op: 'lts', swap: true },
  gt_u: { op: 'ltu', swap: true },
  le_s: { op: 'les', swap: false },
  le_u: { op: 'leu', swap: false },
  ge_s: { op: 'les', swap: true },
  ge_u: { op: 'leu', swap: true },
};

/** The form with an immediate in place of `b`. */
export const WITH_IMMEDIATE: Readonly<Partial<Record<OpcodeName, OpcodeName>>> = {
  add32: 'addi32',
  shl32: 'shli32',
  shr32s: 'shri32s',
  shr32u: 'shri32u',
  add64: 'addi64',
  shl64: 'shli64',
  shr64s: 'shri64s',
  shr64u: 'shri64u',
  and: 'andi',
  xor: 'xori',
};

/** Operands may be exchanged. */
export const COMMUTATIVE: ReadonlySet<OpcodeName> = new Set<OpcodeName>([
  'add32',
  'mul32',
  'add64',
  'mul64',
  'and',
  'or',
  'xor',
  'eq',
  'ne',
]);

/** Branches on a comparison, when it holds and when not; `swap` exchanges its operands. */
export const BRANCHES: Readonly<
  Partial<Record<OpcodeName, Readonly<Record<'yes' | 'no', { readonly op: OpcodeName; readonly swap: boolean }>>>>
> = {
  eq: { yes: { op: 'beq', swap: false }, no: { op: 'bne', swap: false } },
  ne: { yes: { op: 'bne', swap: false }, no: { op: 'beq', swap: false } },
  lts: { yes: { op: 'blt', swap: false }, no: { op: 'bge', swap: false } },
  ltu: { yes: { op: 'bltu', swap: false }, no: { op: 'bgeu', swap: false } },
  les: { yes: { op: 'bge', swap: true }, no: { op: 'blt', swap: true } },
  leu: { yes: { op: 'bgeu', swap: true }, no: { op: 'bltu', swap: true } },
};

/** Loads and stores of elements. */
export const ACCESSES = {
  i8: { load: 'ld8s', store: 'st8', kind: 'i32' },
  u8: { load: 'ld8u', store: 'st8', kind: 'i32' },
  i16: { load: 'ld16s', store: 'st16', kind: 'i32' },
  i32: { load: 'ld32', store: 'st32', kind: 'i32' },
  i64: { load: 'ld64', store: 'st64', kind: 'i64' },
  f64: { load: 'ld64', store: 'st64', kind: 'f64' },
} as const satisfies Readonly<
  Record<string, { readonly load: OpcodeName; readonly store: OpcodeName; readonly kind: 'i32' | 'i64' | 'f64' }>
>;

export const VECTOR_LOADS = {
  load: 'vld',
  load8x8_s: 'vld8x8s',
  load8x8_u: 'vld8x8u',
  load16x4_s: 'vld16x4s',
  load32_splat: 'vld32splat',
  load32_zero: 'vld32zero',
} as const satisfies Readonly<Record<string, OpcodeName>>;

export const LANE_LOADS = { 8: 'vldlane8', 16: 'vldlane16', 32: 'vldlane32', 64: 'vldlane64' } as const;
export const LANE_STORES = { 8: 'vstlane8', 16: 'vstlane16', 32: 'vstlane32', 64: 'vstlane64' } as const;

/** What the value of an instruction is, by what the SIMD machine calls it. */
export const isVectorSpace = (space: string): boolean => space.includes('x') || space === 'v128';
