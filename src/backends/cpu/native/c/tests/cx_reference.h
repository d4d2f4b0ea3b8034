/* The definition of a convolution and of a dense layer in plain loops, and random layers: what the kernels are tested with. */
#ifndef CX_REFERENCE_H
#define CX_REFERENCE_H

#include <stdlib.h>
#include <string.h>

#include "../cx_conv.h"

/* xorshift32 */
static uint32_t cx_seed = 1;
static uint32_t cx_random(void) {
  cx_seed ^= cx_seed << 13;
  cx_seed ^= cx_seed >> 17;
  cx_seed ^= cx_seed << 5;
  return cx_seed;
}
__attribute__((unused)) static int32_t cx_between(int32_t least, int32_t most) { return least + (int32_t)(cx_random() % (uint32_t)(most - least + 1)); }

__attribute__((unused)) static int cx_bytes_of_form(int32_t form) { return form == CX_FORM_I32 ? 4 : form == CX_FORM_WIDE16 ? 2 : 1; }

/* clamp(floor(((sum + bias) M + 2^(s-1)) / 2^s) + zero, lo, hi) in int64, stored at element i of y. */
__attribute__((unused)) static void cx_reference_finish(int32_t form, int32_t zero, int32_t lo, int32_t hi, const int32_t *entry, uint32_t sum, uint8_t *y, size_t i) {
  const int32_t total = (int32_t)(sum + (uint32_t)entry[0]);
  if (form == CX_FORM_I32) {
    memcpy(y + 4 * i, &total, 4);
    return;
  }
  int64_t v = (((int64_t)total * entry[1] + ((int64_t)1 << (entry[2] - 1))) >> entry[2]) + zero;
  v = v < lo ? lo : v > hi ? hi : v;
  if (form == CX_FORM_WIDE16) {
    const int16_t half = (int16_t)v;
    memcpy(y + 2 * i, &half, 2);
  } else {
    y[i] = (uint8_t)v;
  }
}

/* Sum of one output element: image n, output channel oc, output position o[3]. */
__attribute__((unused)) static uint32_t cx_reference_sum(const cx_conv *d, const uint8_t *x, const int8_t *w, int n, int oc, const int *o) {
  const int plane = d->input[0] * d->input[1] * d->input[2];
  uint32_t sum = 0;
  for (int ic = 0; ic < d->in_group; ic++) {
    const uint8_t *from = x + ((size_t)n * d->groups * d->in_group + oc / d->out_group * d->in_group + ic) * plane;
    for (int kz = 0; kz < d->kernel[0]; kz++)
      for (int ky = 0; ky < d->kernel[1]; ky++)
        for (int kx = 0; kx < d->kernel[2]; kx++) {
          const int k[3] = {kz, ky, kx};
          int i[3], inside = 1;
          for (int a = 0; a < 3; a++) {
            i[a] = o[a] * d->stride[a] - d->begin[a] + k[a] * d->dilation[a];
            inside = inside && i[a] >= 0 && i[a] < d->input[a];
          }
          const uint8_t byte = inside ? from[(i[0] * d->input[1] + i[1]) * d->input[2] + i[2]] : (uint8_t)d->pad;
          const int8_t weight = w[(((size_t)oc * d->in_group + ic) * d->kernel[0] + kz) * d->kernel[1] * d->kernel[2] + ky * d->kernel[2] + kx];
          sum += (uint32_t)((d->is_unsigned ? byte : (int8_t)byte) * weight);
        }
  }
  return sum;
}

__attribute__((unused)) static void cx_reference_conv(const cx_conv *d, const uint8_t *x, const int8_t *w, const int32_t *table, uint8_t *y) {
  size_t at = 0;
  for (int n = 0; n < d->batch; n++)
    for (int oc = 0; oc < d->groups * d->out_group; oc++)
      for (int oz = 0; oz < d->output[0]; oz++)
        for (int oy = 0; oy < d->output[1]; oy++)
          for (int ox = 0; ox < d->output[2]; ox++, at++) {
            const int o[3] = {oz, oy, ox};
            cx_reference_finish(d->form, d->zero, d->lo, d->hi, table + 3 * oc, cx_reference_sum(d, x, w, n, oc, o), y, at);
          }
}

__attribute__((unused)) static void cx_reference_dense(const cx_dense *d, const uint8_t *x, const int8_t *w, const int32_t *table, uint8_t *y) {
  for (int r = 0; r < d->rows; r++)
    for (int o = 0; o < d->outputs; o++) {
      uint32_t sum = 0;
      for (int i = 0; i < d->inner; i++) {
        const uint8_t byte = x[(size_t)r * d->inner + i];
        sum += (uint32_t)((d->is_unsigned ? byte : (int8_t)byte) * w[(size_t)o * d->inner + i]);
      }
      cx_reference_finish(d->form, d->zero, d->lo, d->hi, table + 3 * o, sum, y, (size_t)r * d->outputs + o);
    }
}

/* Epilogue entries within the limits of the form; sums of layers of `inner` products land around the clamps. */
__attribute__((unused)) static void cx_random_table(int32_t form, int32_t inner, int32_t channels, int32_t *table) {
  int shift = 17;
  for (int32_t n = inner; n > 1; n >>= 1) shift++;
  for (int32_t c = 0; c < channels; c++) {
    table[3 * c] = cx_between(-20000, 20000) * (cx_between(0, 30) == 0 ? 100000 : 1);
    table[3 * c + 1] = cx_between(0, 20) == 0 ? 0 : cx_between(1 << 14, (1 << 15) - 1);
    table[3 * c + 2] = cx_between(0, 20) == 0 ? cx_between(17, 47) : shift + cx_between(0, 4);
    if (form == CX_FORM_WIDE || form == CX_FORM_WIDE16) {
      table[3 * c + 1] = cx_between(0, (1 << 21) - 1);
      table[3 * c + 2] = cx_between(0, 5) == 0 ? cx_between(1, 52) : shift + cx_between(0, 8);
    }
  }
}

#endif
