/*
 * The machine that compiled programs are written for: WebAssembly's numeric, vector and memory instructions (core
 * specification 2.0, chapters 4.3 and 4.4) as inline C11 functions. Each is named after its instruction with _ for the dot:
 * i32.add is i32_add(a, b), v128.load8x8_s is v128_load8x8_s(m, address, offset), where m is linear memory.
 *
 * Values: i32 is uint32_t, i64 is uint64_t, f32 is float, f64 is double, v128 is 16 bytes, lane 0 first. Signed
 * instructions read the same bits as two's complement. Where WebAssembly traps (division by 0, the smallest integer
 * divided by -1), see cx_machine_scalar.h. Nothing here is undefined for any operands; addresses must lie in memory.
 *
 * Floating point: each instruction rounds once, to nearest, ties to even. So compile with -ffp-contract=off (gcc fuses
 * a * b + c otherwise, and no macro tells) and without -ffast-math or its parts. A NaN is some NaN: bits of NaNs that
 * arithmetic makes differ between processors; programs make them canonical when they leave.
 *
 * v128 has three forms under this one API:
 *   CX_ISA_PORTABLE, an unknown compiler or a GPU   an array of bytes and loops over lanes
 *   gcc and clang, any processor             their vector extensions, loops for what those cannot say
 *   the same with SSE4.1 or NEON             the processor's instructions for the latter
 */
#ifndef CX_MACHINE_H
#define CX_MACHINE_H

#include <float.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if !defined(FLT_EVAL_METHOD) || FLT_EVAL_METHOD != 0
#error "float must be evaluated as float: FLT_EVAL_METHOD has to be 0 (on 32-bit x86: -msse2 -mfpmath=sse)"
#endif
#if defined(__FAST_MATH__) || defined(__ASSOCIATIVE_MATH__) || (defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__)
#error "compile without -ffast-math and its parts: results must be exact to the bit"
#endif
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "programs are laid out for a little-endian processor"
#endif

#if defined(CXM_OP)
/* a GPU: cxg_lift.cuh says what functions are */
#elif defined(__GNUC__)
#define CXM_OP static inline __attribute__((always_inline))
#else
#define CXM_OP static inline
#endif

#if defined(__GNUC__) && !defined(CX_ISA_PORTABLE)
#define CXM_VECTOR 1
#if defined(__SSE4_1__)
#define CXM_X86 1
#include <smmintrin.h>
#elif defined(__aarch64__) && defined(__ARM_NEON)
#define CXM_NEON 1
#include <arm_neon.h>
#endif
#endif

#include "cx_machine_scalar.h"
#include "cx_machine_float.h"
#include "cx_machine_lanes.h"
#if defined(CXM_VECTOR)
#include "cx_machine_vector.h"
#endif
#include "cx_machine_simple.h"
#if defined(CXM_X86)
#include "cx_machine_x86.h"
#elif defined(CXM_NEON)
#include "cx_machine_neon.h"
#else
#include "cx_machine_loops.h"
#endif
#include "cx_machine_rare.h"
#include "cx_machine_memory.h"

#endif
