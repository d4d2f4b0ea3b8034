/* How cx_machine_simple.h is made with the vector extensions of gcc and clang: expressions are of whole vectors. */
#ifndef CX_MACHINE_VECTOR_H
#define CX_MACHINE_VECTOR_H

#define CXM_MAP1(name, T, e)       \
  CXM_OP v128 name(v128 va) {      \
    const cxm_##T a = (cxm_##T)va; \
    return (v128)(e);              \
  }
#define CXM_MAP2(name, T, e)                        \
  CXM_OP v128 name(v128 va, v128 vb) {              \
    const cxm_##T a = (cxm_##T)va, b = (cxm_##T)vb; \
    return (v128)(e);                               \
  }
#define CXM_COMPARE(name, T, R, e) CXM_MAP2(name, T, e)
#define CXM_SHIFT(name, T, e)                                                  \
  CXM_OP v128 name(v128 va, uint32_t count) {                                  \
    const cxm_##T a = (cxm_##T)va;                                             \
    const cxm_lane_##T n = (cxm_lane_##T)(count % (8 * sizeof(cxm_lane_##T))); \
    return (v128)(e);                                                          \
  }
#define CXM_EXTRACT(name, T, V) \
  CXM_OP V name(v128 v, uint32_t lane) { return (V)((cxm_##T)v)[lane % CXM_COUNT(T)]; }
#define CXM_REPLACE(name, T, V)                      \
  CXM_OP v128 name(v128 v, uint32_t lane, V value) { \
    cxm_##T r = (cxm_##T)v;                          \
    r[lane % CXM_COUNT(T)] = (cxm_lane_##T)value;    \
    return (v128)r;                                  \
  }

#define CXM_LIST_2(x) x, x
#define CXM_LIST_4(x) x, x, x, x
#define CXM_LIST_8(x) CXM_LIST_4(x), CXM_LIST_4(x)
#define CXM_LIST_16(x) CXM_LIST_8(x), CXM_LIST_8(x)
#define CXM_LIST_u8x16 CXM_LIST_16
#define CXM_LIST_u16x8 CXM_LIST_8
#define CXM_LIST_u32x4 CXM_LIST_4
#define CXM_LIST_u64x2 CXM_LIST_2
#define CXM_LIST_f32x4 CXM_LIST_4
#define CXM_LIST_f64x2 CXM_LIST_2
#define CXM_SPLAT(name, T, V)                   \
  CXM_OP v128 name(V value) {                   \
    const cxm_lane_##T x = (cxm_lane_##T)value; \
    return (v128)(cxm_##T){CXM_LIST_##T(x)};    \
  }

/* The indices are constants, so a macro: clang accepts no others, and both compilers choose the instruction by them. */
#if defined(__clang__)
#define i8x16_shuffle(a, b, ...) ((v128)__builtin_shufflevector((cxm_u8x16)(a), (cxm_u8x16)(b), __VA_ARGS__))
#else
#define i8x16_shuffle(a, b, ...) ((v128)__builtin_shuffle((cxm_u8x16)(a), (cxm_u8x16)(b), (cxm_u8x16){__VA_ARGS__}))
#endif

#endif
