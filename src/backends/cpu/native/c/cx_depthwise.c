/*
 * Convolution of groups of few channels. A group's planes are copied with their padding and, where the stride is not 1, split
 * into phases: plane (a, b) of stride (s, t) holds the cells (i s + a, j t + b). Then a kernel position reads consecutive
 * bytes for consecutive pixels whatever the stride, and the output plane, seen with the width of the copied planes, is one
 * long row: every pixel is a sum over (offset, weight), and no panel is needed.
 */
#include "cx_conv.h"
#include "cx_conv_plan.h"
#include "cx_depthwise_square.h"
#include "cx_gemm_finish.h"

/* Positions whose sums are kept before they are finished. */
#define CX_STRETCH 512

typedef struct cx_phases {
  cx_conv d;
  /* Size of a phase's plane, bytes from one phase to the next, and phases of a channel. */
  int32_t size[3], bytes, count;
  int32_t taps, positions, out_plane, in_plane;
} cx_phases;

CX_STATIC cx_phases cx_phases_of(const cx_conv *d) {
  cx_phases p = {.d = *d, .count = 1, .bytes = 1, .taps = d->in_group, .out_plane = 1, .in_plane = 1};
  for (int i = 0; i < 3; i++) {
    const int32_t reach = (cx_max(d->output[i], 1) - 1) * d->stride[i] + (d->kernel[i] - 1) * d->dilation[i] + 1;
    p.size[i] = cx_ceil(reach, d->stride[i]);
    p.bytes *= p.size[i];
    p.count *= d->stride[i];
    p.taps *= d->kernel[i];
    p.out_plane *= d->output[i];
    p.in_plane *= d->input[i];
  }
  p.positions = p.out_plane == 0 ? 0 : ((d->output[0] - 1) * p.size[1] + d->output[1] - 1) * p.size[2] + d->output[2];
  return p;
}

typedef struct cx_depthwise_scratch {
  uint8_t *planes, *results;
  int32_t *offsets, *words;
} cx_depthwise_scratch;

CX_STATIC size_t cx_depthwise_place(const cx_phases *p, uint8_t *base, cx_depthwise_scratch *s) {
  const size_t pairs = (size_t)(p->taps + 1) / 2;
  size_t at = 0;
  s->planes = base;
  at += cx_aligned((size_t)p->d.in_group * (size_t)p->count * (size_t)p->bytes + 64);
  s->results = base + at;
  at += cx_aligned((size_t)p->positions * 4 + 64);
  s->offsets = (int32_t *)(void *)(base + at);
  at += cx_aligned(pairs * 8);
  s->words = (int32_t *)(void *)(base + at);
  return at + cx_aligned(pairs * 4);
}

/* One row of a phase: padding, every stride-th byte, padding; `from` is the input row or NULL, x the column of the first cell. */
CX_STATIC void cx_phase_row(const cx_phases *p, const uint8_t *from, int32_t x, uint8_t *to) {
  const int32_t width = p->size[2], step = p->d.stride[2];
  const int32_t left = from == NULL ? width : x >= 0 ? 0 : cx_min(cx_ceil(-x, step), width);
  const int32_t end = from == NULL || x >= p->d.input[2] ? left : cx_max(cx_min(cx_ceil(p->d.input[2] - x, step), width), left);
  /* whole vectors throughout: the bytes past the end belong to cells that are written later, or to the slack behind the planes */
  uint8_t pad[16];
  memset(pad, p->d.pad, 16);
  for (int32_t i = 0; i < left; i += 16) memcpy(to + i, pad, 16);
  if (end > left) {
    const uint8_t *source = from + x + left * step;
    const int32_t count = end - left;
    if (step == 1)
      for (int32_t i = 0; i < count; i += 16) memcpy(to + left + i, source + i, 16);
    else if (step == 2)
      for (int32_t i = 0; i < count; i += 16) cx_put16(to + left + i, cx_half(source + 2 * i));
    else
      for (int32_t i = 0; i < count; i++) to[left + i] = source[(ptrdiff_t)i * step];
  }
  for (int32_t i = end; i < width; i += 16) memcpy(to + i, pad, 16);
}

/* Copies one channel to its phases; phases and rows in order of address. */
CX_STATIC void cx_split_plane(const cx_phases *p, const uint8_t *plane, uint8_t *to) {
  const cx_conv *d = &p->d;
  for (int32_t phase = 0; phase < p->count; phase++) {
    const int32_t a = phase / (d->stride[1] * d->stride[2]), b = phase / d->stride[2] % d->stride[1], c = phase % d->stride[2];
    for (int32_t i = 0; i < p->size[0]; i++)
      for (int32_t j = 0; j < p->size[1]; j++, to += p->size[2]) {
        const int32_t z = i * d->stride[0] + a - d->begin[0], y = j * d->stride[1] + b - d->begin[1];
        const int inside = z >= 0 && z < d->input[0] && y >= 0 && y < d->input[1];
        cx_phase_row(p, inside ? plane + ((ptrdiff_t)z * d->input[1] + y) * d->input[2] : NULL, c - d->begin[2], to);
      }
  }
}

/* Where each kernel position reads, relative to an output position; an odd last one is doubled, its partner's weight is 0. */
CX_STATIC void cx_tap_offsets(const cx_phases *p, int32_t *offsets) {
  const cx_conv *d = &p->d;
  int32_t n = 0;
  for (int32_t c = 0; c < d->in_group; c++)
    for (int32_t kz = 0; kz < d->kernel[0]; kz++)
      for (int32_t ky = 0; ky < d->kernel[1]; ky++)
        for (int32_t kx = 0; kx < d->kernel[2]; kx++) {
          const int32_t z = kz * d->dilation[0], y = ky * d->dilation[1], x = kx * d->dilation[2];
          const int32_t phase = (z % d->stride[0] * d->stride[1] + y % d->stride[1]) * d->stride[2] + x % d->stride[2];
          const int32_t cell = (z / d->stride[0] * p->size[1] + y / d->stride[1]) * p->size[2] + x / d->stride[2];
          offsets[n++] = (c * p->count + phase) * p->bytes + cell;
        }
  if (n % 2 != 0) offsets[n] = offsets[n - 1];
}

CX_STATIC void cx_tap_words(const int8_t *w, int32_t taps, int32_t *words) {
  for (int32_t i = 0; i < taps; i += 2) {
    const uint16_t low = (uint16_t)w[i], high = i + 1 < taps ? (uint16_t)w[i + 1] : 0;
    words[i / 2] = (int32_t)((uint32_t)high << 16 | low);
  }
}

/* Sums of `count` positions; `pairs` is a constant where this is inlined, for the kernels that most models have. */
CX_INLINE void cx_sum_taps(const uint8_t *from, const int32_t *offsets, const int32_t *words, int32_t pairs, int32_t count, int is_unsigned, int32_t *to) {
  for (int32_t i = 0; i < count; i += 16, from += 16) {
    cx_sums sums = cx_sums_zero();
    CX_UNROLL for (int32_t k = 0; k < pairs; k++) cx_add_pair(&sums, from + offsets[2 * k], from + offsets[2 * k + 1], words[k], is_unsigned);
    cx_put_sums(to + i, &sums);
  }
}

CX_STATIC void cx_sum_chunk(const uint8_t *from, const int32_t *offsets, const int32_t *words, int32_t pairs, int32_t count, int is_unsigned, int32_t *to) {
  if (pairs == 5 && is_unsigned) cx_sum_taps(from, offsets, words, 5, count, 1, to);
  else if (pairs == 5) cx_sum_taps(from, offsets, words, 5, count, 0, to);
  else if (pairs == 13 && is_unsigned) cx_sum_taps(from, offsets, words, 13, count, 1, to);
  else if (pairs == 13) cx_sum_taps(from, offsets, words, 13, count, 0, to);
  else if (is_unsigned) cx_sum_taps(from, offsets, words, pairs, count, 1, to);
  else cx_sum_taps(from, offsets, words, pairs, count, 0, to);
}

/* Copies `bytes` bytes; whole vectors where `room` bytes may be written. */
CX_INLINE void cx_copy_row(uint8_t *to, const uint8_t *from, size_t bytes, size_t room) {
  const size_t whole = (bytes + 15) & ~(size_t)15;
  if (whole <= room)
    for (size_t i = 0; i < whole; i += 16) memcpy(to + i, from + i, 16);
  else
    memcpy(to, from, bytes);
}

/* Copies the rows of the output out of the long row; a row may run over its end into what the next one writes. */
CX_STATIC void cx_put_plane(const cx_phases *p, const uint8_t *results, size_t bytes, uint8_t *y) {
  const size_t width = (size_t)p->d.output[2] * bytes;
  const uint8_t *const end = y + (size_t)p->out_plane * bytes;
  for (int32_t i = 0; i < p->d.output[0]; i++)
    for (int32_t j = 0; j < p->d.output[1]; j++, y += width)
      cx_copy_row(y, results + (size_t)((i * p->size[1] + j) * p->size[2]) * bytes, width, (size_t)(end - y));
}

/* One output channel of one image. */
CX_STATIC void cx_depthwise_channel(const cx_phases *p, const cx_depthwise_scratch *s, const int32_t *entry, uint8_t *y) {
  const cx_finish finish = {p->d.form, p->d.zero, p->d.lo, p->d.hi};
  const cx_narrower narrower = cx_channel_narrower(&finish, entry);
  const size_t bytes = (size_t)cx_result_bytes(finish.form);
  int32_t sums[CX_STRETCH] CX_ALIGNED;
  for (int32_t first = 0; first < p->positions; first += CX_STRETCH) {
    const int32_t count = cx_min(CX_STRETCH, p->positions - first);
    uint8_t *to = s->results + (size_t)first * bytes;
    cx_sum_chunk(s->planes + first, s->offsets, s->words, (p->taps + 1) / 2, count, p->d.is_unsigned, sums);
    if (finish.form == CX_FORM_NARROW) cx_narrow(sums, cx_round_up(count, 16), &narrower, to);
    else cx_finish_wide(&finish, entry, sums, count, to);
  }
  cx_put_plane(p, s->results, bytes, y);
}

void CX_OF_LEVEL(cx_depthwise_)(const cx_conv *d, const cx_layer *l) {
  if (CX_OF_LEVEL(cx_is_square_)(d)) {
    CX_OF_LEVEL(cx_square_)(d, l);
    return;
  }
  const cx_phases p = cx_phases_of(d);
  cx_depthwise_scratch s;
  cx_depthwise_place(&p, l->scratch, &s);
  cx_tap_offsets(&p, s.offsets);
  const int64_t groups = (int64_t)d->batch * d->groups;
  const size_t plane = (size_t)p.out_plane * (size_t)cx_result_bytes(d->form);
  for (int64_t g = groups * l->thread / l->threads; g < groups * (l->thread + 1) / l->threads; g++) {
    for (int32_t c = 0; c < d->in_group; c++)
      cx_split_plane(&p, l->x + (size_t)(g * d->in_group + c) * (size_t)p.in_plane, s.planes + (size_t)c * (size_t)p.count * (size_t)p.bytes);
    for (int32_t c = 0; c < d->out_group; c++) {
      const int64_t channel = g % d->groups * d->out_group + c;
      cx_tap_words(l->w + (size_t)channel * (size_t)p.taps, p.taps, s.words);
      cx_depthwise_channel(&p, &s, l->table + 3 * channel, l->y + (size_t)(g * d->out_group + c) * plane);
    }
  }
}

size_t CX_OF_LEVEL(cx_depthwise_scratch_)(const cx_conv *d) {
  if (CX_OF_LEVEL(cx_is_square_)(d)) return CX_OF_LEVEL(cx_square_scratch_)(d);
  const cx_phases p = cx_phases_of(d);
  cx_depthwise_scratch s;
  return cx_depthwise_place(&p, NULL, &s);
}
