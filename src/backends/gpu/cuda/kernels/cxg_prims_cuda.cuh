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

#if !defined(CXG_AMPERE)
#include "cxg_prims_copy.cuh"
#endif

#define cxg_assume(condition) __builtin_assume(condition)

extern __shared__ __align__(1024) uint8_t cxg_shared_bytes[];
CXG_DEVICE uint8_t *cxg_dynamic_shared() { return cxg_shared_bytes; }
CXG_DEVICE uint32_t cxg_shared_address(const void *p) { return uint32_t(__cvta_generic_to_shared(p)); }

CXG_DEVICE int cxg_dp4a(int a, int b, int c) { return __dp4a(a, b, c); }
CXG_DEVICE int cxg_dp4a_us(uint32_t a, int b, int c) {
  int d;
  asm("dp4a.u32.s32 %0, %1, %2, %3;" : "=r"(d) : "r"(a), "r"(b), "r"(c));
  return d;
}
CXG_DEVICE uint32_t cxg_pack_s8(int a, int b, int c, int d) {
  uint32_t high, all;
  asm("cvt.pack.sat.s8.s32.b32 %0, %1, %2, 0;" : "=r"(high) : "r"(d), "r"(c));
  asm("cvt.pack.sat.s8.s32.b32 %0, %1, %2, %3;" : "=r"(all) : "r"(b), "r"(a), "r"(high));
  return all;
}
CXG_DEVICE int cxg_mulhi(int a, int b) { return __mulhi(a, b); }
CXG_DEVICE uint32_t cxg_byte_perm(uint32_t a, uint32_t b, uint32_t selector) { return __byte_perm(a, b, selector); }

#if defined(CXG_AMPERE)
#define CXG_MMA(name, type)                                                                                                     \
  CXG_DEVICE void name(int *d, const uint32_t *a, const uint32_t *b) {                                                          \
    asm volatile("mma.sync.aligned.m16n8k32.row.col.s32." type ".s8.s32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"  \
                 : "+r"(d[0]), "+r"(d[1]), "+r"(d[2]), "+r"(d[3])                                                               \
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));                                           \
  }
#else
#define CXG_MMA(name, type)                                                                                                     \
  CXG_DEVICE void name##_half(int &d0, int &d1, uint32_t a, uint32_t b) {                                                       \
    asm volatile("mma.sync.aligned.m8n8k16.row.col.s32." type ".s8.s32 {%0,%1}, {%2}, {%3}, {%0,%1};" : "+r"(d0), "+r"(d1) : "r"(a), "r"(b)); \
  }                                                                                                                             \
  CXG_DEVICE void name(int *d, const uint32_t *a, const uint32_t *b) {                                                          \
    name##_half(d[0], d[1], a[0], b[0]);                                                                                        \
    name##_half(d[2], d[3], a[1], b[0]);                                                                                        \
    name##_half(d[0], d[1], a[2], b[1]);                                                                                        \
    name##_half(d[2], d[3], a[3], b[1]);                                                                                        \
  }
#endif
CXG_MMA(cxg_mma_m16n8k32_s8, "s8")
CXG_MMA(cxg_mma_m16n8k32_u8s8, "u8")

#define CXG_LDMATRIX(suffix, modifier)                                                                                          \
  CXG_DEVICE void cxg_ldmatrix_x1##suffix(uint32_t *r, const void *row) {                                                       \
    asm volatile("ldmatrix.sync.aligned.m8n8.x1" modifier ".shared.b16 {%0}, [%1];" : "=r"(r[0]) : "r"(cxg_shared_address(row)) : "memory"); \
  }                                                                                                                             \
  CXG_DEVICE void cxg_ldmatrix_x2##suffix(uint32_t *r, const void *row) {                                                       \
    asm volatile("ldmatrix.sync.aligned.m8n8.x2" modifier ".shared.b16 {%0,%1}, [%2];" : "=r"(r[0]), "=r"(r[1]) : "r"(cxg_shared_address(row)) : "memory"); \
  }                                                                                                                             \
  CXG_DEVICE void cxg_ldmatrix_x4##suffix(uint32_t *r, const void *row) {                                                       \
    asm volatile("ldmatrix.sync.aligned.m8n8.x4" modifier ".shared.b16 {%0,%1,%2,%3}, [%4];"                                    \
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])                                                               \
                 : "r"(cxg_shared_address(row))                                                                                 \
                 : "memory");                                                                                                   \
  }
CXG_LDMATRIX(, "")
CXG_LDMATRIX(_trans, ".trans")

template <int SIZE>
CXG_DEVICE void cxg_cp_async(void *to, const void *from, int bytes) {
  static_assert(SIZE == 4 || SIZE == 8 || SIZE == 16, "cp.async copies 4, 8 or 16 bytes");
#if defined(CXG_AMPERE)
  const uint32_t at = cxg_shared_address(to);
  const size_t source = __cvta_generic_to_global(from);
  if (SIZE == 16)
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(at), "l"(source), "r"(bytes) : "memory");
  else
    asm volatile("cp.async.ca.shared.global [%0], [%1], %2, %3;" ::"r"(at), "l"(source), "n"(SIZE), "r"(bytes) : "memory");
#else
  cxg_copy_now<SIZE>(to, from, bytes);
#endif
}
template <int SIZE>
CXG_DEVICE void cxg_cp_async(void *to, const void *from) {
  cxg_cp_async<SIZE>(to, from, SIZE);
}
#if defined(CXG_AMPERE)
CXG_DEVICE void cxg_cp_async_commit() { asm volatile("cp.async.commit_group;" ::: "memory"); }
template <int N>
CXG_DEVICE void cxg_cp_async_wait() {
  asm volatile("cp.async.wait_group %0;" ::"n"(N) : "memory");
}
#else
CXG_DEVICE void cxg_cp_async_commit() {}
template <int N>
CXG_DEVICE void cxg_cp_async_wait() {}
#endif

CXG_DEVICE void cxg_syncthreads() { __syncthreads(); }
CXG_DEVICE void cxg_sync_some(int id, int threads) { asm volatile("bar.sync %0, %1;" ::"r"(id), "r"(threads) : "memory"); }
CXG_DEVICE void cxg_syncwarp() { __syncwarp(); }

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

CXG_DEVICE int cxg_atomic_add(int *p, int v) { return atomicAdd(p, v); }
CXG_DEVICE int cxg_atomic_min(int *p, int v) { return atomicMin(p, v); }
CXG_DEVICE int cxg_atomic_max(int *p, int v) { return atomicMax(p, v); }
/** Past the first-level cache, which holds what other processors wrote only as it was. */
CXG_DEVICE int cxg_load_l2(const int *p) { return __ldcg(p); }
CXG_DEVICE void cxg_threadfence() { __threadfence(); }

#include "cxg_prims_wgmma.cuh"

#endif
