/* Exact Winograd convolution; see cx_winograd.h. */
#include "cx_winograd.h"

#include "cx_conv_plan.h"
#include "cx_gemm_finish.h"
#include "cx_isa.h"

#if CX_DEPTH == 2

#include "cx_winograd_vectors.h"

/* Output channels that are multiplied at a time. */
#define CX_WINOGRAD_OUT 6
/* Planes of weights are filled up to so many input channels. */
#define CX_WINOGRAD_FILL 16
/* Bytes of transformed input of a block: stays in a second-level cache of 512 KiB beside weights that stream by. */
#define CX_WINOGRAD_BLOCK (288 * 1024)

typedef struct cx_winograd_plan {
  const cx_conv *d;
  /* Tiles of 2 x 2 outputs, of a row and of a column. */
  int32_t wide, high;
  /* Words of two channels per position and output; the same filled up to CX_WINOGRAD_FILL channels. */
  int32_t pairs, filled_pairs;
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
  p.filled_pairs = cx_round_up(d->in_group, CX_WINOGRAD_FILL) / 2;
  const int32_t row = p.wide * p.pairs * CX_SPOTS * 4;
  p.rows = cx_min(cx_max(CX_WINOGRAD_BLOCK / cx_max(row, 1), 1), cx_max(p.high, 1));
  /* an even division of the rows, and an odd multiple of a cache line, so that steps spread over cache sets */
  p.rows = cx_ceil(p.high, cx_max(cx_ceil(p.high, p.rows), 1));
  p.step = (cx_round_up(p.rows * p.wide + 16, 16) | 16);
  p.row_bytes = cx_round_up(2 * p.wide + 2 + 4 * CX_MOST_PIXELS, 16);
  p.image_rows = 2 * p.rows + 2;
  return p;
}

typedef struct cx_winograd_scratch {
  int32_t *panel, *sums, *staging, *weights;
  uint8_t *image;
} cx_winograd_scratch;

CX_STATIC size_t cx_winograd_scratch_of(const cx_winograd_plan *p, uint8_t *base, cx_winograd_scratch *s) {
  size_t at = 0;
  s->panel = (int32_t *)(void *)(base + at);
  at += cx_aligned((size_t)CX_SPOTS * (size_t)p->pairs * (size_t)p->step * 4 + 256);
  s->sums = (int32_t *)(void *)(base + at);
  at += cx_aligned((size_t)CX_SPOTS * CX_WINOGRAD_OUT * (size_t)p->step * 4 + 256);
  s->weights = (int32_t *)(void *)(base + at);
  at += cx_aligned((size_t)CX_SPOTS * CX_WINOGRAD_OUT * (size_t)p->filled_pairs * 4);
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
  return (size_t)d->out_group * 9 * (size_t)cx_round_up(d->in_group, CX_WINOGRAD_FILL);
}

void CX_OF_LEVEL(cx_winograd_weights_)(const cx_conv *d, const int8_t *w, int8_t *to) {
  const size_t in = (size_t)d->in_group, filled = (size_t)cx_round_up(d->in_group, CX_WINOGRAD_FILL);
  memset(to, 0, CX_OF_LEVEL(cx_winograd_weights_bytes_)(d));
  for (size_t o = 0; o < (size_t)d->out_group; o++, w += 9 * in, to += 9 * filled)
    for (size_t c = 0; c < in; c++)
      for (size_t k = 0; k < 9; k++) to[k * filled + c] = w[9 * c + k];
}

/* 2 G g 2 G' of one of CX_WINOGRAD_OUT output channels: its rows of [16][CX_WINOGRAD_OUT][filled_pairs] words. */
CX_STATIC void cx_winograd_transform(const cx_winograd_plan *p, const int8_t *planes, int32_t *to) {
  const size_t filled = 2 * (size_t)p->filled_pairs, spot = CX_WINOGRAD_OUT * filled;
  int16_t *words = (int16_t *)(void *)to;
  for (size_t c = 0; c < filled; c += CX_HALVES) {
    cx_halves columns[3][4], row[4];
    CX_UNROLL for (size_t j = 0; j < 3; j++)
      cx_weight_column(cx_widened_halves(planes + j * filled + c), cx_widened_halves(planes + (3 + j) * filled + c), cx_widened_halves(planes + (6 + j) * filled + c),
                       columns[j]);
    CX_UNROLL for (size_t i = 0; i < 4; i++) {
      cx_weight_column(columns[0][i], columns[1][i], columns[2][i], row);
      int16_t *at = words + 4 * i * spot + c;
      CX_OPAQUE(at);
      CX_UNROLL for (size_t j = 0; j < 4; j++) memcpy(at + j * spot, &row[j], sizeof row[j]);
    }
  }
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

/*
 * sums[CX_WINOGRAD_OUT][step] = weights[CX_WINOGRAD_OUT][filled_pairs] times panel[pairs][step] for `vectors` times CX_LANES
 * tiles, a constant where this is inlined. The products are those of cx_dot on every level: with the fewer channels of a tile
 * that CX_HALF_PRODUCTS has registers for, the panel would pass more often than the faster product makes up for.
 */
CX_INLINE void cx_winograd_product(const cx_winograd_plan *p, int vectors, const int32_t *panel, const int32_t *weights, int32_t *sums) {
  cx_v sum[CX_WINOGRAD_OUT][CX_VECTORS];
  CX_UNROLL for (int c = 0; c < CX_WINOGRAD_OUT; c++)
    CX_UNROLL for (int v = 0; v < vectors; v++) sum[c][v] = cx_splat(0);
  const ptrdiff_t stride = p->filled_pairs;
  const int32_t *row[2] = {weights, weights + 3 * stride};
  for (int32_t k = 0; k < p->pairs; k++) {
    cx_v x[CX_VECTORS];
    CX_UNROLL for (int v = 0; v < vectors; v++) x[v] = cx_load_pairs(panel + CX_LANES * v);
    panel += p->step;
    CX_UNROLL for (int c = 0; c < CX_WINOGRAD_OUT; c++) {
      const int32_t word = row[c / 3][(c % 3) * stride];
      CX_UNROLL for (int v = 0; v < vectors; v++) sum[c][v] = cx_dot(sum[c][v], x[v], word);
    }
    row[0]++, row[1]++;
  }
  CX_UNROLL for (int c = 0; c < CX_WINOGRAD_OUT; c++)
    CX_UNROLL for (int v = 0; v < vectors; v++) cx_store(sums + c * p->step + v * CX_LANES, sum[c][v]);
}

/* Functions of their own: amid other variables, gcc keeps a sum in memory, and every round waits for it. */
CX_STATIC __attribute__((noinline)) void cx_winograd_whole(const cx_winograd_plan *p, const int32_t *panel, const int32_t *weights, int32_t *sums) {
  cx_winograd_product(p, CX_VECTORS, panel, weights, sums);
}
CX_STATIC __attribute__((noinline)) void cx_winograd_half(const cx_winograd_plan *p, const int32_t *panel, const int32_t *weights, int32_t *sums) {
  cx_winograd_product(p, CX_VECTORS / 2, panel, weights, sums);
}

/* All tiles of the block at one position of the patches. */
CX_STATIC void cx_winograd_spot(const cx_winograd_block *b, size_t spot) {
  const cx_winograd_plan *p = b->p;
  const int32_t *panel = b->s->panel + spot * (size_t)p->pairs * (size_t)p->step;
  const int32_t *weights = b->s->weights + spot * CX_WINOGRAD_OUT * (size_t)p->filled_pairs;
  int32_t *sums = b->s->sums + spot * CX_WINOGRAD_OUT * (size_t)p->step;
  for (int32_t t = 0; t < b->tiles; t += CX_TILE_PIXELS) {
    if (b->tiles - t > CX_TILE_PIXELS / 2) cx_winograd_whole(p, panel + t, weights, sums + t);
    else cx_winograd_half(p, panel + t, weights, sums + t);
  }
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
CX_STATIC void cx_winograd_multiply(const cx_winograd_block *b, const cx_layer *l, const int8_t *planes, int32_t first, int32_t end, uint8_t *y) {
  const cx_winograd_plan *p = b->p;
  for (int32_t channel = first; channel < end; channel += CX_WINOGRAD_OUT) {
    const int32_t channels = cx_min(CX_WINOGRAD_OUT, end - channel);
    for (int32_t c = 0; c < channels; c++)
      cx_winograd_transform(p, planes + (size_t)(channel + c) * 18 * (size_t)p->filled_pairs, b->s->weights + c * p->filled_pairs);
    /* rows of outputs that are not there hold what they did before: their sums are not used */
    for (size_t i = 0; i < CX_SPOTS; i++) cx_winograd_spot(b, i);
    cx_winograd_finish(b, l, channel, channels, y);
  }
}

void CX_OF_LEVEL(cx_winograd_)(const cx_conv *d, const cx_layer *l, const int8_t *weights) {
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

void CX_OF_LEVEL(cx_winograd_weights_)(const cx_conv *d, const int8_t *w, int8_t *to) { (void)d, (void)w, (void)to; }

void CX_OF_LEVEL(cx_winograd_)(const cx_conv *d, const cx_layer *l, const int8_t *weights) {
  (void)weights;
  CX_OF_LEVEL(cx_conv_)(d, l);
}

#endif
