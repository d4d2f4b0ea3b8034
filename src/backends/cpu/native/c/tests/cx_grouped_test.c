/*
 * Convolution by grouped weights against the definition on random layers: `cx_grouped_test SEED COUNT`; `cx_grouped_test bench
 * [MODEL]` times it against the plain matrix product on layers of known networks with bell-shaped weights (milliseconds, ratio).
 */
#define _POSIX_C_SOURCE 199309L
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "../cx_grouped.h"
#include "cx_reference.h"

static void *reserve(size_t bytes, int value) {
  void *p = aligned_alloc(64, (bytes + 4096 + 127) / 64 * 64);
  if (p == NULL) abort();
  memset(p, value, bytes + 4096);
  return p;
}

/* Weights [channels][inner]: of the whole range, extreme, mostly zero, or bell-shaped with the largest of each channel at 127. */
enum { UNIFORM, EXTREME, SPARSE, BELL };
static void fill_weights(int8_t *w, size_t channels, size_t inner, int kind) {
  int32_t *row = malloc(inner * sizeof *row);
  for (size_t c = 0; c < channels; c++) {
    int32_t most = 1;
    for (size_t i = 0; i < inner; i++) {
      int32_t sum = 0;
      for (int k = 0; k < 8; k++) sum += cx_between(-4000, 4000);
      row[i] = sum;
      most = sum > most ? sum : -sum > most ? -sum : most;
    }
    for (size_t i = 0; i < inner; i++) {
      const int8_t any = (int8_t)(cx_random() >> 9), extreme = cx_random() >> 9 & 1 ? -128 : 127;
      const int8_t sparse = cx_random() >> 9 & 15 ? 0 : extreme;
      w[c * inner + i] = kind == UNIFORM ? any : kind == EXTREME ? extreme : kind == SPARSE ? sparse : (int8_t)(row[i] * 127 / most);
    }
  }
  free(row);
}

typedef struct buffers {
  uint8_t *x, *want, *got, *scratch, *grouped;
  int8_t *w;
  int32_t *table;
  size_t y_bytes, scratch_bytes, grouped_bytes;
} buffers;

static buffers buffers_of(const cx_conv *d, int kind) {
  const size_t inner = (size_t)d->in_group * d->kernel[0] * d->kernel[1] * d->kernel[2], out = (size_t)d->out_group;
  const size_t x = (size_t)d->batch * d->in_group * d->input[0] * d->input[1] * d->input[2];
  const size_t y = (size_t)d->batch * out * d->output[0] * d->output[1] * d->output[2] * cx_bytes_of_form(d->form);
  const size_t scratch = CX_OF_LEVEL(cx_grouped_scratch_)(d), grouped = CX_OF_LEVEL(cx_grouped_weights_bytes_)(d);
  buffers b = {reserve(x, 0), reserve(y, 0xa5), reserve(y, 0xa5), reserve(scratch, 0x5a), reserve(grouped, 0x5a), malloc(out * inner + 1), malloc(out * CX_ENTRY_BYTES + 1),
               y, scratch, grouped};
  const int extreme = cx_between(0, 2) == 0;
  for (size_t i = 0; i < x + 4096; i++) b.x[i] = extreme ? (uint8_t)((cx_random() >> 9 & 1) ? 0x80 : 0x7f) : (uint8_t)(cx_random() >> 9);
  fill_weights(b.w, out, inner, kind);
  cx_random_table(d->form, (int32_t)inner, d->out_group, b.table);
  memset(b.grouped, 0, 64);
  CX_OF_LEVEL(cx_grouped_weights_)(d, b.w, b.grouped);
  return b;
}

/* 64 bytes behind each buffer stay as they were. */
static int is_overrun(const buffers *b) {
  int bad = 0;
  for (size_t i = 0; i < 64; i++) bad |= b->scratch[b->scratch_bytes + i] != 0x5a || b->grouped[b->grouped_bytes + i] != 0x5a;
  return bad;
}

static void release(buffers *b) { free(b->x), free(b->want), free(b->got), free(b->scratch), free(b->grouped), free(b->w), free(b->table); }

static cx_conv random_layer(void) {
  cx_conv d = {.batch = cx_between(0, 3) == 0 ? cx_between(2, 5) : 1, .groups = 1};
  const int pointwise = cx_between(0, 1), wide = cx_between(0, 1);
  d.in_group = wide ? cx_between(1, pointwise ? 700 : 80) : cx_between(1, 20);
  d.out_group = cx_between(1, 60);
  for (int i = 0; i < 3; i++) {
    const int used = i > 0 || cx_between(0, 9) == 0;
    d.kernel[i] = used && !pointwise ? cx_between(1, 4) : 1;
    d.stride[i] = used && cx_between(0, 1) ? cx_between(1, 3) : 1;
    d.dilation[i] = used && cx_between(0, 3) == 0 ? 2 : 1;
    d.input[i] = used ? cx_between(1, i == 0 ? 4 : 17) : 1;
    d.begin[i] = used && cx_between(0, 1) ? cx_between(0, 3) : 0;
    if (pointwise && wide) d.begin[i] = 0, d.stride[i] = 1;
    const int reach = 2 * d.begin[i] + d.input[i] - (d.kernel[i] - 1) * d.dilation[i] - 1;
    d.output[i] = reach < 0 ? 0 : reach / d.stride[i] + 1;
  }
  d.is_unsigned = cx_between(0, 1);
  d.pad = cx_between(0, 255);
  d.form = cx_between(0, 1) ? CX_FORM_NARROW : cx_between(CX_FORM_I32, CX_FORM_WIDE16);
  d.zero = cx_between(-128, 127);
  d.lo = d.form == CX_FORM_WIDE16 ? -32768 : -128, d.hi = d.form == CX_FORM_WIDE16 ? 32767 : 127;
  return d;
}

static int test(int *grouped) {
  const cx_conv d = random_layer();
  const int kind = cx_between(0, 3) == 0 ? cx_between(UNIFORM, EXTREME) : cx_between(SPARSE, BELL);
  buffers b = buffers_of(&d, kind);
  const uint32_t threads = (uint32_t)cx_between(1, 4);
  int32_t is_used;
  memcpy(&is_used, b.grouped, 4);
  *grouped += is_used;
  cx_reference_conv(&d, b.x, b.w, b.table, b.want);
  for (uint32_t t = 0; t < threads; t++) {
    const cx_layer l = {b.x, b.w, b.table, b.got, b.scratch, t, threads};
    CX_OF_LEVEL(cx_grouped_)(&d, &l, b.grouped);
  }
  const int bad = memcmp(b.want, b.got, b.y_bytes + 64) != 0 || is_overrun(&b);
  if (bad)
    printf("batch %d channels %d -> %d input %d,%d,%d output %d,%d,%d kernel %d,%d,%d stride %d,%d,%d u%d form %d weights %d used %d threads %u%s\n", d.batch, d.in_group, d.out_group,
           d.input[0], d.input[1], d.input[2], d.output[0], d.output[1], d.output[2], d.kernel[0], d.kernel[1], d.kernel[2], d.stride[0], d.stride[1], d.stride[2], d.is_unsigned, d.form,
           kind, is_used, threads, is_overrun(&b) ? " overrun" : "");
  release(&b);
  return bad;
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* `repeat` layers of in -> out channels, square kernel, stride, padding, square input; is_depthwise: depthwise. */
typedef struct layer {
  const char *model;
  int repeat, in, out, kernel, stride, pad, size, is_depthwise;
} layer;
static const layer LAYERS[] = {
#include "cx_layers.inc"
};

static void bench_layer(const layer *t) {
  const int out = (t->size + 2 * t->pad - t->kernel) / t->stride + 1;
  cx_conv d = {.batch = 1, .groups = 1, .in_group = t->in, .out_group = t->out, .form = CX_FORM_NARROW, .lo = -128, .hi = 127};
  for (int i = 0; i < 3; i++) {
    d.input[i] = i == 0 ? 1 : t->size, d.output[i] = i == 0 ? 1 : out, d.kernel[i] = i == 0 ? 1 : t->kernel;
    d.stride[i] = i == 0 ? 1 : t->stride, d.dilation[i] = 1, d.begin[i] = i == 0 ? 0 : t->pad;
  }
  buffers b = buffers_of(&d, BELL);
  const cx_layer l = {b.x, b.w, b.table, b.got, b.scratch, 0, 1};
  double best = 1e9, plain = 1e9, grouping = now();
  CX_OF_LEVEL(cx_grouped_weights_)(&d, b.w, b.grouped);
  grouping = now() - grouping;
  for (int round = 0; round < 12; round++) {
    double start = now();
    CX_OF_LEVEL(cx_grouped_)(&d, &l, b.grouped);
    best = now() - start < best ? now() - start : best;
    start = now();
    CX_OF_LEVEL(cx_conv_)(&d, &l);
    plain = now() - start < plain ? now() - start : plain;
  }
  int32_t is_used;
  memcpy(&is_used, b.grouped, 4);
  const double macs = (double)t->in * t->out * t->kernel * t->kernel * out * out;
  printf("%-10s %4d -> %4d %dx%d/%d %3d: %s %7.3f ms %6.1f GMAC/s, plain %7.3f ms %6.1f GMAC/s, %.2fx; grouping %.2f ms\n", t->model, t->in, t->out, t->kernel, t->kernel, t->stride, t->size,
         is_used ? "grouped" : "refused", best, macs / best / 1e6, plain, macs / plain / 1e6, plain / best, grouping);
  release(&b);
}

int main(int argc, char **argv) {
  if (argc > 1 && strcmp(argv[1], "bench") == 0) {
    for (size_t i = 0; i < sizeof LAYERS / sizeof *LAYERS; i++)
      if (!LAYERS[i].is_depthwise && LAYERS[i].size > 1 && (argc == 2 || strcmp(argv[2], LAYERS[i].model) == 0)) bench_layer(&LAYERS[i]);
    return 0;
  }
  cx_seed = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) * 2654435761u + 1 : 1;
  const int count = argc > 2 ? atoi(argv[2]) : 200;
  int failures = 0, grouped = 0;
  for (int i = 0; i < count && failures < 10; i++) failures += test(&grouped);
  printf("%d of %d layers differ; %d grouped\n", failures, count, grouped);
  return failures > 0;
}
