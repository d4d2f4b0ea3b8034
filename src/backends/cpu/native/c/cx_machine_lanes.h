/*
 * Kinds of lanes, and instructions as loops over them. `wide` is what a lane is computed in: C would promote an unsigned
 * 16-bit lane to int, whose products overflow.
 */
#ifndef CX_MACHINE_LANES_H
#define CX_MACHINE_LANES_H

#if defined(CXM_VECTOR)
/* Lanes of 32 bits are what accumulators have; gcc copies a variable between registers in each round of a loop otherwise. */
typedef uint32_t v128 __attribute__((vector_size(16)));
#define CXM_LANES(T, LANE, WIDE) \
  typedef LANE cxm_lane_##T;     \
  typedef WIDE cxm_wide_##T;     \
  typedef LANE cxm_##T __attribute__((vector_size(16)));
#else
#if defined(CXM_GPU)
/* aligned, so that it moves at once */
typedef struct __align__(16) v128 {
  uint8_t bytes[16];
} v128;
#else
typedef struct v128 {
  uint8_t bytes[16];
} v128;
#endif
#define CXM_LANES(T, LANE, WIDE) \
  typedef LANE cxm_lane_##T;     \
  typedef WIDE cxm_wide_##T;
#endif

CXM_LANES(i8x16, int8_t, int32_t)
CXM_LANES(u8x16, uint8_t, uint32_t)
CXM_LANES(i16x8, int16_t, int32_t)
CXM_LANES(u16x8, uint16_t, uint32_t)
CXM_LANES(i32x4, int32_t, int32_t)
CXM_LANES(u32x4, uint32_t, uint32_t)
CXM_LANES(i64x2, int64_t, int64_t)
CXM_LANES(u64x2, uint64_t, uint64_t)
CXM_LANES(f32x4, float, float)
CXM_LANES(f64x2, double, double)

/* A variable that a loop folds floats into has this type (c-module-variables.ts): the bits are those of the v128. */
#if defined(CXM_VECTOR)
typedef cxm_f32x4 v128_f32x4;
typedef cxm_f64x2 v128_f64x2;
#define v128_to_f32x4(x) ((v128_f32x4)(x))
#define v128_to_f64x2(x) ((v128_f64x2)(x))
#define v128_from(x) ((v128)(x))
#else
typedef v128 v128_f32x4;
typedef v128 v128_f64x2;
#define v128_to_f32x4(x) (x)
#define v128_to_f64x2(x) (x)
#define v128_from(x) (x)
#endif

#define CXM_COUNT(T) (16 / sizeof(cxm_lane_##T))

/* A vector from its halves, the low one first. */
CXM_OP v128 v128_const(uint64_t low, uint64_t high) {
#if defined(CXM_VECTOR)
  return (v128)(cxm_u64x2){low, high};
#else
  const uint64_t halves[2] = {low, high};
  v128 r;
  memcpy(&r, halves, 16);
  return r;
#endif
}

/* Lane by lane: `e` of the lanes a and b, converted to the kind of lane. */
#define CXM_LOOP1(name, T, e)                   \
  CXM_OP v128 name(v128 va) {                   \
    cxm_lane_##T p[CXM_COUNT(T)];               \
    memcpy(p, &va, 16);                         \
    for (size_t i = 0; i < CXM_COUNT(T); i++) { \
      const cxm_wide_##T a = p[i];              \
      p[i] = (cxm_lane_##T)(e);                 \
    }                                           \
    memcpy(&va, p, 16);                         \
    return va;                                  \
  }
#define CXM_LOOP2(name, T, e)                      \
  CXM_OP v128 name(v128 va, v128 vb) {             \
    cxm_lane_##T p[CXM_COUNT(T)], q[CXM_COUNT(T)]; \
    memcpy(p, &va, 16);                            \
    memcpy(q, &vb, 16);                            \
    for (size_t i = 0; i < CXM_COUNT(T); i++) {    \
      const cxm_wide_##T a = p[i], b = q[i];       \
      p[i] = (cxm_lane_##T)(e);                    \
    }                                              \
    memcpy(&va, p, 16);                            \
    return va;                                     \
  }
/* A lane of ones where `e` holds, else of zeros; R is the unsigned kind of the same width. */
#define CXM_LOOP_COMPARE(name, T, R, e)                  \
  CXM_OP v128 name(v128 va, v128 vb) {                   \
    cxm_lane_##T p[CXM_COUNT(T)], q[CXM_COUNT(T)];       \
    cxm_lane_##R r[CXM_COUNT(T)];                        \
    memcpy(p, &va, 16);                                  \
    memcpy(q, &vb, 16);                                  \
    for (size_t i = 0; i < CXM_COUNT(T); i++) {          \
      const cxm_wide_##T a = p[i], b = q[i];             \
      r[i] = (cxm_lane_##R)((e) ? ~(cxm_lane_##R)0 : 0); \
    }                                                    \
    memcpy(&va, r, 16);                                  \
    return va;                                           \
  }
/* Lanes of kind R from lanes of kind T: `e` of the lane index i, and of p, the lanes of the operand. */
#define CXM_LOOP_CONVERT(name, T, R, e)                                 \
  CXM_OP v128 name(v128 va) {                                           \
    cxm_lane_##T p[CXM_COUNT(T)];                                       \
    cxm_lane_##R r[CXM_COUNT(R)];                                       \
    memcpy(p, &va, 16);                                                 \
    for (size_t i = 0; i < CXM_COUNT(R); i++) r[i] = (cxm_lane_##R)(e); \
    memcpy(&va, r, 16);                                                 \
    return va;                                                          \
  }
#define CXM_LOOP_CONVERT2(name, T, R, e)                                \
  CXM_OP v128 name(v128 va, v128 vb) {                                  \
    cxm_lane_##T p[CXM_COUNT(T)], q[CXM_COUNT(T)];                      \
    cxm_lane_##R r[CXM_COUNT(R)];                                       \
    memcpy(p, &va, 16);                                                 \
    memcpy(q, &vb, 16);                                                 \
    for (size_t i = 0; i < CXM_COUNT(R); i++) r[i] = (cxm_lane_##R)(e); \
    memcpy(&va, r, 16);                                                 \
    return va;                                                          \
  }

#if !defined(CXM_VECTOR)
#define CXM_MAP1 CXM_LOOP1
#define CXM_MAP2 CXM_LOOP2
#define CXM_COMPARE CXM_LOOP_COMPARE

#define CXM_SHIFT(name, T, e)                     \
  CXM_OP v128 name(v128 va, uint32_t count) {     \
    cxm_lane_##T p[CXM_COUNT(T)];                 \
    const uint32_t n = count % (8 * sizeof p[0]); \
    memcpy(p, &va, 16);                           \
    for (size_t i = 0; i < CXM_COUNT(T); i++) {   \
      const cxm_wide_##T a = p[i];                \
      p[i] = (cxm_lane_##T)(e);                   \
    }                                             \
    memcpy(&va, p, 16);                           \
    return va;                                    \
  }
/* extract_lane, replace_lane: values of type V; splat is written once for both forms. */
#define CXM_EXTRACT(name, T, V)          \
  CXM_OP V name(v128 v, uint32_t lane) { \
    cxm_lane_##T p[CXM_COUNT(T)];        \
    memcpy(p, &v, 16);                   \
    return (V)p[lane % CXM_COUNT(T)];    \
  }
#define CXM_REPLACE(name, T, V)                      \
  CXM_OP v128 name(v128 v, uint32_t lane, V value) { \
    cxm_lane_##T p[CXM_COUNT(T)];                    \
    memcpy(p, &v, 16);                               \
    p[lane % CXM_COUNT(T)] = (cxm_lane_##T)value;    \
    memcpy(&v, p, 16);                               \
    return v;                                        \
  }
#define CXM_SPLAT(name, T, V)                                             \
  CXM_OP v128 name(V value) {                                             \
    cxm_lane_##T p[CXM_COUNT(T)];                                         \
    v128 r;                                                               \
    for (size_t i = 0; i < CXM_COUNT(T); i++) p[i] = (cxm_lane_##T)value; \
    memcpy(&r, p, 16);                                                    \
    return r;                                                             \
  }
CXM_OP v128 i8x16_shuffle(v128 a, v128 b, int i0, int i1, int i2, int i3, int i4, int i5, int i6, int i7, int i8, int i9,
                         int i10, int i11, int i12, int i13, int i14, int i15) {
  const int pick[16] = {i0, i1, i2, i3, i4, i5, i6, i7, i8, i9, i10, i11, i12, i13, i14, i15};
  v128 r;
  for (int i = 0; i < 16; i++) r.bytes[i] = pick[i] < 16 ? a.bytes[pick[i]] : b.bytes[pick[i] - 16];
  return r;
}
#endif

#endif
