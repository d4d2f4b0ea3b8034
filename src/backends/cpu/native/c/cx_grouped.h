/*
 * Convolution with constant weights by products of bytes that saturate (vpmaddubsw), exactly.
 *
 * vpmaddubsw adds two products of u8 and i8 in i16 and saturates: x0 w0 + x1 w1 with x in [0, 255] stays within i16 whatever x
 * is as long as the positive weights of the pair sum up to at most 128 and the negative ones to at least -128. The same bound
 * holds for sums of several pairs, so that two instructions may share the widening of their sums to int32 (vpmaddwd by 1):
 * 3 multiplications for 64 products instead of 4, and 5 vector instructions instead of 8.
 *
 * A quad is 4 consecutive inner indices of one output channel: two pairs. Quads that break the bound are split in two whose sum
 * they are; quads of zeros are left out. Quads of a channel and a sweep of inner indices are then joined to groups of two within
 * the bound, large ones with small ones. Weights of trained layers, most of which are small beside the largest, need a tenth more
 * groups than half their quads; others, such as uniform ones, far more, and are refused (`is_used`). Order and grouping never
 * change a bit: int32 sums wrap. Groups of three and four were measured: they fill worse than they save.
 */
#ifndef CX_GROUPED_H
#define CX_GROUPED_H

#include "cx_conv.h"

/* Quads of a sweep, at most: a tile of 72 pixels of it stays in the first-level cache. */
#define CX_GROUPED_SWEEP 72
/* Two quads: their places in the sweep and their weights, i8[4] in order. */
typedef struct cx_group {
  uint8_t quad[2];
  int32_t word[2];
} cx_group;

/* Bytes of the grouped weights of a layer of one group. */
size_t CX_OF_LEVEL(cx_grouped_weights_bytes_)(const cx_conv *d);
/* Groups the weights [out][inner]. */
void CX_OF_LEVEL(cx_grouped_weights_)(const cx_conv *d, const int8_t *w, uint8_t *to);
/*
 * The convolution by weights that cx_grouped_weights has grouped, or cx_conv where it refused or the level has no such products.
 * Groups are 1.
 */
void CX_OF_LEVEL(cx_grouped_)(const cx_conv *d, const cx_layer *l, const uint8_t *weights);
size_t CX_OF_LEVEL(cx_grouped_scratch_)(const cx_conv *d);

#endif
