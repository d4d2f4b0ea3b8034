/*
 * cxg_prims.cuh for CUDA: inline PTX, from sm_75 on. Where an architecture lacks an instruction its body is built of older
 * ones with the same result: mma.m16n8k32 of four m8n8k16, cp.async of a load and a store.
 */
#ifndef CXG_PRIMS_CUDA_CUH
#define CXG_PRIMS_CUDA_CUH

#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ < 750
#error "kernels need compute capability 7.5 or newer"
#endif
/** In the pass for the host every body has to parse, none is used. */
#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 800
#define CXG_AMPERE 1
#endif

#define cxg_assume(condition) __builtin_assume(condition)

extern __shared__ __align__(1024) uint8_t cxg_shared_bytes[];
CXG_DEVICE uint8_t *cxg_shared() { return cxg_shared_bytes; }
CXG_DEVICE uint32_t cxg_shared_address(const void *p) { return uint32_t(__cvta_generic_to_shared(p)); }

CXG_DEVICE int32_t cxg_dp4a(int32_t a, int32_t b, int32_t c) { return __dp4a(a, b, c); }
CXG_DEVICE int32_t cxg_dp4a_us(uint32_t a, int32_t b, int32_t c) {
  int32_t d;
  asm("dp4a.u32.s32 %0, %1, %2, %3;" : "=r"(d) : "r"(a), "r"(b), "r"(c));
  return d;
}
CXG_DEVICE uint32_t cxg_pack_s8(int32_t a, int32_t b, int32_t c, int32_t d) {
  uint32_t high, all;
  asm("cvt.pack.sat.s8.s32.b32 %0, %1, %2, 0;" : "=r"(high) : "r"(d), "r"(c));
  asm("cvt.pack.sat.s8.s32.b32 %0, %1, %2, %3;" : "=r"(all) : "r"(b), "r"(a), "r"(high));
  return all;
}
CXG_DEVICE uint32_t cxg_byte_perm(uint32_t a, uint32_t b, uint32_t selector) { return __byte_perm(a, b, selector); }

#if defined(CXG_AMPERE)
#define CXG_MMA(name, type)                                                                                                      \
  CXG_DEVICE void name(int32_t (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {                                        \
    asm volatile("mma.sync.aligned.m16n8k32.row.col.s32." type ".s8.s32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"   \
                 : "+r"(d[0]), "+r"(d[1]), "+r"(d[2]), "+r"(d[3])                                                                \
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));                                            \
  }
#else
#define CXG_MMA(name, type)                                                                                                      \
  CXG_DEVICE void name##_half(int32_t &d0, int32_t &d1, uint32_t a, uint32_t b) {                                                \
    asm volatile("mma.sync.aligned.m8n8k16.row.col.s32." type ".s8.s32 {%0,%1}, {%2}, {%3}, {%0,%1};" : "+r"(d0), "+r"(d1) : "r"(a), "r"(b)); \
  }                                                                                                                              \
  CXG_DEVICE void name(int32_t (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {                                        \
    name##_half(d[0], d[1], a[0], b[0]);                                                                                         \
    name##_half(d[2], d[3], a[1], b[0]);                                                                                         \
    name##_half(d[0], d[1], a[2], b[1]);                                                                                         \
    name##_half(d[2], d[3], a[3], b[1]);                                                                                         \
  }
#endif
CXG_MMA(cxg_mma_s8, "s8")
CXG_MMA(cxg_mma_u8s8, "u8")

#define CXG_LDMATRIX(suffix, modifier)                                                                                           \
  CXG_DEVICE void cxg_ldmatrix_x1##suffix(uint32_t (&r)[1], uint32_t row) {                                                      \
    asm volatile("ldmatrix.sync.aligned.m8n8.x1" modifier ".shared.b16 {%0}, [%1];" : "=r"(r[0]) : "r"(row) : "memory");         \
  }                                                                                                                              \
  CXG_DEVICE void cxg_ldmatrix_x2##suffix(uint32_t (&r)[2], uint32_t row) {                                                      \
    asm volatile("ldmatrix.sync.aligned.m8n8.x2" modifier ".shared.b16 {%0,%1}, [%2];" : "=r"(r[0]), "=r"(r[1]) : "r"(row) : "memory"); \
  }                                                                                                                              \
  CXG_DEVICE void cxg_ldmatrix_x4##suffix(uint32_t (&r)[4], uint32_t row) {                                                      \
    asm volatile("ldmatrix.sync.aligned.m8n8.x4" modifier ".shared.b16 {%0,%1,%2,%3}, [%4];"                                     \
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])                                                                \
                 : "r"(row)                                                                                                      \
                 : "memory");                                                                                                    \
  }
CXG_LDMATRIX(, "")
CXG_LDMATRIX(_trans, ".trans")

#if defined(CXG_AMPERE)
#define CXG_CP_ASYNC(size, cache)                                                                                                \
  CXG_DEVICE void cxg_cp_async##size(uint32_t to, const void *from, uint32_t bytes) {                                            \
    asm volatile("cp.async." cache ".shared.global [%0], [%1], " #size ", %2;"                                                   \
                 :: "r"(to), "l"(__cvta_generic_to_global(from)), "r"(bytes)                                                     \
                 : "memory");                                                                                                    \
  }
CXG_CP_ASYNC(4, "ca")
CXG_CP_ASYNC(8, "ca")
CXG_CP_ASYNC(16, "cg")
CXG_DEVICE void cxg_cp_async_commit() { asm volatile("cp.async.commit_group;" ::: "memory"); }
template <int N>
CXG_DEVICE void cxg_cp_async_wait() {
  asm volatile("cp.async.wait_group %0;" ::"n"(N) : "memory");
}
#else
/** Byte i of the value at `from`, zero from `bytes` on; the compiler joins what is whole. */
template <typename T>
CXG_DEVICE void cxg_copy_now(uint32_t to, const void *from, uint32_t bytes) {
  T v = {};
  if (bytes == sizeof(T)) {
    v = *static_cast<const T *>(from);
  } else {
    uint8_t *v8 = reinterpret_cast<uint8_t *>(&v);
    for (uint32_t i = 0; i < sizeof(T); i++) v8[i] = i < bytes ? static_cast<const uint8_t *>(from)[i] : 0;
  }
  *static_cast<T *>(__cvta_shared_to_generic(to)) = v;
}
CXG_DEVICE void cxg_cp_async4(uint32_t to, const void *from, uint32_t bytes) { cxg_copy_now<uint32_t>(to, from, bytes); }
CXG_DEVICE void cxg_cp_async8(uint32_t to, const void *from, uint32_t bytes) { cxg_copy_now<uint2>(to, from, bytes); }
CXG_DEVICE void cxg_cp_async16(uint32_t to, const void *from, uint32_t bytes) { cxg_copy_now<uint4>(to, from, bytes); }
CXG_DEVICE void cxg_cp_async_commit() {}
template <int N>
CXG_DEVICE void cxg_cp_async_wait() {}
#endif

CXG_DEVICE void cxg_sync() { __syncthreads(); }
CXG_DEVICE void cxg_sync_some(int id, int threads) { asm volatile("bar.sync %0, %1;" ::"r"(id), "r"(threads) : "memory"); }
CXG_DEVICE void cxg_sync_warp() { __syncwarp(); }

template <typename T>
CXG_DEVICE T cxg_shfl(T v, int lane) {
  return __shfl_sync(0xffffffffu, v, lane);
}
template <typename T>
CXG_DEVICE T cxg_shfl_xor(T v, int mask) {
  return __shfl_xor_sync(0xffffffffu, v, mask);
}
template <typename T>
CXG_DEVICE T cxg_shfl_down(T v, int n) {
  return __shfl_down_sync(0xffffffffu, v, n);
}
template <typename T>
CXG_DEVICE T cxg_shfl_up(T v, int n) {
  return __shfl_up_sync(0xffffffffu, v, n);
}
CXG_DEVICE uint32_t cxg_ballot(bool v) { return __ballot_sync(0xffffffffu, v); }

CXG_DEVICE int32_t cxg_atomic_add(int32_t *p, int32_t v) { return atomicAdd(p, v); }
CXG_DEVICE int32_t cxg_atomic_min(int32_t *p, int32_t v) { return atomicMin(p, v); }
CXG_DEVICE int32_t cxg_atomic_max(int32_t *p, int32_t v) { return atomicMax(p, v); }
CXG_DEVICE void cxg_threadfence() { __threadfence(); }

#include "cxg_prims_wgmma.cuh"

#endif
