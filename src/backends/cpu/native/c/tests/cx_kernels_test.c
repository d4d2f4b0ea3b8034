/*
 * Random layers, kernels against definition: `cx_kernels_test SEED COUNT`. Prints the layers that differ, exits with 1 if
 * any does. `cx_kernels_test SEED COUNT sizes` prints a line of numbers a layer instead: fields of cx_conv, bytes of scratch of
 * cx_conv, cx_depthwise and cx_winograd, bytes of transformed weights, bytes of scratch and weights of cx_grouped. Compiled once for each level (-DCX_ISA_AVX2 and so on) with the kernels' C files.
 */
#include <stdio.h>
#include <string.h>

#include "../cx_grouped.h"
#include "../cx_winograd.h"
#include "cx_reference.h"

/* Bytes behind each buffer that must stay as they are. */
#define GUARD 64

static uint8_t *reserve(size_t bytes) {
  uint8_t *p = aligned_alloc(64, (bytes + 4096 + 127) / 64 * 64);
  if (p == NULL) abort();
  return p;
}

static uint8_t *random_bytes(size_t bytes) {
  uint8_t *p = reserve(bytes);
  const int32_t kind = cx_between(0, 3);
  for (size_t i = 0; i < bytes + 4096; i++) p[i] = kind == 0 ? (cx_random() & 1 ? 0x80 : 0x7f) : kind == 1 ? (cx_random() & 1 ? 0xff : 0) : (uint8_t)cx_random();
  return p;
}

static void random_finish(int32_t *form, int32_t *zero, int32_t *lo, int32_t *hi) {
  *form = cx_between(0, 2) == 0 ? cx_between(CX_FORM_I32, CX_FORM_WIDE16) : CX_FORM_NARROW;
  const int is_unsigned = cx_between(0, 1);
  *zero = cx_between(0, 5) == 0 ? cx_between(-16384, 16384) : cx_between(-128, 127);
  *lo = *form == CX_FORM_WIDE16 ? -32768 : is_unsigned ? 0 : -128;
  *hi = *form == CX_FORM_WIDE16 ? 32767 : is_unsigned ? 255 : 127;
  if (cx_between(0, 1) == 0) *lo += cx_between(0, 100), *hi -= cx_between(0, 100);
}

/* A depthwise layer of a known kind: square kernel and stride, planes that do not fit the first-level cache among them. */
static void make_square(cx_conv *d) {
  const int32_t kernel = cx_between(0, 1) ? 3 : 5, stride = cx_between(1, 2), begin = cx_between(0, kernel - 1);
  const int32_t most = cx_between(0, 3) == 0 ? 120 : 20;
  d->in_group = 1;
  for (int i = 0; i < 3; i++) {
    d->kernel[i] = i == 0 ? 1 : kernel, d->stride[i] = i == 0 ? 1 : stride, d->begin[i] = i == 0 ? 0 : begin;
    d->input[i] = i == 0 ? 1 : cx_between(1, most), d->dilation[i] = 1;
    const int32_t reach = d->input[i] + d->begin[i] + cx_between(0, d->begin[i]) - d->kernel[i];
    d->output[i] = reach < 0 ? 0 : reach / d->stride[i] + 1;
  }
}

static cx_conv random_conv(int is_depthwise) {
  cx_conv d = {.batch = cx_between(0, 3) == 0 ? cx_between(2, 5) : 1, .groups = 1};
  const int rank = cx_between(0, 4) == 0 ? 3 : cx_between(0, 4) == 0 ? 1 : 2;
  const int pointwise = cx_between(0, 2) == 0;
  d.in_group = cx_between(0, 3) == 0 ? cx_between(1, 200) : cx_between(1, 20);
  d.out_group = cx_between(0, 3) == 0 ? cx_between(1, 70) : cx_between(1, 20);
  if (cx_between(0, 4) == 0) d.groups = cx_between(2, 4);
  if (is_depthwise) d.in_group = cx_between(0, 2) == 0 ? cx_between(1, 7) : 1, d.out_group = cx_between(0, 2) == 0 ? cx_between(1, 3) : 1, d.groups = cx_between(1, 20);
  const int most = rank == 3 ? 8 : rank == 2 ? 24 : 400;
  for (int i = 0; i < 3; i++) {
    const int used = i >= 3 - rank;
    d.kernel[i] = !used || (pointwise && !is_depthwise) ? 1 : cx_between(0, 2) == 0 ? cx_between(1, 7) : 3;
    d.stride[i] = !used || cx_between(0, 1) == 0 ? 1 : cx_between(0, 3) == 0 ? cx_between(1, 5) : 2;
    d.dilation[i] = used && cx_between(0, 3) == 0 ? cx_between(1, 3) : 1;
    d.input[i] = used ? cx_between(1, most) : 1;
    d.begin[i] = used && cx_between(0, 1) == 0 ? cx_between(0, 4) : 0;
    if (pointwise && cx_between(0, 1) == 0) d.begin[i] = 0, d.stride[i] = 1;
    const int reach = d.begin[i] + d.input[i] + (d.begin[i] > 0 ? cx_between(0, 4) : 0) - (d.kernel[i] - 1) * d.dilation[i] - 1;
    d.output[i] = reach < 0 ? 0 : reach / d.stride[i] + 1;
  }
  if (is_depthwise && cx_between(0, 1)) make_square(&d);
  d.is_unsigned = cx_between(0, 1);
  d.pad = cx_between(0, 255);
  random_finish(&d.form, &d.zero, &d.lo, &d.hi);
  return d;
}

static void print_conv(const char *what, const cx_conv *d, uint32_t threads) {
  printf("%s batch %d groups %d channels %d -> %d input %d,%d,%d output %d,%d,%d kernel %d,%d,%d stride %d,%d,%d dilation %d,%d,%d begin %d,%d,%d u%d form %d threads %u\n",
         what, d->batch, d->groups, d->in_group, d->out_group, d->input[0], d->input[1], d->input[2], d->output[0], d->output[1], d->output[2], d->kernel[0],
         d->kernel[1], d->kernel[2], d->stride[0], d->stride[1], d->stride[2], d->dilation[0], d->dilation[1], d->dilation[2], d->begin[0], d->begin[1], d->begin[2],
         d->is_unsigned, d->form, threads);
}

/* The buffers of one layer; what the reference and the kernel write are compared with the guard behind them. */
typedef struct buffers {
  uint8_t *x, *want, *got, *scratch;
  int8_t *w;
  int32_t *table;
  size_t y_bytes, scratch_bytes;
} buffers;

static buffers make_buffers(size_t x_bytes, size_t weights, size_t channels, size_t y_bytes, size_t scratch_bytes) {
  buffers b = {random_bytes(x_bytes), reserve(y_bytes + GUARD), reserve(y_bytes + GUARD), reserve(scratch_bytes + GUARD), NULL, NULL, y_bytes, scratch_bytes};
  /* exactly as long as the weights are: whoever reads past the end is seen by a memory checker */
  b.w = malloc(weights + 1);
  uint8_t *bytes = random_bytes(weights);
  memcpy(b.w, bytes, weights);
  free(bytes);
  b.table = malloc(channels * CX_ENTRY_BYTES + 1);
  memset(b.want, 0xa5, y_bytes + GUARD);
  memset(b.got, 0xa5, y_bytes + GUARD);
  memset(b.scratch, 0x5a, scratch_bytes + GUARD);
  return b;
}

static int check_and_free(buffers *b) {
  int bad = memcmp(b->want, b->got, b->y_bytes + GUARD) != 0;
  for (size_t i = 0; i < GUARD; i++) bad |= b->scratch[b->scratch_bytes + i] != 0x5a ? 2 : 0;
  free(b->x), free(b->want), free(b->got), free(b->scratch), free(b->w), free(b->table);
  return bad;
}

typedef void (*conv_function)(const cx_conv *, const cx_layer *);

static int test_conv(const char *what, const cx_conv *d, conv_function run, size_t scratch_bytes) {
  const size_t in_plane = (size_t)d->input[0] * d->input[1] * d->input[2], out_plane = (size_t)d->output[0] * d->output[1] * d->output[2];
  const size_t channels = (size_t)d->groups * d->out_group, inner = (size_t)d->in_group * d->kernel[0] * d->kernel[1] * d->kernel[2];
  const uint32_t threads = (uint32_t)cx_between(1, 4);
  buffers b = make_buffers((size_t)d->batch * d->groups * d->in_group * in_plane, channels * inner, channels, (size_t)d->batch * channels * out_plane * cx_bytes_of_form(d->form), scratch_bytes);
  cx_random_table(d->form, (int32_t)inner, (int32_t)channels, b.table);
  cx_reference_conv(d, b.x, b.w, b.table, b.want);
  for (uint32_t t = 0; t < threads; t++) {
    const cx_layer l = {b.x, b.w, b.table, b.got, b.scratch, t, threads};
    run(d, &l);
  }
  const int bad = check_and_free(&b);
  if (bad) print_conv(bad & 2 ? "scratch overrun:" : what, d, threads);
  return bad != 0;
}

static int test_dense(void) {
  cx_dense d = {.rows = cx_between(0, 1) ? 1 : cx_between(1, 20), .inner = cx_between(0, 3) == 0 ? cx_between(1, 5000) : cx_between(1, 100), .outputs = cx_between(1, 70), .is_unsigned = cx_between(0, 1)};
  random_finish(&d.form, &d.zero, &d.lo, &d.hi);
  const uint32_t threads = (uint32_t)cx_between(1, 4);
  buffers b = make_buffers((size_t)d.rows * d.inner, (size_t)d.outputs * d.inner, (size_t)d.outputs, (size_t)d.rows * d.outputs * cx_bytes_of_form(d.form), CX_OF_LEVEL(cx_dense_scratch_)(&d));
  cx_random_table(d.form, d.inner, d.outputs, b.table);
  cx_reference_dense(&d, b.x, b.w, b.table, b.want);
  for (uint32_t t = 0; t < threads; t++) {
    const cx_layer l = {b.x, b.w, b.table, b.got, b.scratch, t, threads};
    CX_OF_LEVEL(cx_dense_)(&d, &l);
  }
  const int bad = check_and_free(&b);
  if (bad) printf("dense: rows %d inner %d outputs %d form %d threads %u\n", d.rows, d.inner, d.outputs, d.form, threads);
  return bad != 0;
}

static void print_triple(const int32_t *v) { printf("%d %d %d ", v[0], v[1], v[2]); }

static void print_sizes(const cx_conv *d) {
  printf("%d %d %d %d ", d->batch, d->groups, d->in_group, d->out_group);
  print_triple(d->input), print_triple(d->output), print_triple(d->kernel), print_triple(d->stride), print_triple(d->dilation);
  printf("%zu %zu %zu %zu %zu %zu\n", CX_OF_LEVEL(cx_conv_scratch_)(d), CX_OF_LEVEL(cx_depthwise_scratch_)(d), CX_OF_LEVEL(cx_winograd_scratch_)(d),
         CX_OF_LEVEL(cx_winograd_weights_bytes_)(d), CX_OF_LEVEL(cx_grouped_scratch_)(d), CX_OF_LEVEL(cx_grouped_weights_bytes_)(d));
}

int main(int argc, char **argv) {
  cx_seed = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) * 2654435761u + 1 : 1;
  const int count = argc > 2 ? atoi(argv[2]) : 300;
  int failures = 0;
  for (int i = 0; i < count && failures < 10; i++) {
    const cx_conv d = random_conv(0), depthwise = random_conv(1);
    if (argc > 3) {
      print_sizes(&d), print_sizes(&depthwise);
      continue;
    }
    failures += test_conv("conv:", &d, CX_OF_LEVEL(cx_conv_), CX_OF_LEVEL(cx_conv_scratch_)(&d));
    failures += test_conv("depthwise:", &depthwise, CX_OF_LEVEL(cx_depthwise_), CX_OF_LEVEL(cx_depthwise_scratch_)(&depthwise));
    failures += test_dense();
  }
  if (argc <= 3) printf("%d of %d layers differ\n", failures, 3 * count);
  return failures > 0;
}
