/*
 * The instructions of cx_machine_loops.h for x86 with SSE4.1 (with -mavx and later the compiler encodes the same ones in
 * three operands). Where the processor differs from WebAssembly, the comment says what is done about it.
 */
#ifndef CX_MACHINE_X86_H
#define CX_MACHINE_X86_H

#define CXM_SSE_1(name, e) \
  CXM_OP v128 name(v128 va) { const __m128i a = (__m128i)va; return (v128)(e); }
#define CXM_SSE_2(name, e) \
  CXM_OP v128 name(v128 va, v128 vb) { const __m128i a = (__m128i)va, b = (__m128i)vb; return (v128)(e); }
#define CXM_SSE_BITS(name, e) \
  CXM_OP uint32_t name(v128 va) { const __m128i a = (__m128i)va; return (uint32_t)(e); }

CXM_OP v128 v128_bitselect(v128 a, v128 b, v128 mask) { return v128_or(v128_and(a, mask), v128_andnot(b, mask)); }
CXM_SSE_BITS(v128_any_true, !_mm_testz_si128(a, a))
/* pshufb gives 0 where bit 7 of the index is set and looks at four bits else: saturated, 16 + 0x70 and more set it. */
CXM_SSE_2(i8x16_swizzle, _mm_shuffle_epi8(a, _mm_adds_epu8(b, _mm_set1_epi8(0x70))))

CXM_OP uint32_t cxm_no_lane(__m128i zeros) { return (uint32_t)_mm_testz_si128(zeros, zeros); }
CXM_SSE_BITS(i8x16_all_true, cxm_no_lane(_mm_cmpeq_epi8(a, _mm_setzero_si128())))
CXM_SSE_BITS(i16x8_all_true, cxm_no_lane(_mm_cmpeq_epi16(a, _mm_setzero_si128())))
CXM_SSE_BITS(i32x4_all_true, cxm_no_lane(_mm_cmpeq_epi32(a, _mm_setzero_si128())))
CXM_SSE_BITS(i64x2_all_true, cxm_no_lane(_mm_cmpeq_epi64(a, _mm_setzero_si128())))
CXM_SSE_BITS(i8x16_bitmask, _mm_movemask_epi8(a))
CXM_SSE_BITS(i16x8_bitmask, _mm_movemask_epi8(_mm_packs_epi16(a, _mm_setzero_si128())))
CXM_SSE_BITS(i32x4_bitmask, _mm_movemask_ps(_mm_castsi128_ps(a)))
CXM_SSE_BITS(i64x2_bitmask, _mm_movemask_pd(_mm_castsi128_pd(a)))

CXM_SSE_1(i8x16_abs, _mm_abs_epi8(a))
CXM_SSE_1(i16x8_abs, _mm_abs_epi16(a))
CXM_SSE_1(i32x4_abs, _mm_abs_epi32(a))
CXM_SSE_2(i8x16_min_s, _mm_min_epi8(a, b))
CXM_SSE_2(i8x16_max_s, _mm_max_epi8(a, b))
CXM_SSE_2(i8x16_min_u, _mm_min_epu8(a, b))
CXM_SSE_2(i8x16_max_u, _mm_max_epu8(a, b))
CXM_SSE_2(i16x8_min_s, _mm_min_epi16(a, b))
CXM_SSE_2(i16x8_max_s, _mm_max_epi16(a, b))
CXM_SSE_2(i16x8_min_u, _mm_min_epu16(a, b))
CXM_SSE_2(i16x8_max_u, _mm_max_epu16(a, b))
CXM_SSE_2(i32x4_min_s, _mm_min_epi32(a, b))
CXM_SSE_2(i32x4_max_s, _mm_max_epi32(a, b))
CXM_SSE_2(i32x4_min_u, _mm_min_epu32(a, b))
CXM_SSE_2(i32x4_max_u, _mm_max_epu32(a, b))

CXM_SSE_2(i8x16_add_sat_s, _mm_adds_epi8(a, b))
CXM_SSE_2(i8x16_sub_sat_s, _mm_subs_epi8(a, b))
CXM_SSE_2(i8x16_add_sat_u, _mm_adds_epu8(a, b))
CXM_SSE_2(i8x16_sub_sat_u, _mm_subs_epu8(a, b))
CXM_SSE_2(i8x16_avgr_u, _mm_avg_epu8(a, b))
CXM_SSE_2(i16x8_add_sat_s, _mm_adds_epi16(a, b))
CXM_SSE_2(i16x8_sub_sat_s, _mm_subs_epi16(a, b))
CXM_SSE_2(i16x8_add_sat_u, _mm_adds_epu16(a, b))
CXM_SSE_2(i16x8_sub_sat_u, _mm_subs_epu16(a, b))
CXM_SSE_2(i16x8_avgr_u, _mm_avg_epu16(a, b))

CXM_SSE_2(i8x16_narrow_i16x8_s, _mm_packs_epi16(a, b))
CXM_SSE_2(i8x16_narrow_i16x8_u, _mm_packus_epi16(a, b))
CXM_SSE_2(i16x8_narrow_i32x4_s, _mm_packs_epi32(a, b))
CXM_SSE_2(i16x8_narrow_i32x4_u, _mm_packus_epi32(a, b))

CXM_SSE_1(i16x8_extend_low_i8x16_s, _mm_cvtepi8_epi16(a))
CXM_SSE_1(i16x8_extend_low_i8x16_u, _mm_cvtepu8_epi16(a))
CXM_SSE_1(i16x8_extend_high_i8x16_s, _mm_cvtepi8_epi16(_mm_unpackhi_epi64(a, a)))
CXM_SSE_1(i16x8_extend_high_i8x16_u, _mm_unpackhi_epi8(a, _mm_setzero_si128()))
CXM_SSE_1(i32x4_extend_low_i16x8_s, _mm_cvtepi16_epi32(a))
CXM_SSE_1(i32x4_extend_low_i16x8_u, _mm_cvtepu16_epi32(a))
CXM_SSE_1(i32x4_extend_high_i16x8_s, _mm_cvtepi16_epi32(_mm_unpackhi_epi64(a, a)))
CXM_SSE_1(i32x4_extend_high_i16x8_u, _mm_unpackhi_epi16(a, _mm_setzero_si128()))
CXM_SSE_1(i64x2_extend_low_i32x4_s, _mm_cvtepi32_epi64(a))
CXM_SSE_1(i64x2_extend_low_i32x4_u, _mm_cvtepu32_epi64(a))
CXM_SSE_1(i64x2_extend_high_i32x4_s, _mm_cvtepi32_epi64(_mm_unpackhi_epi64(a, a)))
CXM_SSE_1(i64x2_extend_high_i32x4_u, _mm_unpackhi_epi32(a, _mm_setzero_si128()))

CXM_SSE_2(i16x8_extmul_low_i8x16_s, _mm_mullo_epi16(_mm_cvtepi8_epi16(a), _mm_cvtepi8_epi16(b)))
CXM_SSE_2(i16x8_extmul_low_i8x16_u, _mm_mullo_epi16(_mm_cvtepu8_epi16(a), _mm_cvtepu8_epi16(b)))
CXM_OP v128 i16x8_extmul_high_i8x16_s(v128 a, v128 b) {
  return i16x8_mul(i16x8_extend_high_i8x16_s(a), i16x8_extend_high_i8x16_s(b));
}
CXM_OP v128 i16x8_extmul_high_i8x16_u(v128 a, v128 b) {
  return i16x8_mul(i16x8_extend_high_i8x16_u(a), i16x8_extend_high_i8x16_u(b));
}
CXM_SSE_2(i32x4_extmul_low_i16x8_s, _mm_unpacklo_epi16(_mm_mullo_epi16(a, b), _mm_mulhi_epi16(a, b)))
CXM_SSE_2(i32x4_extmul_low_i16x8_u, _mm_unpacklo_epi16(_mm_mullo_epi16(a, b), _mm_mulhi_epu16(a, b)))
CXM_SSE_2(i32x4_extmul_high_i16x8_s, _mm_unpackhi_epi16(_mm_mullo_epi16(a, b), _mm_mulhi_epi16(a, b)))
CXM_SSE_2(i32x4_extmul_high_i16x8_u, _mm_unpackhi_epi16(_mm_mullo_epi16(a, b), _mm_mulhi_epu16(a, b)))
/* pmuldq and pmuludq multiply the even lanes. */
CXM_SSE_2(i64x2_extmul_low_i32x4_s, _mm_mul_epi32(_mm_unpacklo_epi32(a, a), _mm_unpacklo_epi32(b, b)))
CXM_SSE_2(i64x2_extmul_low_i32x4_u, _mm_mul_epu32(_mm_unpacklo_epi32(a, a), _mm_unpacklo_epi32(b, b)))
CXM_SSE_2(i64x2_extmul_high_i32x4_s, _mm_mul_epi32(_mm_unpackhi_epi32(a, a), _mm_unpackhi_epi32(b, b)))
CXM_SSE_2(i64x2_extmul_high_i32x4_u, _mm_mul_epu32(_mm_unpackhi_epi32(a, a), _mm_unpackhi_epi32(b, b)))

/* pmaddubsw takes its first operand as unsigned and the second as signed; sums of two bytes do not saturate. */
CXM_SSE_1(i16x8_extadd_pairwise_i8x16_s, _mm_maddubs_epi16(_mm_set1_epi8(1), a))
CXM_SSE_1(i16x8_extadd_pairwise_i8x16_u, _mm_maddubs_epi16(a, _mm_set1_epi8(1)))
CXM_SSE_1(i32x4_extadd_pairwise_i16x8_s, _mm_madd_epi16(a, _mm_set1_epi16(1)))
CXM_SSE_1(i32x4_extadd_pairwise_i16x8_u, _mm_add_epi32(_mm_srli_epi32(a, 16), _mm_and_si128(a, _mm_set1_epi32(0xffff))))
CXM_SSE_2(i32x4_dot_i16x8_s, _mm_madd_epi16(a, b))
/* pmulhrsw wraps the one product that is too large, -1 times -1, to -1. */
CXM_OP v128 i16x8_q15mulr_sat_s(v128 a, v128 b) {
  const __m128i r = _mm_mulhrs_epi16((__m128i)a, (__m128i)b);
  return (v128)_mm_xor_si128(r, _mm_cmpeq_epi16(r, _mm_set1_epi16(INT16_MIN)));
}

/* minps and maxps give the second operand when one is a NaN or when both are zeros. */
#define CXM_SSE_FLOAT(P, T, SUFFIX)                                                                               \
  CXM_OP v128 P##_sqrt(v128 a) { return (v128)_mm_sqrt_##SUFFIX((T)a); }                                          \
  CXM_OP v128 P##_floor(v128 a) { return (v128)_mm_floor_##SUFFIX((T)a); }                                        \
  CXM_OP v128 P##_ceil(v128 a) { return (v128)_mm_ceil_##SUFFIX((T)a); }                                          \
  CXM_OP v128 P##_trunc(v128 a) {                                                                                 \
    return (v128)_mm_round_##SUFFIX((T)a, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC);                                \
  }                                                                                                               \
  CXM_OP v128 P##_nearest(v128 a) {                                                                               \
    return (v128)_mm_round_##SUFFIX((T)a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);                         \
  }                                                                                                               \
  CXM_OP v128 P##_pmin(v128 a, v128 b) { return (v128)_mm_min_##SUFFIX((T)b, (T)a); }                             \
  CXM_OP v128 P##_pmax(v128 a, v128 b) { return (v128)_mm_max_##SUFFIX((T)b, (T)a); }                             \
  /* of both orders: the same, or both zeros, or both operands with a NaN among them; ones in an exponent stay */ \
  CXM_OP v128 P##_min(v128 a, v128 b) { return v128_or(P##_pmin(a, b), P##_pmin(b, a)); }                         \
  /* a difference of -0 makes -0 - -0 = 0, of a NaN a NaN, and of nothing x - 0 = x */                            \
  CXM_OP v128 P##_max(v128 a, v128 b) {                                                                           \
    const v128 r = P##_pmax(a, b), difference = v128_xor(r, P##_pmax(b, a));                                      \
    return P##_sub(v128_or(r, difference), difference);                                                           \
  }
CXM_SSE_FLOAT(f32x4, __m128, ps)
CXM_SSE_FLOAT(f64x2, __m128d, pd)

CXM_OP v128 f32x4_convert_i32x4_s(v128 a) { return (v128)_mm_cvtepi32_ps((__m128i)a); }
CXM_OP v128 f64x2_convert_low_i32x4_s(v128 a) { return (v128)_mm_cvtepi32_pd((__m128i)a); }
CXM_OP v128 f32x4_demote_f64x2_zero(v128 a) { return (v128)_mm_cvtpd_ps((__m128d)a); }
CXM_OP v128 f64x2_promote_low_f32x4(v128 a) { return (v128)_mm_cvtps_pd((__m128)a); }
/* cvttps2dq gives 0x80000000 for what is too large either way: complemented it is the largest integer. */
CXM_OP v128 i32x4_trunc_sat_f32x4_s(v128 a) {
  const v128 number = v128_and(a, f32x4_eq(a, a));
  return v128_xor((v128)_mm_cvttps_epi32((__m128)number), f32x4_ge(a, f32x4_splat(2147483648.0f)));
}
/* A NaN leaves 0 as the bound and minpd takes the bound; what is too small becomes 0x80000000. */
CXM_OP v128 i32x4_trunc_sat_f64x2_s_zero(v128 a) {
  const v128 bound = v128_and(f64x2_splat(2147483647.0), f64x2_eq(a, a));
  return (v128)_mm_cvttpd_epi32(_mm_min_pd((__m128d)a, (__m128d)bound));
}

#endif
