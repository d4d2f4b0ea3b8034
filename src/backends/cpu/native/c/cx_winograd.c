/* Exact Winograd convolution; see cx_winograd.h. */
#include "cx_winograd.h"

#include "cx_conv_plan.h"
#include "cx_gemm_finish.h"
#include "cx_isa.h"

#if CX_DEPTH == 2

/* Positions of a transformed patch, and output channels that are multiplied at a time. */
#define CX_SPOTS 16
#define CX_WINOGRAD_OUT 6
/* Bytes of transformed input of a block: stays in a second-level cache of 512 KiB beside weights that stream by. */
#define CX_WINOGRAD_BLOCK (288 * 1024)
/* Tiles that one round of the input transform makes: lanes of i16. */
#define CX_HALVES (2 * CX_LANES)

typedef struct cx_winograd_plan {
  const cx_conv *d;
  /* Tiles of 2 x 2 outputs, of a row and of a column. */
  int32_t wide, high;
  /* Words of two channels per position and output. */
  int32_t pairs;
  /* Tile rows of a block, and words from one pair of channels to the next in the transformed input. */
  int32_t rows, step;
  /* Bytes of a padded row of one input channel, and how many rows a block reads. */
  int32_t row_bytes, image_rows;
} cx_winograd_plan;

CX_STATIC cx_winograd_plan cx_winograd_plan_of(const cx_conv *d) {
  cx_winograd_plan p = {.d = d};
  p.wide = cx_ceil(d->output[2], 2);
  p.high = cx_ceil(d->output[1], 2);
  p.pairs = cx_ceil(d->in_group, 2);
  const int32_t row = p.wide * p.pairs * CX_SPOTS * 4;
  p.rows = cx_min(cx_max(CX_WINOGRAD_BLOCK / cx_max(row, 1), 1), cx_max(p.high, 1));
  /* an even division of the rows, and an odd multiple of a cache line, so that steps spread over cache sets */
  p.rows = cx_ceil(p.high, cx_max(cx_ceil(p.high, p.rows), 1));
  p.step = (cx_round_up(p.rows * p.wide + CX_MOST_PIXELS, 16) | 16);
  p.row_bytes = cx_round_up(2 * p.wide + 2 + 4 * CX_MOST_PIXELS, 16);
  p.image_rows = 2 * p.rows + 2;
  return p;
}

typedef struct cx_winograd_scratch {
  int32_t *panel, *sums, *staging;
  uint8_t *image;
} cx_winograd_scratch;

CX_STATIC size_t cx_winograd_scratch_of(const cx_winograd_plan *p, uint8_t *base, cx_winograd_scratch *s) {
  size_t at = 0;
  s->panel = (int32_t *)(void *)(base + at);
  at += cx_aligned((size_t)CX_SPOTS * (size_t)p->pairs * (size_t)p->step * 4 + 256);
  s->sums = (int32_t *)(void *)(base + at);
  at += cx_aligned((size_t)CX_SPOTS * CX_WINOGRAD_OUT * (size_t)p->step * 4 + 256);
  s->staging = (int32_t *)(void *)(base + at);
  at += cx_aligned((size_t)4 * (size_t)p->step * 4 + 256);
  s->image = base + at;
  at += cx_aligned((size_t)2 * (size_t)p->image_rows * (size_t)p->row_bytes + 256);
  return at;
}

size_t CX_OF_LEVEL(cx_winograd_scratch_)(const cx_conv *d) {
  const cx_winograd_plan p = cx_winograd_plan_of(d);
  cx_winograd_scratch s;
  return cx_winograd_scratch_of(&p, NULL, &s);
}

size_t CX_OF_LEVEL(cx_winograd_weights_bytes_)(const cx_conv *d) {
  return (size_t)cx_ceil(d->out_group, CX_WINOGRAD_OUT) * CX_SPOTS * CX_WINOGRAD_OUT * (size_t)cx_ceil(d->in_group, 2) * 4;
}

/* Rows of 2 G times a column of three: (2a, a + b + c, a - b + c, 2c). */
CX_INLINE void cx_weight_column(int32_t a, int32_t b, int32_t c, int32_t *to) {
  to[0] = 2 * a;
  to[1] = a + b + c;
  to[2] = a - b + c;
  to[3] = 2 * c;
}

void CX_OF_LEVEL(cx_winograd_weights_)(const cx_conv *d, const int8_t *w, int32_t *to) {
  const size_t pairs = (size_t)cx_ceil(d->in_group, 2), in = (size_t)d->in_group;
  int16_t *words = (int16_t *)(void *)to;
  memset(to, 0, CX_OF_LEVEL(cx_winograd_weights_bytes_)(d));
  for (size_t o = 0; o < (size_t)d->out_group; o++)
    for (size_t c = 0; c < in; c++) {
      const int8_t *g = w + (o * in + c) * 9;
      int32_t columns[3][4], row[4];
      for (int j = 0; j < 3; j++) cx_weight_column(g[j], g[3 + j], g[6 + j], columns[j]);
      for (size_t i = 0; i < 4; i++) {
        cx_weight_column(columns[0][i], columns[1][i], columns[2][i], row);
        for (size_t j = 0; j < 4; j++) {
          const size_t spot = (o / CX_WINOGRAD_OUT * CX_SPOTS + 4 * i + j) * CX_WINOGRAD_OUT + o % CX_WINOGRAD_OUT;
          words[2 * (spot * pairs) + c] = (int16_t)row[j];
        }
      }
    }
}

typedef int16_t cx_halves __attribute__((vector_size(4 * CX_LANES)));
typedef uint16_t cx_unsigned_halves __attribute__((vector_size(4 * CX_LANES)));

CX_INLINE cx_halves cx_load_halves(const void *p) {
  cx_halves v;
  memcpy(&v, p, sizeof v);
  return v;
}

CX_INLINE cx_halves cx_even(cx_halves v, int is_unsigned) { return is_unsigned ? v & 0xff : (v << 8) >> 8; }
CX_INLINE cx_halves cx_odd(cx_halves v, int is_unsigned) { return is_unsigned ? (cx_halves)((cx_unsigned_halves)v >> 8) : v >> 8; }

/* B' d B of CX_HALVES neighbouring patches; four rows of the padded image. */
CX_INLINE void cx_transform_patches(const uint8_t *from, int32_t row_bytes, int is_unsigned, cx_halves *to) {
  cx_halves t[4][4];
  CX_UNROLL for (int r = 0; r < 4; r++) {
    const cx_halves first = cx_load_halves(from + r * row_bytes), second = cx_load_halves(from + r * row_bytes + 2);
    const cx_halves d0 = cx_even(first, is_unsigned), d1 = cx_odd(first, is_unsigned);
    const cx_halves d2 = cx_even(second, is_unsigned), d3 = cx_odd(second, is_unsigned);
    t[r][0] = d0 - d2;
    t[r][1] = d1 + d2;
    t[r][2] = d2 - d1;
    t[r][3] = d1 - d3;
  }
  CX_UNROLL for (int j = 0; j < 4; j++) {
    to[j] = t[0][j] - t[2][j];
    to[4 + j] = t[1][j] + t[2][j];
    to[8 + j] = t[2][j] - t[1][j];
    to[12 + j] = t[1][j] - t[3][j];
  }
}

/* Stores the pairs a0 b0 a1 b1 ... */
CX_INLINE void cx_store_pairs(int32_t *to, cx_halves a, cx_halves b) {
  cx_halves low, high;
#if CX_LANES == 8
#if defined(__clang__)
  low = __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
  high = __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
#else
  low = __builtin_shuffle(a, b, (cx_halves){0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23});
  high = __builtin_shuffle(a, b, (cx_halves){8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31});
#endif
#elif defined(__clang__)
  low = __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11);
  high = __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15);
#else
  low = __builtin_shuffle(a, b, (cx_halves){0, 8, 1, 9, 2, 10, 3, 11});
  high = __builtin_shuffle(a, b, (cx_halves){4, 12, 5, 13, 6, 14, 7, 15});
#endif
  memcpy(to, &low, sizeof low);
  memcpy(to + CX_LANES, &high, sizeof high);
}

/* What a block of tile rows of one image is: its first row, how many, and its tiles. */
typedef struct cx_winograd_block {
  const cx_winograd_plan *p;
  const cx_winograd_scratch *s;
  const uint8_t *x;
  int32_t row, rows, tiles;
} cx_winograd_block;

/* Copies the rows of one channel that the block reads, with padding around them. */
CX_STATIC void cx_winograd_image(const cx_winograd_block *b, int32_t channel, uint8_t *to) {
  const cx_conv *d = b->p->d;
  const int32_t height = d->input[1], width = d->input[2], left = d->begin[2], row_bytes = b->p->row_bytes;
  const uint8_t *plane = b->x + (size_t)channel * (size_t)height * (size_t)width;
  const int32_t copied = cx_max(cx_min(width, row_bytes - left), 0);
  for (int32_t r = 0; r < 2 * b->rows + 2; r++, to += row_bytes) {
    const int32_t y = 2 * b->row + r - d->begin[1];
    if (y < 0 || y >= height) {
      memset(to, d->pad, (size_t)row_bytes);
      continue;
    }
    memset(to, d->pad, (size_t)left);
    memcpy(to + left, plane + (size_t)y * (size_t)width, (size_t)copied);
    memset(to + left + copied, d->pad, (size_t)(row_bytes - left - copied));
  }
}

/* Transforms two channels into their row of the panel: rows run over their end into the place of the next one. */
CX_STATIC void cx_winograd_pair(const cx_winograd_block *b, int32_t pair, int is_unsigned) {
  const cx_winograd_plan *p = b->p;
  const size_t image = (size_t)p->image_rows * (size_t)p->row_bytes;
  const size_t spot = (size_t)p->pairs * (size_t)p->step;
  const int is_odd = 2 * pair + 1 == p->d->in_group;
  cx_winograd_image(b, 2 * pair, b->s->image);
  if (!is_odd) cx_winograd_image(b, 2 * pair + 1, b->s->image + image);
  for (int32_t r = 0; r < b->rows; r++)
    for (int32_t t = 0; t < p->wide; t += CX_HALVES) {
      cx_halves one[CX_SPOTS], other[CX_SPOTS] = {{0}};
      const uint8_t *from = b->s->image + (size_t)(2 * r) * (size_t)p->row_bytes + 2 * (size_t)t;
      cx_transform_patches(from, p->row_bytes, is_unsigned, one);
      if (!is_odd) cx_transform_patches(from + image, p->row_bytes, is_unsigned, other);
      int32_t *to = b->s->panel + (size_t)pair * (size_t)p->step + (size_t)(r * p->wide + t);
      CX_UNROLL for (size_t i = 0; i < CX_SPOTS; i++) cx_store_pairs(to + i * spot, one[i], other[i]);
    }
}

/* sums[6][step] = weights[6][pairs] times panel[pairs][step], for CX_TILE_PIXELS tiles. */
CX_INLINE void cx_winograd_tile(const cx_winograd_plan *p, const int32_t *panel, const int32_t *weights, int32_t *sums) {
  cx_v sum[CX_WINOGRAD_OUT][CX_VECTORS];
  CX_UNROLL for (int c = 0; c < CX_WINOGRAD_OUT; c++)
    CX_UNROLL for (int v = 0; v < CX_VECTORS; v++) sum[c][v] = cx_splat(0);
  const ptrdiff_t stride = p->pairs;
  const int32_t *row[2] = {weights, weights + 3 * stride};
  for (int32_t k = 0; k < p->pairs; k++) {
    cx_v x[CX_VECTORS];
    CX_UNROLL for (int v = 0; v < CX_VECTORS; v++) x[v] = cx_load_pairs(panel + CX_LANES * v);
    panel += p->step;
    CX_UNROLL for (int c = 0; c < CX_WINOGRAD_OUT; c++) {
      const int32_t word = row[c / 3][(c % 3) * stride];
      CX_UNROLL for (int v = 0; v < CX_VECTORS; v++) sum[c][v] = cx_dot(sum[c][v], x[v], word);
    }
    row[0]++, row[1]++;
  }
  CX_UNROLL for (int c = 0; c < CX_WINOGRAD_OUT; c++)
    CX_UNROLL for (int v = 0; v < CX_VECTORS; v++) cx_store(sums + c * p->step + v * CX_LANES, sum[c][v]);
}

typedef int32_t cx_words __attribute__((vector_size(4 * CX_LANES)));

CX_INLINE cx_words cx_load_words(const int32_t *p) {
  cx_words v;
  memcpy(&v, p, sizeof v);
  return v;
}

CX_INLINE void cx_store_words(int32_t *to, cx_words a, cx_words b) {
  cx_words low, high;
#if CX_LANES == 8
#if defined(__clang__)
  low = __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11);
  high = __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15);
#else
  low = __builtin_shuffle(a, b, (cx_words){0, 8, 1, 9, 2, 10, 3, 11});
  high = __builtin_shuffle(a, b, (cx_words){4, 12, 5, 13, 6, 14, 7, 15});
#endif
#elif defined(__clang__)
  low = __builtin_shufflevector(a, b, 0, 4, 1, 5);
  high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
#else
  low = __builtin_shuffle(a, b, (cx_words){0, 4, 1, 5});
  high = __builtin_shuffle(a, b, (cx_words){2, 6, 3, 7});
#endif
  memcpy(to, &low, sizeof low);
  memcpy(to + CX_LANES, &high, sizeof high);
}

/* A' M A / 4 of all tiles of one output channel: two rows of outputs, `2 * step` words apart. Wrapping, so unsigned. */
CX_STATIC void cx_winograd_outputs(const cx_winograd_block *b, const int32_t *sums, int32_t *rows) {
  typedef uint32_t words __attribute__((vector_size(4 * CX_LANES)));
  const size_t spot = (size_t)CX_WINOGRAD_OUT * (size_t)b->p->step;
  for (int32_t t = 0; t < b->tiles; t += CX_LANES) {
    words s[2][4];
    CX_UNROLL for (size_t j = 0; j < 4; j++) {
      words m[4];
      CX_UNROLL for (size_t i = 0; i < 4; i++) m[i] = (words)cx_load_words(sums + (4 * i + j) * spot + t);
      s[0][j] = m[0] + m[1] + m[2];
      s[1][j] = m[1] - m[2] - m[3];
    }
    CX_UNROLL for (size_t i = 0; i < 2; i++) {
      const cx_words left = (cx_words)(s[i][0] + s[i][1] + s[i][2]) >> 2;
      const cx_words right = (cx_words)(s[i][1] - s[i][2] - s[i][3]) >> 2;
      cx_store_words(rows + i * 2 * (size_t)b->p->step + 2 * t, left, right);
    }
  }
}

/* A row of finished outputs; `sums` is readable to a multiple of CX_TILE_PIXELS. */
CX_STATIC void cx_winograd_row(const cx_finish *f, const int32_t *entry, const cx_narrower *narrower, const int32_t *sums, int32_t count,
                               uint8_t *to) {
  const size_t bytes = (size_t)cx_result_bytes(f->form);
  int32_t done = 0;
  if (f->form == CX_FORM_NARROW) {
    done = count & ~(CX_MOST_PIXELS - 1);
    if (done > 0) cx_narrow(sums, done, narrower, to);
  }
  for (; done < count; done += CX_TILE_PIXELS)
    cx_finish_row(f, entry, narrower, sums + done, cx_min(CX_TILE_PIXELS, count - done), to + (size_t)done * bytes);
}

/* Transforms back and stores `channels` channels from `channel` on; y is the image's. */
CX_STATIC void cx_winograd_finish(const cx_winograd_block *b, const cx_layer *l, int32_t channel, int32_t channels, uint8_t *y) {
  const cx_winograd_plan *p = b->p;
  const cx_conv *d = p->d;
  const cx_finish finish = {d->form, d->zero, d->lo, d->hi};
  const size_t bytes = (size_t)cx_result_bytes(d->form), row = (size_t)d->output[2] * bytes, plane = row * (size_t)d->output[1];
  for (int32_t c = 0; c < channels; c++) {
    const cx_narrower narrower = cx_channel_narrower(&finish, l->table + 3 * (channel + c));
    cx_winograd_outputs(b, b->s->sums + (size_t)c * (size_t)p->step, b->s->staging);
    for (int32_t r = 0; r < 2 * b->rows; r++) {
      const int32_t at = 2 * b->row + r;
      if (at >= d->output[1]) break;
      const int32_t *from = b->s->staging + (size_t)(r % 2) * 2 * (size_t)p->step + 2 * (size_t)(r / 2) * (size_t)p->wide;
      cx_winograd_row(&finish, l->table + 3 * (channel + c), &narrower, from, d->output[2], y + (size_t)(channel + c) * plane + (size_t)at * row);
    }
  }
}

/* All output channels from `first` to `end` (multiples of CX_WINOGRAD_OUT, but for the last) of a block. */
CX_STATIC void cx_winograd_multiply(const cx_winograd_block *b, const cx_layer *l, const int32_t *weights, int32_t first, int32_t end,
                                    uint8_t *y) {
  const cx_winograd_plan *p = b->p;
  const size_t own = (size_t)CX_WINOGRAD_OUT * (size_t)p->pairs;
  for (int32_t channel = first; channel < end; channel += CX_WINOGRAD_OUT) {
    const int32_t *w = weights + (size_t)(channel / CX_WINOGRAD_OUT) * CX_SPOTS * own;
    for (size_t i = 0; i < CX_SPOTS; i++)
      for (int32_t t = 0; t < b->tiles; t += CX_TILE_PIXELS)
        cx_winograd_tile(p, b->s->panel + i * (size_t)p->pairs * (size_t)p->step + t, w + i * own,
                         b->s->sums + i * CX_WINOGRAD_OUT * (size_t)p->step + t);
    cx_winograd_finish(b, l, channel, cx_min(CX_WINOGRAD_OUT, end - channel), y);
  }
}

void CX_OF_LEVEL(cx_winograd_)(const cx_conv *d, const cx_layer *l, const int32_t *weights) {
  const cx_winograd_plan p = cx_winograd_plan_of(d);
  cx_winograd_scratch s;
  cx_winograd_scratch_of(&p, l->scratch, &s);
  const size_t image = (size_t)d->in_group * (size_t)d->input[1] * (size_t)d->input[2];
  const size_t result = (size_t)d->out_group * (size_t)d->output[1] * (size_t)d->output[2] * (size_t)cx_result_bytes(d->form);
  const int64_t blocks = (int64_t)d->batch * cx_ceil(p.high, p.rows);
  const int32_t groups = cx_ceil(d->out_group, CX_WINOGRAD_OUT);
  /* few blocks: every thread transforms all of them, and does its share of the channels */
  const int by_channels = blocks % l->threads != 0 && blocks < 4 * (int64_t)l->threads;
  const int64_t first = by_channels ? 0 : blocks * l->thread / l->threads;
  const int64_t end = by_channels ? blocks : blocks * (l->thread + 1) / l->threads;
  const int32_t first_channel = by_channels ? (int32_t)((int64_t)groups * l->thread / l->threads) * CX_WINOGRAD_OUT : 0;
  const int32_t end_channel =
      by_channels ? cx_min((int32_t)((int64_t)groups * (l->thread + 1) / l->threads) * CX_WINOGRAD_OUT, d->out_group) : d->out_group;
  for (int64_t i = first; i < end; i++) {
    const int32_t parts = cx_ceil(p.high, p.rows), part = (int32_t)(i % parts);
    const size_t n = (size_t)(i / parts);
    cx_winograd_block b = {.p = &p, .s = &s, .x = l->x + n * image, .row = part * p.rows};
    b.rows = cx_min(p.rows, p.high - b.row);
    b.tiles = b.rows * p.wide;
    for (int32_t pair = 0; pair < p.pairs; pair++) {
      if (d->is_unsigned) cx_winograd_pair(&b, pair, 1);
      else cx_winograd_pair(&b, pair, 0);
    }
    cx_winograd_multiply(&b, l, weights, first_channel, end_channel, l->y + n * result);
  }
}

#else

/* Levels with products of bytes have none of i16 that are as fast: the plain product is, and reads the weights as they are. */
size_t CX_OF_LEVEL(cx_winograd_scratch_)(const cx_conv *d) { return CX_OF_LEVEL(cx_conv_scratch_)(d); }

size_t CX_OF_LEVEL(cx_winograd_weights_bytes_)(const cx_conv *d) {
  (void)d;
  return 0;
}

void CX_OF_LEVEL(cx_winograd_weights_)(const cx_conv *d, const int8_t *w, int32_t *to) { (void)d, (void)w, (void)to; }

void CX_OF_LEVEL(cx_winograd_)(const cx_conv *d, const cx_layer *l, const int32_t *weights) {
  (void)weights;
  CX_OF_LEVEL(cx_conv_)(d, l);
}

#endif
