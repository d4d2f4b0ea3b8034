/*
 * Instructions that change widths, saturate, round or look across lanes, as loops: for processors that have no file of
 * their own like cx_machine_x86.h.
 */
#ifndef CX_MACHINE_LOOPS_H
#define CX_MACHINE_LOOPS_H

CXM_OP v128 v128_bitselect(v128 a, v128 b, v128 mask) { return v128_or(v128_and(a, mask), v128_andnot(b, mask)); }
CXM_OP uint32_t v128_any_true(v128 a) { return (i64x2_extract_lane(a, 0) | i64x2_extract_lane(a, 1)) != 0; }

CXM_OP v128 i8x16_swizzle(v128 va, v128 vb) {
  uint8_t a[16], pick[16];
  memcpy(a, &va, 16);
  memcpy(pick, &vb, 16);
  for (int i = 0; i < 16; i++) pick[i] = pick[i] < 16 ? a[pick[i]] : 0;
  memcpy(&va, pick, 16);
  return va;
}

/* Bit i of bitmask is the sign of lane i. */
#define CXM_ACROSS(P, U, BITS)                                                             \
  CXM_OP uint32_t P##_all_true(v128 v) {                                                   \
    cxm_lane_##U p[CXM_COUNT(U)];                                                          \
    uint32_t all = 1;                                                                      \
    memcpy(p, &v, 16);                                                                     \
    for (size_t i = 0; i < CXM_COUNT(U); i++) all &= p[i] != 0;                            \
    return all;                                                                            \
  }                                                                                        \
  CXM_OP uint32_t P##_bitmask(v128 v) {                                                    \
    cxm_lane_##U p[CXM_COUNT(U)];                                                          \
    uint32_t mask = 0;                                                                     \
    memcpy(p, &v, 16);                                                                     \
    for (size_t i = 0; i < CXM_COUNT(U); i++) mask |= (uint32_t)(p[i] >> (BITS - 1)) << i; \
    return mask;                                                                           \
  }
CXM_ACROSS(i8x16, u8x16, 8)
CXM_ACROSS(i16x8, u16x8, 16)
CXM_ACROSS(i32x4, u32x4, 32)
CXM_ACROSS(i64x2, u64x2, 64)

CXM_OP int32_t cxm_clamp(int32_t x, int32_t least, int32_t most) { return x < least ? least : x > most ? most : x; }

#define CXM_ORDER(P, I, U)                                               \
  CXM_LOOP1(P##_abs, U, a >> (8 * sizeof(cxm_lane_##U) - 1) ? 0 - a : a) \
  CXM_LOOP2(P##_min_s, I, a < b ? a : b)                                 \
  CXM_LOOP2(P##_max_s, I, a > b ? a : b)                                 \
  CXM_LOOP2(P##_min_u, U, a < b ? a : b)                                 \
  CXM_LOOP2(P##_max_u, U, a > b ? a : b)
CXM_ORDER(i8x16, i8x16, u8x16)
CXM_ORDER(i16x8, i16x8, u16x8)
CXM_ORDER(i32x4, i32x4, u32x4)

#define CXM_SATURATING(P, I, U, MIN, MAX, UMAX)            \
  CXM_LOOP2(P##_add_sat_s, I, cxm_clamp(a + b, MIN, MAX))  \
  CXM_LOOP2(P##_sub_sat_s, I, cxm_clamp(a - b, MIN, MAX))  \
  CXM_LOOP2(P##_add_sat_u, U, a + b > UMAX ? UMAX : a + b) \
  CXM_LOOP2(P##_sub_sat_u, U, a < b ? 0 : a - b)           \
  CXM_LOOP2(P##_avgr_u, U, (a + b + 1) >> 1)
CXM_SATURATING(i8x16, i8x16, u8x16, INT8_MIN, INT8_MAX, UINT8_MAX)
CXM_SATURATING(i16x8, i16x8, u16x8, INT16_MIN, INT16_MAX, UINT16_MAX)

/* Two vectors of wide lanes to one of narrow lanes: those of the first operand are the low ones. */
#define CXM_PICK(i, N) ((i) < (N) ? p[i] : q[(i) - (N)])
CXM_LOOP_CONVERT2(i8x16_narrow_i16x8_s, i16x8, i8x16, cxm_clamp(CXM_PICK(i, 8), INT8_MIN, INT8_MAX))
CXM_LOOP_CONVERT2(i8x16_narrow_i16x8_u, i16x8, u8x16, cxm_clamp(CXM_PICK(i, 8), 0, UINT8_MAX))
CXM_LOOP_CONVERT2(i16x8_narrow_i32x4_s, i32x4, i16x8, cxm_clamp(CXM_PICK(i, 4), INT16_MIN, INT16_MAX))
CXM_LOOP_CONVERT2(i16x8_narrow_i32x4_u, i32x4, u16x8, cxm_clamp(CXM_PICK(i, 4), 0, UINT16_MAX))

/* From narrow lanes N of shape Q to wide lanes W of shape P; half is the number of wide lanes. */
#define CXM_WIDEN(P, Q, N, W, SIGN, HALF)                                                       \
  CXM_LOOP_CONVERT(P##_extend_low_##Q##_##SIGN, N, W, p[i])                                     \
  CXM_LOOP_CONVERT(P##_extend_high_##Q##_##SIGN, N, W, p[i + HALF])                             \
  CXM_LOOP_CONVERT2(P##_extmul_low_##Q##_##SIGN, N, W, (cxm_wide_##W)p[i] * (cxm_wide_##W)q[i]) \
  CXM_LOOP_CONVERT2(P##_extmul_high_##Q##_##SIGN, N, W, (cxm_wide_##W)p[i + HALF] * (cxm_wide_##W)q[i + HALF])
CXM_WIDEN(i16x8, i8x16, i8x16, i16x8, s, 8)
CXM_WIDEN(i16x8, i8x16, u8x16, u16x8, u, 8)
CXM_WIDEN(i32x4, i16x8, i16x8, i32x4, s, 4)
CXM_WIDEN(i32x4, i16x8, u16x8, u32x4, u, 4)
CXM_WIDEN(i64x2, i32x4, i32x4, i64x2, s, 2)
CXM_WIDEN(i64x2, i32x4, u32x4, u64x2, u, 2)

CXM_LOOP_CONVERT(i16x8_extadd_pairwise_i8x16_s, i8x16, i16x8, p[2 * i] + p[2 * i + 1])
CXM_LOOP_CONVERT(i16x8_extadd_pairwise_i8x16_u, u8x16, u16x8, p[2 * i] + p[2 * i + 1])
CXM_LOOP_CONVERT(i32x4_extadd_pairwise_i16x8_s, i16x8, i32x4, p[2 * i] + p[2 * i + 1])
CXM_LOOP_CONVERT(i32x4_extadd_pairwise_i16x8_u, u16x8, u32x4, (uint32_t)p[2 * i] + p[2 * i + 1])
/* Only the sum can wrap: of four times -2^15. */
CXM_LOOP_CONVERT2(i32x4_dot_i16x8_s, i16x8, u32x4,
                 (uint32_t)(p[2 * i] * q[2 * i]) + (uint32_t)(p[2 * i + 1] * q[2 * i + 1]))
CXM_LOOP2(i16x8_q15mulr_sat_s, i16x8, cxm_clamp((a * b + 0x4000) >> 15, INT16_MIN, INT16_MAX))

#define CXM_ROUND(P, F, S)                  \
  CXM_LOOP1(P##_sqrt, F, S##_sqrt(a))       \
  CXM_LOOP1(P##_floor, F, S##_floor(a))     \
  CXM_LOOP1(P##_ceil, F, S##_ceil(a))       \
  CXM_LOOP1(P##_trunc, F, S##_trunc(a))     \
  CXM_LOOP1(P##_nearest, F, S##_nearest(a)) \
  CXM_LOOP2(P##_min, F, S##_min(a, b))      \
  CXM_LOOP2(P##_max, F, S##_max(a, b))      \
  CXM_LOOP2(P##_pmin, F, b < a ? b : a)     \
  CXM_LOOP2(P##_pmax, F, a < b ? b : a)
CXM_ROUND(f32x4, f32x4, f32)
CXM_ROUND(f64x2, f64x2, f64)

CXM_LOOP_CONVERT(f32x4_convert_i32x4_s, i32x4, f32x4, p[i])
CXM_LOOP_CONVERT(f64x2_convert_low_i32x4_s, i32x4, f64x2, p[i])
CXM_LOOP_CONVERT(f32x4_demote_f64x2_zero, f64x2, f32x4, i < 2 ? p[i] : 0)
CXM_LOOP_CONVERT(f64x2_promote_low_f32x4, f32x4, f64x2, p[i])
CXM_LOOP_CONVERT(i32x4_trunc_sat_f32x4_s, f32x4, u32x4, i32_trunc_sat_f32_s(p[i]))
CXM_LOOP_CONVERT(i32x4_trunc_sat_f64x2_s_zero, f64x2, u32x4, i < 2 ? i32_trunc_sat_f64_s(p[i]) : 0)

#endif
