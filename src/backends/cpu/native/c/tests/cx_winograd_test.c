/*
 * Winograd against the definition on random layers: `cx_winograd_test SEED COUNT`; `cx_winograd_test bench` times it against
 * the plain matrix product on layers of known networks (milliseconds, ratio).
 */
#define _POSIX_C_SOURCE 199309L
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "../cx_winograd.h"
#include "cx_reference.h"

static void *reserve(size_t bytes, int value) {
  void *p = aligned_alloc(64, (bytes + 4096 + 127) / 64 * 64);
  if (p == NULL) abort();
  memset(p, value, bytes + 4096);
  return p;
}

static void fill(uint8_t *p, size_t bytes, int extreme) {
  for (size_t i = 0; i < bytes; i++) p[i] = extreme ? (uint8_t)((cx_random() >> 9 & 1) ? 0x80 : 0x7f) : (uint8_t)(cx_random() >> 9);
}

static cx_conv layer_of(int32_t batch, int32_t in, int32_t out, int32_t high, int32_t wide, int32_t pad) {
  const cx_conv d = {.batch = batch,
                     .groups = 1,
                     .in_group = in,
                     .out_group = out,
                     .input = {1, high, wide},
                     .output = {1, high + 2 * pad - 2, wide + 2 * pad - 2},
                     .kernel = {1, 3, 3},
                     .stride = {1, 1, 1},
                     .dilation = {1, 1, 1},
                     .begin = {0, pad, pad},
                     .pad = 0x85,
                     .form = CX_FORM_NARROW,
                     .zero = -7,
                     .lo = -128,
                     .hi = 127};
  return d;
}

typedef struct buffers {
  uint8_t *x, *want, *got, *scratch;
  int8_t *w, *u;
  int32_t *table;
  size_t y_bytes;
} buffers;

static buffers buffers_of(const cx_conv *d) {
  const size_t x = (size_t)d->batch * d->in_group * d->input[1] * d->input[2], w = (size_t)d->out_group * d->in_group * 9;
  const size_t y = (size_t)d->batch * d->out_group * d->output[1] * d->output[2] * cx_bytes_of_form(d->form);
  const size_t a = CX_OF_LEVEL(cx_winograd_scratch_)(d), b = CX_OF_LEVEL(cx_conv_scratch_)(d);
  buffers r = {reserve(x, 0),     reserve(y, 0xa5), reserve(y, 0xa5), reserve(a > b ? a : b, 0x5a), reserve(w, 0), reserve(CX_OF_LEVEL(cx_winograd_weights_bytes_)(d), 0x5a),
               reserve((size_t)d->out_group * CX_ENTRY_BYTES, 0), y};
  fill(r.x, x, cx_between(0, 2) == 0);
  fill((uint8_t *)r.w, w, cx_between(0, 2) == 0);
  cx_random_table(d->form, d->in_group * 9, d->out_group, r.table);
  CX_OF_LEVEL(cx_winograd_weights_)(d, r.w, r.u);
  return r;
}

static void release(buffers *b) { free(b->x), free(b->want), free(b->got), free(b->scratch), free(b->w), free(b->table), free(b->u); }

static int test(void) {
  cx_conv d = layer_of(cx_between(1, 2), cx_between(1, 40), cx_between(1, 30), cx_between(3, 40), cx_between(3, 40), cx_between(0, 2));
  d.is_unsigned = cx_between(0, 1);
  d.form = cx_between(0, 1) ? CX_FORM_NARROW : cx_between(CX_FORM_I32, CX_FORM_WIDE16);
  if (d.form == CX_FORM_WIDE16) d.lo = -32768, d.hi = 32767;
  buffers b = buffers_of(&d);
  const uint32_t threads = (uint32_t)cx_between(1, 4);
  cx_reference_conv(&d, b.x, b.w, b.table, b.want);
  for (uint32_t t = 0; t < threads; t++) {
    const cx_layer l = {b.x, b.w, b.table, b.got, b.scratch, t, threads};
    CX_OF_LEVEL(cx_winograd_)(&d, &l, b.u);
  }
  const int bad = memcmp(b.want, b.got, b.y_bytes + 64) != 0;
  if (bad)
    printf("batch %d channels %d -> %d input %d,%d begin %d u%d form %d threads %u\n", d.batch, d.in_group, d.out_group, d.input[1], d.input[2], d.begin[1], d.is_unsigned,
           d.form, threads);
  release(&b);
  return bad;
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void bench(void) {
  static const int32_t layers[][3] = {{64, 64, 56}, {128, 128, 28}, {256, 256, 14}, {512, 512, 7}, {16, 64, 55}, {32, 128, 27}, {48, 192, 13}, {64, 256, 13}, {512, 512, 14}};
  for (size_t i = 0; i < sizeof layers / sizeof *layers; i++) {
    const cx_conv d = layer_of(1, layers[i][0], layers[i][1], layers[i][2], layers[i][2], 1);
    buffers b = buffers_of(&d);
    const cx_layer l = {b.x, b.w, b.table, b.got, b.scratch, 0, 1};
    double best = 1e9, plain = 1e9;
    for (int round = 0; round < 12; round++) {
      double start = now();
      CX_OF_LEVEL(cx_winograd_)(&d, &l, b.u);
      best = now() - start < best ? now() - start : best;
      start = now();
      CX_OF_LEVEL(cx_conv_)(&d, &l);
      plain = now() - start < plain ? now() - start : plain;
    }
    const double macs = 9.0 * d.in_group * d.out_group * d.output[1] * d.output[2];
    printf("%4d -> %4d %3d: winograd %7.3f ms %6.1f GMAC/s, plain %7.3f ms %6.1f GMAC/s, %.2fx\n", d.in_group, d.out_group, d.input[2], best, macs / best / 1e6, plain,
           macs / plain / 1e6, plain / best);
    release(&b);
  }
}

int main(int argc, char **argv) {
  if (argc > 1 && strcmp(argv[1], "bench") == 0) {
    bench();
    return 0;
  }
  cx_seed = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) * 2654435761u + 1 : 1;
  const int count = argc > 2 ? atoi(argv[2]) : 200;
  int failures = 0;
  for (int i = 0; i < count && failures < 10; i++) failures += test();
  printf("%d of %d layers differ\n", failures, count);
  return failures > 0;
}
