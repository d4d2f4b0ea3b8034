/* Element by element, in whatever layout, as long as it is the same for all operands; and the joining of channels. */
#ifndef CXG_MAP_CUH
#define CXG_MAP_CUH

#include "cxg_pack.cuh"

/* An element of `BYTES` bytes, signed. */
template <int BYTES>
CXG_DEVICE int cxg_get(const uint8_t *from, int i) {
  if (BYTES == 1) return ((const int8_t *)from)[i];
  if (BYTES == 2) return ((const int16_t *)(const void *)from)[i];
  return ((const int *)(const void *)from)[i];
}
template <int BYTES>
CXG_DEVICE void cxg_put(uint8_t *to, int i, int v) {
  if (BYTES == 1) to[i] = (uint8_t)v;
  else if (BYTES == 2) ((int16_t *)(void *)to)[i] = (int16_t)v;
  else ((int *)(void *)to)[i] = v;
}

/*
 * y = clamp(rshr((x - input_zero) M[c], s[c]) + zero, lo, hi) (NUMERICS 1.1). P: x, y, multiplier, shift, count, from_bytes,
 * to_bytes, input_zero, zero, lo, hi, shared (one factor for all), channels, inner (elements from a channel to the next; 1
 * where channels lie last). Grid: one element a thread.
 */
template <class P>
CXG_DEVICE void cxg_rescale(cx_env e) {
  const int i = cxg_index();
  if (i >= P::count) return;
  const int c = P::shared ? 0 : i / P::inner % P::channels;
  const int m = cxg_get<4>(e.m + P::multiplier, c), s = cxg_get<4>(e.m + P::shift, c);
  const int x = (int)((uint32_t)cxg_get<P::from_bytes>(e.m + P::x, i) - (uint32_t)P::input_zero);
  const int64_t v = cxg_rescale_wide(x, m, s) + P::zero;
  cxg_put<P::to_bytes>(e.m + P::y, i, (int)(v < P::lo ? P::lo : v > P::hi ? P::hi : v));
}

/* y = T[x + 128], T int8[256]. P: x, y, table, count. Grid: WIDTH elements a thread. */
template <class P, int WIDTH>
CXG_DEVICE void cxg_table(cx_env e) {
  const int i = cxg_index();
  if (i >= P::count / WIDTH) return;
  const cxg_bytes<WIDTH> x = cxg_load<WIDTH>(e.m + P::x + (size_t)i * WIDTH);
  cxg_bytes<WIDTH> y = {};
  CXG_UNROLL for (int b = 0; b < WIDTH; b++) y.set(b, (int8_t)e.m[P::table + x.get(b) + 128]);
  cxg_store<WIDTH>(e.m + P::y + (size_t)i * WIDTH, y);
}

/*
 * y = clamp(rshr(sum over k of M_k (x_k - z_k), shift) + zero, lo, hi) (NUMERICS 1.2). P: operands, y, count, shift, zero, lo,
 * hi; constexpr functions x(k), multiplier(k), z(k). Grid: WIDTH elements a thread.
 */
template <class P, int WIDTH>
CXG_DEVICE void cxg_add_rescale(cx_env e) {
  const int i = cxg_index();
  if (i >= P::count / WIDTH) return;
  int sums[WIDTH];
  CXG_UNROLL for (int b = 0; b < WIDTH; b++) sums[b] = 1 << (P::shift - 1);
  CXG_UNROLL for (int k = 0; k < P::operands; k++) {
    const cxg_bytes<WIDTH> x = cxg_load<WIDTH>(e.m + P::x(k) + (size_t)i * WIDTH);
    CXG_UNROLL for (int b = 0; b < WIDTH; b++) sums[b] += P::multiplier(k) * (x.get(b) - P::z(k));
  }
  cxg_bytes<WIDTH> y = {};
  CXG_UNROLL for (int b = 0; b < WIDTH; b++) y.set(b, cxg_clamp((sums[b] >> P::shift) + P::zero, P::lo, P::hi));
  cxg_store<WIDTH>(e.m + P::y + (size_t)i * WIDTH, y);
}

/*
 * Channels of one operand of a concatenation to their place, all channels last: [pixels][channels] to columns from y_first of
 * [pixels][y_pitch]. Grid: WIDTH channels a thread.
 */
template <class P, int WIDTH>
CXG_DEVICE void cxg_join_channels(cx_env e) {
  constexpr int LINE = P::channels / WIDTH;
  const int i = cxg_index(), pixel = i / LINE, c = i % LINE * WIDTH;
  if (pixel >= P::pixels) return;
  cxg_store<WIDTH>(e.m + P::y + (size_t)pixel * P::y_pitch + P::y_first + c, cxg_load<WIDTH>(e.m + P::x + (size_t)pixel * P::channels + c));
}

#endif
