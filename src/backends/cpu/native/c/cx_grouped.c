/* Convolution by grouped weights; see cx_grouped.h. */
#define CX_BYTE_PANEL
#include "cx_grouped.h"

#include "cx_conv_gather.h"
#include "cx_gemm_finish.h"
#include "cx_grouped_plan.h"

size_t CX_OF_LEVEL(cx_grouped_scratch_)(const cx_conv *d) {
  const cx_grouped_plan p = cx_grouped_plan_of(d);
  cx_scratch s;
  const size_t own = cx_grouped_scratch_of(&p, NULL, &s), other = CX_OF_LEVEL(cx_conv_scratch_)(d);
  return own > other ? own : other;
}

#if CX_SATURATING_PRODUCTS

/* The share of a thread of the layer. */
typedef struct cx_grouped_layer {
  const cx_grouped_plan *plan;
  const cx_scratch *scratch;
  cx_grouped_weights weights;
  const int32_t *table;
  uint8_t *y;
  cx_finish finish;
  int32_t first_channel, end_channel;
} cx_grouped_layer;

/*
 * sums[8 * vectors] = (is_first ? start : sums) + groups * panel. Panel of a sweep: [quads][8 * vectors] words of 4 inner indices.
 * `vectors` is a constant where this is inlined.
 */
CX_INLINE void cx_multiply_groups(int vectors, const uint8_t *panel, const cx_group *g, const cx_group *end, int is_first, int32_t start, int32_t *sums) {
  cx_v sum[CX_GROUPED_VECTORS];
  CX_UNROLL for (int v = 0; v < vectors; v++) sum[v] = is_first ? cx_splat(start) : cx_load(sums + 8 * v);
  const size_t step = 32 * (size_t)vectors;
  for (; g < end; g++) {
    const uint8_t *a = panel + g->quad[0] * step, *b = panel + g->quad[1] * step;
    const cx_v wa = cx_splat(g->word[0]), wb = cx_splat(g->word[1]);
    CX_UNROLL for (int v = 0; v < vectors; v++) sum[v] = cx_two_quads(sum[v], cx_load(a + 32 * v), wa, cx_load(b + 32 * v), wb);
  }
  CX_UNROLL for (int v = 0; v < vectors; v++) cx_store(sums + 8 * v, sum[v]);
}

#define CX_CASE(V)                                                      \
  case V:                                                               \
    cx_multiply_groups(V, panel, g, end, is_first, start, sums);        \
    break;
CX_STATIC void cx_multiply_row(int vectors, const uint8_t *panel, const cx_group *g, const cx_group *end, int is_first, int32_t start, int32_t *sums) {
  switch (vectors) { CX_CASE(1) CX_CASE(2) CX_CASE(3) CX_CASE(4) CX_CASE(5) CX_CASE(6) CX_CASE(7) CX_CASE(8) CX_CASE(9) }
}

/* Finishes `count` sums of a channel, whose first pixel is `at` of an image; sums are readable 8 past their end. */
CX_STATIC void cx_put_row(const cx_grouped_layer *g, const cx_narrower *narrower, int32_t channel, int64_t image, int32_t at, int32_t count,
                          const int32_t *sums) {
  const cx_plan *p = &g->plan->base;
  const size_t bytes = (size_t)cx_result_bytes(g->finish.form);
  for (; count > 0; image++, at = 0) {
    const int32_t run = cx_min(p->out_plane - at, count), whole = run & ~7;
    uint8_t *to = g->y + ((size_t)(image * p->d.out_group + channel) * (size_t)p->out_plane + (size_t)at) * bytes;
    if (g->finish.form != CX_FORM_NARROW) {
      cx_finish_wide(&g->finish, g->table + 3 * channel, sums, run, to);
    } else {
      cx_narrow(sums, whole, narrower, to);
      if (run > whole) {
        uint8_t tail[16];
        cx_narrow(sums + whole, 8, narrower, tail);
        memcpy(to + whole, tail, (size_t)(run - whole));
      }
    }
    sums += run, count -= run;
  }
}

/* A tile of a block: its vectors, and where its panel begins. */
typedef struct cx_grouped_tile {
  int32_t first, vectors;
  uint8_t *panel;
} cx_grouped_tile;

CX_INLINE cx_grouped_tile cx_tile_of(const cx_grouped_plan *p, const cx_block *b, int64_t tile) {
  const int64_t first = cx_tile_vector(p, tile), start = first - b->first / 8;
  return (cx_grouped_tile){(int32_t)start, (int32_t)(cx_tile_vector(p, tile + 1) - first), b->scratch->panel + (size_t)start * p->vector_bytes};
}

/* Interleaves `rows` rows, `stride` bytes apart, as quads of a tile from `quad` on; a last row stands in for missing ones. */
CX_INLINE void cx_interleave_quads(const cx_grouped_tile *t, const uint8_t *from, ptrdiff_t stride, int32_t rows, int32_t quad, int is_unsigned) {
  const int32_t pixels = 8 * t->vectors;
  uint8_t *to = t->panel + (size_t)quad * (size_t)pixels * 4;
  for (int32_t r = 0; r < rows; r += 4, to += 4 * pixels) {
    const uint8_t *row[4];
    for (int k = 0; k < 4; k++) row[k] = from + cx_min(r + k, rows - 1) * stride + 8 * t->first;
    int32_t done = 0;
    for (; done + 16 <= pixels; done += 16) {
      cx_pack(to + 4 * done, 32, row, is_unsigned);
      for (int k = 0; k < 4; k++) row[k] += 16;
    }
    if (done == pixels) continue;
    uint8_t both[64] CX_ALIGNED;
    cx_pack(both, 32, row, is_unsigned);
    memcpy(to + 4 * done, both, 32);
  }
}

/* Tiles of a block: from `first` to before `end`. */
typedef struct cx_grouped_block {
  cx_block block;
  int64_t first, end;
} cx_grouped_block;

CX_STATIC void cx_pack_rows(const cx_grouped_plan *p, const cx_grouped_block *b, const uint8_t *from, ptrdiff_t stride, int32_t rows, int32_t quad) {
  for (int64_t i = b->first; i < b->end; i++) {
    const cx_grouped_tile tile = cx_tile_of(p, &b->block, i);
    if (p->base.d.is_unsigned) cx_interleave_quads(&tile, from, stride, rows, quad, 1);
    else cx_interleave_quads(&tile, from, stride, rows, quad, 0);
  }
}

CX_STATIC void cx_pack_tiles(const cx_grouped_plan *p, const cx_grouped_block *b) {
  const uint8_t *rows = cx_rows_in_place(&b->block);
  if (rows != NULL) {
    cx_pack_rows(p, b, rows, p->base.in_plane, b->block.channels, 0);
    return;
  }
  for (int32_t c = 0; c < b->block.channels; c += p->base.gather_channels) {
    const int32_t channels = cx_min(p->base.gather_channels, b->block.channels - c);
    cx_gather_rows(&b->block, c, channels);
    cx_pack_rows(p, b, b->block.scratch->gather, p->base.row_bytes, channels * p->base.taps, c * p->base.taps / 4);
  }
}

/* All sweeps of a tile, whose first pixel of the layer is `pixel`, for a chunk of channels. */
CX_STATIC void cx_multiply_tile(const cx_grouped_layer *g, const cx_narrower *narrowers, int32_t channel, int32_t channels,
                                const cx_grouped_tile *tile, int64_t pixel) {
  const cx_grouped_plan *p = g->plan;
  const int32_t pixels = 8 * tile->vectors;
  const int64_t left = p->base.pixels - pixel, image = pixel / p->base.out_plane;
  const int32_t at = (int32_t)(pixel % p->base.out_plane), count = (int32_t)(left < pixels ? left : pixels);
  const uint8_t *panel = tile->panel;
  for (int32_t s = 0; s < p->sweeps; s++, panel += p->sweep_quads * pixels * 4) {
    const uint32_t *start = g->weights.start + (size_t)s * (size_t)p->base.d.out_group + channel;
    int32_t *sums = g->scratch->partials;
    for (int32_t c = 0; c < channels; c++, sums += pixels) {
      cx_multiply_row(tile->vectors, panel, g->weights.group + start[c], g->weights.group + start[c + 1], s == 0, g->weights.offset[channel + c], sums);
      if (s == p->sweeps - 1) cx_put_row(g, &narrowers[c], channel + c, image, at, count, sums);
    }
  }
}

CX_STATIC void cx_multiply_tiles(const cx_grouped_layer *g, const cx_grouped_block *b) {
  for (int32_t channel = g->first_channel; channel < g->end_channel; channel += CX_GROUPED_CHUNK) {
    const int32_t channels = cx_min(CX_GROUPED_CHUNK, g->end_channel - channel);
    cx_narrower narrowers[CX_GROUPED_CHUNK];
    for (int32_t c = 0; c < channels; c++) narrowers[c] = cx_channel_narrower(&g->finish, g->table + 3 * (channel + c));
    for (int64_t i = b->first; i < b->end; i++) {
      const cx_grouped_tile tile = cx_tile_of(g->plan, &b->block, i);
      cx_multiply_tile(g, narrowers, channel, channels, &tile, b->block.first + 8 * tile.first);
    }
  }
}

void CX_OF_LEVEL(cx_grouped_)(const cx_conv *d, const cx_layer *l, const uint8_t *weights) {
  const cx_grouped_plan plan = cx_grouped_plan_of(d);
  cx_scratch scratch;
  cx_grouped_layer g = {.plan = &plan, .scratch = &scratch, .table = l->table, .y = l->y, .finish = {d->form, d->zero, d->lo, d->hi}};
  /* read only from here on */
  cx_grouped_weights_of(&plan, (uint8_t *)(uintptr_t)weights, &g.weights);
  if (!*g.weights.is_used) {
    CX_OF_LEVEL(cx_conv_)(d, l);
    return;
  }
  cx_grouped_scratch_of(&plan, l->scratch, &scratch);
  memset(scratch.padding, d->pad, (size_t)plan.base.block + 64);
  const cx_share share = cx_share_of(plan.tiles, d->out_group, 1, l->thread, l->threads);
  g.first_channel = share.first_channel, g.end_channel = share.end_channel;
  for (int64_t tile = share.first_tile; tile < share.end_tile; tile += plan.block_tiles) {
    const int64_t left = share.end_tile - tile;
    cx_grouped_block b = {.block = {.plan = &plan.base, .scratch = &scratch, .x = l->x, .channels = d->in_group}, .first = tile};
    b.end = tile + (left < plan.block_tiles ? left : plan.block_tiles);
    const int64_t end = 8 * cx_tile_vector(&plan, b.end);
    b.block.first = 8 * cx_tile_vector(&plan, tile);
    b.block.count = (int32_t)((end < plan.base.pixels ? end : plan.base.pixels) - b.block.first);
    b.block.segments = cx_segments(&plan.base, b.block.first, b.block.count, scratch.segments);
    cx_pack_tiles(&plan, &b);
    cx_multiply_tiles(&g, &b);
  }
}

#else

void CX_OF_LEVEL(cx_grouped_)(const cx_conv *d, const cx_layer *l, const uint8_t *weights) {
  (void)weights;
  CX_OF_LEVEL(cx_conv_)(d, l);
}

#endif
