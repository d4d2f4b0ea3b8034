/*
 * The matrix kernel: a tile of CX_CHANNELS output channels by CX_TILE_PIXELS pixels.
 *
 * Panel of a tile: [steps][CX_TILE_PIXELS] words of CX_DEPTH inner indices. Weights: [channels][stride] words of the same
 * indices. Sums: int32[CX_CHANNELS][CX_TILE_PIXELS].
 */
#ifndef CX_GEMM_H
#define CX_GEMM_H

#include "cx_isa.h"

/* What a tile starts from: `offset` of each channel, plus the sums of the sweeps before unless `is_first`. */
typedef struct cx_start {
  const int32_t *offset;
  int is_first;
} cx_start;

/* sums = start + weights * panel; `channels` and `vectors` are constants where this is inlined. */
CX_INLINE void cx_multiply(int channels, int vectors, const uint8_t *panel, const int32_t *weights, ptrdiff_t stride, int steps,
                           cx_start start, int32_t *sums) {
  cx_v sum[CX_CHANNELS][CX_VECTORS];
  CX_UNROLL for (int c = 0; c < channels; c++)
    CX_UNROLL for (int v = 0; v < vectors; v++) {
      sum[c][v] = cx_splat(start.offset[c]);
      if (!start.is_first) sum[c][v] = cx_add(sum[c][v], cx_load(sums + c * CX_TILE_PIXELS + v * CX_LANES));
    }
  /* every third row has a pointer: the rows between are reached by an index of one or two strides */
  const int32_t *row[(CX_CHANNELS + 2) / 3];
  CX_UNROLL for (int r = 0; r < (channels + 2) / 3; r++) row[r] = weights + 3 * r * stride;
  for (int k = 0; k < steps; k++) {
    cx_v x[CX_VECTORS];
    CX_UNROLL for (int v = 0; v < vectors; v++) x[v] = cx_load(panel + 4 * CX_LANES * v);
    panel += 4 * CX_TILE_PIXELS;
    CX_UNROLL for (int c = 0; c < channels; c++) {
      const int32_t word = row[c / 3][(c % 3) * stride];
      CX_UNROLL for (int v = 0; v < vectors; v++) sum[c][v] = cx_dot(sum[c][v], x[v], word);
    }
    CX_UNROLL for (int r = 0; r < (channels + 2) / 3; r++) row[r]++;
  }
  CX_UNROLL for (int c = 0; c < channels; c++)
    CX_UNROLL for (int v = 0; v < vectors; v++) cx_store(sums + c * CX_TILE_PIXELS + v * CX_LANES, sum[c][v]);
}

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
