/*
 * Times of the kernels on the layers of known networks: `cx_kernels_bench [MODEL [BATCH]]`, one thread, best of several runs;
 * a line a layer and a total a model, in GMAC/s and as a share of the peak of the level's product on registers alone.
 */
#define _POSIX_C_SOURCE 199309L
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "../cx_isa.h"
#include "cx_reference.h"

/* `repeat` layers of in -> out channels, square kernel, stride, padding, square input; groups 0: depthwise. */
typedef struct layer {
  const char *model;
  int repeat, in, out, kernel, stride, pad, size, is_depthwise;
} layer;

static const layer LAYERS[] = {
#include "cx_layers.inc"
};

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* GMAC/s of cx_dot with everything in registers. */
static double peak(void) {
  double best = 0;
  for (int run = 0; run < 10; run++) {
    cx_v sum[CX_VECTORS * CX_CHANNELS], x = cx_splat(0x01020304);
    int32_t word = 0x01010101;
    CX_UNROLL for (int i = 0; i < CX_VECTORS * CX_CHANNELS; i++) sum[i] = cx_splat(i);
    const double start = now();
    for (int n = 0; n < 300000; n++) {
      __asm__ volatile("" : "+r"(word));
      CX_UNROLL for (int i = 0; i < CX_VECTORS * CX_CHANNELS; i++) sum[i] = cx_dot(sum[i], x, word);
    }
    const double rate = 300000.0 * CX_VECTORS * CX_CHANNELS * CX_LANES * CX_DEPTH / (now() - start) * 1e-9;
    best = rate > best ? rate : best;
    cx_v all = cx_splat(0);
    CX_UNROLL for (int i = 0; i < CX_VECTORS * CX_CHANNELS; i++) all = cx_add(all, sum[i]);
    int32_t out[CX_LANES];
    cx_store(out, all);
    __asm__ volatile("" : : "r"(out) : "memory");
  }
  return best;
}

static uint8_t *filled(size_t bytes) {
  uint8_t *p = aligned_alloc(64, (bytes + 8192) / 64 * 64);
  if (p == NULL) abort();
  for (size_t i = 0; i < bytes + 4096; i++) p[i] = (uint8_t)cx_random();
  return p;
}

static void run_layer(const layer *t, const cx_conv *d, const cx_layer *l) {
  if (t->is_depthwise) CX_OF_LEVEL(cx_depthwise_)(d, l);
  else if (t->size == 1) {
    const cx_dense dense = {d->batch, t->in, t->out, 0, d->form, d->zero, d->lo, d->hi};
    CX_OF_LEVEL(cx_dense_)(&dense, l);
  } else CX_OF_LEVEL(cx_conv_)(d, l);
}

static cx_conv conv_of(const layer *t, int batch) {
  const int out = (t->size + 2 * t->pad - t->kernel) / t->stride + 1;
  cx_conv d = {.batch = batch, .groups = t->is_depthwise ? t->in : 1, .in_group = t->is_depthwise ? 1 : t->in, .out_group = t->is_depthwise ? 1 : t->out};
  for (int i = 0; i < 3; i++) {
    d.input[i] = i == 0 ? 1 : t->size, d.output[i] = i == 0 ? 1 : out, d.kernel[i] = i == 0 ? 1 : t->kernel;
    d.stride[i] = i == 0 ? 1 : t->stride, d.dilation[i] = 1, d.begin[i] = i == 0 ? 0 : t->pad;
  }
  d.form = CX_FORM_NARROW, d.lo = -128, d.hi = 127;
  return d;
}

/* @returns seconds of one layer */
static double time_layer(const layer *t, int batch, double limit) {
  const cx_conv d = conv_of(t, batch);
  const size_t plane = (size_t)d.output[1] * d.output[2], weights = (size_t)d.groups * d.out_group * d.in_group * t->kernel * t->kernel;
  const cx_dense dense = {batch, t->in, t->out, 0, d.form, d.zero, d.lo, d.hi};
  const size_t scratch = t->is_depthwise ? CX_OF_LEVEL(cx_depthwise_scratch_)(&d) : t->size == 1 ? CX_OF_LEVEL(cx_dense_scratch_)(&dense) : CX_OF_LEVEL(cx_conv_scratch_)(&d);
  int32_t *table = malloc((size_t)t->out * CX_ENTRY_BYTES);
  cx_random_table(CX_FORM_NARROW, d.in_group * t->kernel * t->kernel, t->out, table);
  uint8_t *x = filled((size_t)batch * t->in * t->size * t->size), *w = filled(weights), *y = filled((size_t)batch * t->out * plane), *s = filled(scratch);
  const cx_layer l = {x, (const int8_t *)w, table, y, s, 0, 1};
  double best = 1e9, macs = (double)weights * plane * batch;
  const double begin = now();
  for (int i = 0; i < 3 || now() - begin < limit; i++) {
    const double start = now();
    run_layer(t, &d, &l);
    const double taken = now() - start;
    best = taken < best ? taken : best;
  }
  free(x), free(w), free(y), free(s), free(table);
  printf("  %4d -> %4d %dx%d/%d%s %3d  x%-2d %9.3f ms %7.1f GMAC/s", t->in, t->out, t->kernel, t->kernel, t->stride, t->is_depthwise ? " depthwise" : "", t->size, t->repeat, best * 1e3, macs / best * 1e-9);
  return best;
}

int main(int argc, char **argv) {
  const int batch = argc > 2 ? atoi(argv[2]) : 1;
  const double top = peak();
  printf("peak of the product on registers: %.1f GMAC/s\n", top);
  double seconds = 0, macs = 0;
  for (size_t i = 0; i < sizeof LAYERS / sizeof *LAYERS; i++) {
    const layer *t = &LAYERS[i];
    if (argc > 1 && strcmp(argv[1], "all") != 0 && strcmp(argv[1], t->model) != 0) continue;
    const cx_conv d = conv_of(t, batch);
    const double work = (double)t->repeat * d.groups * d.out_group * d.in_group * t->kernel * t->kernel * d.output[1] * d.output[2] * batch;
    const double taken = time_layer(t, batch, 0.15);
    printf(" %5.1f %%\n", work / t->repeat / taken * 1e-7 / top);
    seconds += taken * t->repeat, macs += work;
    if (i + 1 == sizeof LAYERS / sizeof *LAYERS || strcmp(LAYERS[i + 1].model, t->model) != 0) {
      printf("%s: %.2f ms, %.2f GMAC, %.1f GMAC/s, %.1f %% of peak\n", t->model, seconds * 1e3, macs * 1e-9, macs / seconds * 1e-9, macs / seconds * 1e-7 / top);
      seconds = macs = 0;
    }
  }
  return 0;
}
