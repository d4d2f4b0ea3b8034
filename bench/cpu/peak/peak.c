/* Greatest multiply-accumulate rate of one core for 8- and 16-bit integers: chains of the instruction on registers, no memory.
 *
 *   cc -O2 -march=native -pthread peak.c -o peak && ./peak MILLISECONDS THREADS
 *
 * Prints a line for each instruction sequence that the compiler was allowed to use: name, tab, 10^9 multiply-accumulates a second, all
 * threads together. A multiply-accumulate is one product of two narrow integers added to a 32-bit sum.
 */
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

enum { ROUNDS = 4096, CHAINS = 10 };

/* Makes the compiler believe that a register changed, so that nothing leaves the loop. */
#if defined(__x86_64__)
#define TOUCH(v) __asm__ volatile("" : "+x"(v))
#else
#define TOUCH(v) __asm__ volatile("" : "+w"(v))
#endif

/*
 * One multiplication added to each of ten sums: enough sums to hide the latency, few enough for sixteen registers. TOUCH on the operands
 * keeps the products from being common to all.
 */
#define STEP(k, NEXT)                                                                                                                  \
  TOUCH(a);                                                                                                                            \
  sum##k = NEXT(sum##k);                                                                                                               \
  TOUCH(sum##k);
#define CHAIN(NAME, VECTOR, ZERO, NEXT)                                                                                                \
  static void NAME(void) {                                                                                                             \
    VECTOR a = ZERO, b = ZERO, ones = ZERO;                                                                                            \
    VECTOR sum0 = ZERO, sum1 = ZERO, sum2 = ZERO, sum3 = ZERO, sum4 = ZERO, sum5 = ZERO, sum6 = ZERO, sum7 = ZERO, sum8 = ZERO;         \
    VECTOR sum9 = ZERO;                                                                                                                \
    TOUCH(ones);                                                                                                                       \
    TOUCH(b);                                                                                                                          \
    for (int i = 0; i < ROUNDS; i++) {                                                                                                 \
      STEP(0, NEXT) STEP(1, NEXT) STEP(2, NEXT) STEP(3, NEXT) STEP(4, NEXT)                                                            \
      STEP(5, NEXT) STEP(6, NEXT) STEP(7, NEXT) STEP(8, NEXT) STEP(9, NEXT)                                                            \
    }                                                                                                                                  \
    (void)ones;                                                                                                                        \
  }

#if defined(__SSE4_1__)
#define SSE_MADD(s) _mm_add_epi32(s, _mm_madd_epi16(a, b))
CHAIN(sse_madd, __m128i, _mm_setzero_si128(), SSE_MADD)
#endif
#if defined(__AVX2__)
#define AVX2_MADD(s) _mm256_add_epi32(s, _mm256_madd_epi16(a, b))
CHAIN(avx2_madd, __m256i, _mm256_setzero_si256(), AVX2_MADD)
#define AVX2_MADDUBS(s) _mm256_add_epi32(s, _mm256_madd_epi16(_mm256_maddubs_epi16(a, b), ones))
CHAIN(avx2_maddubs, __m256i, _mm256_setzero_si256(), AVX2_MADDUBS)
#endif
#if defined(__AVXVNNI__)
#define AVX_VNNI(s) _mm256_dpbusd_avx_epi32(s, a, b)
CHAIN(avx_vnni, __m256i, _mm256_setzero_si256(), AVX_VNNI)
#elif defined(__AVX512VNNI__) && defined(__AVX512VL__)
#define AVX_VNNI(s) _mm256_dpbusd_epi32(s, a, b)
CHAIN(avx_vnni, __m256i, _mm256_setzero_si256(), AVX_VNNI)
#endif
#if defined(__AVX512VNNI__)
#define AVX512_VNNI(s) _mm512_dpbusd_epi32(s, a, b)
CHAIN(avx512_vnni, __m512i, _mm512_setzero_si512(), AVX512_VNNI)
#endif
#if defined(__aarch64__)
/* Two widening products into 16 bits, then a pairwise sum into 32. */
static int32x4_t neon_step(int32x4_t sum, int32x4_t a, int32x4_t b) {
  const int8x16_t x = vreinterpretq_s8_s32(a), y = vreinterpretq_s8_s32(b);
  return vpadalq_s16(sum, vmlal_high_s8(vmull_s8(vget_low_s8(x), vget_low_s8(y)), x, y));
}
#define NEON_MLAL(s) neon_step(s, a, b)
CHAIN(neon_mlal, int32x4_t, vdupq_n_s32(0), NEON_MLAL)
#if defined(__ARM_FEATURE_DOTPROD)
#define NEON_SDOT(s) vdotq_s32(s, vreinterpretq_s8_s32(a), vreinterpretq_s8_s32(b))
CHAIN(neon_sdot, int32x4_t, vdupq_n_s32(0), NEON_SDOT)
#endif
#endif

struct sequence {
  const char *name;
  void (*run)(void);
  /* Multiply-accumulates of one run. */
  double macs;
};

static const struct sequence SEQUENCES[] = {
#if defined(__SSE4_1__)
    {"pmaddwd + paddd, 128 bit", sse_madd, CHAINS * 8.0 * ROUNDS},
#endif
#if defined(__AVX2__)
    {"vpmaddwd + vpaddd, 256 bit", avx2_madd, CHAINS * 16.0 * ROUNDS},
    {"vpmaddubsw + vpmaddwd + vpaddd, 256 bit", avx2_maddubs, CHAINS * 32.0 * ROUNDS},
#endif
#if defined(__AVXVNNI__) || (defined(__AVX512VNNI__) && defined(__AVX512VL__))
    {"vpdpbusd, 256 bit", avx_vnni, CHAINS * 32.0 * ROUNDS},
#endif
#if defined(__AVX512VNNI__)
    {"vpdpbusd, 512 bit", avx512_vnni, CHAINS * 64.0 * ROUNDS},
#endif
#if defined(__aarch64__)
    {"smull + smlal2 + sadalp, 128 bit", neon_mlal, CHAINS * 16.0 * ROUNDS},
#if defined(__ARM_FEATURE_DOTPROD)
    {"sdot, 128 bit", neon_sdot, CHAINS * 16.0 * ROUNDS},
#endif
#endif
    {NULL, NULL, 0},
};

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

struct job {
  const struct sequence *sequence;
  double seconds;
  /* Best rate of the slices that the time is cut into: other work on the machine only lowers it. */
  double best;
};

static void *work(void *argument) {
  struct job *job = argument;
  const double end = now() + job->seconds;
  job->sequence->run();
  while (now() < end) {
    const double started = now();
    for (int i = 0; i < 8; i++) job->sequence->run();
    const double rate = 8 * job->sequence->macs / (now() - started);
    if (rate > job->best) job->best = rate;
  }
  return NULL;
}

int main(int argc, char **argv) {
  const double seconds = (argc > 1 ? atof(argv[1]) : 200) / 1000;
  const int threads = argc > 2 ? atoi(argv[2]) : 1;
  enum { MOST = 64 };
  if (threads < 1 || threads > MOST) return 2;
  for (const struct sequence *s = SEQUENCES; s->name != NULL; s++) {
    pthread_t thread[MOST];
    struct job job[MOST];
    double sum = 0;
    for (int t = 0; t < threads; t++) {
      job[t] = (struct job){s, seconds, 0};
      if (pthread_create(&thread[t], NULL, work, &job[t]) != 0) return 1;
    }
    for (int t = 0; t < threads; t++) {
      pthread_join(thread[t], NULL);
      sum += job[t].best;
    }
    printf("%s\t%.2f\n", s->name, sum / 1e9);
  }
  return 0;
}
