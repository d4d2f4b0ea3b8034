/*
 * The special instructions that GPU kernels are written with: one function each, with a body for CUDA (sm_75 and newer),
 * one for HIP and one for the shim, which runs the very same kernels on a CPU (../../shim/c). Kernels use nothing else but
 * C++17, threadIdx, blockIdx, blockDim and gridDim.
 *
 * Rules for kernels:
 *   signature      extern "C" __global__ void __launch_bounds__(T) name(cx_env e): one argument, by value
 *   blocks         one-dimensional; T a multiple of 32 where warp instructions are used, of 128 where wgmma is
 *   shared memory  all dynamic: cxg_shared() is its base, aligned to 1024; the launch says how many bytes there are
 *   shared address uint32_t: cxg_shared_address(p) of a pointer into it; ldmatrix, cp.async and wgmma take these
 *   collectives    [W] all 32 lanes of a warp, [G] the 128 threads of a warpgroup, [B] all threads of a block: every one of
 *                  them executes the instruction, in the same order, none has returned before
 *   blocks         never wait for each other; what several blocks write to one place they write by atomics
 *
 * API (static, inline):
 *   int32_t  cxg_dp4a(int32_t a, int32_t b, int32_t c)          c + sum of 4 products, bytes of a and b signed; wraps
 *   int32_t  cxg_dp4a_us(uint32_t a, int32_t b, int32_t c)      the same, bytes of a unsigned
 *   uint32_t cxg_pack_s8(a, b, c, d)                            four int32 saturated to int8, a in the lowest byte
 *   uint32_t cxg_byte_perm(a, b, selector)                      __byte_perm, selectors 0 to 7
 *   void     cxg_mma_s8(int32_t (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2])       [W] d += a b, 16 x 8 x 32
 *   void     cxg_mma_u8s8(...)                                  [W] the same, a unsigned
 *   void     cxg_ldmatrix_x1|x2|x4(uint32_t (&r)[1|2|4], uint32_t row), ..._trans   [W] row: 16-byte aligned shared address
 *   void     cxg_cp_async4|8|16(uint32_t to, const void *from, uint32_t bytes)      copies `bytes`, zeros the rest
 *   void     cxg_cp_async_commit(), cxg_cp_async_wait<N>()      waits until at most N groups of this thread are in flight
 *   void     cxg_sync()                                         [B] barrier
 *   void     cxg_sync_some(id, threads)                         barrier `id` (1 to 15) of whole warps, `threads` in all
 *   void     cxg_sync_warp()                                    [W] barrier and order of memory within a warp
 *   T        cxg_shfl(T v, int lane), cxg_shfl_xor(v, mask), cxg_shfl_down(v, n), cxg_shfl_up(v, n)   [W] T of 4 or 8 bytes
 *   uint32_t cxg_ballot(bool)                                   [W]
 *   int32_t  cxg_atomic_add|min|max(int32_t *p, int32_t v)      the old value; global or shared memory
 *   void     cxg_threadfence()
 *   uint64_t cxg_wgmma_descriptor(uint32_t tile, uint32_t leading, uint32_t stride, CXG_SWIZZLE_...)  offsets in bytes
 *   void     cxg_wgmma_arrive()                                 [G] wgmma.fence: before the first wgmma after registers changed
 *   void     cxg_wgmma_s8<N>(int32_t (&d)[N / 2], uint64_t a, uint64_t b, bool accumulate)   [G] d (+)= a b, 64 x N x 32
 *   void     cxg_wgmma_commit(), cxg_wgmma_wait<N>()            [G]
 *   void     cxg_fence_proxy_async()                            makes this thread's writes of shared memory visible to wgmma
 *   int      cxg_lane(), cxg_warp()                             of this thread; blocks are one-dimensional
 *   cxg_assume(condition)                                       for the optimizer; the shim checks it
 *
 * Fragments (PTX ISA 8.5, 9.7.14.5, m16n8k32): g = lane / 4, t = lane % 4. a[0] is row g, columns 4t to 4t + 3; a[1] is row
 * g + 8; a[2] and a[3] are these at columns + 16. b[0] is column g, rows 4t to 4t + 3; b[1] at rows + 16. d[0], d[1] is row g,
 * columns 2t and 2t + 1; d[2], d[3] is row g + 8. wgmma (9.7.15.5.1): d[i] is row 16 (warp % 4) + g + 8 (i / 2 % 2), column
 * 8 (i / 4) + 2t + i % 2. Both operands of wgmma lie K-major: see cxg_wgmma_descriptor.
 */
#ifndef CXG_PRIMS_CUH
#define CXG_PRIMS_CUH

#include <stddef.h>
#include <stdint.h>

#ifndef CX_ENV_H
#define CX_ENV_H
/** What every kernel is given. */
typedef struct cx_env {
    /** Base of the arena in device memory. */
    uint8_t *m;
    /** Base of the parameter file in device memory; kernels hold offsets as literals. */
    const uint8_t *params;
} cx_env;
#endif

/** Layouts of an operand of wgmma in shared memory; the value is the field of the descriptor. */
#define CXG_SWIZZLE_NONE 0
#define CXG_SWIZZLE_128 1
#define CXG_SWIZZLE_64 2
#define CXG_SWIZZLE_32 3

#if defined(CXG_SHIM)
#include "cxg_shim.h"
#define CXG_DEVICE static inline __attribute__((always_inline))
#elif defined(__HIP__)
#include <hip/hip_runtime.h>
#define CXG_DEVICE static __device__ __forceinline__
#else
#include <cuda_runtime.h>
#define CXG_DEVICE static __device__ __forceinline__
#endif

CXG_DEVICE int cxg_lane() { return int(threadIdx.x & 31u); }
CXG_DEVICE int cxg_warp() { return int(threadIdx.x >> 5); }

/**
 * The descriptor of an operand of wgmma, rows (of A, or columns of B) of 32 bytes each, K-major (PTX ISA 8.5, 9.7.15.5.1.2).
 * Byte k of row r lies at tile + (r / 8) stride + (r % 8) pitch + k, where pitch is the width of the swizzle (128, 64 or 32
 * bytes), with bits 4 to 6 (5, 4) of the address exclusive-ored with bits 7 to 9 (8, 7); without swizzle at
 * tile + (r / 8) stride + (k / 16) leading + (r % 8) 16 + k % 16. `leading` counts only there. `tile` advances by 32 within a
 * swizzled row to reach the next 32 columns; the swizzled tiles themselves begin at multiples of 8 pitches.
 */
CXG_DEVICE uint64_t cxg_wgmma_descriptor(uint32_t tile, uint32_t leading, uint32_t stride, int swizzle) {
  return uint64_t((tile & 0x3ffffu) >> 4) | uint64_t((leading & 0x3ffffu) >> 4) << 16 | uint64_t((stride & 0x3ffffu) >> 4) << 32 |
         uint64_t(swizzle) << 62;
}

#if defined(CXG_SHIM)
#include "cxg_prims_shim.h"
#elif defined(__HIP__)
#include "cxg_prims_hip.cuh"
#else
#include "cxg_prims_cuda.cuh"
#endif

#endif
