/*
 * The levels (instruction sets) of a program and what the processor at hand can run. This file is compiled without the
 * flags of any level, so that it can say no on a processor that has none of them.
 *
 * CX_ONLY_LEVEL: one level alone is linked (-DCX_ONLY_LEVEL=avx2), as for a library that is made and used on one machine.
 * CX_NEEDS_LEVEL: the level whose instructions it was compiled to, when it is emulated.
 */
#include "cx_runtime_levels.h"

#include <string.h>

#if defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#endif

#if defined(__GNUC__) && (defined(__x86_64__) || defined(__i386__))
#define ON_X86 1
#include <cpuid.h>
#endif

#if defined(CX_ONLY_LEVEL)
#define DECLARE(name) CX_EXPAND(cx_program_, name)
#define QUOTE(name) #name
#define NAME(name) QUOTE(name)
extern const cx_program DECLARE(CX_ONLY_LEVEL);
#if !defined(CX_NEEDS_LEVEL)
#define CX_NEEDS_LEVEL CX_ONLY_LEVEL
#endif
const cx_level cx_levels[] = {{NAME(CX_ONLY_LEVEL), &DECLARE(CX_ONLY_LEVEL), NAME(CX_NEEDS_LEVEL)}, {NULL, NULL, NULL}};
#else
extern const cx_program cx_program_portable;
#if defined(__GNUC__) && defined(__x86_64__)
extern const cx_program cx_program_sse41, cx_program_avx2, cx_program_avxvnni, cx_program_avx512vnni;
#elif defined(__GNUC__) && defined(__aarch64__)
extern const cx_program cx_program_neon, cx_program_neondot;
#endif
const cx_level cx_levels[] = {
    {"portable", &cx_program_portable, "portable"},
#if defined(__GNUC__) && defined(__x86_64__)
    {"sse41", &cx_program_sse41, "sse41"},
    {"avx2", &cx_program_avx2, "avx2"},
    {"avxvnni", &cx_program_avxvnni, "avxvnni"},
    {"avx512vnni", &cx_program_avx512vnni, "avx512vnni"},
#elif defined(__GNUC__) && defined(__aarch64__)
    {"neon", &cx_program_neon, "neon"},
    {"neondot", &cx_program_neondot, "neondot"},
#endif
    {NULL, NULL, NULL},
};
#endif

#if defined(ON_X86)

/* CPUID leaves and bits: Intel SDM volume 2A, CPUID; XCR0: volume 1, chapter 13. */
typedef struct processor {
    unsigned ecx1, ebx7, ecx7, eax7_1;
    /** Register state that the system saves: bit 1 xmm, 2 ymm, 5 to 7 zmm and masks. */
    unsigned saved;
} processor;

static processor this_processor(void)
{
    processor p = {0, 0, 0, 0, 0};
    unsigned eax, ebx, ecx, edx;
    if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx))
        return p;
    p.ecx1 = ecx;
    if (ecx >> 27 & 1) {
        unsigned high;
        __asm__("xgetbv" : "=a"(p.saved), "=d"(high) : "c"(0));
    }
    if (__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx)) {
        p.ebx7 = ebx;
        p.ecx7 = ecx;
        if (eax >= 1 && __get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx))
            p.eax7_1 = eax;
    }
    return p;
}

static int has(unsigned word, unsigned bit) { return (int)(word >> bit & 1); }

static int has_instructions(const char *level)
{
    processor p = this_processor();
    int sse41 = has(p.ecx1, 9) && has(p.ecx1, 19);
    /* FMA, MOVBE and BMI come with AVX2 on every processor; -mavx2 alone uses none of them */
    int avx2 = sse41 && has(p.ecx1, 28) && (p.saved & 6) == 6 && has(p.ebx7, 5);
    int avx512 = avx2 && (p.saved & 0xe6) == 0xe6 && has(p.ebx7, 16) && has(p.ebx7, 17) && has(p.ebx7, 30) && has(p.ebx7, 31);
    if (strcmp(level, "sse41") == 0)
        return sse41;
    if (strcmp(level, "avx2") == 0)
        return avx2;
    if (strcmp(level, "avxvnni") == 0)
        return avx2 && has(p.eax7_1, 4);
    if (strcmp(level, "avx512vnni") == 0)
        return avx512 && has(p.ecx7, 11);
    return 0;
}

#elif defined(__GNUC__) && defined(__aarch64__)

static int has_instructions(const char *level)
{
    /* vector instructions are part of AArch64's base */
    if (strcmp(level, "neon") == 0)
        return 1;
    if (strcmp(level, "neondot") != 0)
        return 0;
#if defined(__APPLE__)
    return 1;
#elif defined(__linux__)
    /* HWCAP_ASIMDDP, Documentation/arch/arm64/elf_hwcaps.rst */
    return (getauxval(AT_HWCAP) >> 20 & 1) != 0;
#else
    return 0;
#endif
}

#else

static int has_instructions(const char *level)
{
    (void)level;
    return 0;
}

#endif

int cx_processor_has(const char *level) { return strcmp(level, "portable") == 0 || has_instructions(level); }

const char *cx_level_name(uint32_t index)
{
    for (uint32_t i = 0; cx_levels[i].name != NULL; i++)
        if (i == index)
            return cx_levels[i].name;
    return NULL;
}

static void list_levels(char *to, size_t bytes, int running)
{
    size_t used = 0;
    to[0] = '\0';
    for (const cx_level *l = cx_levels; l->name != NULL; l++) {
        size_t length = strlen(l->name);
        if ((running && !cx_processor_has(l->needs)) || used + length + 3 > bytes)
            continue;
        if (used > 0) {
            memcpy(to + used, ", ", 2);
            used += 2;
        }
        memcpy(to + used, l->name, length + 1);
        used += length;
    }
    if (used == 0)
        memcpy(to, "none", 5);
}

const cx_level *cx_choose_level(const char *name, cx_failure *failure)
{
    const cx_level *best = NULL;
    char names[128];
    int any = name == NULL || name[0] == '\0';
    for (const cx_level *l = cx_levels; l->name != NULL; l++) {
        if (any && cx_processor_has(l->needs))
            best = l;
        if (any || strcmp(l->name, name) != 0)
            continue;
        if (cx_processor_has(l->needs))
            return l;
        list_levels(names, sizeof names, 1);
        cx_fail(failure, CX_BAD_LEVEL, "this processor lacks the instruction set %s; of this program it runs: %s", l->needs, names);
        return NULL;
    }
    if (best != NULL)
        return best;
    list_levels(names, sizeof names, 0);
    if (any)
        cx_fail(failure, CX_BAD_LEVEL, "this processor has none of the instruction sets of the program: %s", names);
    else
        cx_fail(failure, CX_BAD_LEVEL, "the program has no instruction set %.40s; it has: %s", name, names);
    return NULL;
}
