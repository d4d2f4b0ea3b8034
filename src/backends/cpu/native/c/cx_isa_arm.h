/*
 * The vectors and products of cx_isa.h for 64-bit Arm: NEON, and NEON with the dot product (ARMv8.2). A panel vector of NEON
 * holds four pixels of one inner index and then the same four of the next, so that smlal takes them without shuffling.
 */
#ifndef CX_ISA_ARM_H
#define CX_ISA_ARM_H

#include <arm_neon.h>

typedef int32x4_t cx_v;
CX_INLINE cx_v cx_load(const void *p) { return vreinterpretq_s32_u8(vld1q_u8((const uint8_t *)p)); }
CX_INLINE void cx_store(void *p, cx_v v) { vst1q_u8((uint8_t *)p, vreinterpretq_u8_s32(v)); }
CX_INLINE cx_v cx_splat(int32_t x) { return vdupq_n_s32(x); }
CX_INLINE cx_v cx_add(cx_v a, cx_v b) { return vaddq_s32(a, b); }

CX_INLINE uint8x16_t cx_half(const uint8_t *from) { return vld2q_u8(from).val[0]; }
CX_INLINE void cx_put16(void *p, uint8x16_t v) { vst1q_u8((uint8_t *)p, v); }

/* 8 bytes as i16 with or without sign. */
CX_INLINE int16x8_t cx_widen8(uint8x8_t bytes, int is_unsigned) {
  return is_unsigned ? vreinterpretq_s16_u16(vmovl_u8(bytes)) : vmovl_s8(vreinterpret_s8_u8(bytes));
}

#if CX_DEPTH == 2
CX_INLINE cx_v cx_dot(cx_v sum, cx_v panel, int32_t word) {
  const int16x8_t x = vreinterpretq_s16_s32(panel);
  const int16x4_t w = vreinterpret_s16_s32(vdup_n_s32(word));
  return vmlal_lane_s16(vmlal_lane_s16(sum, vget_low_s16(x), w, 0), vget_high_s16(x), w, 1);
}
CX_INLINE cx_v cx_load_pairs(const int32_t *p) {
  const int16x8_t v = vreinterpretq_s16_s32(vld1q_s32(p));
  return vreinterpretq_s32_s16(vcombine_s16(vget_low_s16(vuzp1q_s16(v, v)), vget_low_s16(vuzp2q_s16(v, v))));
}
CX_INLINE void cx_pack(uint8_t *to, size_t half, const uint8_t *const *rows, int is_unsigned) {
  const uint8x16_t a = vld1q_u8(rows[0]), b = vld1q_u8(rows[1]);
  CX_UNROLL for (size_t i = 0; i < 2; i++) {
    const int16x8_t x = cx_widen8(i == 0 ? vget_low_u8(a) : vget_high_u8(a), is_unsigned);
    const int16x8_t y = cx_widen8(i == 0 ? vget_low_u8(b) : vget_high_u8(b), is_unsigned);
    vst1q_s16((int16_t *)(void *)(to + i * half), vcombine_s16(vget_low_s16(x), vget_low_s16(y)));
    vst1q_s16((int16_t *)(void *)(to + i * half + 16), vcombine_s16(vget_high_s16(x), vget_high_s16(y)));
  }
}
#else
CX_INLINE cx_v cx_dot(cx_v sum, cx_v panel, int32_t word) {
  return vdotq_s32(sum, vreinterpretq_s8_s32(panel), vreinterpretq_s8_s32(vdupq_n_s32(word)));
}
/* Tiles have 16 pixels: `half` is 32, and the 64 bytes lie together. */
CX_INLINE void cx_pack(uint8_t *to, size_t half, const uint8_t *const *rows, int is_unsigned) {
  const uint8x16_t flip = vdupq_n_u8(CX_FLIP(is_unsigned));
  uint8x16x4_t quads;
  (void)half;
  CX_UNROLL for (int k = 0; k < 4; k++) quads.val[k] = veorq_u8(vld1q_u8(rows[k]), flip);
  vst4q_u8(to, quads);
}
#endif

/* 16 sums, of consecutive pixels or of parts of one inner product. */
typedef struct cx_sums {
  int32x4_t part[4];
} cx_sums;
CX_INLINE cx_sums cx_sums_zero(void) { return (cx_sums){{vdupq_n_s32(0), vdupq_n_s32(0), vdupq_n_s32(0), vdupq_n_s32(0)}}; }
/* Adds a[i] w0 + b[i] w1 for 16 bytes, word = w0 + 2^16 w1. */
CX_INLINE void cx_add_pair(cx_sums *s, const uint8_t *a, const uint8_t *b, int32_t word, int is_unsigned) {
  const int16_t w[2] = {(int16_t)word, (int16_t)(word >> 16)};
  CX_UNROLL for (int k = 0; k < 2; k++) {
    const uint8x16_t bytes = vld1q_u8(k == 0 ? a : b);
    const int16x8_t low = cx_widen8(vget_low_u8(bytes), is_unsigned), high = cx_widen8(vget_high_u8(bytes), is_unsigned);
    s->part[0] = vmlal_n_s16(s->part[0], vget_low_s16(low), w[k]);
    s->part[1] = vmlal_n_s16(s->part[1], vget_high_s16(low), w[k]);
    s->part[2] = vmlal_n_s16(s->part[2], vget_low_s16(high), w[k]);
    s->part[3] = vmlal_n_s16(s->part[3], vget_high_s16(high), w[k]);
  }
}
/* Adds the products of 16 i16 and 16 i8 to whichever parts. */
CX_INLINE void cx_add_products(cx_sums *s, const int16_t *x, const int8_t *w) {
  const int8x16_t weights = vld1q_s8(w);
  const int16x8_t x0 = vld1q_s16(x), x1 = vld1q_s16(x + 8), w0 = vmovl_s8(vget_low_s8(weights)), w1 = vmovl_s8(vget_high_s8(weights));
  s->part[0] = vmlal_s16(s->part[0], vget_low_s16(x0), vget_low_s16(w0));
  s->part[1] = vmlal_s16(s->part[1], vget_high_s16(x0), vget_high_s16(w0));
  s->part[2] = vmlal_s16(s->part[2], vget_low_s16(x1), vget_low_s16(w1));
  s->part[3] = vmlal_s16(s->part[3], vget_high_s16(x1), vget_high_s16(w1));
}
CX_INLINE void cx_put_sums(int32_t *to, const cx_sums *s) {
  for (int i = 0; i < 4; i++) vst1q_s32(to + 4 * i, s->part[i]);
}
CX_INLINE int32_t cx_total(const cx_sums *s) {
  return vaddvq_s32(vaddq_s32(vaddq_s32(s->part[0], s->part[1]), vaddq_s32(s->part[2], s->part[3])));
}

/*
 * The int32-only rescale (0 <= M < 2^15, 17 <= s <= 47): with x = h 2^16 + l, h signed,
 * floor((x M + 2^(s-1)) / 2^s) = floor((h M + floor(l M / 2^16) + 2^(s-17)) / 2^(s-16)). The value saturates to i16 before
 * the zero point is added: exact, because the caller has |zero| <= 2^14 and lo and hi are values of a byte.
 */
CX_INLINE int16x4_t cx_narrow4(const int32_t *sums, const cx_factors *f) {
  const int32x4_t x = vaddq_s32(vld1q_s32(sums), vdupq_n_s32(f->bias));
  const uint32x4_t low = vmulq_n_u32(vandq_u32(vreinterpretq_u32_s32(x), vdupq_n_u32(0xffff)), (uint32_t)f->multiplier);
  int32x4_t v = vmlaq_n_s32(vreinterpretq_s32_u32(vshrq_n_u32(low, 16)), vshrq_n_s32(x, 16), f->multiplier);
  v = vaddq_s32(v, vdupq_n_s32((int32_t)(1u << (f->shift - 17))));
  return vqmovn_s32(vshlq_s32(v, vdupq_n_s32(16 - f->shift)));
}
typedef cx_factors cx_narrower;
CX_INLINE cx_narrower cx_narrower_of(const cx_factors *f) { return *f; }
CX_INLINE void cx_narrow(const int32_t *sums, int count, const cx_narrower *f, uint8_t *to) {
  const int16x8_t zero = vdupq_n_s16((int16_t)f->zero), lo = vdupq_n_s16((int16_t)f->lo), hi = vdupq_n_s16((int16_t)f->hi);
  for (int i = 0; i < count; i += 8) {
    const int16x8_t words = vcombine_s16(cx_narrow4(sums + i, f), cx_narrow4(sums + i + 4, f));
    const int16x8_t bounded = vminq_s16(vmaxq_s16(vqaddq_s16(words, zero), lo), hi);
    vst1_u8(to + i, vmovn_u16(vreinterpretq_u16_s16(bounded)));
  }
}

#endif
