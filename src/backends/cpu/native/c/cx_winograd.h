/*
 * Exact 3 x 3 convolution with stride 1 by Winograd's F(2 x 2, 3 x 3) (Winograd 1980; Lavin and Gray 2016, section 4.1): 16
 * products for 4 outputs instead of 36.
 *
 *   Y = A' [ (G g G') . (B' d B) ] A,   d: a 4 x 4 patch of the input, g: the 3 x 3 weights, Y: 2 x 2 outputs
 *
 * G has halves, so the weights are transformed by 2 G, and Y comes out four times too large. All is integer: |B' d B| <= 1020
 * for bytes, |2G g 2G'| <= 9 * 128, both fit i16, and the products are those of pairs of i16. Sums wrap modulo 2^32, which
 * harms nothing as long as 4 Y itself fits: |4 Y| <= 4 * 9 * C * 128 * 255 < 2^31 for C <= CX_WINOGRAD_CHANNELS. Then the
 * last two bits are 0 and a shift gives Y, bit for bit what the plain sum is.
 */
#ifndef CX_WINOGRAD_H
#define CX_WINOGRAD_H

#include "cx_conv.h"

/* Most input channels for which four times any sum fits int32: floor((2^31 - 1) / (4 * 9 * 128 * 255)). */
#define CX_WINOGRAD_CHANNELS 1827

/* Bytes of the rearranged weights of a layer. */
size_t CX_OF_LEVEL(cx_winograd_weights_bytes_)(const cx_conv *d);
/*
 * Rearranges weights [out][in][3][3] as planes [out][3][3][in, filled up]. They are transformed in every run, some outputs at a
 * time: transformed for good they are 7 times as big and come from memory, which takes longer than transforming them.
 */
void CX_OF_LEVEL(cx_winograd_weights_)(const cx_conv *d, const int8_t *w, int8_t *to);
/* The convolution; l->w is read by levels with CX_DEPTH 4 only, whose weights are not rearranged. Groups are 1, kernel 1 x 3 x 3, stride and dilation 1. */
void CX_OF_LEVEL(cx_winograd_)(const cx_conv *d, const cx_layer *l, const int8_t *weights);
size_t CX_OF_LEVEL(cx_winograd_scratch_)(const cx_conv *d);

#endif
