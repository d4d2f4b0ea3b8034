/* The transforms of cx_winograd.h on vectors: those of weights and patches in i16, and how words of pairs are stored. */
#ifndef CX_WINOGRAD_VECTORS_H
#define CX_WINOGRAD_VECTORS_H

#include "cx_isa.h"

/* Positions of a transformed patch. */
#define CX_SPOTS 16
/* Lanes of i16: tiles that one round of the input transform makes. */
#define CX_HALVES (2 * CX_LANES)

typedef int16_t cx_halves __attribute__((vector_size(4 * CX_LANES)));
typedef uint16_t cx_unsigned_halves __attribute__((vector_size(4 * CX_LANES)));

CX_INLINE cx_halves cx_load_halves(const void *p) {
  cx_halves v;
  memcpy(&v, p, sizeof v);
  return v;
}

CX_INLINE cx_halves cx_even(cx_halves v, int is_unsigned) { return is_unsigned ? v & 0xff : (v << 8) >> 8; }
CX_INLINE cx_halves cx_odd(cx_halves v, int is_unsigned) { return is_unsigned ? (cx_halves)((cx_unsigned_halves)v >> 8) : v >> 8; }

/* CX_HALVES signed bytes as i16. */
CX_INLINE cx_halves cx_widened_halves(const int8_t *p) {
#if CX_LANES == 8 && defined(__AVX2__)
  return (cx_halves)_mm256_cvtepi8_epi16(cx_bytes16(p));
#else
  typedef int8_t bytes __attribute__((vector_size(2 * CX_LANES)));
  bytes v;
  memcpy(&v, p, sizeof v);
  return __builtin_convertvector(v, cx_halves);
#endif
}

/* Rows of 2 G times a column of three: (2a, a + b + c, a - b + c, 2c). */
CX_INLINE void cx_weight_column(cx_halves a, cx_halves b, cx_halves c, cx_halves *to) {
  const cx_halves ends = a + c;
  to[0] = a + a;
  to[1] = ends + b;
  to[2] = ends - b;
  to[3] = c + c;
}

/* B' d B of CX_HALVES neighbouring patches; four rows of the padded image. */
CX_INLINE void cx_transform_patches(const uint8_t *from, int32_t row_bytes, int is_unsigned, cx_halves *to) {
  cx_halves t[4][4];
  CX_UNROLL for (int r = 0; r < 4; r++) {
    const cx_halves first = cx_load_halves(from + r * row_bytes), second = cx_load_halves(from + r * row_bytes + 2);
    const cx_halves d0 = cx_even(first, is_unsigned), d1 = cx_odd(first, is_unsigned);
    const cx_halves d2 = cx_even(second, is_unsigned), d3 = cx_odd(second, is_unsigned);
    t[r][0] = d0 - d2;
    t[r][1] = d1 + d2;
    t[r][2] = d2 - d1;
    t[r][3] = d1 - d3;
  }
  CX_UNROLL for (int j = 0; j < 4; j++) {
    to[j] = t[0][j] - t[2][j];
    to[4 + j] = t[1][j] + t[2][j];
    to[8 + j] = t[2][j] - t[1][j];
    to[12 + j] = t[1][j] - t[3][j];
  }
}

/* Stores the pairs a0 b0 a1 b1 ... */
CX_INLINE void cx_store_pairs(int32_t *to, cx_halves a, cx_halves b) {
  cx_halves low, high;
#if CX_LANES == 8
#if defined(__clang__)
  low = __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
  high = __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
#else
  low = __builtin_shuffle(a, b, (cx_halves){0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23});
  high = __builtin_shuffle(a, b, (cx_halves){8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31});
#endif
#elif defined(__clang__)
  low = __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11);
  high = __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15);
#else
  low = __builtin_shuffle(a, b, (cx_halves){0, 8, 1, 9, 2, 10, 3, 11});
  high = __builtin_shuffle(a, b, (cx_halves){4, 12, 5, 13, 6, 14, 7, 15});
#endif
  memcpy(to, &low, sizeof low);
  memcpy(to + CX_LANES, &high, sizeof high);
}

typedef int32_t cx_words __attribute__((vector_size(4 * CX_LANES)));

CX_INLINE cx_words cx_load_words(const int32_t *p) {
  cx_words v;
  memcpy(&v, p, sizeof v);
  return v;
}

CX_INLINE void cx_store_words(int32_t *to, cx_words a, cx_words b) {
  cx_words low, high;
#if CX_LANES == 8
#if defined(__clang__)
  low = __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11);
  high = __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15);
#else
  low = __builtin_shuffle(a, b, (cx_words){0, 8, 1, 9, 2, 10, 3, 11});
  high = __builtin_shuffle(a, b, (cx_words){4, 12, 5, 13, 6, 14, 7, 15});
#endif
#elif defined(__clang__)
  low = __builtin_shufflevector(a, b, 0, 4, 1, 5);
  high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
#else
  low = __builtin_shuffle(a, b, (cx_words){0, 4, 1, 5});
  high = __builtin_shuffle(a, b, (cx_words){2, 6, 3, 7});
#endif
  memcpy(to, &low, sizeof low);
  memcpy(to + CX_LANES, &high, sizeof high);
}

#endif
