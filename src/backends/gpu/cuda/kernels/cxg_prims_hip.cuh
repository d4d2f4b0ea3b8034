/*
 * cxg_prims.cuh for HIP. Waves have 32 or 64 lanes; a "warp" is 32 of them wherever kernels see one, so shuffles have width 32.
 * mma.m16n8k32 is 32 shuffles and 32 products of four bytes, ldmatrix a shuffle of addresses and loads, cp.async a load and a
 * store: the results of CUDA, not its speed. There is no wgmma.
 */
#ifndef CXG_PRIMS_HIP_CUH
#define CXG_PRIMS_HIP_CUH

#include "cxg_prims_copy.cuh"

#define cxg_assume(condition) __builtin_assume(condition)

/* a test on the CPU says where it is */
#if !defined(cxg_shared_bytes)
extern __shared__ __align__(1024) uint8_t cxg_shared_bytes[];
#endif
CXG_DEVICE uint8_t *cxg_dynamic_shared() { return cxg_shared_bytes; }
CXG_DEVICE uint32_t cxg_shared_address(const void *p) { return uint32_t(static_cast<const uint8_t *>(p) - cxg_shared_bytes); }

/** Four bytes of each: where the processor has v_dot4 the compiler makes one of it. */
CXG_DEVICE int cxg_dp4a(int a, int b, int c) {
#if defined(__gfx906__) || defined(__gfx908__) || defined(__gfx90a__) || defined(__gfx940__) || defined(__gfx942__) || \
    defined(__gfx950__) || \
    defined(__gfx1011__) || defined(__gfx1012__) || defined(__gfx1030__) || defined(__gfx1031__) || defined(__gfx1032__)
  return __builtin_amdgcn_sdot4(a, b, c, false);
#elif defined(__GFX11__) || defined(__GFX12__)
  return __builtin_amdgcn_sudot4(true, a, true, b, c, false);
#else
  uint32_t sum = uint32_t(c);
  CXG_UNROLL for (int i = 0; i < 32; i += 8) sum += uint32_t(int8_t(uint32_t(a) >> i) * int8_t(uint32_t(b) >> i));
  return int(sum);
#endif
}
CXG_DEVICE int cxg_dp4a_us(uint32_t a, int b, int c) {
#if defined(__GFX11__) || defined(__GFX12__)
  return __builtin_amdgcn_sudot4(false, int(a), true, b, c, false);
#else
  uint32_t sum = uint32_t(c);
  CXG_UNROLL for (int i = 0; i < 32; i += 8) sum += uint32_t(int(a >> i & 255) * int8_t(uint32_t(b) >> i));
  return int(sum);
#endif
}
CXG_DEVICE int cxg_mulhi(int a, int b) { return __mulhi(a, b); }
CXG_DEVICE uint32_t cxg_saturated(int v) { return uint32_t(v < -128 ? -128 : v > 127 ? 127 : v) & 255; }
CXG_DEVICE uint32_t cxg_pack_s8(int a, int b, int c, int d) {
  return cxg_saturated(a) | cxg_saturated(b) << 8 | cxg_saturated(c) << 16 | cxg_saturated(d) << 24;
}
CXG_DEVICE uint32_t cxg_byte_perm(uint32_t a, uint32_t b, uint32_t selector) {
  /* v_perm takes a selector of bytes, of which 0 to 3 are its second operand's */
  const uint32_t s = (selector & 7) | (selector & 0x70) << 4 | (selector & 0x700) << 8 | (selector & 0x7000) << 12;
  return __builtin_amdgcn_perm(b, a, s);
}

CXG_DEVICE void cxg_syncthreads() { __syncthreads(); }
/** Barriers of a part of a block are not to be had: kernels that use them are refused by the compiler. */
CXG_DEVICE void cxg_sync_some(int id, int threads) = delete;
CXG_DEVICE void cxg_syncwarp() {
  __builtin_amdgcn_fence(__ATOMIC_ACQ_REL, "wavefront");
  __builtin_amdgcn_wave_barrier();
}

template <typename T>
CXG_DEVICE T cxg_shfl(T v, int lane) {
  return __shfl(v, lane, 32);
}
template <typename T>
CXG_DEVICE T cxg_shfl_xor(T v, int mask) {
  return __shfl_xor(v, mask, 32);
}
template <typename T>
CXG_DEVICE T cxg_shfl_down(T v, int n) {
  return __shfl_down(v, n, 32);
}
template <typename T>
CXG_DEVICE T cxg_shfl_up(T v, int n) {
  return __shfl_up(v, n, 32);
}
/** Of the half of the wave that the lane is in. */
CXG_DEVICE uint32_t cxg_ballot(bool v) {
  const uint64_t all = __ballot(v);
  return uint32_t(warpSize == 64 && (threadIdx.x & 32) != 0 ? all >> 32 : all);
}

/** The sums of a lane: rows g and g + 8, columns 2t and 2t + 1; four columns of a row are in the lanes of its quad. */
template <bool A_UNSIGNED>
CXG_DEVICE void cxg_mma_by_shuffles(int *d, const uint32_t *a, const uint32_t *b) {
  const int lane = cxg_lane(), t = lane & 3;
  CXG_UNROLL for (int q = 0; q < 8; q++) {
    const int half = q / 4, from = (lane & 28) | (q & 3);
    const uint32_t a0 = cxg_shfl(a[2 * half], from), a1 = cxg_shfl(a[2 * half + 1], from);
    const int b0 = int(cxg_shfl(b[half], 8 * t + (q & 3))), b1 = int(cxg_shfl(b[half], 8 * t + 4 + (q & 3)));
    d[0] = A_UNSIGNED ? cxg_dp4a_us(a0, b0, d[0]) : cxg_dp4a(int(a0), b0, d[0]);
    d[1] = A_UNSIGNED ? cxg_dp4a_us(a0, b1, d[1]) : cxg_dp4a(int(a0), b1, d[1]);
    d[2] = A_UNSIGNED ? cxg_dp4a_us(a1, b0, d[2]) : cxg_dp4a(int(a1), b0, d[2]);
    d[3] = A_UNSIGNED ? cxg_dp4a_us(a1, b1, d[3]) : cxg_dp4a(int(a1), b1, d[3]);
  }
}
CXG_DEVICE void cxg_mma_m16n8k32_s8(int *d, const uint32_t *a, const uint32_t *b) { cxg_mma_by_shuffles<false>(d, a, b); }
CXG_DEVICE void cxg_mma_m16n8k32_u8s8(int *d, const uint32_t *a, const uint32_t *b) { cxg_mma_by_shuffles<true>(d, a, b); }

/** Lane i holds bytes 4 (i % 4) on of row i / 4 of each matrix, whose address is lane 8 j + i / 4's. */
template <int COUNT>
CXG_DEVICE void cxg_ldmatrix_by_loads(uint32_t *r, const void *row) {
  const int at = int(cxg_shared_address(row)), lane = cxg_lane();
  CXG_UNROLL for (int j = 0; j < COUNT; j++)
    r[j] = *reinterpret_cast<const uint32_t *>(cxg_shared_bytes + cxg_shfl(at, 8 * j + lane / 4) + lane % 4 * 4);
}
/** Transposed: elements of 16 bits i / 4 of rows 2 (i % 4) and the next. */
template <int COUNT>
CXG_DEVICE void cxg_ldmatrix_trans_by_loads(uint32_t *r, const void *row) {
  const int at = int(cxg_shared_address(row)), lane = cxg_lane();
  CXG_UNROLL for (int j = 0; j < COUNT; j++) {
    const int low = cxg_shfl(at, 8 * j + lane % 4 * 2), high = cxg_shfl(at, 8 * j + lane % 4 * 2 + 1);
    r[j] = uint32_t(*reinterpret_cast<const uint16_t *>(cxg_shared_bytes + low + lane / 4 * 2)) |
           uint32_t(*reinterpret_cast<const uint16_t *>(cxg_shared_bytes + high + lane / 4 * 2)) << 16;
  }
}
CXG_DEVICE void cxg_ldmatrix_x1(uint32_t *r, const void *row) { cxg_ldmatrix_by_loads<1>(r, row); }
CXG_DEVICE void cxg_ldmatrix_x2(uint32_t *r, const void *row) { cxg_ldmatrix_by_loads<2>(r, row); }
CXG_DEVICE void cxg_ldmatrix_x4(uint32_t *r, const void *row) { cxg_ldmatrix_by_loads<4>(r, row); }
CXG_DEVICE void cxg_ldmatrix_x1_trans(uint32_t *r, const void *row) { cxg_ldmatrix_trans_by_loads<1>(r, row); }
CXG_DEVICE void cxg_ldmatrix_x2_trans(uint32_t *r, const void *row) { cxg_ldmatrix_trans_by_loads<2>(r, row); }
CXG_DEVICE void cxg_ldmatrix_x4_trans(uint32_t *r, const void *row) { cxg_ldmatrix_trans_by_loads<4>(r, row); }

template <int SIZE>
CXG_DEVICE void cxg_cp_async(void *to, const void *from, int bytes) {
  static_assert(SIZE == 4 || SIZE == 8 || SIZE == 16, "cp.async copies 4, 8 or 16 bytes");
  cxg_copy_now<SIZE>(to, from, bytes);
}
template <int SIZE>
CXG_DEVICE void cxg_cp_async(void *to, const void *from) {
  cxg_copy_now<SIZE>(to, from, SIZE);
}
CXG_DEVICE void cxg_cp_async_commit() {}
template <int N>
CXG_DEVICE void cxg_cp_async_wait() {}

CXG_DEVICE int cxg_atomic_add(int *p, int v) { return atomicAdd(p, v); }
CXG_DEVICE int cxg_atomic_min(int *p, int v) { return atomicMin(p, v); }
CXG_DEVICE int cxg_atomic_max(int *p, int v) { return atomicMax(p, v); }
/** Past the first-level cache, which holds what other processors wrote only as it was. */
CXG_DEVICE int cxg_load_l2(const int *p) { return __hip_atomic_load(p, __ATOMIC_RELAXED, __HIP_MEMORY_SCOPE_AGENT); }
CXG_DEVICE void cxg_threadfence() { __threadfence(); }

#endif
