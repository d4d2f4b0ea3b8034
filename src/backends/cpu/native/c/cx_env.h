/*
 * What generated functions and kernels are given, and the name of the instruction set that they are compiled for.
 */
#ifndef CX_ENV_H
#define CX_ENV_H

#include <stdint.h>

/** The state of one opened program, the same for every thread. */
typedef struct cx_env {
    /** Linear memory, aligned to a page; readable past every buffer as far as the memory plan says. */
    uint8_t *m;
    /** The bytes of each parameter, aligned to 64, read-only, in the order of cx_program.parameters. */
    const uint8_t *const *params;
} cx_env;

/*
 * CX_ISA_NAME: the level that this file is compiled for. One program holds several levels side by side, so what a level
 * exports carries its name.
 */
#if defined(CX_ISA_SSE41)
#define CX_ISA_NAME sse41
#elif defined(CX_ISA_AVX2)
#define CX_ISA_NAME avx2
#elif defined(CX_ISA_AVXVNNI)
#define CX_ISA_NAME avxvnni
#elif defined(CX_ISA_AVX512VNNI)
#define CX_ISA_NAME avx512vnni
#elif defined(CX_ISA_NEON)
#define CX_ISA_NAME neon
#elif defined(CX_ISA_NEONDOT)
#define CX_ISA_NAME neondot
#else
#define CX_ISA_NAME portable
#endif

#define CX_PASTE(a, b) a##b
#define CX_EXPAND(a, b) CX_PASTE(a, b)
/** cx_program_avx2 and so on. */
#define CX_PROGRAM CX_EXPAND(cx_program_, CX_ISA_NAME)

#endif
