/*
 * Gathering of rows of bytes, one for each (channel, kernel position), from the image with its padding: what panels of a matrix
 * product are interleaved from.
 */
#ifndef CX_CONV_GATHER_H
#define CX_CONV_GATHER_H

#include "cx_conv_plan.h"

/* A stretch of pixels of one group and the sweep of channels that is packed. */
typedef struct cx_block {
  const cx_plan *plan;
  const cx_scratch *scratch;
  const uint8_t *x;
  int64_t first;
  int32_t count, segments;
  int32_t channel, channels;
} cx_block;

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

/* Rows of `channels` channels of the block from the `first` on, plan->row_bytes apart in the scratch. */
CX_STATIC void cx_gather_rows(const cx_block *b, int32_t first, int32_t channels) {
  const cx_plan *p = b->plan;
  const cx_conv *d = &p->d;
  const uint8_t *planes = b->x + (int64_t)(b->channel + first) * p->in_plane;
  int32_t tap = 0;
  for (int32_t kz = 0; kz < d->kernel[0]; kz++)
    for (int32_t ky = 0; ky < d->kernel[1]; ky++)
      for (int32_t kx = 0; kx < d->kernel[2]; kx++, tap++) {
        const int32_t pieces = cx_pieces_of(b, kz, ky, kx);
        for (int32_t i = 0; i < channels; i++)
          cx_gather_row(b, planes + (int64_t)i * p->in_plane, pieces, b->scratch->gather + (size_t)(i * p->taps + tap) * (size_t)p->row_bytes);
      }
}

/* Where the rows of a block lie behind each other in the image itself, in_plane apart, NULL where they have to be gathered. */
CX_INLINE const uint8_t *cx_rows_in_place(const cx_block *b) {
  const cx_plan *p = b->plan;
  const int64_t image = b->first / p->out_plane;
  if (!p->is_pointwise || image != (b->first + b->count - 1) / p->out_plane) return NULL;
  const int64_t channel = image * p->d.groups * p->d.in_group + b->channel;
  return b->x + channel * p->in_plane + b->first % p->out_plane;
}

#endif
