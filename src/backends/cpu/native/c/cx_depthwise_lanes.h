/*
 * What the kernels of cx_depthwise_square.c do with vectors, for each level on top of cx_isa.h.
 *
 * A row group is CX_DEPTH consecutive rows of a plane, woven: 4 bytes a pixel, one or two of each row. A span is the CX_SPAN pixels of an
 * output row that are summed at a time, CX_SPAN_VECTORS vectors of int32.
 *   cx_weave(to, rows, is_unsigned)               16 columns of CX_DEPTH rows of bytes
 *   cx_weave_split(even, odd, rows, is_unsigned)  the same with even columns and odd ones apart, 8 of each
 *   cx_tap(sum, from, word)                       sum + the CX_DEPTH products of each of CX_LANES pixels from `from` on
 *   cx_spans, cx_spans_of(narrower)               factors of a channel for many spans
 *   cx_put_spans(a, b, spans, to_a, to_b)         rescales the spans of two rows to CX_SPAN bytes each, the first row first
 */
#ifndef CX_DEPTHWISE_LANES_H
#define CX_DEPTHWISE_LANES_H

#include "cx_isa.h"

#define CX_SPAN (CX_LANES < 8 ? 8 : CX_LANES)
#define CX_SPAN_VECTORS (CX_SPAN / CX_LANES)

#if defined(CX_ISA_X86_H)

CX_INLINE void cx_weave(uint8_t *to, const uint8_t *const *rows, int is_unsigned) { cx_pack(to, 32, rows, is_unsigned); }
CX_INLINE cx_v cx_tap(cx_v sum, const uint8_t *from, int32_t word) { return cx_dot(sum, cx_load(from), word); }

/* Even bytes before odd ones. */
CX_INLINE __m128i cx_apart(const uint8_t *from) {
  return _mm_shuffle_epi8(cx_bytes16(from), _mm_setr_epi8(0, 2, 4, 6, 8, 10, 12, 14, 1, 3, 5, 7, 9, 11, 13, 15));
}
#if CX_DEPTH == 2
CX_INLINE void cx_put_words(uint8_t *to, __m128i pairs, int is_unsigned) {
#if defined(__AVX2__)
  cx_store(to, is_unsigned ? _mm256_cvtepu8_epi16(pairs) : _mm256_cvtepi8_epi16(pairs));
#else
  cx_put16(to, cx_widen8(pairs, is_unsigned));
  cx_put16(to + 16, cx_widen8(_mm_srli_si128(pairs, 8), is_unsigned));
#endif
}
CX_INLINE void cx_weave_split(uint8_t *even, uint8_t *odd, const uint8_t *const *rows, int is_unsigned) {
  const __m128i a = cx_apart(rows[0]), b = cx_apart(rows[1]);
  cx_put_words(even, _mm_unpacklo_epi8(a, b), is_unsigned);
  cx_put_words(odd, _mm_unpackhi_epi8(a, b), is_unsigned);
}
#else
CX_INLINE void cx_weave_split(uint8_t *even, uint8_t *odd, const uint8_t *const *rows, int is_unsigned) {
  const __m128i flip = _mm_set1_epi8((char)CX_FLIP(is_unsigned));
  const __m128i a = cx_apart(rows[0]), b = cx_apart(rows[1]), c = cx_apart(rows[2]), d = cx_apart(rows[3]);
  const __m128i ab = _mm_xor_si128(_mm_unpacklo_epi8(a, b), flip), cd = _mm_xor_si128(_mm_unpacklo_epi8(c, d), flip);
  const __m128i ab2 = _mm_xor_si128(_mm_unpackhi_epi8(a, b), flip), cd2 = _mm_xor_si128(_mm_unpackhi_epi8(c, d), flip);
  cx_put16(even, _mm_unpacklo_epi16(ab, cd));
  cx_put16(even + 16, _mm_unpackhi_epi16(ab, cd));
  cx_put16(odd, _mm_unpacklo_epi16(ab2, cd2));
  cx_put16(odd + 16, _mm_unpackhi_epi16(ab2, cd2));
}
#endif

#if defined(__AVX2__)
typedef cx_narrow_factors cx_spans;
CX_INLINE cx_spans cx_spans_of(const cx_narrower *n) { return cx_broadcast(n); }
#if CX_LANES == 16
CX_INLINE __m128i cx_narrow_span(cx_v v, const cx_spans *f) { return cx_narrow16(_mm512_castsi512_si256(v), _mm512_extracti64x4_epi64(v, 1), f); }
CX_INLINE void cx_put_spans(const cx_v *a, const cx_v *b, const cx_spans *f, uint8_t *to_a, uint8_t *to_b) {
  cx_put16(to_a, cx_narrow_span(*a, f));
  cx_put16(to_b, cx_narrow_span(*b, f));
}
#else
CX_INLINE void cx_put_spans(const cx_v *a, const cx_v *b, const cx_spans *f, uint8_t *to_a, uint8_t *to_b) {
  const __m128i bytes = cx_narrow16(*a, *b, f);
  _mm_storel_epi64((__m128i *)to_a, bytes);
  _mm_storel_epi64((__m128i *)to_b, _mm_unpackhi_epi64(bytes, bytes));
}
#endif
#else
typedef cx_narrower cx_spans;
CX_INLINE cx_spans cx_spans_of(const cx_narrower *n) { return *n; }
CX_INLINE __m128i cx_narrow_span(const cx_v *sums, const cx_spans *n) {
  const __m128i words = _mm_packs_epi32(cx_narrow_vector(sums[0], n), cx_narrow_vector(sums[1], n));
  return _mm_and_si128(_mm_min_epi16(_mm_max_epi16(_mm_adds_epi16(words, n->zero), n->lo), n->hi), _mm_set1_epi16(0xff));
}
CX_INLINE void cx_put_spans(const cx_v *a, const cx_v *b, const cx_spans *n, uint8_t *to_a, uint8_t *to_b) {
  const __m128i bytes = _mm_packus_epi16(cx_narrow_span(a, n), cx_narrow_span(b, n));
  _mm_storel_epi64((__m128i *)to_a, bytes);
  _mm_storel_epi64((__m128i *)to_b, _mm_unpackhi_epi64(bytes, bytes));
}
#endif

#else

#if defined(CX_ISA_ARM_H) && CX_DEPTH == 2
/* Panels of NEON hold the rows of 4 pixels apart; here windows begin at any pixel, so pairs lie together and are loaded apart. */
CX_INLINE void cx_put_words(uint8_t *to, uint8x8_t a, uint8x8_t b, int is_unsigned) {
  const int16x8x2_t pairs = {{cx_widen8(a, is_unsigned), cx_widen8(b, is_unsigned)}};
  vst2q_s16((int16_t *)(void *)to, pairs);
}
CX_INLINE void cx_weave(uint8_t *to, const uint8_t *const *rows, int is_unsigned) {
  const uint8x16_t a = vld1q_u8(rows[0]), b = vld1q_u8(rows[1]);
  cx_put_words(to, vget_low_u8(a), vget_low_u8(b), is_unsigned);
  cx_put_words(to + 32, vget_high_u8(a), vget_high_u8(b), is_unsigned);
}
CX_INLINE void cx_weave_split(uint8_t *even, uint8_t *odd, const uint8_t *const *rows, int is_unsigned) {
  const uint8x8x2_t a = vld2_u8(rows[0]), b = vld2_u8(rows[1]);
  cx_put_words(even, a.val[0], b.val[0], is_unsigned);
  cx_put_words(odd, a.val[1], b.val[1], is_unsigned);
}
CX_INLINE cx_v cx_tap(cx_v sum, const uint8_t *from, int32_t word) {
  const int16x4x2_t pairs = vld2_s16((const int16_t *)(const void *)from);
  const int16x4_t w = vreinterpret_s16_s32(vdup_n_s32(word));
  return vmlal_lane_s16(vmlal_lane_s16(sum, pairs.val[0], w, 0), pairs.val[1], w, 1);
}
#else
CX_INLINE void cx_weave(uint8_t *to, const uint8_t *const *rows, int is_unsigned) { cx_pack(to, 32, rows, is_unsigned); }
CX_INLINE void cx_weave_split(uint8_t *even, uint8_t *odd, const uint8_t *const *rows, int is_unsigned) {
  uint8_t apart[CX_DEPTH][16], woven[64];
  const uint8_t *from[CX_DEPTH];
  for (int k = 0; k < CX_DEPTH; k++) {
    for (int i = 0; i < 8; i++) apart[k][i] = rows[k][2 * i], apart[k][8 + i] = rows[k][2 * i + 1];
    from[k] = apart[k];
  }
  cx_pack(woven, 32, from, is_unsigned);
  memcpy(even, woven, 32);
  memcpy(odd, woven + 32, 32);
}
CX_INLINE cx_v cx_tap(cx_v sum, const uint8_t *from, int32_t word) { return cx_dot(sum, cx_load(from), word); }
#endif

typedef cx_narrower cx_spans;
CX_INLINE cx_spans cx_spans_of(const cx_narrower *n) { return *n; }
CX_INLINE void cx_put_spans(const cx_v *a, const cx_v *b, const cx_spans *n, uint8_t *to_a, uint8_t *to_b) {
  int32_t sums[2 * CX_SPAN] CX_ALIGNED;
  CX_UNROLL for (int v = 0; v < CX_SPAN_VECTORS; v++) {
    cx_store(sums + v * CX_LANES, a[v]);
    cx_store(sums + CX_SPAN + v * CX_LANES, b[v]);
  }
  cx_narrow(sums, CX_SPAN, n, to_a);
  cx_narrow(sums + CX_SPAN, CX_SPAN, n, to_b);
}

#endif

#endif
