/*
 * i32 and i64 instructions. Arithmetic wraps, shift counts are taken modulo the width. Division where WebAssembly traps,
 * which the lowering never lets happen: x / 0 is 0, x % 0 is x, and the smallest integer / -1 is itself.
 * Conversion of an out-of-range value to a signed type keeps the bits and >> of a negative number copies its sign: C11
 * leaves both to the implementation, and all of them that have two's complement do so.
 */
#ifndef CX_MACHINE_SCALAR_H
#define CX_MACHINE_SCALAR_H

#if defined(CXM_GPU)
CXM_OP uint32_t i32_clz(uint32_t a) { return (uint32_t)__clz((int32_t)a); }
CXM_OP uint32_t i32_ctz(uint32_t a) { return a == 0 ? 32 : (uint32_t)__ffs((int32_t)a) - 1; }
CXM_OP uint64_t i64_clz(uint64_t a) { return (uint64_t)__clzll((long long)a); }
CXM_OP uint64_t i64_ctz(uint64_t a) { return a == 0 ? 64 : (uint64_t)__ffsll((long long)a) - 1; }
#elif defined(__GNUC__)
CXM_OP uint32_t i32_clz(uint32_t a) { return a == 0 ? 32 : (uint32_t)__builtin_clz(a); }
CXM_OP uint32_t i32_ctz(uint32_t a) { return a == 0 ? 32 : (uint32_t)__builtin_ctz(a); }
CXM_OP uint64_t i64_clz(uint64_t a) { return a == 0 ? 64 : (uint64_t)__builtin_clzll(a); }
CXM_OP uint64_t i64_ctz(uint64_t a) { return a == 0 ? 64 : (uint64_t)__builtin_ctzll(a); }
#else
CXM_OP uint64_t i64_clz(uint64_t a) {
  uint64_t n = 64;
  while (a != 0) {
    a >>= 1;
    n--;
  }
  return n;
}
CXM_OP uint64_t i64_ctz(uint64_t a) { return a == 0 ? 64 : 63 - i64_clz(a & (0 - a)); }
CXM_OP uint32_t i32_clz(uint32_t a) { return (uint32_t)i64_clz(a) - 32; }
CXM_OP uint32_t i32_ctz(uint32_t a) { return a == 0 ? 32 : (uint32_t)i64_ctz(a); }
#endif
/* Counts in pairs, fours and bytes, then sums the bytes by a multiplication (Hacker's Delight, figure 5-2). */
CXM_OP uint32_t i32_popcnt(uint32_t a) {
  a -= (a >> 1) & 0x55555555u;
  a = (a & 0x33333333u) + ((a >> 2) & 0x33333333u);
  return (((a + (a >> 4)) & 0x0f0f0f0fu) * 0x01010101u) >> 24;
}
CXM_OP uint64_t i64_popcnt(uint64_t a) { return i32_popcnt((uint32_t)a) + i32_popcnt((uint32_t)(a >> 32)); }

#define CXM_INTEGER(P, U, S, BITS)                                                            \
  CXM_OP U P##_add(U a, U b) { return a + b; }                                                \
  CXM_OP U P##_sub(U a, U b) { return a - b; }                                                \
  CXM_OP U P##_mul(U a, U b) { return a * b; }                                                \
  CXM_OP U P##_div_u(U a, U b) { return b == 0 ? 0 : a / b; }                                 \
  CXM_OP U P##_rem_u(U a, U b) { return b == 0 ? a : a % b; }                                 \
  CXM_OP U P##_div_s(U a, U b) { return b == 0 ? 0 : b == (U)-1 ? 0 - a : (U)((S)a / (S)b); } \
  CXM_OP U P##_rem_s(U a, U b) { return b == 0 ? a : b == (U)-1 ? 0 : (U)((S)a % (S)b); }     \
  CXM_OP U P##_and(U a, U b) { return a & b; }                                                \
  CXM_OP U P##_or(U a, U b) { return a | b; }                                                 \
  CXM_OP U P##_xor(U a, U b) { return a ^ b; }                                                \
  CXM_OP U P##_shl(U a, U n) { return a << (n & (BITS - 1)); }                                \
  CXM_OP U P##_shr_u(U a, U n) { return a >> (n & (BITS - 1)); }                              \
  CXM_OP U P##_shr_s(U a, U n) { return (U)((S)a >> (n & (BITS - 1))); }                      \
  CXM_OP U P##_rotl(U a, U n) { return a << (n & (BITS - 1)) | a >> ((0 - n) & (BITS - 1)); } \
  CXM_OP U P##_rotr(U a, U n) { return a >> (n & (BITS - 1)) | a << ((0 - n) & (BITS - 1)); } \
  CXM_OP uint32_t P##_eqz(U a) { return a == 0; }                                             \
  CXM_OP uint32_t P##_eq(U a, U b) { return a == b; }                                         \
  CXM_OP uint32_t P##_ne(U a, U b) { return a != b; }                                         \
  CXM_OP uint32_t P##_lt_u(U a, U b) { return a < b; }                                        \
  CXM_OP uint32_t P##_gt_u(U a, U b) { return a > b; }                                        \
  CXM_OP uint32_t P##_le_u(U a, U b) { return a <= b; }                                       \
  CXM_OP uint32_t P##_ge_u(U a, U b) { return a >= b; }                                       \
  CXM_OP uint32_t P##_lt_s(U a, U b) { return (S)a < (S)b; }                                  \
  CXM_OP uint32_t P##_gt_s(U a, U b) { return (S)a > (S)b; }                                  \
  CXM_OP uint32_t P##_le_s(U a, U b) { return (S)a <= (S)b; }                                 \
  CXM_OP uint32_t P##_ge_s(U a, U b) { return (S)a >= (S)b; }                                 \
  CXM_OP U P##_extend8_s(U a) { return (U)(int8_t)a; }                                        \
  CXM_OP U P##_extend16_s(U a) { return (U)(int16_t)a; }

CXM_INTEGER(i32, uint32_t, int32_t, 32)
CXM_INTEGER(i64, uint64_t, int64_t, 64)

CXM_OP uint32_t i32_wrap_i64(uint64_t a) { return (uint32_t)a; }
CXM_OP uint64_t i64_extend_i32_u(uint32_t a) { return a; }
CXM_OP uint64_t i64_extend_i32_s(uint32_t a) { return (uint64_t)(int32_t)a; }
CXM_OP uint64_t i64_extend32_s(uint64_t a) { return (uint64_t)(int32_t)a; }

#endif
