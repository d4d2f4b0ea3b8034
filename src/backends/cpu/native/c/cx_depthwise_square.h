/* Depthwise convolution with 3 x 3 and 5 x 5 kernels of stride 1 or 2: what cx_depthwise.c hands on. */
#ifndef CX_DEPTHWISE_SQUARE_H
#define CX_DEPTHWISE_SQUARE_H

#include "cx_conv.h"

/* 1 where the layer has one input channel a group and such a kernel, and two dimensions. */
int CX_OF_LEVEL(cx_is_square_)(const cx_conv *d);
void CX_OF_LEVEL(cx_square_)(const cx_conv *d, const cx_layer *l);
/* Bytes of scratch of a thread, the same for every level; aligned to 64. */
size_t CX_OF_LEVEL(cx_square_scratch_)(const cx_conv *d);

#endif
