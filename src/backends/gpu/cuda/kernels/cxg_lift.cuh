/*
 * What programs of the SIMD machine need to run on a GPU: its instructions (cx_machine.h, in the form of loops over lanes) as
 * functions of the device, and what generated kernels are made of. Threads of a kernel stand for the machine's threads: the
 * thread's number is its place in the grid.
 *
 * Compile with -fmad=false -prec-div=true -prec-sqrt=true -ftz=false (CUDA) or -ffp-contract=off (HIP and the shim): every
 * operation of floats rounds once, to nearest, and keeps denormal numbers (CUDA C++ programming guide, "Mathematical functions";
 * floating point and IEEE 754, section 4).
 */
#ifndef CXG_LIFT_CUH
#define CXG_LIFT_CUH

#include "cxg_prims.cuh"

#if defined(CXG_SHIM)
#define CXM_OP static inline __attribute__((always_inline))
/** Before a function of the program. */
#define CXG_FUNCTION static
#else
#define CXM_GPU 1
#define CXM_OP static __device__ __forceinline__
#define CXG_FUNCTION static __device__
#endif
#define CX_ISA_PORTABLE 1
#include "cx_machine.h"

/** A kernel of `threads` threads a block. */
#define CXG_KERNEL(name, threads) extern "C" __global__ void __launch_bounds__(threads) name(cx_env e)
/** This thread's number in the grid, and the threads of the grid: grids of lifted steps have one dimension. */
#define CXG_THREAD ((uint32_t)(blockIdx.x * blockDim.x + threadIdx.x))
#define CXG_THREADS ((uint32_t)(gridDim.x * blockDim.x))

#endif
