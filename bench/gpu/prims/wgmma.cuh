/*
 * Kernels for wgmma: every width, every layout of operands, operands written by stores and by cp.async, chains of products on
 * the same registers, two warpgroups. As cases.cuh.
 */
#ifndef PRIMS_WGMMA_CUH
#define PRIMS_WGMMA_CUH

#include "cases.cuh"

constexpr uint32_t WGMMA_SHARED = 96 << 10;

/** Sums begin with what the input holds, so that they wrap; the results of thread t lie at t. */
template <int N>
CXG_DEVICE void begin_sums(cx_env e, int (&d)[N / 2]) {
  for (uint32_t i = 0; i < N / 2; i++) d[i] = int(word(e, threadIdx.x * (N / 2) + i));
}
template <int N>
CXG_DEVICE void put_sums(cx_env e, const int (&d)[N / 2]) {
  for (uint32_t i = 0; i < N / 2; i++) put(e, threadIdx.x * (N / 2) + i, uint32_t(d[i]));
}

/** A 64 x 128 by 128 x N product, both operands in rows of 128 swizzled bytes, brought by cp.async. */
template <int N>
CXG_DEVICE void wgmma_rows_of_128(cx_env e) {
  uint8_t *a = cxg_dynamic_shared(), *b = a + 64 * 128;
  for (uint32_t i = threadIdx.x; i < (64 + N) * 8; i += 128) cxg_cp_async<16>(a + i * 16, e.m + (i * 16 + blockIdx.x * 4096) % INPUT);
  cxg_cp_async_commit();
  int d[N / 2];
  begin_sums<N>(e, d);
  cxg_cp_async_wait<0>();
  cxg_fence_proxy_async();
  cxg_syncthreads();
  cxg_wgmma_fence();
  CXG_UNROLL for (int k = 0; k < 128; k += 32) cxg_wgmma_m64k32_s8<N>(d, cxg_wgmma_descriptor(a + k), cxg_wgmma_descriptor(b + k));
  cxg_wgmma_commit();
  cxg_wgmma_wait<0>();
  put_sums<N>(e, d);
}
#define PRIM_WGMMA(N) \
  extern "C" __global__ void __launch_bounds__(128) prim_wgmma##N(cx_env e) { wgmma_rows_of_128<N>(e); }
PRIM_WGMMA(8)
PRIM_WGMMA(16)
PRIM_WGMMA(32)
PRIM_WGMMA(64)
PRIM_WGMMA(96)
PRIM_WGMMA(128)
PRIM_WGMMA(192)
PRIM_WGMMA(256)

/** The other layouts, operands written by plain stores. The second row of groups of A lies apart from the first. */
template <int SWIZZLE, uint32_t LEADING, uint32_t STRIDE>
CXG_DEVICE void wgmma_layout(cx_env e) {
  constexpr int N = 64;
  uint8_t *a = cxg_dynamic_shared(), *b = a + (24 << 10);
  for (uint32_t i = threadIdx.x; i < (48 << 10) / 4; i += 128) reinterpret_cast<uint32_t *>(a)[i] = word(e, i + blockIdx.x * 999);
  int d[N / 2];
  begin_sums<N>(e, d);
  cxg_fence_proxy_async();
  cxg_syncthreads();
  cxg_wgmma_fence();
  cxg_wgmma_m64k32_s8<N>(d, cxg_wgmma_descriptor(a, LEADING, STRIDE, SWIZZLE), cxg_wgmma_descriptor(b, LEADING, STRIDE, SWIZZLE));
  cxg_wgmma_commit();
  cxg_wgmma_wait<0>();
  put_sums<N>(e, d);
}
extern "C" __global__ void __launch_bounds__(128) prim_wgmma_none(cx_env e) { wgmma_layout<CXG_SWIZZLE_NONE, 128, 256>(e); }
extern "C" __global__ void __launch_bounds__(128) prim_wgmma_apart(cx_env e) { wgmma_layout<CXG_SWIZZLE_NONE, 1152, 128>(e); }
extern "C" __global__ void __launch_bounds__(128) prim_wgmma_swizzle32(cx_env e) { wgmma_layout<CXG_SWIZZLE_32, 16, 256>(e); }
extern "C" __global__ void __launch_bounds__(128) prim_wgmma_swizzle64(cx_env e) { wgmma_layout<CXG_SWIZZLE_64, 16, 512>(e); }
extern "C" __global__ void __launch_bounds__(128) prim_wgmma_stride(cx_env e) { wgmma_layout<CXG_SWIZZLE_128, 16, 2048>(e); }

/** Two warpgroups share B; a second group of products on the same registers is started before the first is awaited. */
extern "C" __global__ void __launch_bounds__(256) prim_wgmma_groups(cx_env e) {
  constexpr int N = 64;
  uint8_t *a = cxg_dynamic_shared(), *b = a + 128 * 128;
  for (uint32_t i = threadIdx.x; i < (128 + N) * 8; i += 256) cxg_cp_async<16>(a + i * 16, e.m + (i * 16 + blockIdx.x * 512) % INPUT);
  cxg_cp_async_commit();
  int d[N / 2], f[N / 2];
  begin_sums<N>(e, d);
  begin_sums<N>(e, f);
  cxg_cp_async_wait<0>();
  cxg_fence_proxy_async();
  cxg_syncthreads();
  const uint8_t *mine = a + threadIdx.x / 128 * 64 * 128;
  cxg_wgmma_fence();
  cxg_wgmma_m64k32_s8<N>(d, cxg_wgmma_descriptor(mine), cxg_wgmma_descriptor(b));
  cxg_wgmma_m64k32_s8<N>(f, cxg_wgmma_descriptor(mine + 64), cxg_wgmma_descriptor(b + 32));
  cxg_wgmma_commit();
  cxg_wgmma_m64k32_s8<N>(d, cxg_wgmma_descriptor(mine + 96), cxg_wgmma_descriptor(b + 96));
  cxg_wgmma_commit();
  cxg_wgmma_wait<1>();
  put_sums<N>(e, f);
  cxg_wgmma_wait<0>();
  for (uint32_t i = 0; i < N / 2; i++) put(e, 8192 + threadIdx.x * (N / 2) + i, uint32_t(d[i]));
}

#endif
