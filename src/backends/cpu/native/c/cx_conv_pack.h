/*
 * Packing of a block of pixels to the panel of the matrix kernel: rows of bytes are gathered and then interleaved. Pointwise
 * convolutions skip the gathering.
 */
#ifndef CX_CONV_PACK_H
#define CX_CONV_PACK_H

#include "cx_conv_gather.h"
#include "cx_gemm.h"

/* Bytes of a tile of the panel. */
CX_INLINE size_t cx_tile_bytes(const cx_plan *p) { return (size_t)(p->sweep_inner / CX_DEPTH) * CX_TILE_PIXELS * 4; }

/*
 * Interleaves `rows` rows, `stride` bytes apart, as the panel's steps from `step` on. A last row stands in for partners that
 * it lacks, which meet weights of 0.
 */
CX_INLINE void cx_interleave(const cx_block *b, const uint8_t *from, ptrdiff_t stride, int32_t rows, int32_t step, int is_unsigned) {
  const size_t tile = cx_tile_bytes(b->plan), half = CX_TILE_PIXELS == 8 ? tile : 32;
  for (int32_t pixel = 0; pixel < b->count; pixel += 64) {
    const int32_t chunks = cx_min(cx_ceil(b->count - pixel, 16), 4);
    for (int32_t r = 0; r < cx_round_up(rows, CX_ROUND); r += CX_DEPTH) {
      const uint8_t *row[CX_DEPTH];
      for (int k = 0; k < CX_DEPTH; k++) row[k] = from + cx_min(r + k, rows - 1) * stride + pixel;
      uint8_t *to = b->scratch->panel + (size_t)(step + r / CX_DEPTH) * CX_TILE_PIXELS * 4;
      for (int32_t q = 0; q < chunks; q++) {
        const int32_t at = pixel + 16 * q;
        cx_pack(to + (size_t)(at / CX_TILE_PIXELS) * tile + (size_t)(at % CX_TILE_PIXELS) * 4, half, row, is_unsigned);
        for (int k = 0; k < CX_DEPTH; k++) row[k] += 16;
      }
    }
  }
}

CX_STATIC void cx_interleave_rows(const cx_block *b, const uint8_t *from, ptrdiff_t stride, int32_t rows, int32_t step) {
  if (b->plan->d.is_unsigned) cx_interleave(b, from, stride, rows, step, 1);
  else cx_interleave(b, from, stride, rows, step, 0);
}

/* Fills the panel with the channels of the sweep. */
CX_STATIC void cx_pack_block(const cx_block *b) {
  const cx_plan *p = b->plan;
  const uint8_t *rows = cx_rows_in_place(b);
  if (rows != NULL) {
    cx_interleave_rows(b, rows, p->in_plane, b->channels, 0);
    return;
  }
  for (int32_t c = 0; c < b->channels; c += p->gather_channels) {
    const int32_t channels = cx_min(p->gather_channels, b->channels - c);
    cx_gather_rows(b, c, channels);
    cx_interleave_rows(b, b->scratch->gather, p->row_bytes, channels * p->taps, c * p->taps / CX_DEPTH);
  }
}

#endif
