/* How sums leave the kernels: as int32, or rescaled to 8 or 16 bits, a row of one output channel at a time. */
#ifndef CX_GEMM_FINISH_H
#define CX_GEMM_FINISH_H

#include "cx_conv.h"
#include "cx_isa.h"

/* What all channels of a layer share. */
typedef struct cx_finish {
  int32_t form, zero, lo, hi;
} cx_finish;

CX_INLINE int cx_result_bytes(int32_t form) { return form == CX_FORM_I32 ? 4 : form == CX_FORM_WIDE16 ? 2 : 1; }

CX_INLINE cx_factors cx_factors_of(const cx_finish *f, const int32_t *entry) {
  const cx_factors factors = {entry[0], entry[1], entry[2], f->zero, f->lo, f->hi};
  return factors;
}

/* clamp(rshr((sum + bias) * M, s) + zero, lo, hi) for any 0 <= M < 2^21, 1 <= s <= 52. */
CX_INLINE int32_t cx_rescale(int32_t sum, const cx_factors *f) {
  const int64_t x = (int32_t)((uint32_t)sum + (uint32_t)f->bias);
  const int64_t v = ((x * f->multiplier + ((int64_t)1 << (f->shift - 1))) >> f->shift) + f->zero;
  return (int32_t)(v < f->lo ? f->lo : v > f->hi ? f->hi : v);
}

/* Finishes `count` sums of one channel; only `count` results are written. `sums` is readable to a multiple of 8. */
CX_STATIC void cx_finish_wide(const cx_finish *f, const int32_t *entry, const int32_t *sums, int count, uint8_t *to) {
  const cx_factors factors = cx_factors_of(f, entry);
  if (f->form == CX_FORM_I32) {
    for (int i = 0; i < count; i++) {
      const uint32_t y = (uint32_t)sums[i] + (uint32_t)factors.bias;
      memcpy(to + 4 * i, &y, 4);
    }
  } else if (f->form == CX_FORM_WIDE16) {
    for (int i = 0; i < count; i++) {
      const int16_t y = (int16_t)cx_rescale(sums[i], &factors);
      memcpy(to + 2 * i, &y, 2);
    }
  } else {
    for (int i = 0; i < count; i++) to[i] = (uint8_t)cx_rescale(sums[i], &factors);
  }
}

/* Copies less than CX_TILE_PIXELS bytes, none beyond. */
CX_INLINE void cx_copy_tail(uint8_t *to, const uint8_t *from, int count) {
  if (CX_TILE_PIXELS > 16 && (count & 16)) memcpy(to, from, 16), to += 16, from += 16;
  if (CX_TILE_PIXELS > 8 && (count & 8)) memcpy(to, from, 8), to += 8, from += 8;
  if (count & 4) memcpy(to, from, 4), to += 4, from += 4;
  if (count & 2) memcpy(to, from, 2), to += 2, from += 2;
  if (count & 1) *to = *from;
}

/* The narrower of a channel, made once for many rows; anything where the form has none. */
CX_INLINE cx_narrower cx_channel_narrower(const cx_finish *f, const int32_t *entry) {
  cx_factors factors = cx_factors_of(f, entry);
  if (f->form != CX_FORM_NARROW) factors.shift = 17;
  return cx_narrower_of(&factors);
}

/* The same for up to CX_TILE_PIXELS sums. */
CX_INLINE void cx_finish_row(const cx_finish *f, const int32_t *entry, const cx_narrower *narrower, const int32_t *sums, int count, uint8_t *to) {
  if (f->form != CX_FORM_NARROW) {
    cx_finish_wide(f, entry, sums, count, to);
    return;
  }
  if (count == CX_TILE_PIXELS) {
    cx_narrow(sums, CX_TILE_PIXELS, narrower, to);
    return;
  }
  uint8_t bytes[CX_TILE_PIXELS];
  cx_narrow(sums, CX_TILE_PIXELS, narrower, bytes);
  cx_copy_tail(to, bytes, count);
}

#endif
