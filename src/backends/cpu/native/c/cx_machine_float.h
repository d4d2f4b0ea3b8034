/*
 * f32 and f64 instructions. min and max return a NaN when either operand is one and order -0 before 0; nearest rounds
 * ties to even; trunc_sat gives 0 for a NaN and the nearest integer of the type for what is outside of it.
 */
#ifndef CX_MACHINE_FLOAT_H
#define CX_MACHINE_FLOAT_H

CXM_OP uint32_t i32_reinterpret_f32(float a) {
  uint32_t r;
  memcpy(&r, &a, sizeof r);
  return r;
}
CXM_OP float f32_reinterpret_i32(uint32_t a) {
  float r;
  memcpy(&r, &a, sizeof r);
  return r;
}
CXM_OP uint64_t i64_reinterpret_f64(double a) {
  uint64_t r;
  memcpy(&r, &a, sizeof r);
  return r;
}
CXM_OP double f64_reinterpret_i64(uint64_t a) {
  double r;
  memcpy(&r, &a, sizeof r);
  return r;
}

#if defined(CXM_X86)
#define CXM_SSE1(name, expression) \
  CXM_OP float f32_##name(float a) { const __m128 v = _mm_set_ss(a); return _mm_cvtss_f32(expression); }
#define CXM_SSE2(name, expression) \
  CXM_OP double f64_##name(double a) { const __m128d v = _mm_set_sd(a); return _mm_cvtsd_f64(expression); }
CXM_SSE1(sqrt, _mm_sqrt_ss(v))
CXM_SSE1(floor, _mm_floor_ss(v, v))
CXM_SSE1(ceil, _mm_ceil_ss(v, v))
CXM_SSE1(trunc, _mm_round_ss(v, v, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC))
CXM_SSE1(nearest, _mm_round_ss(v, v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC))
CXM_SSE2(sqrt, _mm_sqrt_sd(v, v))
CXM_SSE2(floor, _mm_floor_sd(v, v))
CXM_SSE2(ceil, _mm_ceil_sd(v, v))
CXM_SSE2(trunc, _mm_round_sd(v, v, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC))
CXM_SSE2(nearest, _mm_round_sd(v, v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC))
#elif defined(CXM_NEON)
#define CXM_NEON1(name, instruction)                                                              \
  CXM_OP float f32_##name(float a) { return vget_lane_f32(instruction##_f32(vdup_n_f32(a)), 0); } \
  CXM_OP double f64_##name(double a) { return vget_lane_f64(instruction##_f64(vdup_n_f64(a)), 0); }
CXM_NEON1(sqrt, vsqrt)
CXM_NEON1(floor, vrndm)
CXM_NEON1(ceil, vrndp)
CXM_NEON1(trunc, vrnd)
CXM_NEON1(nearest, vrndn)
#else
/* From 2^(digits - 1) on every value is an integer; below it, sums with that power of two round to one. */
#define CXM_ROUNDING(P, F, I, ONE_ULP, COPYSIGN, FABS, SQRT)                       \
  CXM_OP F P##_sqrt(F a) { return SQRT(a); }                                       \
  CXM_OP F P##_trunc(F a) { return FABS(a) < ONE_ULP ? COPYSIGN((F)(I)a, a) : a; } \
  CXM_OP F P##_floor(F a) { const F t = P##_trunc(a); return t > a ? t - 1 : t; }  \
  CXM_OP F P##_ceil(F a) { const F t = P##_trunc(a); return t < a ? t + 1 : t; }   \
  CXM_OP F P##_nearest(F a) {                                                      \
    const F big = COPYSIGN(ONE_ULP, a);                                            \
    return FABS(a) < ONE_ULP ? COPYSIGN((a + big) - big, a) : a;                   \
  }
CXM_ROUNDING(f32, float, int32_t, 8388608.0f, copysignf, fabsf, sqrtf)
CXM_ROUNDING(f64, double, int64_t, 4503599627370496.0, copysign, fabs, sqrt)
#endif

/* Of operands that compare equal min takes the bits that either has (the sign of -0), max those that both have. */
#define CXM_FLOAT(P, F, TO_BITS, FROM_BITS, COPYSIGN, FABS)        \
  CXM_OP F P##_add(F a, F b) { return a + b; }                     \
  CXM_OP F P##_sub(F a, F b) { return a - b; }                     \
  CXM_OP F P##_mul(F a, F b) { return a * b; }                     \
  CXM_OP F P##_div(F a, F b) { return a / b; }                     \
  CXM_OP F P##_abs(F a) { return FABS(a); }                        \
  CXM_OP F P##_neg(F a) { return -a; }                             \
  CXM_OP F P##_copysign(F a, F b) { return COPYSIGN(a, b); }       \
  CXM_OP uint32_t P##_eq(F a, F b) { return a == b; }              \
  CXM_OP uint32_t P##_ne(F a, F b) { return a != b; }              \
  CXM_OP uint32_t P##_lt(F a, F b) { return a < b; }               \
  CXM_OP uint32_t P##_gt(F a, F b) { return a > b; }               \
  CXM_OP uint32_t P##_le(F a, F b) { return a <= b; }              \
  CXM_OP uint32_t P##_ge(F a, F b) { return a >= b; }              \
  CXM_OP F P##_min(F a, F b) {                                     \
    if (a == b) return FROM_BITS(TO_BITS(a) | TO_BITS(b));         \
    return a < b ? a : a > b ? b : a + b;                          \
  }                                                                \
  CXM_OP F P##_max(F a, F b) {                                     \
    if (a == b) return FROM_BITS(TO_BITS(a) & TO_BITS(b));         \
    return a > b ? a : a < b ? b : a + b;                          \
  }                                                                \
  CXM_OP F P##_convert_i32_s(uint32_t a) { return (F)(int32_t)a; } \
  CXM_OP F P##_convert_i32_u(uint32_t a) { return (F)a; }          \
  CXM_OP F P##_convert_i64_s(uint64_t a) { return (F)(int64_t)a; } \
  CXM_OP F P##_convert_i64_u(uint64_t a) { return (F)a; }

CXM_FLOAT(f32, float, i32_reinterpret_f32, f32_reinterpret_i32, copysignf, fabsf)
CXM_FLOAT(f64, double, i64_reinterpret_f64, f64_reinterpret_i64, copysign, fabs)

CXM_OP float f32_demote_f64(double a) { return (float)a; }
CXM_OP double f64_promote_f32(float a) { return (double)a; }

/* LEAST and END are the bounds of what truncates into the type: C leaves the conversion of anything else undefined. */
#define CXM_TRUNCATE(name, U, I, F, LEAST, END, MIN, MAX) \
  CXM_OP U name(F a) { return a LEAST && a < END ? (U)(I)a : a != a ? 0 : a < 0 ? (U)MIN : (U)MAX; }

CXM_TRUNCATE(i32_trunc_sat_f32_s, uint32_t, int32_t, float, >= -2147483648.0f, 2147483648.0f, INT32_MIN, INT32_MAX)
CXM_TRUNCATE(i32_trunc_sat_f64_s, uint32_t, int32_t, double, > -2147483649.0, 2147483648.0, INT32_MIN, INT32_MAX)
CXM_TRUNCATE(i32_trunc_sat_f32_u, uint32_t, uint32_t, float, > -1.0f, 4294967296.0f, 0, UINT32_MAX)
CXM_TRUNCATE(i32_trunc_sat_f64_u, uint32_t, uint32_t, double, > -1.0, 4294967296.0, 0, UINT32_MAX)
CXM_TRUNCATE(i64_trunc_sat_f32_s, uint64_t, int64_t, float, >= -0x1p63f, 0x1p63f, INT64_MIN, INT64_MAX)
CXM_TRUNCATE(i64_trunc_sat_f64_s, uint64_t, int64_t, double, >= -0x1p63, 0x1p63, INT64_MIN, INT64_MAX)
CXM_TRUNCATE(i64_trunc_sat_f32_u, uint64_t, uint64_t, float, > -1.0f, 0x1p64f, 0, UINT64_MAX)
CXM_TRUNCATE(i64_trunc_sat_f64_u, uint64_t, uint64_t, double, > -1.0, 0x1p64, 0, UINT64_MAX)

#endif
