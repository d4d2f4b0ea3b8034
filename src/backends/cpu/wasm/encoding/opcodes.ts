import { unsignedBytes } from './bytes.ts';

/** Opcodes that control expressions, variables and memory use (WebAssembly 2.0, section 5.4; threads proposal, "Instructions"). */
export const OPCODE = {
  unreachable: 0x00,
  loop: 0x03,
  if: 0x04,
  else: 0x05,
  end: 0x0b,
  br: 0x0c,
  return: 0x0f,
  call: 0x10,
  drop: 0x1a,
  select: 0x1b,
  get: 0x20,
  set: 0x21,
} as const;

/** First bytes of instructions whose number follows. */
export const PREFIX = { misc: 0xfc, simd: 0xfd, atomic: 0xfe } as const;

/** Numbers behind the prefix. */
export const MISC = { copy: 10, fill: 11 } as const;
export const SIMD = { const: 12, shuffle: 13, bitselect: 82 } as const;
export const ATOMIC = { notify: 0x00, wait32: 0x01, load32: 0x10, store32: 0x17, add32: 0x1e } as const;

/** Loads and stores by access. */
export const LOADS = { i32: [0x28], i64: [0x29], f32: [0x2a], f64: [0x2b], i8: [0x2c], u8: [0x2d], i16: [0x2e] } as const;
export const STORES = { i32: [0x36], i64: [0x37], f32: [0x38], f64: [0x39], i8: [0x3a], u8: [0x3a], i16: [0x3b] } as const;
export const VECTOR_LOADS = { load: 0, load8x8_s: 1, load8x8_u: 2, load16x4_s: 3, load32_splat: 9, load32_zero: 92 } as const;
export const VECTOR_STORE = 11;
export const LANE_LOADS = { 8: 84, 16: 85, 32: 86, 64: 87 } as const;
export const LANE_STORES = { 8: 88, 16: 89, 32: 90, 64: 91 } as const;
export const LANE_EXTRACTS = { i32x4: 27, i64x2: 29, f32x4: 31 } as const;

/** Names of instructions from a number on, in order; a dot is a number that is not taken. */
type Run = readonly [first: number, names: string];

const COMPARISONS = 'eq ne lt_s lt_u gt_s gt_u le_s le_u ge_s ge_u';
const INTEGERS = 'clz ctz popcnt add sub mul div_s div_u rem_s rem_u and or xor shl shr_s shr_u rotl rotr';
const FLOATS = 'abs neg ceil floor trunc nearest sqrt add sub mul div min max copysign';
const ORDERS = 'eq ne lt gt le ge';

/** One byte (section 5.4.6). */
const PLAIN: Readonly<Record<string, readonly Run[]>> = {
  i32: [
    [0x45, `eqz ${COMPARISONS}`],
    [0x67, INTEGERS],
    [0xa7, 'wrap trunc_s.f32 trunc_u.f32 trunc_s.f64 trunc_u.f64'],
    [0xbc, 'reinterpret'],
    [0xc0, 'extend8_s extend16_s'],
  ],
  i64: [
    [0x50, `eqz ${COMPARISONS}`],
    [0x79, INTEGERS],
    [0xac, 'extend_s extend_u trunc_s.f32 trunc_u.f32 trunc_s.f64 trunc_u.f64'],
    [0xbd, 'reinterpret'],
    [0xc2, 'extend8_s extend16_s extend32_s'],
  ],
  f32: [
    [0x5b, ORDERS],
    [0x8b, FLOATS],
    [0xb2, 'convert_s.i32 convert_u.i32 convert_s.i64 convert_u.i64 demote'],
    [0xbe, 'reinterpret'],
  ],
  f64: [
    [0x61, ORDERS],
    [0x99, FLOATS],
    [0xb7, 'convert_s.i32 convert_u.i32 convert_s.i64 convert_u.i64 promote'],
    [0xbf, 'reinterpret'],
  ],
};

/** Behind 0xfc. */
const SATURATING: Readonly<Record<string, readonly Run[]>> = {
  i32: [[0, 'trunc_s_sat.f32 trunc_u_sat.f32 trunc_s_sat.f64 trunc_u_sat.f64']],
  i64: [[4, 'trunc_s_sat.f32 trunc_u_sat.f32 trunc_s_sat.f64 trunc_u_sat.f64']],
};

const SATURATED = 'add add_saturate_s add_saturate_u sub sub_saturate_s sub_saturate_u';
const SHIFTS = 'shl shr_s shr_u';
const extended = (of: string): string => ['low', 'high'].map((half) => `extend_${half}_${of}_s`).join(' ');
const extendedU = (of: string): string => ['low', 'high'].map((half) => `extend_${half}_${of}_u`).join(' ');
const products = (of: string): string => ['s', 'u'].map((sign) => `extmul_low_${of}_${sign} extmul_high_${of}_${sign}`).join(' ');

/** Behind 0xfd (section 5.4.8; relaxed SIMD proposal). */
const VECTORS: Readonly<Record<string, readonly Run[]>> = {
  v128: [[77, 'not and andnot or xor bitselect any_true']],
  i8x16: [
    [14, 'swizzle splat'],
    [35, COMPARISONS],
    [96, 'abs neg popcnt all_true bitmask narrow_i16x8_s narrow_i16x8_u'],
    [107, `${SHIFTS} ${SATURATED}`],
    [118, 'min_s min_u max_s max_u . avgr_u'],
  ],
  i16x8: [
    [16, 'splat'],
    [45, COMPARISONS],
    [124, 'extadd_pairwise_i8x16_s extadd_pairwise_i8x16_u'],
    [128, 'abs neg q15mulr_sat_s all_true bitmask narrow_i32x4_s narrow_i32x4_u'],
    [135, `${extended('i8x16')} ${extendedU('i8x16')} ${SHIFTS} ${SATURATED}`],
    [149, `mul min_s min_u max_s max_u . avgr_u ${products('i8x16')}`],
  ],
  i32x4: [
    [17, 'splat'],
    [55, COMPARISONS],
    [126, 'extadd_pairwise_i16x8_s extadd_pairwise_i16x8_u'],
    [160, 'abs neg . all_true bitmask'],
    [167, `${extended('i16x8')} ${extendedU('i16x8')} ${SHIFTS} add . . sub . . . mul min_s min_u max_s max_u dot_i16x8_s`],
    [188, products('i16x8')],
    [248, 'trunc_sat_f32x4_s trunc_sat_f32x4_u'],
    [252, 'trunc_sat_f64x2_s_zero trunc_sat_f64x2_u_zero'],
    [275, 'relaxed_dot_i8x16_i7x16_add_s'],
  ],
  i64x2: [
    [18, 'splat'],
    [192, 'abs neg . all_true bitmask'],
    [199, `${extended('i32x4')} ${extendedU('i32x4')} ${SHIFTS} add . . sub . . . mul eq ne lt_s gt_s le_s ge_s ${products('i32x4')}`],
  ],
  f32x4: [
    [19, 'splat'],
    [65, ORDERS],
    [94, 'demote_f64x2_zero'],
    [103, 'ceil floor trunc nearest'],
    [224, 'abs neg . sqrt add sub mul div min max pmin pmax'],
    [250, 'convert_i32x4_s convert_i32x4_u'],
  ],
  f64x2: [
    [20, 'splat'],
    [71, ORDERS],
    [95, 'promote_low_f32x4'],
    [116, 'ceil floor . . . . trunc'],
    [148, 'nearest'],
    [236, 'abs neg . sqrt add sub mul div min max pmin pmax'],
    [254, 'convert_low_i32x4_s convert_low_i32x4_u'],
  ],
};

/** Bytes of an instruction of a group behind its prefix. */
export const prefixed = (prefix: number, number: number): readonly number[] => [prefix, ...unsignedBytes(number)];

/** Instructions whose operands are all on the stack, by group and name: `i32x4.add`, `i32.trunc_s_sat.f32`. */
export const INSTRUCTIONS: ReadonlyMap<string, readonly number[]> = new Map(
  (
    [
      [PLAIN, (n: number): readonly number[] => [n]],
      [SATURATING, (n: number): readonly number[] => prefixed(PREFIX.misc, n)],
      [VECTORS, (n: number): readonly number[] => prefixed(PREFIX.simd, n)],
    ] as const
  ).flatMap(([groups, bytes]) =>
    Object.entries(groups).flatMap(([group, runs]) =>
      runs.flatMap(([first, names]) =>
        names.split(' ').flatMap((name, i) => (name === '.' ? [] : [[`${group}.${name}`, bytes(first + i)] as const])),
      ),
    ),
  ),
);
