/*
 * Depthwise convolution with 3 x 3 and 5 x 5 kernels of stride 1 or 2.
 *
 * Rows of the plane are woven to groups (cx_depthwise_lanes.h): a product of a lane with one word of weights then sums CX_DEPTH
 * rows of the kernel's column, for a vector of output pixels in their own order. Group g starts at row 2 g of the padded plane. A pass makes two
 * output rows, which read the same groups by words that are shifted against each other:
 *     row r, n-th group: g = r s / 2 + n CX_DEPTH / 2, word = w[n CX_DEPTH + i - (r s) % 2][column], i = 0 ... CX_DEPTH - 1
 * with stride s and w = 0 outside of the kernel. With stride 2, even and odd columns of a group lie apart (phases), so that a
 * column of the kernel reads consecutive words for consecutive pixels. Padding is woven in. A strip of groups that fits the first-level
 * cache is woven at a time; its last groups are the next strip's first ones.
 */
#include "cx_depthwise_square.h"

#include "cx_conv_plan.h"
#include "cx_depthwise_lanes.h"
#include "cx_gemm_finish.h"

/* Bytes of the woven groups and of the sums of a strip, about. */
#define CX_STRIP_BYTES 20480
#define CX_MOST_WORDS 30

typedef struct cx_square {
  const cx_conv *d;
  /* Cells of a phase that are read, and from one phase to the next: weaving overruns by up to 16 cells. */
  int32_t width, phase;
  /* Bytes of a group; passes of a strip, groups that one reads. */
  int32_t group_bytes, strip, reach;
  /* Places in the scratch after a row of padding; its size. */
  size_t groups, sums, bytes;
} cx_square;

/* Groups that a pass reads: with pairs, rows 0 to K + s - 1; with quads that start at even rows, fewer. */
CX_INLINE int32_t cx_reach(int32_t kernel, int32_t stride, int depth) {
  return depth == 2 ? (kernel + 2 * stride - 1) / 2 : stride + (kernel > 4 ? 2 : 0);
}

CX_STATIC cx_square cx_square_of(const cx_conv *d) {
  const int32_t kernel = d->kernel[2], stride = d->stride[2];
  cx_square q = {.d = d, .width = d->output[2] + (kernel - 1) / stride};
  q.phase = cx_round_up(q.width, 4) + 16;
  q.group_bytes = stride * q.phase * 4;
  const int32_t pass_bytes = stride * q.group_bytes + 8 * d->output[2];
  q.strip = cx_min(cx_max(CX_STRIP_BYTES / pass_bytes, 2), cx_ceil(d->output[1], 2));
  q.reach = cx_reach(kernel, stride, CX_DEPTH);
  q.groups = cx_aligned((size_t)d->input[2] + 64);
  /* as many groups as pairs need, whatever the level, and what vectors read past the end */
  q.sums = q.groups + cx_aligned((size_t)((q.strip - 1) * stride + cx_reach(kernel, stride, 2)) * (size_t)q.group_bytes + 128);
  q.bytes = q.sums + cx_aligned((size_t)q.strip * (size_t)d->output[2] * 8 + 128);
  return q;
}

size_t CX_OF_LEVEL(cx_square_scratch_)(const cx_conv *d) { return cx_square_of(d).bytes; }

int CX_OF_LEVEL(cx_is_square_)(const cx_conv *d) {
  const int32_t kernel = d->kernel[2], stride = d->stride[2];
  return d->in_group == 1 && (kernel == 3 || kernel == 5) && d->kernel[1] == kernel && d->kernel[0] == 1 && (stride == 1 || stride == 2) &&
         d->stride[1] == stride && d->dilation[1] == 1 && d->dilation[2] == 1 && d->input[0] == 1 && d->output[0] == 1 && d->begin[0] == 0 &&
         d->output[1] > 0 && d->output[2] > 0;
}

/* A cell of padding. */
CX_INLINE int32_t cx_pad_word(const cx_conv *d) {
#if CX_DEPTH == 2
  const int32_t pad = d->is_unsigned ? d->pad & 0xff : (int8_t)d->pad;
  return (int32_t)((uint32_t)pad << 16 | (uint16_t)pad);
#else
  return (int32_t)((uint32_t)((d->pad & 0xff) ^ CX_FLIP(d->is_unsigned)) * 0x01010101u);
#endif
}

/* Cells from `first` to before `end`, and up to 3 behind. */
CX_INLINE void cx_fill_cells(uint8_t *to, int32_t word, int32_t first, int32_t end) {
  const int32_t words[4] = {word, word, word, word};
  for (int32_t i = first; i < end; i += 4) {
    memcpy(to + (ptrdiff_t)i * 4, words, 16);
    CX_OPAQUE(to);
  }
}

/* First cell of phase p at or behind a column of the padded plane: cell i of phase p is column s i + p. */
CX_INLINE int32_t cx_cell(int32_t column, int32_t p, int32_t stride) { return (column - p + stride - 1) / stride; }

/* Left padding of `count` groups from `to` on; weaving never writes there. */
CX_STATIC void cx_fill_left(const cx_square *q, uint8_t *to, int32_t count) {
  const int32_t stride = q->d->stride[2], pad = cx_pad_word(q->d);
  for (int32_t g = 0; g < count; g++)
    for (int32_t p = 0; p < stride; p++, to += (ptrdiff_t)q->phase * 4) cx_fill_cells(to, pad, 0, cx_min(cx_cell(q->d->begin[2], p, stride), q->width));
}

/* Weaves the image columns of a group's rows, `count` of them, and the padding on their right. */
CX_INLINE void cx_weave_group(const cx_square *q, const uint8_t *const *rows, int32_t count, int32_t pad, uint8_t *to, int32_t stride, int is_unsigned) {
  const int32_t begin = q->d->begin[2];
  uint8_t *const phases[2] = {to, to + (ptrdiff_t)q->phase * 4};
  uint8_t *even = phases[begin % stride] + (ptrdiff_t)(begin / stride) * 4, *odd = phases[(begin + 1) % stride] + (ptrdiff_t)((begin + 1) / stride) * 4;
  for (int32_t done = 0; done < count; done += 16) {
    const uint8_t *from[CX_DEPTH];
    CX_UNROLL for (int k = 0; k < CX_DEPTH; k++) from[k] = rows[k] + done;
    if (stride == 1) {
      cx_weave(even, from, is_unsigned);
      even += 64;
    } else {
      cx_weave_split(even, odd, from, is_unsigned);
      even += 32, odd += 32;
    }
  }
  CX_UNROLL for (int32_t p = 0; p < stride; p++) cx_fill_cells(phases[p], pad, cx_cell(begin + count, p, stride), q->width);
}

/* Weaves groups from `first` to before `end` of a plane to `to`. */
CX_INLINE void cx_weave_groups(const cx_square *q, const uint8_t *plane, const uint8_t *padding, int32_t first, int32_t end, uint8_t *to, int32_t stride,
                               int is_unsigned) {
  const int32_t width = q->d->input[2], height = q->d->input[1], begin = q->d->begin[1], pad = cx_pad_word(q->d);
  const int32_t count = cx_max(cx_min(width, q->width * stride - q->d->begin[2]), 0);
  for (int32_t g = first; g < end; g++, to += q->group_bytes) {
    const uint8_t *rows[CX_DEPTH];
    CX_UNROLL for (int k = 0; k < CX_DEPTH; k++) {
      const int32_t row = 2 * g + k - begin;
      rows[k] = (uint32_t)row < (uint32_t)height ? plane + (ptrdiff_t)row * width : padding;
    }
    cx_weave_group(q, rows, count, pad, to, stride, is_unsigned);
  }
}

/* Groups that a row of a pass reads, the first one and their words: [row][n][column], as the formula above says. */
CX_INLINE int32_t cx_row_groups(int32_t kernel, int32_t stride, int32_t row) { return (kernel + row * stride % 2 + CX_DEPTH - 1) / CX_DEPTH; }

CX_INLINE void cx_square_words(const int8_t *w, int32_t kernel, int32_t stride, int32_t *words) {
  CX_UNROLL for (int32_t r = 0; r < 2; r++) {
    CX_UNROLL for (int32_t n = 0; n < cx_row_groups(kernel, stride, r); n++) {
      CX_UNROLL for (int32_t j = 0; j < kernel; j++) {
        uint32_t word = 0;
        CX_UNROLL for (int32_t i = 0; i < CX_DEPTH; i++) {
          const int32_t k = n * CX_DEPTH + i - r * stride % 2;
          const uint32_t weight = k >= 0 && k < kernel ? (uint32_t)w[k * kernel + j] : 0;
          word |= (CX_DEPTH == 2 ? weight & 0xffff : weight & 0xff) << (32 / CX_DEPTH * i);
        }
        *words++ = (int32_t)word;
      }
    }
  }
}

/* Sums of a span of both rows of a pass; `from` is the pass's first group at the span's first column, `phase` and `group` are in bytes. */
CX_INLINE void cx_sum_spans(const uint8_t *from, ptrdiff_t phase, ptrdiff_t group, const int32_t *words, int32_t kernel, int32_t stride,
                            cx_v sums[2][CX_SPAN_VECTORS]) {
  CX_UNROLL for (int32_t r = 0; r < 2; r++) {
    CX_UNROLL for (int32_t v = 0; v < CX_SPAN_VECTORS; v++) sums[r][v] = cx_splat(0);
    CX_UNROLL for (int32_t n = 0; n < cx_row_groups(kernel, stride, r); n++) {
      const uint8_t *row = from + (r * stride / 2 + n * (CX_DEPTH / 2)) * group;
      CX_UNROLL for (int32_t j = 0; j < kernel; j++, words++) {
        const uint8_t *at = row + j % stride * phase + j / stride * 4;
        CX_UNROLL for (int32_t v = 0; v < CX_SPAN_VECTORS; v++) sums[r][v] = cx_tap(sums[r][v], at + v * CX_LANES * 4, *words);
      }
    }
  }
}

/*
 * Sums of the output rows of a strip, woven at `from`: one behind the other without gaps, so that they are finished as one
 * long row. The last span of a row ends where the row does; spans longer than the row run into the next one, which is written later.
 */
CX_INLINE void cx_sum_rows(const cx_square *q, const uint8_t *from, const int8_t *w, int32_t count, int32_t *to, int32_t kernel, int32_t stride) {
  const ptrdiff_t phase = (ptrdiff_t)q->phase * 4, group = q->group_bytes, width = q->d->output[2], last = width > CX_SPAN ? width - CX_SPAN : 0;
  int32_t words[CX_MOST_WORDS];
  cx_square_words(w, kernel, stride, words);
  for (int32_t row = 0; row < count; row += 2, from += stride * group, to += 2 * width)
    for (ptrdiff_t x = 0;; x = x + CX_SPAN < last ? x + CX_SPAN : last) {
      cx_v sums[2][CX_SPAN_VECTORS];
      cx_sum_spans(from + 4 * x, phase, group, words, kernel, stride, sums);
      CX_UNROLL for (int v = 0; v < CX_SPAN_VECTORS; v++) cx_store(to + x + v * CX_LANES, sums[0][v]);
      CX_UNROLL for (int v = 0; v < CX_SPAN_VECTORS; v++) cx_store(to + width + x + v * CX_LANES, sums[1][v]);
      if (x == last) break;
    }
}

/* Each kernel, stride and type by itself: what is constant in a loop stays in registers. */
typedef void (*cx_weave_function)(const cx_square *q, const uint8_t *plane, const uint8_t *padding, int32_t first, int32_t end, uint8_t *to);
#define CX_WEAVE(stride, is_unsigned)                                                                                                        \
  CX_STATIC void cx_weave_##stride##_##is_unsigned(const cx_square *q, const uint8_t *plane, const uint8_t *padding, int32_t first, int32_t end, \
                                                   uint8_t *to) {                                                                            \
    cx_weave_groups(q, plane, padding, first, end, to, stride, is_unsigned);                                                                 \
  }
CX_WEAVE(1, 0)
CX_WEAVE(1, 1)
CX_WEAVE(2, 0)
CX_WEAVE(2, 1)

typedef void (*cx_rows_function)(const cx_square *q, const uint8_t *from, const int8_t *w, int32_t count, int32_t *to);
#define CX_ROWS(kernel, stride)                                                                                                          \
  CX_STATIC void cx_sum_rows_##kernel##_##stride(const cx_square *q, const uint8_t *from, const int8_t *w, int32_t count, int32_t *to) { \
    cx_sum_rows(q, from, w, count, to, kernel, stride);                                                                                  \
  }
CX_ROWS(3, 1)
CX_ROWS(3, 2)
CX_ROWS(5, 1)
CX_ROWS(5, 2)

/* What all planes of a layer share. */
typedef struct cx_square_layer {
  cx_square square;
  cx_weave_function weave;
  cx_rows_function sum;
  cx_finish finish;
  const cx_layer *layer;
} cx_square_layer;

/* What the flips of the input's type add to sums is taken off by the bias. */
CX_INLINE int32_t cx_square_bias(const cx_conv *d, const int8_t *w, int32_t taps, int32_t bias) {
#if CX_DEPTH == 4
  if (CX_OFFSET(d->is_unsigned) != 0)
    for (int32_t i = 0; i < taps; i++) bias = (int32_t)((uint32_t)bias + (uint32_t)(CX_OFFSET(d->is_unsigned) * w[i]));
#else
  (void)d, (void)w, (void)taps;
#endif
  return bias;
}

/* Finishes `count` sums of a channel; `sums` is readable and writable to a multiple of 16. */
CX_STATIC void cx_finish_stretch(const cx_finish *f, const int32_t *entry, const int32_t *sums, int32_t count, uint8_t *to) {
  if (f->form != CX_FORM_NARROW) {
    cx_finish_wide(f, entry, sums, count, to);
    return;
  }
  const cx_narrower narrower = cx_channel_narrower(f, entry);
  const int32_t whole = count & ~15;
  uint8_t rest[16];
  cx_narrow(sums, whole, &narrower, to);
  if (whole == count) return;
  cx_narrow(sums + whole, 16, &narrower, rest);
  memcpy(to + whole, rest, (size_t)(count - whole));
}

/* One output channel of a strip of `count` rows from `first` on. */
CX_STATIC void cx_square_channel(const cx_square_layer *t, int64_t image, int32_t channel, int32_t first, int32_t count) {
  const cx_conv *d = t->square.d;
  const int32_t taps = d->kernel[1] * d->kernel[2], width = d->output[2];
  const int8_t *w = t->layer->w + (ptrdiff_t)channel * taps;
  const int32_t *of = t->layer->table + (ptrdiff_t)channel * 3;
  const int32_t entry[3] = {cx_square_bias(d, w, taps, of[0]), of[1], of[2]};
  const ptrdiff_t plane = (ptrdiff_t)d->output[1] * width;
  uint8_t *const y = t->layer->y + ((image * d->groups * d->out_group + channel) * plane + (ptrdiff_t)first * width) * cx_result_bytes(d->form);
  int32_t *const sums = (int32_t *)(void *)(t->layer->scratch + t->square.sums);
  t->sum(&t->square, t->layer->scratch + t->square.groups, w, count, sums);
  cx_finish_stretch(&t->finish, entry, sums, count * width, y);
}

/* All output channels of one input plane. */
CX_STATIC void cx_square_plane(const cx_square_layer *t, int64_t image, int32_t g) {
  const cx_square *q = &t->square;
  const cx_conv *d = q->d;
  const int32_t stride = d->stride[2];
  const uint8_t *x = t->layer->x + (image * d->groups + g) * d->input[1] * d->input[2];
  uint8_t *const groups = t->layer->scratch + q->groups;
  for (int32_t first = 0, woven = 0; first < d->output[1]; first += 2 * q->strip) {
    const int32_t count = cx_min(2 * q->strip, d->output[1] - first), start = first / 2 * stride;
    const int32_t end = start + ((count + 1) / 2 - 1) * stride + q->reach, from = cx_max(woven, start);
    /* groups that the strip before has woven */
    if (woven > start) memmove(groups, groups + (ptrdiff_t)q->strip * stride * q->group_bytes, (size_t)(woven - start) * (size_t)q->group_bytes);
    t->weave(q, x, t->layer->scratch, from, end, groups + (ptrdiff_t)(from - start) * q->group_bytes);
    woven = end;
    for (int32_t c = 0; c < d->out_group; c++) cx_square_channel(t, image, g * d->out_group + c, first, count);
  }
}

void CX_OF_LEVEL(cx_square_)(const cx_conv *d, const cx_layer *l) {
  static const cx_weave_function weave[2][2] = {{cx_weave_1_0, cx_weave_1_1}, {cx_weave_2_0, cx_weave_2_1}};
  static const cx_rows_function sum[2][2] = {{cx_sum_rows_3_1, cx_sum_rows_3_2}, {cx_sum_rows_5_1, cx_sum_rows_5_2}};
  const cx_square_layer t = {cx_square_of(d), weave[d->stride[2] == 2][d->is_unsigned != 0], sum[d->kernel[2] == 5][d->stride[2] == 2],
                             {d->form, d->zero, d->lo, d->hi}, l};
  const int64_t planes = (int64_t)d->batch * d->groups, end = planes * (l->thread + 1) / l->threads;
  int64_t plane = planes * l->thread / l->threads;
  memset(l->scratch, d->pad, (size_t)d->input[2] + 64);
  cx_fill_left(&t.square, l->scratch + t.square.groups, (t.square.strip - 1) * d->stride[2] + t.square.reach);
  for (int64_t image = plane / d->groups; plane < end; image++)
    for (int32_t g = (int32_t)(plane - image * d->groups); g < d->groups && plane < end; g++, plane++) cx_square_plane(&t, image, g);
}
