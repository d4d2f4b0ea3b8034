/* Convolution as a matrix product; see cx_conv_plan.h. */
#include "cx_conv.h"

#include "cx_conv_pack.h"
#include "cx_conv_plan.h"
#include "cx_gemm.h"
#include "cx_gemm_finish.h"

/* A row of `inner` weights as the words of a panel step, with zeros behind. */
CX_INLINE void cx_widen_row(const int8_t *from, int32_t inner, int32_t padded, int32_t *row) {
#if CX_DEPTH == 2
  int16_t *to = (int16_t *)(void *)row;
  for (int32_t i = 0; i < inner; i++) to[i] = from[i];
  for (int32_t i = inner; i < padded; i++) to[i] = 0;
#else
  memcpy(row, from, (size_t)inner);
  memset((uint8_t *)row + inner, 0, (size_t)(padded - inner));
#endif
}

/* What is added to the sums of a channel besides its products is taken off: the flip of the input's type, or cx_gemm.h's. */
CX_INLINE int32_t cx_row_offset(const int8_t *row, int32_t inner, const int32_t *widened, int32_t padded, int is_unsigned) {
#if CX_HALF_PRODUCTS
  (void)row, (void)inner, (void)is_unsigned;
  return -cx_quads_total((const int16_t *)(const void *)widened, padded);
#elif CX_DEPTH == 4
  int32_t sum = 0;
  (void)widened, (void)padded;
  if (CX_OFFSET(is_unsigned) == 0) return 0;
  for (int32_t i = 0; i < inner; i++) sum += row[i];
  return CX_OFFSET(is_unsigned) * sum;
#else
  (void)row, (void)inner, (void)widened, (void)padded, (void)is_unsigned;
  return 0;
#endif
}

/* Everything that the tiles of a group share. */
typedef struct cx_product {
  const cx_plan *plan;
  const cx_scratch *scratch;
  const int8_t *w;
  const int32_t *table;
  uint8_t *y;
  cx_finish finish;
  cx_share share;
  int32_t group;
} cx_product;

/* Where a tile's pixels are: the first one's image and its index there. */
typedef struct cx_place {
  int64_t image;
  int32_t at;
} cx_place;

/* Finishes the tile of channels from `channel` on, whose first pixel is at `place`. */
CX_STATIC void cx_put_tile(const cx_product *g, const cx_narrower *narrowers, int32_t channel, int32_t channels, cx_place place,
                           int32_t count, const int32_t *sums) {
  const cx_plan *p = g->plan;
  const size_t bytes = (size_t)cx_result_bytes(g->finish.form), plane = (size_t)p->out_plane * bytes;
  const int32_t own = g->group * p->d.out_group + channel;
  for (int32_t done = 0; done < count; place.image++, place.at = 0) {
    const int32_t run = cx_min(p->out_plane - place.at, count - done);
    uint8_t *to = g->y + (size_t)(place.image * p->d.groups * p->d.out_group + own) * plane + (size_t)place.at * bytes;
    if (run == CX_TILE_PIXELS && g->finish.form == CX_FORM_NARROW) {
      for (int32_t c = 0; c < channels; c++, to += plane) cx_narrow(sums + c * CX_TILE_PIXELS, CX_TILE_PIXELS, &narrowers[c], to);
      return;
    }
    for (int32_t c = 0; c < channels; c++, to += plane) {
      int32_t moved[CX_TILE_PIXELS] CX_ALIGNED = {0};
      memcpy(moved, sums + c * CX_TILE_PIXELS + done, (size_t)run * 4);
      cx_finish_row(&g->finish, g->table + 3 * (own + c), &narrowers[c], moved, run, to);
    }
    done += run;
  }
}

/* The channels of a chunk: their widened weights are in the scratch. */
typedef struct cx_chunk {
  int32_t first, count;
  int32_t offset[CX_CHUNK];
  cx_narrower narrowers[CX_CHUNK];
} cx_chunk;

CX_STATIC void cx_widen_chunk(const cx_product *g, const cx_block *b, int is_last, cx_chunk *chunk) {
  const cx_plan *p = g->plan;
  const int32_t inner = b->channels * p->taps, padded = cx_round_up(inner, CX_ROUND);
  const size_t swept = (size_t)(b->channel - g->group * p->d.in_group) * (size_t)p->taps;
  for (int32_t c = 0; c < chunk->count; c++) {
    const int32_t channel = g->group * p->d.out_group + chunk->first + c;
    const int8_t *row = g->w + (size_t)channel * (size_t)p->inner + swept;
    int32_t *to = g->scratch->weights + (ptrdiff_t)c * (p->sweep_inner / CX_DEPTH);
    cx_widen_row(row, inner, padded, to);
    chunk->offset[c] = cx_row_offset(row, inner, to, padded, p->d.is_unsigned);
    if (is_last) chunk->narrowers[c] = cx_channel_narrower(&g->finish, g->table + 3 * channel);
  }
}

/* Multiplies a tile of the panel into all channels of a chunk; `sums` is where the tile's sums of the chunk are between sweeps. */
CX_STATIC void cx_multiply_tile(const cx_product *g, const cx_block *b, const cx_chunk *chunk, int32_t tile, cx_place place, int is_first,
                                int is_last, int32_t *sums) {
  const cx_plan *p = g->plan;
  const ptrdiff_t stride = p->sweep_inner / CX_DEPTH;
  const int32_t steps = cx_round_up(b->channels * p->taps, CX_ROUND) / CX_DEPTH;
  const int32_t count = cx_min(CX_TILE_PIXELS, b->count - tile * CX_TILE_PIXELS);
  const uint8_t *panel = g->scratch->panel + (size_t)tile * cx_tile_bytes(p);
  int32_t own_sums[CX_CHANNELS * CX_TILE_PIXELS] CX_ALIGNED;
  for (int32_t c = 0; c < chunk->count; c += CX_CHANNELS) {
    const int32_t channels = cx_min(CX_CHANNELS, chunk->count - c);
    const cx_start start = {chunk->offset + c, g->scratch->pixels + tile * CX_TILE_PIXELS, is_first};
    int32_t *to = p->sweeps > 1 ? sums + (size_t)c * CX_TILE_PIXELS : own_sums;
    cx_tile(channels, cx_ceil(count, CX_LANES), panel, g->scratch->weights + c * stride, stride, steps, start, to);
    if (is_last) cx_put_tile(g, chunk->narrowers + c, chunk->first + c, channels, place, count, to);
  }
}

/* Multiplies the packed sweep into all tiles of the block. */
CX_STATIC void cx_multiply_block(const cx_product *g, const cx_block *b, int is_first, int is_last) {
  const cx_plan *p = g->plan;
  const int32_t tiles = cx_ceil(b->count, CX_TILE_PIXELS);
  int32_t *sums = g->scratch->partials;
#if CX_HALF_PRODUCTS
  const int32_t steps = cx_round_up(b->channels * p->taps, CX_ROUND) / CX_DEPTH;
  for (int32_t t = 0; t < tiles; t++)
    cx_panel_offsets(g->scratch->panel + (size_t)t * cx_tile_bytes(p), steps, g->scratch->pixels + t * CX_TILE_PIXELS);
#endif
  for (int32_t channel = g->share.first_channel; channel < g->share.end_channel; channel += CX_CHUNK) {
    cx_chunk chunk = {.first = channel, .count = cx_min(CX_CHUNK, g->share.end_channel - channel)};
    cx_widen_chunk(g, b, is_last, &chunk);
    cx_place place = {b->first / p->out_plane, (int32_t)(b->first % p->out_plane)};
    for (int32_t t = 0; t < tiles; t++) {
      cx_multiply_tile(g, b, &chunk, t, place, is_first, is_last, sums);
      for (place.at += CX_TILE_PIXELS; place.at >= p->out_plane; place.at -= p->out_plane) place.image++;
      sums += CX_CHUNK * CX_TILE_PIXELS;
    }
  }
}

CX_STATIC void cx_convolve_group(const cx_product *g, const uint8_t *x) {
  const cx_plan *p = g->plan;
  const int64_t last = g->share.end_tile * CX_TILE_PIXELS, end = last < p->pixels ? last : p->pixels;
  for (int64_t first = g->share.first_tile * CX_TILE_PIXELS; first < end; first += p->block) {
    const int64_t left = end - first;
    cx_block b = {.plan = p, .scratch = g->scratch, .x = x, .first = first, .count = (int32_t)(left < p->block ? left : p->block)};
    b.segments = cx_segments(p, b.first, b.count, g->scratch->segments);
    for (int32_t s = 0; s < p->sweeps; s++) {
      const int32_t done = s * p->channels_per_sweep;
      b.channel = g->group * p->d.in_group + done;
      b.channels = cx_min(p->channels_per_sweep, p->d.in_group - done);
      cx_pack_block(&b);
      cx_multiply_block(g, &b, s == 0, s == p->sweeps - 1);
    }
  }
}

void CX_OF_LEVEL(cx_conv_)(const cx_conv *d, const cx_layer *l) {
  const cx_plan plan = cx_plan_of(d);
  cx_scratch scratch;
  cx_scratch_of(&plan, l->scratch, &scratch);
  memset(scratch.padding, d->pad, (size_t)plan.block + 64);
  cx_product g = {.plan = &plan, .scratch = &scratch, .w = l->w, .table = l->table, .y = l->y};
  g.finish = (cx_finish){d->form, d->zero, d->lo, d->hi};
  g.share = cx_share_of((plan.pixels + CX_TILE_PIXELS - 1) / CX_TILE_PIXELS, d->out_group, CX_CHANNELS, l->thread, l->threads);
  for (g.group = 0; g.group < d->groups; g.group++) cx_convolve_group(&g, l->x);
}

size_t CX_OF_LEVEL(cx_conv_scratch_)(const cx_conv *d) {
  const cx_plan plan = cx_plan_of(d);
  cx_scratch scratch;
  return cx_scratch_of(&plan, NULL, &scratch);
}
