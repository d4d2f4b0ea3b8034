/*
 * Floating point as programs need it: to nearest, ties to even, denormal numbers kept. A host may run with other settings
 * (a library that was linked with -ffast-math makes the whole process flush denormals), so runs set them and put them back.
 */
#ifndef CX_RUNTIME_FLOAT_H
#define CX_RUNTIME_FLOAT_H

#include <stdint.h>

#if defined(__GNUC__) && (defined(__SSE__) || defined(__x86_64__))

typedef uint32_t cx_float_state;

/* MXCSR at reset: all exceptions masked, nothing flushed (Intel SDM volume 1, 10.2.3). */
static inline cx_float_state cx_float_enter(void)
{
    cx_float_state before = __builtin_ia32_stmxcsr();
    if ((before & 0xffc0u) != 0x1f80u)
        __builtin_ia32_ldmxcsr(0x1f80u);
    return before;
}
static inline void cx_float_leave(cx_float_state before) { __builtin_ia32_ldmxcsr(before); }

#elif defined(__GNUC__) && defined(__aarch64__)

typedef uint64_t cx_float_state;

static inline void cx_float_leave(cx_float_state state) { __asm__ __volatile__("msr fpcr, %0" : : "r"(state)); }
static inline cx_float_state cx_float_enter(void)
{
    cx_float_state before;
    __asm__ __volatile__("mrs %0, fpcr" : "=r"(before));
    if (before != 0)
        cx_float_leave(0);
    return before;
}

#else

#include <fenv.h>

typedef int cx_float_state;

static inline cx_float_state cx_float_enter(void)
{
    cx_float_state before = fegetround();
    fesetround(FE_TONEAREST);
    return before;
}
static inline void cx_float_leave(cx_float_state before) { fesetround(before); }

#endif

#endif
