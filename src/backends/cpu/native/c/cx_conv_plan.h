/*
 * Sizes of a convolution as a matrix product: [output channels][inner] times [inner][pixels], where the pixels are those of
 * all images and inner runs over (channel, kernel) as the weights do.
 *
 * The product is done in blocks of pixels and, where inner is long, in sweeps of whole input channels, with int32 sums in
 * memory in between. A sweep of a block is packed to a panel, which stays in the second-level cache, as do the widened weights of a
 * chunk of channels; a tile of the panel stays in the first while the weights of the chunk pass by. All sizes are the same for every level, so that one memory plan serves all.
 */
#ifndef CX_CONV_PLAN_H
#define CX_CONV_PLAN_H

#include "cx_conv.h"
#include "cx_isa.h"

/* Inner indices of a sweep, about: 16 KiB of panel and 4 or 6 KiB of weights for a tile. */
#define CX_SWEEP 512
/* Bytes of the panel of a block, at 2 bytes a pixel and inner index. */
#define CX_PANEL_BYTES (160 * 1024)
#define CX_MOST_BLOCK 512
/* Output channels whose weights are widened at a time: a multiple of the channels of a tile of any level. */
#define CX_CHUNK 48
/* Bytes of rows that are gathered at a time, before they are interleaved. */
#define CX_GATHER_BYTES (24 * 1024)

CX_INLINE int32_t cx_min(int32_t a, int32_t b) { return a < b ? a : b; }
CX_INLINE int32_t cx_max(int32_t a, int32_t b) { return a > b ? a : b; }
CX_INLINE int32_t cx_ceil(int32_t a, int32_t b) { return (a + b - 1) / b; }
CX_INLINE int32_t cx_round_up(int32_t a, int32_t to) { return cx_ceil(a, to) * to; }
CX_INLINE size_t cx_aligned(size_t bytes) { return (bytes + 63) & ~(size_t)63; }

typedef struct cx_plan {
  /* Geometry, with a 1 x 1 kernel without stride seen as one long row. */
  cx_conv d;
  int32_t taps, inner, in_plane, out_plane;
  int64_t pixels;
  /* Every tap reads consecutive bytes of its plane for consecutive pixels of an image, and nothing is padded. */
  int32_t is_pointwise;
  int32_t sweeps, channels_per_sweep;
  /* Inner indices of a sweep, a multiple of 4. */
  int32_t sweep_inner;
  int32_t block;
  /* Gathered rows: bytes from one to the next, channels at a time. */
  int32_t row_bytes, gather_channels;
} cx_plan;

CX_STATIC void cx_flatten(cx_plan *p) {
  cx_conv *d = &p->d;
  p->is_pointwise = 1;
  for (int i = 0; i < 3; i++)
    if (d->kernel[i] != 1 || d->stride[i] != 1 || d->begin[i] != 0 || d->output[i] != d->input[i]) p->is_pointwise = 0;
  if (!p->is_pointwise) return;
  d->input[2] = d->output[2] = p->in_plane;
  d->input[0] = d->input[1] = d->output[0] = d->output[1] = 1;
}

CX_STATIC cx_plan cx_plan_of(const cx_conv *d) {
  cx_plan p = {.d = *d};
  p.taps = d->kernel[0] * d->kernel[1] * d->kernel[2];
  p.inner = d->in_group * p.taps;
  p.in_plane = d->input[0] * d->input[1] * d->input[2];
  p.out_plane = d->output[0] * d->output[1] * d->output[2];
  p.pixels = (int64_t)d->batch * p.out_plane;
  cx_flatten(&p);
  p.sweeps = cx_min(cx_ceil(p.inner, CX_SWEEP), cx_max(d->in_group, 1));
  p.channels_per_sweep = cx_ceil(d->in_group, cx_max(p.sweeps, 1));
  if (p.sweeps > 1) p.channels_per_sweep = cx_round_up(p.channels_per_sweep, p.taps % 4 == 0 ? 1 : p.taps % 2 == 0 ? 2 : 4);
  p.sweeps = cx_max(cx_ceil(d->in_group, cx_max(p.channels_per_sweep, 1)), 1);
  p.sweep_inner = cx_round_up(cx_max(p.channels_per_sweep * p.taps, 1), 4);
  p.block = cx_min(cx_max(CX_PANEL_BYTES / (2 * p.sweep_inner) & ~31, CX_MOST_PIXELS), CX_MOST_BLOCK);
  if (p.pixels < p.block) p.block = cx_round_up((int32_t)p.pixels, CX_MOST_PIXELS);
  p.row_bytes = p.block + 16;
  p.gather_channels = cx_min(cx_max(CX_GATHER_BYTES / (p.taps * p.row_bytes) & ~3, 4), cx_max(p.channels_per_sweep, 1));
  return p;
}

/* The share of a thread: tiles of pixels and output channels of a group. */
typedef struct cx_share {
  int64_t first_tile, end_tile;
  int32_t first_channel, end_channel;
} cx_share;

/*
 * Work of the busiest of `parts` x `others` threads: tiles times channels, where packing a tile costs about as much as the
 * products of 4 channels.
 */
CX_STATIC int64_t cx_busiest(int64_t tiles, int32_t groups, int32_t channels, int32_t parts, int32_t others) {
  return (tiles + parts - 1) / parts * (cx_ceil(groups, others) * channels + 4);
}

/* Divides tiles, or channels by `channels` at a time where there are few tiles, or both. */
CX_STATIC cx_share cx_share_of(int64_t tiles, int32_t out, int32_t channels, uint32_t thread, uint32_t threads) {
  const int32_t groups = cx_ceil(out, channels);
  int32_t parts = (int32_t)threads;
  for (int32_t i = (int32_t)threads; i >= 1; i--)
    if ((int32_t)threads % i == 0 &&
        cx_busiest(tiles, groups, channels, i, (int32_t)threads / i) < cx_busiest(tiles, groups, channels, parts, (int32_t)threads / parts))
      parts = i;
  const int32_t others = (int32_t)threads / parts;
  const int64_t part = (int64_t)thread % parts, other = (int64_t)thread / parts;
  const cx_share share = {tiles * part / parts, tiles * (part + 1) / parts, (int32_t)(groups * other / others) * channels,
                          cx_min((int32_t)(groups * (other + 1) / others) * channels, out)};
  return share;
}

/* A stretch of pixels whose window reads consecutive (or strided) bytes of one row, or padding (from < 0). */
typedef struct cx_piece {
  int64_t from;
  int32_t to, count;
} cx_piece;

/* Pixels of a block that lie in one output row: input coordinates of the first tap, which may be outside. */
typedef struct cx_segment {
  /* Byte of x where the image starts. */
  int64_t image;
  int32_t z, y, x, to, count;
} cx_segment;

/* Places in the scratch of a thread. */
typedef struct cx_scratch {
  uint8_t *panel, *gather, *padding;
  /* Widened weights of a chunk; sums between sweeps; what the pixels add to sums (cx_start). */
  int32_t *weights, *partials, *pixels;
  cx_piece *pieces;
  cx_segment *segments;
} cx_scratch;

CX_STATIC size_t cx_scratch_of(const cx_plan *p, uint8_t *base, cx_scratch *s) {
  size_t at = 0;
  s->panel = base + at;
  at += cx_aligned((size_t)p->block * (size_t)p->sweep_inner * 2 + 256);
  s->weights = (int32_t *)(void *)(base + at);
  at += cx_aligned((size_t)cx_min(CX_CHUNK, cx_round_up(p->d.out_group, CX_MOST_CHANNELS)) * (size_t)p->sweep_inner * 2 + 64);
  s->pixels = (int32_t *)(void *)(base + at);
  at += cx_aligned((size_t)p->block * 4);
  s->partials = (int32_t *)(void *)(base + at);
  if (p->sweeps > 1) at += cx_aligned((size_t)cx_round_up(p->d.out_group, CX_CHUNK) * (size_t)p->block * 4);
  s->gather = base + at;
  at += cx_aligned((size_t)p->gather_channels * (size_t)p->taps * (size_t)p->row_bytes + 64);
  s->padding = base + at;
  at += cx_aligned((size_t)p->block + 64);
  s->pieces = (cx_piece *)(void *)(base + at);
  at += cx_aligned(3 * (size_t)p->block * sizeof(cx_piece));
  s->segments = (cx_segment *)(void *)(base + at);
  at += cx_aligned((size_t)p->block * sizeof(cx_segment));
  return at;
}

#endif
