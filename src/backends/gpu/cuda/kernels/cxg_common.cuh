/* What the kernels' templates share: words of bytes, clamps, the rescale of NUMERICS 1.1. */
#ifndef CXG_COMMON_CUH
#define CXG_COMMON_CUH

#include "cxg_prims.cuh"

/*
 * Before a loop that stays one: unrolled, its few steps would be taken apart around the tensor cores' waits. And before a long
 * one, so that several of its loads are under way.
 */
#if defined(CXG_SHIM)
#define CXG_ROLLED
#define CXG_UNROLL_SOME
#else
#define CXG_ROLLED _Pragma("unroll 1")
#define CXG_UNROLL_SOME _Pragma("unroll 8")
#endif

/* Keeps what defines a register before this point. */
CXG_DEVICE void cxg_pin(int &v) {
#if defined(__CUDA_ARCH__)
  asm volatile("" : "+r"(v));
#endif
}

/* N bytes that are moved at once, N a multiple of 4, or one. */
template <int N>
struct alignas(N) cxg_bytes {
  uint32_t words[N / 4];
  CXG_DEVICE int get(int i) const { return (int8_t)(words[i / 4] >> (8 * (i % 4))); }
  CXG_DEVICE void set(int i, int v) {
    const int at = 8 * (i % 4);
    words[i / 4] = (words[i / 4] & ~(255u << at)) | (uint32_t)(v & 255) << at;
  }
};
template <>
struct cxg_bytes<1> {
  int8_t byte;
  CXG_DEVICE int get(int) const { return byte; }
  CXG_DEVICE void set(int, int v) { byte = (int8_t)v; }
};

template <int N>
CXG_DEVICE cxg_bytes<N> cxg_load(const void *from) {
  return *(const cxg_bytes<N> *)from;
}
template <int N>
CXG_DEVICE void cxg_store(void *to, const cxg_bytes<N> &v) {
  *(cxg_bytes<N> *)to = v;
}

/* N times the byte v. */
template <int N>
CXG_DEVICE cxg_bytes<N> cxg_same(int v) {
  cxg_bytes<N> all = {};
  CXG_UNROLL for (int i = 0; i < N / 4; i++) all.words[i] = (uint32_t)(v & 255) * 0x01010101u;
  return all;
}

CXG_DEVICE int cxg_clamp(int v, int lo, int hi) { return v < lo ? lo : v > hi ? hi : v; }
CXG_DEVICE int cxg_add_wrap(int a, int b) { return (int)((uint32_t)a + (uint32_t)b); }
/* rshr(x M, s) for 0 <= M < 2^15 and 17 <= s <= 47 by 32 bits alone (NUMERICS 1.1, N15); `high` is M 2^16. */
CXG_DEVICE int cxg_rescale_narrow(int x, int high, int shift) { return (cxg_mulhi(x, high) + (1 << (shift - 17))) >> (shift - 16); }

/* rshr(x M, s) for any 0 <= M < 2^21 and 1 <= s <= 52. */
CXG_DEVICE int64_t cxg_rescale_wide(int x, int multiplier, int shift) {
  return ((int64_t)x * multiplier + ((int64_t)1 << (shift - 1))) >> shift;
}

#endif
