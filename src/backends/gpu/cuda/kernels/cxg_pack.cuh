/*
 * Rearrangements: weights as the matrix engines read them, images from planes to channels last and back. Each function is
 * one thread's work; i is the thread's number in the grid.
 */
#ifndef CXG_PACK_CUH
#define CXG_PACK_CUH

#include "cxg_common.cuh"

CXG_DEVICE int cxg_index() { return (int)(blockIdx.x * blockDim.x + threadIdx.x); }

/*
 * Weights [groups][out_group][channels][k_d][k_h][k_w] to [groups][weight_rows][weight_bytes], zeros where there are none; a
 * row is (kernel position, channel), in_group bytes a position. With `merged`, a position is a line of the kernel along its
 * width, whose positions are channel_bytes each. Groups here are `parts` of the layer's each: weights between different ones
 * are zeros. Grid: four bytes a thread.
 */
template <class P>
CXG_DEVICE void cxg_pack_weights(cx_env e) {
  const int i = cxg_index();
  if (i >= P::groups * P::weight_rows * (P::weight_bytes / 4)) return;
  const int word = i % (P::weight_bytes / 4), row = i / (P::weight_bytes / 4);
  const int group = row / P::weight_rows, o = row % P::weight_rows;
  constexpr int WIDE = P::merged ? 1 : P::k_w, TAPS = P::k_d * P::k_h * WIDE;
  constexpr int OWN_OUT = P::out_group / P::parts, OWN_IN = P::channels / P::parts;
  cxg_bytes<4> v = {{0}};
  for (int b = 0; b < 4; b++) {
    const int k = 4 * word + b, tap = k / P::in_group, rest = k % P::in_group;
    const int c = P::merged ? rest % P::channel_bytes : rest, kx = P::merged ? rest / P::channel_bytes : tap % WIDE;
    if (o >= P::out_group || tap >= TAPS || c >= P::channels || kx >= P::k_w || c / OWN_IN != o / OWN_OUT) continue;
    const int from = ((group * P::out_group + o) * OWN_IN + c % OWN_IN) * (P::k_d * P::k_h) + tap / WIDE;
    v.set(b, (int8_t)e.m[P::from + (size_t)from * P::k_w + kx]);
  }
  cxg_store<4>(e.m + P::to + (size_t)i * 4, v);
}

/*
 * Weights [channels][1][taps] of a depthwise convolution to words of four taps: [(taps + 3) / 4][channels] words.
 * Grid: one word a thread.
 */
template <class P>
CXG_DEVICE void cxg_pack_depthwise(cx_env e) {
  const int i = cxg_index(), c = i % P::channels, first = i / P::channels * 4;
  if (first >= P::taps) return;
  cxg_bytes<4> v = {{0}};
  for (int b = 0; b < 4 && first + b < P::taps; b++) v.set(b, (int8_t)e.m[P::from + (size_t)c * P::taps + first + b]);
  cxg_store<4>(e.m + P::to + (size_t)i * 4, v);
}

/*
 * An image in planes [batch][channels][in_d][in_h][in_w] to channels last with a border:
 * [batch][full_d][full_h][full_w][pitch], `pad` in the border, and behind the channels. Grid: four bytes a thread.
 */
template <class P>
CXG_DEVICE void cxg_pack_image(cx_env e) {
  constexpr int PLACES = P::batch * P::full_d * P::full_h * P::full_w;
  const int i = cxg_index(), place = i % PLACES, first = i / PLACES * 4;
  if (first >= P::pitch) return;
  const int x = place % P::full_w - P::begin_w, line = place / P::full_w, y = line % P::full_h - P::begin_h;
  const int plane = line / P::full_h, z = plane % P::full_d - P::begin_d, n = plane / P::full_d;
  const bool inside = (unsigned)x < (unsigned)P::in_w && (unsigned)y < (unsigned)P::in_h && (unsigned)z < (unsigned)P::in_d;
  cxg_bytes<4> v = {{0}};
  CXG_UNROLL for (int b = 0; b < 4; b++) {
    const bool exists = inside && first + b < P::channels;
    const size_t from = ((((size_t)n * P::channels + first + b) * P::in_d + z) * P::in_h + y) * P::in_w + x;
    v.set(b, exists ? (int8_t)e.m[P::from + from] : P::pad);
  }
  cxg_store<4>(e.m + P::to + (size_t)place * P::pitch + first, v);
}

/*
 * Bytes [batch][rows][columns] to [batch][columns][rows]: planes to channels last (rows are channels) and back. Blocks of 256
 * threads take squares of 64; grid: squares along columns, along rows, batch. Shared memory: 64 * 68 bytes.
 */
template <class P>
CXG_DEVICE void cxg_transpose(cx_env e) {
  constexpr int SIDE = 64, PITCH = 68;
  uint8_t *square = cxg_dynamic_shared();
  const size_t image = (size_t)blockIdx.z * P::rows * P::columns;
  const int row0 = (int)blockIdx.y * SIDE, column0 = (int)blockIdx.x * SIDE, thread = (int)threadIdx.x;
  const uint8_t *from = e.m + P::from + image;
  uint8_t *to = e.m + P::to + image;
  if (P::columns % 4 == 0) {
    CXG_UNROLL for (int i = thread; i < SIDE * SIDE / 4; i += 256) {
      const int r = i / (SIDE / 4), c = i % (SIDE / 4) * 4;
      if (row0 + r < P::rows && column0 + c < P::columns)
        cxg_store<4>(square + r * PITCH + c, cxg_load<4>(from + (size_t)(row0 + r) * P::columns + column0 + c));
    }
  } else {
    for (int i = thread; i < SIDE * SIDE; i += 256) {
      const int r = i / SIDE, c = i % SIDE;
      if (row0 + r < P::rows && column0 + c < P::columns) square[r * PITCH + c] = from[(size_t)(row0 + r) * P::columns + column0 + c];
    }
  }
  cxg_syncthreads();
  if (P::rows % 4 == 0) {
    CXG_UNROLL for (int i = thread; i < SIDE * SIDE / 4; i += 256) {
      const int c = i / (SIDE / 4), r = i % (SIDE / 4) * 4;
      if (row0 + r >= P::rows || column0 + c >= P::columns) continue;
      cxg_bytes<4> v = {{0}};
      CXG_UNROLL for (int b = 0; b < 4; b++) v.set(b, (int8_t)square[(r + b) * PITCH + c]);
      cxg_store<4>(to + (size_t)(column0 + c) * P::rows + row0 + r, v);
    }
  } else {
    for (int i = thread; i < SIDE * SIDE; i += 256) {
      const int c = i / SIDE, r = i % SIDE;
      if (row0 + r < P::rows && column0 + c < P::columns) to[(size_t)(column0 + c) * P::rows + row0 + r] = square[r * PITCH + c];
    }
  }
}

/* Zeros: sixteen bytes a thread. */
template <class P>
CXG_DEVICE void cxg_clear(cx_env e) {
  const int i = cxg_index();
  const cxg_bytes<16> zero = {{0, 0, 0, 0}};
  if (i < P::count / 16) cxg_store<16>(e.m + P::to + (size_t)i * 16, zero);
}

#endif
