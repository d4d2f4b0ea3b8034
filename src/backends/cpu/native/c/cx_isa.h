/*
 * Vectors of int32 and the products of the convolution kernels, for the level that this file is compiled for (cx_env.h);
 * every level gives the same bits. A level is also compiled where the compiler's target lacks its instructions: then it
 * stands on the compiler's own vectors (cx_isa_generic.h), slowly, so that its layouts and loops are tested anywhere.
 *
 * What a level defines:
 *   CX_LANES      int32 lanes of a vector; lanes are output pixels
 *   CX_DEPTH      inner indices that one product sums: 2 (pairs of i16) or 4 (quads of bytes); 4 bytes a lane both ways
 *   CX_VECTORS    vectors of a tile of the matrix kernel, CX_TILE_PIXELS = CX_LANES * CX_VECTORS
 *   CX_CHANNELS   output channels of a tile
 *   cx_v, cx_load, cx_store, cx_splat, cx_add    a vector of int32; any address
 *   cx_dot(sum, panel, word)       sum + the CX_DEPTH products of each lane; every lane of `panel` meets the same word
 *   cx_pack(to, half, rows, is_unsigned)   16 pixels of CX_DEPTH rows of bytes as panel vectors, pixels 8 to 15 at to + half
 *   CX_HALF_PRODUCTS  1 where cx_quad takes the place of cx_dot (cx_gemm.h); with CX_DEPTH 2 only
 *   cx_quad(sum, x, y, wx, wy)     sum + the two products (x + wy) (y + wx) of each lane, in i16
 *   cx_quads_total(row, n)         sum of row[i] row[i + 2] + row[i + 1] row[i + 3] for i = 0, 4, ... n - 4
 *   CX_SATURATING_PRODUCTS  1 for a file that asks for panels of bytes (CX_BYTE_PANEL), where products of bytes saturate (cx_grouped.h)
 *   cx_two_quads(sum, xa, wa, xb, wb)  with it: sum + twice the 4 products of each lane, of u8 and i8 within the bounds of cx_grouped.h
 *   cx_load_pairs(p)  with CX_DEPTH 2: a panel vector from words, each the pair of a pixel
 *   cx_half(from)     every second byte of 32, for cx_put16: 16 pixels of a row with stride 2
 *   cx_sums           16 sums of kernels without a panel: cx_sums_zero, cx_add_pair, cx_add_products, cx_put_sums, cx_total
 *   cx_narrower, cx_narrower_of(factors)   the factors of a channel in vectors
 *   cx_narrow(sums, n, narrower, to)       rescales n int32 to bytes, n a multiple of 8
 */
#ifndef CX_ISA_H
#define CX_ISA_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "cx_env.h"

/* gcc leaves loops over bytes scalar at -O2, which halves the speed of layers whose weights are used for few pixels. */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("O3")
#endif

#define CX_INLINE static inline __attribute__((always_inline, unused))
#define CX_STATIC static __attribute__((unused))
#define CX_UNROLL _Pragma("GCC unroll 16")
/* Hides how a pointer was made: compilers would keep one register for each of many addresses instead of adding. */
#define CX_OPAQUE(pointer) __asm__("" : "+r"(pointer))
#define CX_ALIGNED __attribute__((aligned(64)))

#if defined(CX_ISA_AVX512VNNI)
#define CX_LANES 16
#define CX_DEPTH 4
#define CX_VECTORS 2
#define CX_CHANNELS 12
#elif defined(CX_ISA_AVXVNNI)
#define CX_LANES 8
#define CX_DEPTH 4
#define CX_VECTORS 2
#define CX_CHANNELS 6
#elif defined(CX_ISA_AVX2) && defined(CX_BYTE_PANEL)
#define CX_LANES 8
#define CX_DEPTH 4
#define CX_VECTORS 8
#define CX_CHANNELS 1
#define CX_SATURATING_PRODUCTS 1
#elif defined(CX_ISA_AVX2)
#define CX_LANES 8
#define CX_DEPTH 2
#define CX_VECTORS 2
#define CX_CHANNELS 4
#define CX_HALF_PRODUCTS 1
#elif defined(CX_ISA_SSE41)
#define CX_LANES 4
#define CX_DEPTH 2
#define CX_VECTORS 2
#define CX_CHANNELS 6
#elif defined(CX_ISA_NEONDOT)
#define CX_LANES 4
#define CX_DEPTH 4
#define CX_VECTORS 4
#define CX_CHANNELS 6
#elif defined(CX_ISA_NEON)
#define CX_LANES 4
#define CX_DEPTH 2
#define CX_VECTORS 4
#define CX_CHANNELS 6
#else
#define CX_LANES 4
#define CX_DEPTH 2
#define CX_VECTORS 2
#define CX_CHANNELS 4
#endif

#if !defined(CX_HALF_PRODUCTS)
#define CX_HALF_PRODUCTS 0
#endif
#if !defined(CX_SATURATING_PRODUCTS)
#define CX_SATURATING_PRODUCTS 0
#endif

#define CX_TILE_PIXELS (CX_LANES * CX_VECTORS)
/* Most pixels and channels of a tile of any level: sizes of scratch are the same for all levels. */
#define CX_MOST_PIXELS 32
#define CX_MOST_CHANNELS 12

/*
 * Products of bytes take u8 by i8 (x86) or i8 by i8 (Arm): inputs of the other type are XORed with 0x80, which adds or takes
 * away 128, and 128 times the sum of the weights is put right. Products of i16 take both types as they are.
 */
#if CX_DEPTH == 4 && defined(CX_ISA_NEONDOT)
#define CX_FLIP(is_unsigned) ((is_unsigned) ? 0x80 : 0)
#define CX_OFFSET(is_unsigned) ((is_unsigned) ? 128 : 0)
#elif CX_DEPTH == 4
#define CX_FLIP(is_unsigned) ((is_unsigned) ? 0 : 0x80)
#define CX_OFFSET(is_unsigned) ((is_unsigned) ? 0 : -128)
#endif

/* 4 bytes from any address as an int32. */
CX_INLINE int32_t cx_word(const void *p) {
  int32_t word;
  memcpy(&word, p, 4);
  return word;
}

/*
 * Factors of one output channel of a rescale: y = clamp(rshr((sum + bias) * multiplier, shift) + zero, lo, hi), where
 * rshr(x, s) = floor((x + 2^(s-1)) / 2^s).
 */
typedef struct cx_factors {
  int32_t bias, multiplier, shift, zero, lo, hi;
} cx_factors;

#if defined(CX_ISA_AVX512VNNI) && defined(__AVX512VNNI__) && defined(__AVX512BW__) && defined(__AVX512VL__)
#include "cx_isa_x86.h"
#elif (defined(CX_ISA_AVX2) || defined(CX_ISA_AVXVNNI)) && defined(__AVX2__)
#include "cx_isa_x86.h"
#elif defined(CX_ISA_SSE41) && defined(__SSE4_1__)
#include "cx_isa_x86.h"
#elif defined(CX_ISA_NEON) && defined(__aarch64__) && defined(__ARM_NEON)
#include "cx_isa_arm.h"
#elif defined(CX_ISA_NEONDOT) && defined(__aarch64__) && defined(__ARM_FEATURE_DOTPROD)
#include "cx_isa_arm.h"
#else
#include "cx_isa_generic.h"
#endif

#endif
