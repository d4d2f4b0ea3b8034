/*
 * Instructions that C's operators say, lane by lane: one text for both forms of v128. a and b are lanes in the one and
 * whole vectors in the other (see cx_machine_lanes.h and cx_machine_vector.h); n is a shift count below the width.
 */
#ifndef CX_MACHINE_SIMPLE_H
#define CX_MACHINE_SIMPLE_H

CXM_SPLAT(i8x16_splat, u8x16, uint32_t)
CXM_SPLAT(i16x8_splat, u16x8, uint32_t)
CXM_SPLAT(i32x4_splat, u32x4, uint32_t)
CXM_SPLAT(i64x2_splat, u64x2, uint64_t)
CXM_SPLAT(f32x4_splat, f32x4, float)
CXM_SPLAT(f64x2_splat, f64x2, double)

/* A signed lane becomes an i32 by way of int32_t. */
CXM_EXTRACT(cxm_extract_i8, i8x16, int32_t)
CXM_EXTRACT(cxm_extract_i16, i16x8, int32_t)
CXM_OP uint32_t i8x16_extract_lane_s(v128 v, uint32_t lane) { return (uint32_t)cxm_extract_i8(v, lane); }
CXM_OP uint32_t i16x8_extract_lane_s(v128 v, uint32_t lane) { return (uint32_t)cxm_extract_i16(v, lane); }
CXM_EXTRACT(i8x16_extract_lane_u, u8x16, uint32_t)
CXM_EXTRACT(i16x8_extract_lane_u, u16x8, uint32_t)
CXM_EXTRACT(i32x4_extract_lane, u32x4, uint32_t)
CXM_EXTRACT(i64x2_extract_lane, u64x2, uint64_t)
CXM_EXTRACT(f32x4_extract_lane, f32x4, float)
CXM_EXTRACT(f64x2_extract_lane, f64x2, double)
CXM_REPLACE(i8x16_replace_lane, u8x16, uint32_t)
CXM_REPLACE(i16x8_replace_lane, u16x8, uint32_t)
CXM_REPLACE(i32x4_replace_lane, u32x4, uint32_t)
CXM_REPLACE(i64x2_replace_lane, u64x2, uint64_t)
CXM_REPLACE(f32x4_replace_lane, f32x4, float)
CXM_REPLACE(f64x2_replace_lane, f64x2, double)

CXM_MAP1(v128_not, u64x2, ~a)
CXM_MAP2(v128_and, u64x2, a & b)
CXM_MAP2(v128_andnot, u64x2, a & ~b)
CXM_MAP2(v128_or, u64x2, a | b)
CXM_MAP2(v128_xor, u64x2, a ^ b)

#define CXM_WRAPPING(P, U, S)         \
  CXM_MAP1(P##_neg, U, 0 - a)         \
  CXM_MAP2(P##_add, U, a + b)         \
  CXM_MAP2(P##_sub, U, a - b)         \
  CXM_SHIFT(P##_shl, U, a << n)       \
  CXM_SHIFT(P##_shr_u, U, a >> n)     \
  CXM_SHIFT(P##_shr_s, S, a >> n)     \
  CXM_COMPARE(P##_eq, U, U, a == b)   \
  CXM_COMPARE(P##_ne, U, U, a != b)   \
  CXM_COMPARE(P##_lt_s, S, U, a < b)  \
  CXM_COMPARE(P##_gt_s, S, U, a > b)  \
  CXM_COMPARE(P##_le_s, S, U, a <= b) \
  CXM_COMPARE(P##_ge_s, S, U, a >= b)
CXM_WRAPPING(i8x16, u8x16, i8x16)
CXM_WRAPPING(i16x8, u16x8, i16x8)
CXM_WRAPPING(i32x4, u32x4, i32x4)
CXM_WRAPPING(i64x2, u64x2, i64x2)

#define CXM_UNSIGNED(P, U)            \
  CXM_COMPARE(P##_lt_u, U, U, a < b)  \
  CXM_COMPARE(P##_gt_u, U, U, a > b)  \
  CXM_COMPARE(P##_le_u, U, U, a <= b) \
  CXM_COMPARE(P##_ge_u, U, U, a >= b)
CXM_UNSIGNED(i8x16, u8x16)
CXM_UNSIGNED(i16x8, u16x8)
CXM_UNSIGNED(i32x4, u32x4)

CXM_MAP2(i16x8_mul, u16x8, a * b)
CXM_MAP2(i32x4_mul, u32x4, a * b)
CXM_MAP2(i64x2_mul, u64x2, a * b)
/* a >> 63 is the sign as 0 or 1: complement and add one where it is set. */
CXM_MAP1(i64x2_abs, u64x2, (a ^ (0 - (a >> 63))) + (a >> 63))

#define CXM_FLOATING(P, F, U)       \
  CXM_MAP2(P##_add, F, a + b)       \
  CXM_MAP2(P##_sub, F, a - b)       \
  CXM_MAP2(P##_mul, F, a * b)       \
  CXM_MAP2(P##_div, F, a / b)       \
  CXM_COMPARE(P##_eq, F, U, a == b) \
  CXM_COMPARE(P##_ne, F, U, a != b) \
  CXM_COMPARE(P##_lt, F, U, a < b)  \
  CXM_COMPARE(P##_gt, F, U, a > b)  \
  CXM_COMPARE(P##_le, F, U, a <= b) \
  CXM_COMPARE(P##_ge, F, U, a >= b)
CXM_FLOATING(f32x4, f32x4, u32x4)
CXM_FLOATING(f64x2, f64x2, u64x2)

CXM_OP v128 f32x4_abs(v128 a) { return v128_andnot(a, i32x4_splat(0x80000000u)); }
CXM_OP v128 f32x4_neg(v128 a) { return v128_xor(a, i32x4_splat(0x80000000u)); }
CXM_OP v128 f64x2_abs(v128 a) { return v128_andnot(a, i64x2_splat(0x8000000000000000u)); }
CXM_OP v128 f64x2_neg(v128 a) { return v128_xor(a, i64x2_splat(0x8000000000000000u)); }

#endif
