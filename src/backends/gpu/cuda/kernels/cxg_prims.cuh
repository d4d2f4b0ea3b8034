/*
 * The special instructions that GPU kernels are written with: one function each, with a body for CUDA (sm_75 and newer),
 * one for HIP and one for the shim, which runs the very same kernels on a CPU (../../shim/c). Kernels use nothing else but
 * C++17, threadIdx, blockIdx, blockDim and gridDim.
 *
 * Rules for kernels:
 *   signature      extern "C" __global__ void __launch_bounds__(T) name(cx_env e): one argument, by value
 *   blocks         one-dimensional; T a multiple of 32 where warp instructions are used, of 128 where wgmma is. They never wait
 *                  for each other; what several blocks write to one place they write by atomics
 *   shared memory  all dynamic, no __shared__ variables: the launch says how many bytes there are
 *   collectives    [W] all 32 lanes of a warp, [G] the 128 threads of a warpgroup, [B] all threads of a block: every one of
 *                  them executes the instruction, in the same order, none has returned before
 *
 * API, all inline:
 *   uint8_t *cxg_dynamic_shared()                               shared memory of the block, aligned to 1024
 *   int      cxg_dp4a(int a, int b, int c)                      c + sum of 4 products, bytes of a and b signed; wraps
 *   int      cxg_dp4a_us(uint32_t a, int b, int c)              the same, bytes of a unsigned
 *   int      cxg_mulhi(int a, int b)                            upper half of the product
 *   uint32_t cxg_pack_s8(int a, int b, int c, int d)            four int32 saturated to int8, a in the lowest byte
 *   uint32_t cxg_byte_perm(a, b, selector)                      __byte_perm, selectors 0 to 7
 *   void     cxg_mma_m16n8k32_s8(int *d, const uint32_t *a, const uint32_t *b)    [W] d[4] += a[4] b[2], 16 x 8 x 32
 *   void     cxg_mma_m16n8k32_u8s8(...)                         [W] the same, a unsigned
 *   void     cxg_ldmatrix_x1|x2|x4(uint32_t *r, const void *row), cxg_ldmatrix_x1|x2|x4_trans   [W] row: shared, 16-byte aligned
 *   void     cxg_cp_async<4|8|16>(void *to, const void *from)   global to shared, both aligned to the size
 *   void     cxg_cp_async<4|8|16>(to, from, int bytes)          copies `bytes` and zeros the rest
 *   void     cxg_cp_async_commit(), cxg_cp_async_wait<N>()      waits until at most N groups of this thread are in flight
 *   void     cxg_syncthreads()                                  [B] barrier
 *   void     cxg_sync_some(int id, int threads)                 barrier `id` (1 to 15) of whole warps, `threads` in all
 *   void     cxg_syncwarp()                                     [W] barrier and order of memory within a warp
 *   T        cxg_shfl(T v, int lane), cxg_shfl_xor(v, mask), cxg_shfl_down(v, n), cxg_shfl_up(v, n)   [W] T of 4 or 8 bytes
 *   uint32_t cxg_ballot(bool)                                   [W]
 *   int      cxg_atomic_add|min|max(int *p, int v)              the old value; global or shared memory
 *   int      cxg_load_l2(const int *p)                          past the L1 cache: sees what other blocks wrote by atomics
 *   void     cxg_threadfence()
 *   uint64_t cxg_wgmma_descriptor(const void *tile[, leading, stride, swizzle])     offsets in bytes; by default 128-byte rows
 *   void     cxg_wgmma_fence()                                  [G] before the first wgmma after registers were used otherwise
 *   void     cxg_wgmma_m64k32_s8<N>(int *d, uint64_t a, uint64_t b)                 [G] d[N / 2] += a b, 64 x N x 32
 *   void     cxg_wgmma_commit(), cxg_wgmma_wait<N>()            [G]
 *   void     cxg_fence_proxy_async()                            makes this thread's writes of shared memory visible to wgmma
 *   int      cxg_lane(), cxg_warp()                             of this thread
 *   cxg_assume(condition)                                       for the optimizer; the shim checks it
 *   CXG_DEVICE, CXG_UNROLL                                      before a function or member; before a loop
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
#define CXG_DEVICE inline __attribute__((always_inline))
#define CXG_UNROLL
#else
#if defined(__HIP__)
#include <hip/hip_runtime.h>
#else
#include <cuda_runtime.h>
#endif
#define CXG_DEVICE __device__ __forceinline__
#define CXG_UNROLL _Pragma("unroll")
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
CXG_DEVICE uint64_t cxg_wgmma_descriptor_at(uint32_t tile, uint32_t leading, uint32_t stride, int swizzle) {
  return uint64_t((tile & 0x3ffffu) >> 4) | uint64_t((leading & 0x3ffffu) >> 4) << 16 | uint64_t((stride & 0x3ffffu) >> 4) << 32 |
         uint64_t(swizzle) << 62;
}

/** Whether the architecture that is compiled for has wgmma; kernels that would use it elsewhere must not start. */
#if defined(CXG_SHIM) || defined(__CUDA_ARCH_FEAT_SM90_ALL)
#define CXG_HAS_WGMMA 1
#else
#define CXG_HAS_WGMMA 0
#endif
CXG_DEVICE void cxg_trap() {
#if defined(__HIP__)
  __builtin_trap();
#elif !defined(CXG_SHIM)
  __trap();
#endif
}

#if defined(CXG_SHIM)
#include "cxg_prims_shim.h"
#elif defined(__HIP__)
#include "cxg_prims_hip.cuh"
#else
#include "cxg_prims_cuda.cuh"
#endif

CXG_DEVICE uint64_t cxg_wgmma_descriptor(const void *tile, uint32_t leading = 16, uint32_t stride = 1024,
                                         int swizzle = CXG_SWIZZLE_128) {
  return cxg_wgmma_descriptor_at(cxg_shared_address(tile), leading, stride, swizzle);
}

#endif
