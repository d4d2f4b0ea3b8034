/*
 * The part of CUDA's language that kernels are written in, for a C++ compiler: with -DCXG_SHIM the text of a kernel becomes
 * a function that cxg_shim_launch runs, once for each thread. See cxg_prims.cuh for the rules that kernels keep.
 */
#ifndef CXG_SHIM_H
#define CXG_SHIM_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "cxg_shim_launch.h"

#define __global__ __attribute__((visibility("default"), used))
#define __device__
#define __host__
#define __constant__ static const
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(...)
#define __align__(bytes) __attribute__((aligned(bytes)))
/* All shared memory is dynamic, so that a launch says how much there is: cxg_dynamic_shared(). */
#define __shared__ shared variables are not supported, see cxg_dynamic_shared

struct uint3 {
  uint32_t x, y, z;
};
struct dim3 {
  uint32_t x, y, z;
};

#define CXG_VECTOR2(name, type)       \
  struct alignas(8) name##2 {         \
    type x, y;                        \
  };                                  \
  static inline name##2 make_##name##2(type x, type y) { return {x, y}; }
#define CXG_VECTOR4(name, type, size) \
  struct alignas(size) name##4 {      \
    type x, y, z, w;                  \
  };                                  \
  static inline name##4 make_##name##4(type x, type y, type z, type w) { return {x, y, z, w}; }
CXG_VECTOR2(int, int)
CXG_VECTOR2(uint, uint32_t)
CXG_VECTOR4(int, int, 16)
CXG_VECTOR4(uint, uint32_t, 16)
CXG_VECTOR4(char, signed char, 4)
CXG_VECTOR4(uchar, unsigned char, 4)
#undef CXG_VECTOR2
#undef CXG_VECTOR4

/* Of the thread that runs now: a fiber that goes on finds its own again. */
#define CXG_HIDDEN __attribute__((visibility("hidden")))
extern CXG_HIDDEN uint3 threadIdx, blockIdx;
extern CXG_HIDDEN dim3 blockDim, gridDim;

#endif
