/*
 * The vectors and products of cx_isa.h in the vector extensions of gcc and clang, of any width: the portable level, and
 * levels forced on a processor that lacks them.
 */
#ifndef CX_ISA_GENERIC_H
#define CX_ISA_GENERIC_H

/* int32 in the arithmetic of uint32, which wraps */
typedef uint32_t cx_v __attribute__((vector_size(4 * CX_LANES)));
typedef int32_t cx_signed_v __attribute__((vector_size(4 * CX_LANES)));

CX_INLINE cx_v cx_load(const void *p) {
  cx_v v;
  memcpy(&v, p, sizeof v);
  return v;
}
CX_INLINE void cx_store(void *p, cx_v v) { memcpy(p, &v, sizeof v); }
CX_INLINE cx_v cx_splat(int32_t x) { return (cx_v){0} + (uint32_t)x; }
CX_INLINE cx_v cx_add(cx_v a, cx_v b) { return a + b; }
/* Bits first to first + bits - 1 of each lane, with their sign. */
CX_INLINE cx_v cx_field(cx_v v, int first, int bits) { return (cx_v)((cx_signed_v)(v << (32 - bits - first)) >> (32 - bits)); }

#if CX_DEPTH == 2
CX_INLINE cx_v cx_load_pairs(const int32_t *p) { return cx_load(p); }
CX_INLINE cx_v cx_dot(cx_v sum, cx_v panel, int32_t word) {
  return sum + cx_field(panel, 0, 16) * (uint32_t)(int16_t)word + cx_field(panel, 16, 16) * (uint32_t)(word >> 16);
}
#if CX_HALF_PRODUCTS
/* Sums of i16 stay below 2^15, so fields of sums are sums of fields. */
CX_INLINE cx_v cx_quad(cx_v sum, cx_v x, cx_v y, int32_t wx, int32_t wy) {
  const cx_v low = (cx_field(x, 0, 16) + (uint32_t)(int16_t)wy) * (cx_field(y, 0, 16) + (uint32_t)(int16_t)wx);
  return sum + low + (cx_field(x, 16, 16) + (uint32_t)(wy >> 16)) * (cx_field(y, 16, 16) + (uint32_t)(wx >> 16));
}
CX_INLINE int32_t cx_quads_total(const int16_t *row, int32_t n) {
  uint32_t total = 0;
  for (int32_t i = 0; i < n; i += 4) total += (uint32_t)(row[i] * row[i + 2]) + (uint32_t)(row[i + 1] * row[i + 3]);
  return (int32_t)total;
}
#endif
CX_INLINE void cx_pack(uint8_t *to, size_t half, const uint8_t *const *rows, int is_unsigned) {
  for (int i = 0; i < 16; i++) {
    int16_t pair[2];
    for (int k = 0; k < 2; k++) pair[k] = is_unsigned ? (int16_t)rows[k][i] : (int16_t)(int8_t)rows[k][i];
    memcpy(to + 4 * (i % 8) + (i < 8 ? 0 : half), pair, 4);
  }
}
#else
CX_INLINE cx_v cx_dot(cx_v sum, cx_v panel, int32_t word) {
  CX_UNROLL for (int k = 0; k < 4; k++) {
#if defined(CX_ISA_NEONDOT)
    const cx_v x = cx_field(panel, 8 * k, 8);
#else
    const cx_v x = (panel >> (8 * k)) & 0xff;
#endif
    sum += x * (uint32_t)(int8_t)(word >> (8 * k));
  }
  return sum;
}
#if CX_SATURATING_PRODUCTS
/* Each pair of products in i16 as the instruction has it, so that a broken bound shows. */
CX_INLINE cx_v cx_pairs(cx_v x, cx_v w) {
  cx_v sums = (cx_v){0};
  for (int i = 0; i < CX_LANES; i++)
    for (int half = 0; half < 32; half += 16) {
      int32_t sum = 0;
      for (int bit = half; bit < half + 16; bit += 8) sum += (int32_t)(x[i] >> bit & 0xff) * (int8_t)(w[i] >> bit);
      sums[i] |= (uint32_t)(uint16_t)(sum < -32768 ? -32768 : sum > 32767 ? 32767 : sum) << half;
    }
  return sums;
}
CX_INLINE cx_v cx_two_quads(cx_v sum, cx_v xa, cx_v wa, cx_v xb, cx_v wb) {
  const cx_v a = cx_pairs(xa, wa), b = cx_pairs(xb, wb), low = a + b, high = (a & 0xffff0000u) + (b & 0xffff0000u);
  return sum + cx_field(low, 0, 16) + cx_field(high, 16, 16);
}
#endif
CX_INLINE void cx_pack(uint8_t *to, size_t half, const uint8_t *const *rows, int is_unsigned) {
  for (int i = 0; i < 16; i++)
    for (int k = 0; k < 4; k++) to[4 * (i % 8) + k + (i < 8 ? 0 : half)] = rows[k][i] ^ CX_FLIP(is_unsigned);
}
#endif

typedef struct cx_half_row {
  uint8_t byte[16];
} cx_half_row;
CX_INLINE cx_half_row cx_half(const uint8_t *from) {
  cx_half_row row;
  for (int i = 0; i < 16; i++) row.byte[i] = from[2 * i];
  return row;
}
CX_INLINE void cx_put16(void *p, cx_half_row row) { memcpy(p, &row, 16); }

/* 16 sums, of consecutive pixels or of parts of one inner product. */
typedef struct cx_sums {
  uint32_t part[16];
} cx_sums;
CX_INLINE cx_sums cx_sums_zero(void) { return (cx_sums){{0}}; }
/* Adds a[i] w0 + b[i] w1 for 16 bytes, word = w0 + 2^16 w1. */
CX_INLINE void cx_add_pair(cx_sums *s, const uint8_t *a, const uint8_t *b, int32_t word, int is_unsigned) {
  const int32_t w0 = (int16_t)word, w1 = word >> 16;
  for (int i = 0; i < 16; i++) {
    const int32_t x = is_unsigned ? a[i] : (int8_t)a[i], y = is_unsigned ? b[i] : (int8_t)b[i];
    s->part[i] += (uint32_t)(x * w0 + y * w1);
  }
}
/* Adds the products of 16 i16 and 16 i8 to whichever parts. */
CX_INLINE void cx_add_products(cx_sums *s, const int16_t *x, const int8_t *w) {
  for (int i = 0; i < 16; i++) s->part[i] += (uint32_t)(x[i] * w[i]);
}
CX_INLINE void cx_put_sums(int32_t *to, const cx_sums *s) { memcpy(to, s->part, 64); }
CX_INLINE int32_t cx_total(const cx_sums *s) {
  uint32_t total = 0;
  for (int i = 0; i < 16; i++) total += s->part[i];
  return (int32_t)total;
}

/*
 * The int32-only rescale (0 <= M < 2^15, 17 <= s <= 47): with x = h 2^16 + l, h signed,
 * floor((x M + 2^(s-1)) / 2^s) = floor((h M + floor(l M / 2^16) + 2^(s-17)) / 2^(s-16)).
 */
typedef cx_factors cx_narrower;
CX_INLINE cx_narrower cx_narrower_of(const cx_factors *f) { return *f; }
CX_INLINE void cx_narrow(const int32_t *sums, int count, const cx_narrower *f, uint8_t *to) {
  const int32_t half = (int32_t)(1u << (f->shift - 17));
  for (int i = 0; i < count; i++) {
    const int32_t x = (int32_t)((uint32_t)sums[i] + (uint32_t)f->bias);
    const int32_t low = (int32_t)(((uint32_t)(x & 0xffff) * (uint32_t)f->multiplier) >> 16);
    const int32_t v = (((x >> 16) * f->multiplier + low + half) >> (f->shift - 16)) + f->zero;
    to[i] = (uint8_t)(v < f->lo ? f->lo : v > f->hi ? f->hi : v);
  }
}

#endif
