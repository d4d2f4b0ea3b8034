/*
 * Packing of a block of pixels to the panel of the matrix kernel: rows of bytes, one for each (channel, kernel position), are
 * gathered from the image with its padding and then interleaved. Pointwise convolutions skip the gathering.
 */
#ifndef CX_CONV_PACK_H
#define CX_CONV_PACK_H

#include "cx_conv_plan.h"
#include "cx_gemm.h"

/* A stretch of pixels of one group and the sweep of channels that is packed. */
typedef struct cx_block {
  const cx_plan *plan;
  const cx_scratch *scratch;
  const uint8_t *x;
  int64_t first;
  int32_t count, segments;
  int32_t channel, channels;
} cx_block;

/* Bytes of a tile of the panel. */
CX_INLINE size_t cx_tile_bytes(const cx_plan *p) { return (size_t)(p->sweep_inner / CX_DEPTH) * CX_TILE_PIXELS * 4; }

/* Splits the pixels of the block at the ends of output rows. @returns number of segments */
CX_STATIC int32_t cx_segments(const cx_plan *p, int64_t first, int32_t count, cx_segment *s) {
  const cx_conv *d = &p->d;
  const int64_t image_bytes = (int64_t)d->groups * d->in_group * p->in_plane;
  int32_t n = 0;
  for (int32_t done = 0; done < count; n++) {
    const int64_t pixel = first + done;
    const int32_t at = (int32_t)(pixel % p->out_plane), ox = at % d->output[2], row = at / d->output[2];
    s[n].image = pixel / p->out_plane * image_bytes;
    s[n].z = row / d->output[1] * d->stride[0] - d->begin[0];
    s[n].y = row % d->output[1] * d->stride[1] - d->begin[1];
    s[n].x = ox * d->stride[2] - d->begin[2];
    s[n].to = done;
    s[n].count = cx_min(d->output[2] - ox, count - done);
    done += s[n].count;
  }
  return n;
}

/* The pieces that a kernel position reads: of each segment what lies left of the image, inside and right of it. */
CX_STATIC int32_t cx_pieces_of(const cx_block *b, int32_t kz, int32_t ky, int32_t kx) {
  const cx_conv *d = &b->plan->d;
  const int32_t step = d->stride[2], width = d->input[2];
  cx_piece *out = b->scratch->pieces;
  for (int32_t i = 0; i < b->segments; i++) {
    const cx_segment *s = &b->scratch->segments[i];
    const int32_t z = s->z + kz * d->dilation[0], y = s->y + ky * d->dilation[1], x = s->x + kx * d->dilation[2];
    const int inside = z >= 0 && z < d->input[0] && y >= 0 && y < d->input[1];
    const int32_t left = !inside ? s->count : x >= 0 ? 0 : cx_min(cx_ceil(-x, step), s->count);
    const int32_t end = x >= width ? 0 : cx_min(cx_ceil(width - x, step), s->count);
    const int64_t row = s->image + ((int64_t)z * d->input[1] + y) * width;
    if (left > 0) *out++ = (cx_piece){-1, s->to, left};
    if (end > left) *out++ = (cx_piece){row + x + left * step, s->to + left, end - left};
    if (s->count > cx_max(left, end)) *out++ = (cx_piece){-1, s->to + cx_max(left, end), s->count - cx_max(left, end)};
  }
  return (int32_t)(out - b->scratch->pieces);
}

/* Copies whole vectors: what a piece writes past its end the next one overwrites. */
CX_STATIC void cx_gather_row(const cx_block *b, const uint8_t *plane, int32_t pieces, uint8_t *row) {
  const cx_piece *piece = b->scratch->pieces;
  const int32_t step = b->plan->d.stride[2];
  for (int32_t i = 0; i < pieces; i++, piece++) {
    const int padded = piece->from < 0;
    const uint8_t *from = padded ? b->scratch->padding : plane + piece->from;
    uint8_t *to = row + piece->to;
    if (step == 1 || padded) {
      for (int32_t j = 0; j < piece->count; j += 16) memcpy(to + j, from + j, 16);
    } else if (step == 2) {
      for (int32_t j = 0; j < piece->count; j += 16) cx_put16(to + j, cx_half(from + 2 * j));
    } else {
      for (int32_t j = 0; j < piece->count; j++) to[j] = from[(ptrdiff_t)j * step];
    }
  }
}

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

CX_STATIC void cx_gather(const cx_block *b) {
  const cx_plan *p = b->plan;
  const cx_conv *d = &p->d;
  for (int32_t c = 0; c < b->channels; c += p->gather_channels) {
    const int32_t channels = cx_min(p->gather_channels, b->channels - c);
    const uint8_t *planes = b->x + (int64_t)(b->channel + c) * p->in_plane;
    int32_t tap = 0;
    for (int32_t kz = 0; kz < d->kernel[0]; kz++)
      for (int32_t ky = 0; ky < d->kernel[1]; ky++)
        for (int32_t kx = 0; kx < d->kernel[2]; kx++, tap++) {
          const int32_t pieces = cx_pieces_of(b, kz, ky, kx);
          for (int32_t i = 0; i < channels; i++)
            cx_gather_row(b, planes + (int64_t)i * p->in_plane, pieces, b->scratch->gather + (size_t)(i * p->taps + tap) * (size_t)p->row_bytes);
        }
    cx_interleave_rows(b, b->scratch->gather, p->row_bytes, channels * p->taps, c * p->taps / CX_DEPTH);
  }
}

/* Fills the panel with the channels of the sweep. */
CX_STATIC void cx_pack_block(const cx_block *b) {
  const cx_plan *p = b->plan;
  const int64_t image = b->first / p->out_plane;
  if (p->is_pointwise && image == (b->first + b->count - 1) / p->out_plane) {
    const int64_t channel = image * p->d.groups * p->d.in_group + b->channel;
    cx_interleave_rows(b, b->x + channel * p->in_plane + b->first % p->out_plane, p->in_plane, b->channels, 0);
  } else {
    cx_gather(b);
  }
}

#endif
