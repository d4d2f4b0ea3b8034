/* Sizes and places of a grouped convolution (cx_grouped.h); the same for all levels. */
#ifndef CX_GROUPED_PLAN_H
#define CX_GROUPED_PLAN_H

#include "cx_conv_plan.h"
#include "cx_grouped.h"

/* Bytes of the panel of a block of tiles, about: it stays in the second-level cache. */
#define CX_GROUPED_PANEL (160 * 1024)
/* Vectors of 8 pixels of a tile, at most: their sums, two words and what lies between fill 16 registers. */
#define CX_GROUPED_VECTORS 9
/* Output channels that keep their sums between sweeps. */
#define CX_GROUPED_CHUNK 48

typedef struct cx_grouped_plan {
  /* Geometry and gathering, with blocks of this plan. */
  cx_plan base;
  /* Quads of a channel and of a sweep. */
  int32_t quads, sweeps, sweep_quads;
  /* Vectors of 8 pixels, and the tiles that they are divided into as equally as can be. */
  int64_t vectors, tiles;
  /* Tiles of a block, and bytes of the panel of a vector. */
  int32_t block_tiles;
  size_t vector_bytes;
} cx_grouped_plan;

CX_STATIC cx_grouped_plan cx_grouped_plan_of(const cx_conv *d) {
  cx_grouped_plan p = {.base = cx_plan_of(d)};
  p.quads = cx_ceil(p.base.inner, 4);
  p.sweeps = cx_max(cx_ceil(p.quads, CX_GROUPED_SWEEP), 1);
  p.sweep_quads = cx_ceil(p.quads, p.sweeps);
  p.vectors = (p.base.pixels + 7) / 8;
  p.tiles = (p.vectors + CX_GROUPED_VECTORS - 1) / CX_GROUPED_VECTORS;
  p.vector_bytes = (size_t)p.quads * 32;
  const int64_t most = p.tiles == 0 ? 1 : (p.vectors + p.tiles - 1) / p.tiles, fit = CX_GROUPED_PANEL / (most * (int64_t)p.vector_bytes + 1);
  p.block_tiles = (int32_t)(fit < 1 ? 1 : fit < p.tiles ? fit : p.tiles < 1 ? 1 : p.tiles);
  p.base.block = p.block_tiles * (int32_t)most * 8;
  p.base.row_bytes = p.base.block + 16;
  p.base.gather_channels = cx_min(cx_max(CX_GATHER_BYTES / (p.base.taps * p.base.row_bytes) & ~3, 4), cx_max(d->in_group, 1));
  return p;
}

/* The first vector of a tile. */
CX_INLINE int64_t cx_tile_vector(const cx_grouped_plan *p, int64_t tile) { return p->tiles == 0 ? 0 : p->vectors * tile / p->tiles; }

/* Places in the scratch of a thread: of cx_scratch panel, gather, padding, pieces, segments; partials are the sums of a chunk. */
CX_STATIC size_t cx_grouped_scratch_of(const cx_grouped_plan *p, uint8_t *base, cx_scratch *s) {
  size_t at = 0;
  s->panel = base + at;
  at += cx_aligned((size_t)p->base.block * (size_t)p->quads * 4 + 64);
  s->partials = (int32_t *)(void *)(base + at);
  at += cx_aligned(CX_GROUPED_CHUNK * 8 * CX_GROUPED_VECTORS * 4 + 64);
  s->gather = base + at;
  at += cx_aligned((size_t)p->base.gather_channels * (size_t)p->base.taps * (size_t)p->base.row_bytes + 64);
  s->padding = base + at;
  at += cx_aligned((size_t)p->base.block + 64);
  s->pieces = (cx_piece *)(void *)(base + at);
  at += cx_aligned(3 * (size_t)p->base.block * sizeof(cx_piece));
  s->segments = (cx_segment *)(void *)(base + at);
  at += cx_aligned((size_t)p->base.block * sizeof(cx_segment));
  return at;
}

/* The grouped weights of a layer in memory. */
typedef struct cx_grouped_weights {
  /* Whether the layer is done by them. */
  int32_t *is_used;
  /* int32[out]: what the sums of a channel start from. */
  int32_t *offset;
  /* uint32[sweeps * out + 1]: the first group of each sweep and channel. */
  uint32_t *start;
  cx_group *group;
  /* Groups that there is room for. */
  size_t room;
} cx_grouped_weights;

/*
 * Groups of a channel that there is room for: with more the plain product is as fast. Half the quads is the least; the fewer there
 * are, the less of the time is theirs.
 */
CX_INLINE int32_t cx_groups_of(int32_t quads) { return cx_ceil(quads * (quads <= 8 ? 20 : quads <= 16 ? 16 : quads <= 32 ? 13 : 11), 16); }

CX_STATIC size_t cx_grouped_weights_of(const cx_grouped_plan *p, uint8_t *base, cx_grouped_weights *w) {
  const size_t out = (size_t)p->base.d.out_group;
  size_t at = 64;
  w->is_used = (int32_t *)(void *)base;
  w->offset = (int32_t *)(void *)(base + at);
  at += cx_aligned(out * 4);
  w->start = (uint32_t *)(void *)(base + at);
  at += cx_aligned((out * (size_t)p->sweeps + 1) * 4);
  w->group = (cx_group *)(void *)(base + at);
  w->room = out * (size_t)cx_groups_of(p->quads);
  return at + cx_aligned(w->room * sizeof(cx_group));
}

#endif
