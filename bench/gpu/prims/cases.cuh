/*
 * A kernel for each primitive of cxg_prims.cuh. Memory: INPUT bytes that the host fills, then OUTPUT bytes for results.
 */
#ifndef PRIMS_CASES_CUH
#define PRIMS_CASES_CUH

#include "cxg_prims.cuh"

constexpr uint32_t INPUT = 1 << 16, OUTPUT = 1 << 17, MEMORY = INPUT + OUTPUT;

CXG_DEVICE uint32_t word(cx_env e, uint32_t i) { return reinterpret_cast<const uint32_t *>(e.m)[i % (INPUT / 4)]; }
CXG_DEVICE void put(cx_env e, uint32_t i, uint32_t v) { reinterpret_cast<uint32_t *>(e.m + INPUT)[i] = v; }

extern "C" __global__ void __launch_bounds__(256) prim_scalar(cx_env e) {
  const uint32_t t = blockIdx.x * blockDim.x + threadIdx.x;
  const uint32_t a = word(e, 3 * t), b = word(e, 3 * t + 1), c = word(e, 3 * t + 2);
  uint32_t at = 8 * t;
  put(e, at++, uint32_t(cxg_dp4a(int(a), int(b), int(c))));
  put(e, at++, uint32_t(cxg_dp4a_us(a, int(b), int(c))));
  put(e, at++, uint32_t(cxg_mulhi(int(a), int(b))));
  put(e, at++, cxg_pack_s8(int(a), int(b) >> 24, int(c) >> 23, int(a) >> 16));
  put(e, at++, cxg_pack_s8(127, 128, -128, -129) ^ cxg_pack_s8(int(b), int(c), 0x7fffffff, int(0x80000000u)));
  put(e, at++, cxg_byte_perm(a, b, c & 0x7777));
  put(e, at++, uint32_t(cxg_lane() | cxg_warp() << 8));
  put(e, at++, uint32_t(cxg_load_l2(reinterpret_cast<const int *>(e.m) + t)));
}

extern "C" __global__ void __launch_bounds__(128) prim_mma(cx_env e) {
  const uint32_t t = blockIdx.x * blockDim.x + threadIdx.x;
  uint32_t a[4], b[2];
  int d[4];
  for (uint32_t i = 0; i < 4; i++) a[i] = word(e, 10 * t + i), d[i] = int(word(e, 10 * t + 4 + i));
  for (uint32_t i = 0; i < 2; i++) b[i] = word(e, 10 * t + 8 + i);
  cxg_mma_m16n8k32_s8(d, a, b);
  for (uint32_t i = 0; i < 4; i++) put(e, 8 * t + i, uint32_t(d[i]));
  cxg_mma_m16n8k32_u8s8(d, a, b);
  for (uint32_t i = 0; i < 4; i++) put(e, 8 * t + 4 + i, uint32_t(d[i]));
}

/** Rows are taken in an order of their own, so that no two layouts give the same. */
extern "C" __global__ void __launch_bounds__(64) prim_ldmatrix(cx_env e) {
  uint8_t *shared = cxg_dynamic_shared();
  const uint32_t t = threadIdx.x;
  for (uint32_t i = t; i < 4096 / 4; i += 64) reinterpret_cast<uint32_t *>(shared)[i] = word(e, i + blockIdx.x * 1024);
  cxg_syncthreads();
  const uint8_t *row = shared + (t * 37 + 11) % 256 * 16;
  uint32_t r[14] = {};
  cxg_ldmatrix_x1(r, row);
  cxg_ldmatrix_x2(r + 1, row);
  cxg_ldmatrix_x4(r + 3, row);
  cxg_ldmatrix_x1_trans(r + 7, row);
  cxg_ldmatrix_x2_trans(r + 8, row);
  cxg_ldmatrix_x4_trans(r + 10, row);
  for (uint32_t i = 0; i < 14; i++) put(e, (blockIdx.x * 64 + t) * 14 + i, r[i]);
}

template <int SIZE>
CXG_DEVICE void copy_case(cx_env e, uint8_t *shared) {
  const uint32_t t = threadIdx.x, from = t * 48 + blockIdx.x * 32;
  cxg_cp_async<SIZE>(shared + t * SIZE, e.m + from % (INPUT - 64));
  cxg_cp_async_commit();
  cxg_cp_async<SIZE>(shared + (128 + t) * SIZE, e.m + (from + 16) % (INPUT - 64), int(t % (SIZE + 1)));
  cxg_cp_async_commit();
  cxg_cp_async_wait<1>();
  cxg_syncthreads();
  const uint32_t other = (t + 1) % 128, *words = reinterpret_cast<const uint32_t *>(shared);
  for (uint32_t i = 0; i < SIZE / 4; i++) put(e, ((blockIdx.x * 128 + t) * SIZE / 4 + i) * 2, words[other * SIZE / 4 + i]);
  cxg_cp_async_wait<0>();
  cxg_syncthreads();
  for (uint32_t i = 0; i < SIZE / 4; i++) put(e, ((blockIdx.x * 128 + t) * SIZE / 4 + i) * 2 + 1, words[(128 + other) * SIZE / 4 + i]);
}
extern "C" __global__ void __launch_bounds__(128) prim_cp_async4(cx_env e) { copy_case<4>(e, cxg_dynamic_shared()); }
extern "C" __global__ void __launch_bounds__(128) prim_cp_async8(cx_env e) { copy_case<8>(e, cxg_dynamic_shared()); }
extern "C" __global__ void __launch_bounds__(128) prim_cp_async16(cx_env e) { copy_case<16>(e, cxg_dynamic_shared()); }

extern "C" __global__ void __launch_bounds__(128) prim_shuffle(cx_env e) {
  const uint32_t t = blockIdx.x * blockDim.x + threadIdx.x;
  const int v = int(word(e, t)), from = int(word(e, 2 * t + 7) & 31);
  const int64_t wide = int64_t(uint64_t(word(e, 3 * t)) << 32 | word(e, 3 * t + 1));
  put(e, 10 * t, uint32_t(cxg_shfl(v, from)));
  put(e, 10 * t + 1, uint32_t(cxg_shfl_xor(v, 5)));
  put(e, 10 * t + 2, uint32_t(cxg_shfl_xor(v, 16)));
  put(e, 10 * t + 3, uint32_t(cxg_shfl_down(v, 3)));
  put(e, 10 * t + 4, uint32_t(cxg_shfl_up(v, 7)));
  const int64_t w = cxg_shfl(wide, from ^ 1), x = cxg_shfl_down(wide, 16);
  put(e, 10 * t + 5, uint32_t(w));
  put(e, 10 * t + 6, uint32_t(uint64_t(w) >> 32));
  put(e, 10 * t + 7, uint32_t(x));
  put(e, 10 * t + 8, uint32_t(uint64_t(x) >> 32));
  put(e, 10 * t + 9, cxg_ballot((v & 1) != 0));
}

/** All blocks add to the same words: what comes out does not depend on the order. */
extern "C" __global__ void __launch_bounds__(256) prim_atomic(cx_env e) {
  const uint32_t t = blockIdx.x * blockDim.x + threadIdx.x;
  int *shared = reinterpret_cast<int *>(cxg_dynamic_shared()), *out = reinterpret_cast<int *>(e.m + INPUT);
  if (threadIdx.x < 8) shared[threadIdx.x] = 0;
  cxg_syncthreads();
  const int v = int(word(e, t));
  cxg_atomic_add(out + t % 16, v);
  cxg_atomic_min(out + 16 + t % 16, v);
  cxg_atomic_max(out + 32 + t % 16, v);
  cxg_atomic_add(shared + t % 8, v);
  cxg_syncthreads();
  if (threadIdx.x < 8) put(e, 64 + blockIdx.x * 8 + threadIdx.x, uint32_t(shared[threadIdx.x]));
}

#if !defined(__HIP__)
/** Two halves of a block exchange values at barriers of their own, the lanes of a warp at syncwarp. */
extern "C" __global__ void __launch_bounds__(256) prim_sync(cx_env e) {
  uint32_t *shared = reinterpret_cast<uint32_t *>(cxg_dynamic_shared());
  const uint32_t t = threadIdx.x, half = t / 128, lane = t % 128;
  shared[t] = word(e, blockIdx.x * 256 + t);
  cxg_sync_some(int(1 + half), 128);
  const uint32_t other = shared[half * 128 + (lane * 5 + 3) % 128];
  cxg_sync_some(int(1 + half), 128);
  shared[t] = other + t;
  cxg_syncwarp();
  put(e, blockIdx.x * 256 + t, shared[t / 32 * 32 + (t + 9) % 32]);
}
#endif

#endif
