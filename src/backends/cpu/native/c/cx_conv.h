/*
 * Integer convolution and dense layers: what generated programs call. Sums are int32 and wrap, so the order in which the
 * products are added never changes a bit.
 */
#ifndef CX_CONV_H
#define CX_CONV_H

#include <stddef.h>
#include <stdint.h>

#include "cx_env.h"

/* CX_OF_LEVEL(cx_conv_) is cx_conv_avx2 and so on: one program holds the kernels of several levels. */
#define CX_OF_LEVEL(prefix) CX_EXPAND(prefix, CX_ISA_NAME)

/* How sums leave: as int32; rescaled to bytes with int32 only (0 <= M < 2^15, 17 <= s <= 47, |zero| <= 2^14); rescaled to
 * bytes with any factors; rescaled to i16. */
enum { CX_FORM_I32, CX_FORM_NARROW, CX_FORM_WIDE, CX_FORM_WIDE16 };

/* Bytes of an entry of the table of output channels: bias (input_zero of the rescale taken off), multiplier, shift. */
#define CX_ENTRY_BYTES 12

/*
 * x [batch, groups * in_group, input...] i8 or u8, w [groups * out_group, in_group, kernel...] i8, y [batch, groups *
 * out_group, output...]; sizes along depth, height, width, 1 where there are fewer.
 */
typedef struct cx_conv {
  int32_t batch, groups, in_group, out_group;
  int32_t input[3], output[3], kernel[3], stride[3], dilation[3];
  /* Padding before the first element of each dimension; behind the last there is as much as the output needs. */
  int32_t begin[3];
  /* The byte that padding reads. */
  int32_t pad;
  int32_t is_unsigned;
  int32_t form, zero, lo, hi;
} cx_conv;

/* y[r, o] = finish(sum over i of x[r, i] * w[o, i]); rows of x and w lie one behind the other. */
typedef struct cx_dense {
  int32_t rows, inner, outputs;
  int32_t is_unsigned;
  int32_t form, zero, lo, hi;
} cx_dense;

/* Where a layer reads and writes. x may be read up to 4096 bytes past its end, the others exactly. */
typedef struct cx_layer {
  const uint8_t *x;
  const int8_t *w;
  /* int32[channels][3], as CX_ENTRY_BYTES says */
  const int32_t *table;
  uint8_t *y;
  /* Scratch of this thread, aligned to 64. */
  uint8_t *scratch;
  uint32_t thread, threads;
} cx_layer;

/* Convolution by matrix products; scratch as cx_conv_scratch says. */
void CX_OF_LEVEL(cx_conv_)(const cx_conv *d, const cx_layer *l);
size_t CX_OF_LEVEL(cx_conv_scratch_)(const cx_conv *d);
/* The same for groups of few channels (depthwise), each thread a share of the groups; scratch as cx_depthwise_scratch says. */
void CX_OF_LEVEL(cx_depthwise_)(const cx_conv *d, const cx_layer *l);
size_t CX_OF_LEVEL(cx_depthwise_scratch_)(const cx_conv *d);
void CX_OF_LEVEL(cx_dense_)(const cx_dense *d, const cx_layer *l);
size_t CX_OF_LEVEL(cx_dense_scratch_)(const cx_dense *d);

#endif
