/*
 * The matrix kernel: a tile of CX_CHANNELS output channels by CX_TILE_PIXELS pixels.
 *
 * Panel of a tile: [steps][CX_TILE_PIXELS] words of CX_DEPTH inner indices. Weights: [channels][stride] words of the same
 * indices. Sums: int32[CX_CHANNELS][CX_TILE_PIXELS].
 *
 * With CX_HALF_PRODUCTS, inner indices are taken by fours and half of the multiplications become additions (Winograd, A new
 * algorithm for inner product, 1968):
 *
 *   x0 w0 + x1 w1 + x2 w2 + x3 w3 = (x0 + w2) (x2 + w0) + (x1 + w3) (x3 + w1) - (x0 x2 + x1 x3) - (w0 w2 + w1 w3)
 *
 * The last two terms are sums of a pixel and of a channel, made once for many tiles. Two vpmaddwd and two vpaddd would crowd
 * the two multipliers of a processor with four vector pipes, of which this takes one product and three additions. It is
 * exact: sums of |x| <= 1020 and |w| <= 1152 (transformed, cx_winograd.h) fit i16, and int32 wraps.
 */
#ifndef CX_GEMM_H
#define CX_GEMM_H

#include "cx_isa.h"

/* Inner indices that a round of the kernel takes: what rows of weights and panels are filled up to. */
#define CX_ROUND (CX_HALF_PRODUCTS ? 4 : CX_DEPTH)

/* What a tile starts from: `offset` of each channel, plus the sums of the sweeps before unless `is_first`. */
typedef struct cx_start {
  const int32_t *offset;
  /* With CX_HALF_PRODUCTS: int32[CX_TILE_PIXELS], what cx_panel_offsets gives for the tile. */
  const int32_t *pixels;
  int is_first;
} cx_start;

CX_INLINE cx_v cx_start_of(const cx_start *start, int c, int v, const int32_t *sums) {
  cx_v sum = cx_splat(start->offset[c]);
  if (CX_HALF_PRODUCTS) sum = cx_add(sum, cx_load(start->pixels + v * CX_LANES));
  return start->is_first ? sum : cx_add(sum, cx_load(sums + c * CX_TILE_PIXELS + v * CX_LANES));
}

/* sums = start + weights * panel; `channels` and `vectors` are constants where this is inlined. */
CX_INLINE void cx_multiply(int channels, int vectors, const uint8_t *panel, const int32_t *weights, ptrdiff_t stride, int steps,
                           cx_start start, int32_t *sums) {
  cx_v sum[CX_CHANNELS][CX_VECTORS];
  CX_UNROLL for (int c = 0; c < channels; c++)
    CX_UNROLL for (int v = 0; v < vectors; v++) sum[c][v] = cx_start_of(&start, c, v, sums);
  /* every third row has a pointer: the rows between are reached by an index of one or two strides */
  const int32_t *row[(CX_CHANNELS + 2) / 3];
  CX_UNROLL for (int r = 0; r < (channels + 2) / 3; r++) row[r] = weights + 3 * r * stride;
  for (int k = 0; k < steps; k += CX_ROUND / CX_DEPTH) {
    cx_v x[CX_VECTORS];
    CX_UNROLL for (int v = 0; v < vectors; v++) x[v] = cx_load(panel + 4 * CX_LANES * v);
#if CX_HALF_PRODUCTS
    cx_v y[CX_VECTORS];
    CX_UNROLL for (int v = 0; v < vectors; v++) y[v] = cx_load(panel + 4 * CX_TILE_PIXELS + 4 * CX_LANES * v);
#endif
    panel += 4 * CX_TILE_PIXELS * (CX_ROUND / CX_DEPTH);
    CX_UNROLL for (int c = 0; c < channels; c++) {
      const int32_t *word = row[c / 3] + (c % 3) * stride;
#if CX_HALF_PRODUCTS
      CX_UNROLL for (int v = 0; v < vectors; v++) sum[c][v] = cx_quad(sum[c][v], x[v], y[v], word[0], word[1]);
#else
      CX_UNROLL for (int v = 0; v < vectors; v++) sum[c][v] = cx_dot(sum[c][v], x[v], word[0]);
#endif
    }
    CX_UNROLL for (int r = 0; r < (channels + 2) / 3; r++) row[r] += CX_ROUND / CX_DEPTH;
  }
  CX_UNROLL for (int c = 0; c < channels; c++)
    CX_UNROLL for (int v = 0; v < vectors; v++) cx_store(sums + c * CX_TILE_PIXELS + v * CX_LANES, sum[c][v]);
}

#if CX_HALF_PRODUCTS
/* What the products of a tile's pixels among themselves add to its sums, taken off: -(x0 x2 + x1 x3) over all inner indices. */
CX_STATIC void cx_panel_offsets(const uint8_t *panel, int steps, int32_t *pixels) {
  cx_v sum[CX_VECTORS];
  CX_UNROLL for (int v = 0; v < CX_VECTORS; v++) sum[v] = cx_splat(0);
  for (int k = 0; k < steps; k += 2, panel += 8 * CX_TILE_PIXELS)
    CX_UNROLL for (int v = 0; v < CX_VECTORS; v++)
      sum[v] = cx_quad(sum[v], cx_load(panel + 4 * CX_LANES * v), cx_load(panel + 4 * CX_TILE_PIXELS + 4 * CX_LANES * v), 0, 0);
  CX_UNROLL for (int v = 0; v < CX_VECTORS; v++) cx_store(pixels + v * CX_LANES, sum[v]);
  for (int i = 0; i < CX_TILE_PIXELS; i++) pixels[i] = (int32_t)(0 - (uint32_t)pixels[i]);
}
#endif

#define CX_CASES(V)                                                                                        \
  switch (channels) {                                                                                      \
    CX_CASE(1, V) CX_CASE(2, V) CX_CASE(3, V) CX_CASE(4, V) CX_WIDE_CASES(V)                                \
  }
#define CX_CASE(C, V)                                                      \
  case C:                                                                  \
    cx_multiply(C, V, panel, weights, stride, steps, start, sums);         \
    break;
#if CX_CHANNELS == 12
#define CX_WIDE_CASES(V) CX_CASE(5, V) CX_CASE(6, V) CX_CASE(7, V) CX_CASE(8, V) CX_CASE(9, V) CX_CASE(10, V) CX_CASE(11, V) CX_CASE(12, V)
#elif CX_CHANNELS == 6
#define CX_WIDE_CASES(V) CX_CASE(5, V) CX_CASE(6, V)
#else
#define CX_WIDE_CASES(V)
#endif

/* The tile of `channels` (1 to CX_CHANNELS) by `vectors`; half a tile or less takes half the vectors. */
CX_STATIC void cx_tile(int channels, int vectors, const uint8_t *panel, const int32_t *weights, ptrdiff_t stride, int steps,
                       cx_start start, int32_t *sums) {
  if (vectors > CX_VECTORS / 2) CX_CASES(CX_VECTORS)
  else CX_CASES(CX_VECTORS / 2)
}

#endif
