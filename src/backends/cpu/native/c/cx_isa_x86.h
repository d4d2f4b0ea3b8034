/* The vectors and products of cx_isa.h for x86-64: SSE4.1, AVX2, AVX-VNNI and AVX-512 VNNI. */
#ifndef CX_ISA_X86_H
#define CX_ISA_X86_H

#include <immintrin.h>

#if CX_LANES == 16
typedef __m512i cx_v;
CX_INLINE cx_v cx_load(const void *p) { return _mm512_loadu_si512(p); }
CX_INLINE void cx_store(void *p, cx_v v) { _mm512_storeu_si512(p, v); }
CX_INLINE cx_v cx_splat(int32_t x) { return _mm512_set1_epi32(x); }
CX_INLINE cx_v cx_add(cx_v a, cx_v b) { return _mm512_add_epi32(a, b); }
CX_INLINE cx_v cx_dot(cx_v sum, cx_v panel, int32_t word) { return _mm512_dpbusd_epi32(sum, panel, _mm512_set1_epi32(word)); }
#elif CX_LANES == 8
typedef __m256i cx_v;
CX_INLINE cx_v cx_load(const void *p) { return _mm256_loadu_si256((const __m256i *)p); }
CX_INLINE void cx_store(void *p, cx_v v) { _mm256_storeu_si256((__m256i *)p, v); }
CX_INLINE cx_v cx_splat(int32_t x) { return _mm256_set1_epi32(x); }
CX_INLINE cx_v cx_add(cx_v a, cx_v b) { return _mm256_add_epi32(a, b); }
#else
typedef __m128i cx_v;
CX_INLINE cx_v cx_load(const void *p) { return _mm_loadu_si128((const __m128i *)p); }
CX_INLINE void cx_store(void *p, cx_v v) { _mm_storeu_si128((__m128i *)p, v); }
CX_INLINE cx_v cx_splat(int32_t x) { return _mm_set1_epi32(x); }
CX_INLINE cx_v cx_add(cx_v a, cx_v b) { return _mm_add_epi32(a, b); }
CX_INLINE cx_v cx_dot(cx_v sum, cx_v panel, int32_t word) { return _mm_add_epi32(sum, _mm_madd_epi16(panel, _mm_set1_epi32(word))); }
#endif

#if CX_SATURATING_PRODUCTS
CX_INLINE cx_v cx_two_quads(cx_v sum, cx_v xa, cx_v wa, cx_v xb, cx_v wb) {
  const cx_v pairs = _mm256_add_epi16(_mm256_maddubs_epi16(xa, wa), _mm256_maddubs_epi16(xb, wb));
  return _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}
#elif defined(CX_ISA_AVX2)
CX_INLINE cx_v cx_dot(cx_v sum, cx_v panel, int32_t word) {
  return _mm256_add_epi32(sum, _mm256_madd_epi16(panel, _mm256_set1_epi32(word)));
}
CX_INLINE cx_v cx_quad(cx_v sum, cx_v x, cx_v y, int32_t wx, int32_t wy) {
  return _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_add_epi16(x, _mm256_set1_epi32(wy)), _mm256_add_epi16(y, _mm256_set1_epi32(wx))));
}
CX_INLINE int32_t cx_quads_total(const int16_t *row, int32_t n) {
  __m256i sum = _mm256_setzero_si256();
  int32_t i = 0;
  for (; i + 16 <= n; i += 16) {
    const __m256i v = cx_load(row + i);
    sum = _mm256_add_epi32(sum, _mm256_madd_epi16(v, _mm256_srli_epi64(v, 32)));
  }
  __m128i half = _mm_add_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256(sum, 1));
  half = _mm_add_epi32(half, _mm_shuffle_epi32(half, _MM_SHUFFLE(1, 0, 3, 2)));
  uint32_t total = (uint32_t)_mm_cvtsi128_si32(half);
  for (; i < n; i += 4) total += (uint32_t)(row[i] * row[i + 2]) + (uint32_t)(row[i + 1] * row[i + 3]);
  return (int32_t)total;
}
#elif defined(CX_ISA_AVXVNNI) && defined(__AVXVNNI__)
CX_INLINE cx_v cx_dot(cx_v sum, cx_v panel, int32_t word) { return _mm256_dpbusd_avx_epi32(sum, panel, _mm256_set1_epi32(word)); }
#elif defined(CX_ISA_AVXVNNI)
/* vpdpbusd by AVX2: even and odd bytes as i16, so that no product saturates. */
CX_INLINE cx_v cx_dot(cx_v sum, cx_v panel, int32_t word) {
  const __m256i w = _mm256_set1_epi32(word);
  const __m256i even = _mm256_madd_epi16(_mm256_and_si256(panel, _mm256_set1_epi16(0xff)), _mm256_srai_epi16(_mm256_slli_epi16(w, 8), 8));
  const __m256i odd = _mm256_madd_epi16(_mm256_srli_epi16(panel, 8), _mm256_srai_epi16(w, 8));
  return _mm256_add_epi32(sum, _mm256_add_epi32(even, odd));
}
#endif

CX_INLINE __m128i cx_bytes16(const void *p) { return _mm_loadu_si128((const __m128i *)p); }
CX_INLINE void cx_put16(void *p, __m128i v) { _mm_storeu_si128((__m128i *)p, v); }

CX_INLINE __m128i cx_half(const uint8_t *from) {
  const __m128i mask = _mm_set1_epi16(0xff);
  return _mm_packus_epi16(_mm_and_si128(cx_bytes16(from), mask), _mm_and_si128(cx_bytes16(from + 16), mask));
}

CX_INLINE __m128i cx_widen8(__m128i bytes, int is_unsigned) { return is_unsigned ? _mm_cvtepu8_epi16(bytes) : _mm_cvtepi8_epi16(bytes); }

#if CX_DEPTH == 2
CX_INLINE cx_v cx_load_pairs(const int32_t *p) { return cx_load(p); }
CX_INLINE void cx_pack(uint8_t *to, size_t half, const uint8_t *const *rows, int is_unsigned) {
  const __m128i a = cx_bytes16(rows[0]), b = cx_bytes16(rows[1]);
  const __m128i low = _mm_unpacklo_epi8(a, b), high = _mm_unpackhi_epi8(a, b);
#if defined(__AVX2__)
  cx_store(to, is_unsigned ? _mm256_cvtepu8_epi16(low) : _mm256_cvtepi8_epi16(low));
  cx_store(to + half, is_unsigned ? _mm256_cvtepu8_epi16(high) : _mm256_cvtepi8_epi16(high));
#else
  cx_put16(to, cx_widen8(low, is_unsigned));
  cx_put16(to + 16, cx_widen8(_mm_srli_si128(low, 8), is_unsigned));
  cx_put16(to + half, cx_widen8(high, is_unsigned));
  cx_put16(to + half + 16, cx_widen8(_mm_srli_si128(high, 8), is_unsigned));
#endif
}
#else
CX_INLINE void cx_pack(uint8_t *to, size_t half, const uint8_t *const *rows, int is_unsigned) {
  const __m128i flip = _mm_set1_epi8((char)CX_FLIP(is_unsigned));
  const __m128i a = cx_bytes16(rows[0]), b = cx_bytes16(rows[1]), c = cx_bytes16(rows[2]), d = cx_bytes16(rows[3]);
  const __m128i ab = _mm_xor_si128(_mm_unpacklo_epi8(a, b), flip), cd = _mm_xor_si128(_mm_unpacklo_epi8(c, d), flip);
  const __m128i ab2 = _mm_xor_si128(_mm_unpackhi_epi8(a, b), flip), cd2 = _mm_xor_si128(_mm_unpackhi_epi8(c, d), flip);
  cx_put16(to, _mm_unpacklo_epi16(ab, cd));
  cx_put16(to + 16, _mm_unpackhi_epi16(ab, cd));
  cx_put16(to + half, _mm_unpacklo_epi16(ab2, cd2));
  cx_put16(to + half + 16, _mm_unpackhi_epi16(ab2, cd2));
}
#endif

/* 16 sums, of consecutive pixels or of parts of one inner product. */
typedef struct cx_sums {
#if defined(__AVX2__)
  __m256i part[2];
#else
  __m128i part[4];
#endif
} cx_sums;

#if defined(__AVX2__)
CX_INLINE cx_sums cx_sums_zero(void) { return (cx_sums){{_mm256_setzero_si256(), _mm256_setzero_si256()}}; }
/* Adds a[i] w0 + b[i] w1 for 16 bytes, word = w0 + 2^16 w1. */
CX_INLINE void cx_add_pair(cx_sums *s, const uint8_t *a, const uint8_t *b, int32_t word, int is_unsigned) {
  const __m128i x = cx_bytes16(a), y = cx_bytes16(b);
  const __m128i low = _mm_unpacklo_epi8(x, y), high = _mm_unpackhi_epi8(x, y);
  const __m256i w = _mm256_set1_epi32(word);
  s->part[0] = _mm256_add_epi32(s->part[0], _mm256_madd_epi16(is_unsigned ? _mm256_cvtepu8_epi16(low) : _mm256_cvtepi8_epi16(low), w));
  s->part[1] = _mm256_add_epi32(s->part[1], _mm256_madd_epi16(is_unsigned ? _mm256_cvtepu8_epi16(high) : _mm256_cvtepi8_epi16(high), w));
}
/* Adds the products of 16 i16 and 16 i8 to whichever parts. */
CX_INLINE void cx_add_products(cx_sums *s, const int16_t *x, const int8_t *w) {
  s->part[0] = _mm256_add_epi32(s->part[0], _mm256_madd_epi16(_mm256_loadu_si256((const __m256i *)x), _mm256_cvtepi8_epi16(cx_bytes16(w))));
}
CX_INLINE void cx_put_sums(int32_t *to, const cx_sums *s) {
  _mm256_storeu_si256((__m256i *)to, s->part[0]);
  _mm256_storeu_si256((__m256i *)(to + 8), s->part[1]);
}
CX_INLINE int32_t cx_total(const cx_sums *s) {
  const __m256i both = _mm256_add_epi32(s->part[0], s->part[1]);
  __m128i v = _mm_add_epi32(_mm256_castsi256_si128(both), _mm256_extracti128_si256(both, 1));
#else
CX_INLINE cx_sums cx_sums_zero(void) { return (cx_sums){{_mm_setzero_si128(), _mm_setzero_si128(), _mm_setzero_si128(), _mm_setzero_si128()}}; }
CX_INLINE void cx_add_pair(cx_sums *s, const uint8_t *a, const uint8_t *b, int32_t word, int is_unsigned) {
  const __m128i x = cx_bytes16(a), y = cx_bytes16(b), w = _mm_set1_epi32(word);
  const __m128i low = _mm_unpacklo_epi8(x, y), high = _mm_unpackhi_epi8(x, y);
  s->part[0] = _mm_add_epi32(s->part[0], _mm_madd_epi16(cx_widen8(low, is_unsigned), w));
  s->part[1] = _mm_add_epi32(s->part[1], _mm_madd_epi16(cx_widen8(_mm_srli_si128(low, 8), is_unsigned), w));
  s->part[2] = _mm_add_epi32(s->part[2], _mm_madd_epi16(cx_widen8(high, is_unsigned), w));
  s->part[3] = _mm_add_epi32(s->part[3], _mm_madd_epi16(cx_widen8(_mm_srli_si128(high, 8), is_unsigned), w));
}
CX_INLINE void cx_add_products(cx_sums *s, const int16_t *x, const int8_t *w) {
  const __m128i weights = cx_bytes16(w);
  s->part[0] = _mm_add_epi32(s->part[0], _mm_madd_epi16(cx_bytes16(x), _mm_cvtepi8_epi16(weights)));
  s->part[1] = _mm_add_epi32(s->part[1], _mm_madd_epi16(cx_bytes16(x + 8), _mm_cvtepi8_epi16(_mm_srli_si128(weights, 8))));
}
CX_INLINE void cx_put_sums(int32_t *to, const cx_sums *s) {
  for (int i = 0; i < 4; i++) cx_put16(to + 4 * i, s->part[i]);
}
CX_INLINE int32_t cx_total(const cx_sums *s) {
  __m128i v = _mm_add_epi32(_mm_add_epi32(s->part[0], s->part[1]), _mm_add_epi32(s->part[2], s->part[3]));
#endif
  v = _mm_add_epi32(v, _mm_shuffle_epi32(v, _MM_SHUFFLE(1, 0, 3, 2)));
  v = _mm_add_epi32(v, _mm_shuffle_epi32(v, _MM_SHUFFLE(2, 3, 0, 1)));
  return _mm_cvtsi128_si32(v);
}

/*
 * The int32-only rescale (0 <= M < 2^15, 17 <= s <= 47): with x = h 2^16 + l, h signed,
 * floor((x M + 2^(s-1)) / 2^s) = floor((h M + floor(l M / 2^16) + 2^(s-17)) / 2^(s-16)). The pair (l, h) lies in memory as
 * two i16, so pmaddwd by (0, M) is h M and pmulhuw by (M, 0) is floor(l M / 2^16). The value saturates to i16 before the
 * zero point is added: exact, because the caller has |zero| <= 2^14 and lo and hi are values of a byte.
 */
#if defined(__AVX2__)
/* As words that are broadcast where they are used: vectors of many channels would push panels out of the first-level cache. */
typedef struct cx_narrower {
  int32_t bias, high, low, half, zero, lo, hi, shift;
} cx_narrower;
CX_INLINE int32_t cx_twice(int32_t x) { return (int32_t)((uint32_t)x << 16 | (uint16_t)x); }
CX_INLINE cx_narrower cx_narrower_of(const cx_factors *f) {
  const cx_narrower n = {f->bias,           (int32_t)((uint32_t)f->multiplier << 16), f->multiplier,   (int32_t)(1u << (f->shift - 17)),
                         cx_twice(f->zero), cx_twice(f->lo),                          cx_twice(f->hi), f->shift - 16};
  return n;
}
typedef struct cx_narrow_factors {
  __m256i bias, high, low, half, zero, lo, hi;
  __m128i shift;
} cx_narrow_factors;
CX_INLINE cx_narrow_factors cx_broadcast(const cx_narrower *n) {
  const cx_narrow_factors f = {_mm256_set1_epi32(n->bias), _mm256_set1_epi32(n->high), _mm256_set1_epi32(n->low), _mm256_set1_epi32(n->half),
                               _mm256_set1_epi32(n->zero), _mm256_set1_epi32(n->lo),   _mm256_set1_epi32(n->hi),  _mm_cvtsi32_si128(n->shift)};
  return f;
}
CX_INLINE __m256i cx_narrow_vector(__m256i x, const cx_narrow_factors *f) {
  x = _mm256_add_epi32(x, f->bias);
  const __m256i v = _mm256_add_epi32(_mm256_madd_epi16(x, f->high), _mm256_mulhi_epu16(x, f->low));
  return _mm256_sra_epi32(_mm256_add_epi32(v, f->half), f->shift);
}
/* 16 sums to 16 bytes. */
CX_INLINE __m128i cx_narrow16(__m256i a, __m256i b, const cx_narrow_factors *f) {
  __m256i words = _mm256_packs_epi32(cx_narrow_vector(a, f), cx_narrow_vector(b, f));
  words = _mm256_min_epi16(_mm256_max_epi16(_mm256_adds_epi16(words, f->zero), f->lo), f->hi);
  words = _mm256_and_si256(words, _mm256_set1_epi16(0xff));
  const __m128i bytes = _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
  return _mm_shuffle_epi32(bytes, _MM_SHUFFLE(3, 1, 2, 0));
}
/*
 * 32 sums to 32 bytes. Bounds are those of i8 or of u8, and the last packing saturates to one of these: with the whole range
 * (`is_full`) it does what max and min would.
 */
CX_INLINE __m256i cx_narrow32(const __m256i *from, const cx_narrow_factors *f, int is_signed, int is_full) {
  __m256i v[4], words[2];
  CX_UNROLL for (int i = 0; i < 4; i++) v[i] = cx_narrow_vector(_mm256_loadu_si256(from + i), f);
  CX_UNROLL for (int i = 0; i < 2; i++) {
    words[i] = _mm256_adds_epi16(_mm256_packs_epi32(v[2 * i], v[2 * i + 1]), f->zero);
    if (!is_full) words[i] = _mm256_min_epi16(_mm256_max_epi16(words[i], f->lo), f->hi);
  }
  const __m256i bytes = is_signed ? _mm256_packs_epi16(words[0], words[1]) : _mm256_packus_epi16(words[0], words[1]);
  return _mm256_permutevar8x32_epi32(bytes, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
}
CX_INLINE int cx_narrow_by_32(const int32_t *sums, int count, const cx_narrow_factors *f, int is_signed, int is_full, uint8_t *to) {
  int i = 0;
  for (; i + 32 <= count; i += 32) _mm256_storeu_si256((__m256i *)(to + i), cx_narrow32((const __m256i *)(sums + i), f, is_signed, is_full));
  return i;
}
CX_INLINE void cx_narrow(const int32_t *sums, int count, const cx_narrower *n, uint8_t *to) {
  const cx_narrow_factors f = cx_broadcast(n);
  const int16_t lo = (int16_t)n->lo, hi = (int16_t)n->hi;
  int i = 0;
  if (lo == -128 && hi == 127) i = cx_narrow_by_32(sums, count, &f, 1, 1, to);
  else if (lo == 0 && hi == 255) i = cx_narrow_by_32(sums, count, &f, 0, 1, to);
  else if (hi <= 127) i = cx_narrow_by_32(sums, count, &f, 1, 0, to);
  else i = cx_narrow_by_32(sums, count, &f, 0, 0, to);
  for (; i + 16 <= count; i += 16) cx_put16(to + i, cx_narrow16(_mm256_loadu_si256((const __m256i *)(sums + i)), _mm256_loadu_si256((const __m256i *)(sums + i + 8)), &f));
  if (count % 16 != 0) {
    const __m256i last = _mm256_loadu_si256((const __m256i *)(sums + i));
    _mm_storel_epi64((__m128i *)(to + count - 8), cx_narrow16(last, last, &f));
  }
}
#else
typedef struct cx_narrower {
  __m128i bias, high, low, half, zero, lo, hi, shift;
} cx_narrower;
CX_INLINE cx_narrower cx_narrower_of(const cx_factors *f) {
  const cx_narrower n = {_mm_set1_epi32(f->bias),
                         _mm_set1_epi32((int32_t)((uint32_t)f->multiplier << 16)),
                         _mm_set1_epi32(f->multiplier),
                         _mm_set1_epi32((int32_t)(1u << (f->shift - 17))),
                         _mm_set1_epi16((int16_t)f->zero),
                         _mm_set1_epi16((int16_t)f->lo),
                         _mm_set1_epi16((int16_t)f->hi),
                         _mm_cvtsi32_si128(f->shift - 16)};
  return n;
}
CX_INLINE __m128i cx_narrow_vector(__m128i x, const cx_narrower *n) {
  x = _mm_add_epi32(x, n->bias);
  const __m128i v = _mm_add_epi32(_mm_madd_epi16(x, n->high), _mm_mulhi_epu16(x, n->low));
  return _mm_sra_epi32(_mm_add_epi32(v, n->half), n->shift);
}
CX_INLINE void cx_narrow(const int32_t *sums, int count, const cx_narrower *n, uint8_t *to) {
  for (int i = 0; i < count; i += 8) {
    const __m128i a = cx_narrow_vector(cx_bytes16(sums + i), n), b = cx_narrow_vector(cx_bytes16(sums + i + 4), n);
    const __m128i words = _mm_min_epi16(_mm_max_epi16(_mm_adds_epi16(_mm_packs_epi32(a, b), n->zero), n->lo), n->hi);
    _mm_storel_epi64((__m128i *)(to + i), _mm_packus_epi16(_mm_and_si128(words, _mm_set1_epi16(0xff)), words));
  }
}
#endif

#endif
