/*
 * The multiply-accumulate peak of one core at the level that this file is compiled for: chains of cx_dot in registers, no memory.
 * Prints 10^9 multiply-accumulates a second, the best of many slices of a quarter of a second. Not part of any program.
 */
#define _POSIX_C_SOURCE 200809L
#include "cx_isa.h"

#include <stdio.h>
#include <time.h>

/* Ten sums hide the latency of a product and fit into sixteen registers. Each depends on itself, so that no product is common. */
enum { CHAINS = 10, ROUNDS = 10000 };

/* Keeps the steps in their order: a compiler that starts all products first runs out of registers. */
#if defined(CX_ISA_PORTABLE)
#define TOUCH(v)
#elif defined(__x86_64__)
#define TOUCH(v) __asm__ volatile("" : "+x"(v));
#elif defined(__aarch64__)
#define TOUCH(v) __asm__ volatile("" : "+w"(v));
#else
#define TOUCH(v)
#endif

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static CX_ALIGNED int32_t memory[CHAINS * CX_LANES];

#define LOAD(k) cx_v s##k = cx_load(memory + k * CX_LANES);
#define NEXT(k) s##k = cx_dot(s##k, s##k, word); TOUCH(s##k)
#define STORE(k) cx_store(memory + k * CX_LANES, s##k);
#define ALL(DO) DO(0) DO(1) DO(2) DO(3) DO(4) DO(5) DO(6) DO(7) DO(8) DO(9)

static void run(int32_t word) {
  ALL(LOAD)
  for (int i = 0; i < ROUNDS; i++) {
    ALL(NEXT)
    ALL(NEXT)
  }
  ALL(STORE)
}

int main(int argc, char **argv) {
  (void)argv;
  const int32_t word = argc * 0x00030001;
  const double macs = 2.0 * CHAINS * ROUNDS * CX_LANES * CX_DEPTH, end = now() + 0.25;
  double best = 0;
  for (int i = 0; i < CHAINS * CX_LANES; i++) memory[i] = i;
  run(word);
  while (now() < end) {
    const double started = now();
    run(word);
    const double rate = macs / (now() - started);
    if (rate > best) best = rate;
  }
  printf("%.3f %d\n", best / 1e9, (int)(memory[0] & 1));
  return 0;
}
