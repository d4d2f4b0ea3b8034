/*
 * Dense layers: rows of bytes times rows of weights. Rows of x are widened to i16 once; then the weights, read where they lie,
 * meet up to CX_ROWS rows of x. One row is bound by the bandwidth of memory.
 */
#include "cx_conv.h"
#include "cx_conv_plan.h"
#include "cx_gemm_finish.h"

/* Rows of x that one pass over the weights serves. */
#define CX_ROWS 8
/* A tile: rows of weights by rows of x. */
#define CX_TILE_OUTPUTS 4
#define CX_TILE_ROWS 2

/* i16 of a widened row. */
CX_INLINE int32_t cx_row_length(const cx_dense *d) { return cx_round_up(d->inner, 16); }

CX_STATIC void cx_widen_rows(const cx_dense *d, const uint8_t *x, int32_t rows, int16_t *to) {
  const int32_t length = cx_row_length(d);
  for (int32_t r = 0; r < rows; r++, x += d->inner, to += length) {
    if (d->is_unsigned)
      for (int32_t i = 0; i < d->inner; i++) to[i] = x[i];
    else
      for (int32_t i = 0; i < d->inner; i++) to[i] = (int8_t)x[i];
    for (int32_t i = d->inner; i < length; i++) to[i] = 0;
  }
}

/* Inner products of `outputs` rows of weights with `rows` rows of x, constants where this is inlined: sums[row][output]. */
CX_INLINE void cx_products(const cx_dense *d, int outputs, int rows, const int8_t *w, const int16_t *x, int32_t *sums) {
  const int32_t whole = d->inner & ~15, left = d->inner - whole, length = cx_row_length(d);
  cx_sums sum[CX_TILE_OUTPUTS][CX_TILE_ROWS];
  CX_UNROLL for (int o = 0; o < outputs; o++)
    CX_UNROLL for (int r = 0; r < rows; r++) sum[o][r] = cx_sums_zero();
  for (int32_t i = 0; i < whole; i += 16)
    CX_UNROLL for (int o = 0; o < outputs; o++)
      CX_UNROLL for (int r = 0; r < rows; r++) cx_add_products(&sum[o][r], x + (size_t)r * (size_t)length + i, w + (size_t)o * (size_t)d->inner + i);
  if (left > 0)
    CX_UNROLL for (int o = 0; o < outputs; o++) {
      /* never read past the weights: they may end where memory ends */
      int8_t last[16] = {0};
      memcpy(last, w + (size_t)o * (size_t)d->inner + whole, (size_t)left);
      CX_UNROLL for (int r = 0; r < rows; r++) cx_add_products(&sum[o][r], x + (size_t)r * (size_t)length + whole, last);
    }
  CX_UNROLL for (int o = 0; o < outputs; o++)
    CX_UNROLL for (int r = 0; r < rows; r++) sums[r * CX_TILE_OUTPUTS + o] = cx_total(&sum[o][r]);
}

CX_STATIC void cx_product_tile(const cx_dense *d, int32_t outputs, int32_t rows, const int8_t *w, const int16_t *x, int32_t *sums) {
  if (outputs == CX_TILE_OUTPUTS && rows == CX_TILE_ROWS) cx_products(d, CX_TILE_OUTPUTS, CX_TILE_ROWS, w, x, sums);
  else if (outputs == CX_TILE_OUTPUTS) cx_products(d, CX_TILE_OUTPUTS, 1, w, x, sums);
  else
    for (int32_t r = 0; r < rows; r++)
      for (int32_t o = 0; o < outputs; o++)
        cx_products(d, 1, 1, w + (size_t)o * (size_t)d->inner, x + (size_t)r * (size_t)cx_row_length(d), sums + r * CX_TILE_OUTPUTS + o);
}

CX_STATIC void cx_put_output(const cx_finish *f, const int32_t *entry, int32_t sum, uint8_t *to) {
  const cx_factors factors = cx_factors_of(f, entry);
  if (f->form == CX_FORM_I32) {
    const uint32_t y = (uint32_t)sum + (uint32_t)factors.bias;
    memcpy(to, &y, 4);
  } else if (f->form == CX_FORM_WIDE16) {
    const int16_t y = (int16_t)cx_rescale(sum, &factors);
    memcpy(to, &y, 2);
  } else {
    *to = (uint8_t)cx_rescale(sum, &factors);
  }
}

/* Outputs first to end - 1 of `rows` widened rows; y is that of the first row. */
CX_STATIC void cx_dense_rows(const cx_dense *d, const cx_layer *l, int32_t first, int32_t end, int32_t rows, uint8_t *y) {
  const cx_finish finish = {d->form, d->zero, d->lo, d->hi};
  const size_t bytes = (size_t)cx_result_bytes(d->form);
  const int16_t *x = (const int16_t *)(const void *)l->scratch;
  int32_t sums[CX_TILE_OUTPUTS * CX_TILE_ROWS];
  for (int32_t o = first; o < end; o += CX_TILE_OUTPUTS) {
    const int32_t outputs = cx_min(CX_TILE_OUTPUTS, end - o);
    for (int32_t r = 0; r < rows; r += CX_TILE_ROWS) {
      const int32_t taken = cx_min(CX_TILE_ROWS, rows - r);
      cx_product_tile(d, outputs, taken, l->w + (size_t)o * (size_t)d->inner, x + (size_t)r * (size_t)cx_row_length(d), sums);
      for (int32_t i = 0; i < taken; i++)
        for (int32_t c = 0; c < outputs; c++)
          cx_put_output(&finish, l->table + 3 * (o + c), sums[i * CX_TILE_OUTPUTS + c], y + ((size_t)(r + i) * (size_t)d->outputs + (size_t)(o + c)) * bytes);
    }
  }
}

/* A share of the outputs, or of the rows where there are more of them. */
void CX_OF_LEVEL(cx_dense_)(const cx_dense *d, const cx_layer *l) {
  const int by_rows = d->rows >= CX_ROWS * (int32_t)l->threads;
  const int64_t outputs = by_rows ? 1 : cx_ceil(d->outputs, CX_TILE_OUTPUTS), rows = by_rows ? d->rows : 1;
  const int64_t thread = l->thread, threads = l->threads;
  const int32_t first = by_rows ? 0 : (int32_t)(outputs * thread / threads) * CX_TILE_OUTPUTS;
  const int32_t end = by_rows ? d->outputs : cx_min((int32_t)(outputs * (thread + 1) / threads) * CX_TILE_OUTPUTS, d->outputs);
  const int32_t end_row = by_rows ? (int32_t)(rows * (thread + 1) / threads) : d->rows;
  if (first >= end) return;
  for (int32_t r = by_rows ? (int32_t)(rows * thread / threads) : 0; r < end_row; r += CX_ROWS) {
    const int32_t taken = cx_min(CX_ROWS, end_row - r);
    cx_widen_rows(d, l->x + (size_t)r * (size_t)d->inner, taken, (int16_t *)(void *)l->scratch);
    cx_dense_rows(d, l, first, end, taken, l->y + (size_t)r * (size_t)d->outputs * (size_t)cx_result_bytes(d->form));
  }
}

size_t CX_OF_LEVEL(cx_dense_scratch_)(const cx_dense *d) { return cx_aligned((size_t)cx_min(d->rows, CX_ROWS) * (size_t)cx_row_length(d) * 2); }
