/* The instructions of cx_machine_loops.h for aarch64, whose NEON has nearly all of them as they are. */
#ifndef CX_MACHINE_NEON_H
#define CX_MACHINE_NEON_H

CXM_OP v128 v128_bitselect(v128 a, v128 b, v128 mask) {
  return (v128)vbslq_u8((uint8x16_t)mask, (uint8x16_t)a, (uint8x16_t)b);
}
CXM_OP uint32_t v128_any_true(v128 a) { return vmaxvq_u32((uint32x4_t)a) != 0; }
CXM_OP v128 i8x16_swizzle(v128 a, v128 b) { return (v128)vqtbl1q_u8((uint8x16_t)a, (uint8x16_t)b); }

CXM_OP uint32_t i8x16_all_true(v128 a) { return vminvq_u8((uint8x16_t)a) != 0; }
CXM_OP uint32_t i16x8_all_true(v128 a) { return vminvq_u16((uint16x8_t)a) != 0; }
CXM_OP uint32_t i32x4_all_true(v128 a) { return vminvq_u32((uint32x4_t)a) != 0; }
CXM_OP uint32_t i64x2_all_true(v128 a) { return i64x2_extract_lane(a, 0) != 0 && i64x2_extract_lane(a, 1) != 0; }
/* The signs, spread over their lanes, pick the weights of the bits; then a sum over lanes. */
CXM_OP uint32_t i8x16_bitmask(v128 a) {
  const v128 weights = v128_const(0x8040201008040201u, 0x8040201008040201u);
  const uint8x16_t bits = (uint8x16_t)v128_and(i8x16_shr_s(a, 7), weights);
  return (uint32_t)vaddv_u8(vget_low_u8(bits)) | (uint32_t)vaddv_u8(vget_high_u8(bits)) << 8;
}
CXM_OP uint32_t i16x8_bitmask(v128 a) {
  const v128 weights = v128_const(0x0008000400020001u, 0x0080004000200010u);
  return vaddvq_u16((uint16x8_t)v128_and(i16x8_shr_s(a, 15), weights));
}
CXM_OP uint32_t i32x4_bitmask(v128 a) {
  const v128 weights = v128_const(0x0000000200000001u, 0x0000000800000004u);
  return vaddvq_u32((uint32x4_t)v128_and(i32x4_shr_s(a, 31), weights));
}
CXM_OP uint32_t i64x2_bitmask(v128 a) {
  return (uint32_t)(i64x2_extract_lane(a, 0) >> 63) | (uint32_t)(i64x2_extract_lane(a, 1) >> 63) << 1;
}

#define CXM_NEON_1(name, instruction, T) \
  CXM_OP v128 name(v128 a) { return (v128)instruction((T)a); }
#define CXM_NEON_2(name, instruction, T) \
  CXM_OP v128 name(v128 a, v128 b) { return (v128)instruction((T)a, (T)b); }

#define CXM_NEON_ORDER(P, S, U, SIGNED, UNSIGNED) \
  CXM_NEON_1(P##_abs, vabsq_##S, SIGNED)          \
  CXM_NEON_2(P##_min_s, vminq_##S, SIGNED)        \
  CXM_NEON_2(P##_max_s, vmaxq_##S, SIGNED)        \
  CXM_NEON_2(P##_min_u, vminq_##U, UNSIGNED)      \
  CXM_NEON_2(P##_max_u, vmaxq_##U, UNSIGNED)
CXM_NEON_ORDER(i8x16, s8, u8, int8x16_t, uint8x16_t)
CXM_NEON_ORDER(i16x8, s16, u16, int16x8_t, uint16x8_t)
CXM_NEON_ORDER(i32x4, s32, u32, int32x4_t, uint32x4_t)

#define CXM_NEON_SATURATING(P, S, U, SIGNED, UNSIGNED) \
  CXM_NEON_2(P##_add_sat_s, vqaddq_##S, SIGNED)        \
  CXM_NEON_2(P##_sub_sat_s, vqsubq_##S, SIGNED)        \
  CXM_NEON_2(P##_add_sat_u, vqaddq_##U, UNSIGNED)      \
  CXM_NEON_2(P##_sub_sat_u, vqsubq_##U, UNSIGNED)      \
  CXM_NEON_2(P##_avgr_u, vrhaddq_##U, UNSIGNED)
CXM_NEON_SATURATING(i8x16, s8, u8, int8x16_t, uint8x16_t)
CXM_NEON_SATURATING(i16x8, s16, u16, int16x8_t, uint16x8_t)

CXM_OP v128 i8x16_narrow_i16x8_s(v128 a, v128 b) {
  return (v128)vcombine_s8(vqmovn_s16((int16x8_t)a), vqmovn_s16((int16x8_t)b));
}
CXM_OP v128 i8x16_narrow_i16x8_u(v128 a, v128 b) {
  return (v128)vcombine_u8(vqmovun_s16((int16x8_t)a), vqmovun_s16((int16x8_t)b));
}
CXM_OP v128 i16x8_narrow_i32x4_s(v128 a, v128 b) {
  return (v128)vcombine_s16(vqmovn_s32((int32x4_t)a), vqmovn_s32((int32x4_t)b));
}
CXM_OP v128 i16x8_narrow_i32x4_u(v128 a, v128 b) {
  return (v128)vcombine_u16(vqmovun_s32((int32x4_t)a), vqmovun_s32((int32x4_t)b));
}

#define CXM_NEON_WIDEN(P, Q, SIGN, N, T)                                                          \
  CXM_OP v128 P##_extend_low_##Q##_##SIGN(v128 a) { return (v128)vmovl_##N(vget_low_##N((T)a)); } \
  CXM_NEON_1(P##_extend_high_##Q##_##SIGN, vmovl_high_##N, T)                                     \
  CXM_OP v128 P##_extmul_low_##Q##_##SIGN(v128 a, v128 b) {                                       \
    return (v128)vmull_##N(vget_low_##N((T)a), vget_low_##N((T)b));                               \
  }                                                                                               \
  CXM_NEON_2(P##_extmul_high_##Q##_##SIGN, vmull_high_##N, T)
CXM_NEON_WIDEN(i16x8, i8x16, s, s8, int8x16_t)
CXM_NEON_WIDEN(i16x8, i8x16, u, u8, uint8x16_t)
CXM_NEON_WIDEN(i32x4, i16x8, s, s16, int16x8_t)
CXM_NEON_WIDEN(i32x4, i16x8, u, u16, uint16x8_t)
CXM_NEON_WIDEN(i64x2, i32x4, s, s32, int32x4_t)
CXM_NEON_WIDEN(i64x2, i32x4, u, u32, uint32x4_t)

CXM_NEON_1(i16x8_extadd_pairwise_i8x16_s, vpaddlq_s8, int8x16_t)
CXM_NEON_1(i16x8_extadd_pairwise_i8x16_u, vpaddlq_u8, uint8x16_t)
CXM_NEON_1(i32x4_extadd_pairwise_i16x8_s, vpaddlq_s16, int16x8_t)
CXM_NEON_1(i32x4_extadd_pairwise_i16x8_u, vpaddlq_u16, uint16x8_t)
CXM_OP v128 i32x4_dot_i16x8_s(v128 a, v128 b) {
  return (v128)vpaddq_s32((int32x4_t)i32x4_extmul_low_i16x8_s(a, b), (int32x4_t)i32x4_extmul_high_i16x8_s(a, b));
}
CXM_NEON_2(i16x8_q15mulr_sat_s, vqrdmulhq_s16, int16x8_t)

#define CXM_NEON_FLOAT(P, F, T)                                                       \
  CXM_NEON_1(P##_sqrt, vsqrtq_##F, T)                                                 \
  CXM_NEON_1(P##_floor, vrndmq_##F, T)                                                \
  CXM_NEON_1(P##_ceil, vrndpq_##F, T)                                                 \
  CXM_NEON_1(P##_trunc, vrndq_##F, T)                                                 \
  CXM_NEON_1(P##_nearest, vrndnq_##F, T)                                              \
  CXM_NEON_2(P##_min, vminq_##F, T)                                                   \
  CXM_NEON_2(P##_max, vmaxq_##F, T)                                                   \
  CXM_OP v128 P##_pmin(v128 a, v128 b) { return v128_bitselect(b, a, P##_lt(b, a)); } \
  CXM_OP v128 P##_pmax(v128 a, v128 b) { return v128_bitselect(b, a, P##_lt(a, b)); }
CXM_NEON_FLOAT(f32x4, f32, float32x4_t)
CXM_NEON_FLOAT(f64x2, f64, float64x2_t)

CXM_NEON_1(f32x4_convert_i32x4_s, vcvtq_f32_s32, int32x4_t)
CXM_OP v128 f64x2_convert_low_i32x4_s(v128 a) {
  return (v128)vcvtq_f64_s64((int64x2_t)i64x2_extend_low_i32x4_s(a));
}
CXM_OP v128 f32x4_demote_f64x2_zero(v128 a) {
  return (v128)vcombine_f32(vcvt_f32_f64((float64x2_t)a), vdup_n_f32(0));
}
CXM_OP v128 f64x2_promote_low_f32x4(v128 a) { return (v128)vcvt_f64_f32(vget_low_f32((float32x4_t)a)); }
/* Conversions saturate and make 0 of a NaN. */
CXM_NEON_1(i32x4_trunc_sat_f32x4_s, vcvtq_s32_f32, float32x4_t)
CXM_OP v128 i32x4_trunc_sat_f64x2_s_zero(v128 a) {
  return (v128)vcombine_s32(vqmovn_s64(vcvtq_s64_f64((float64x2_t)a)), vdup_n_s32(0));
}

#endif
