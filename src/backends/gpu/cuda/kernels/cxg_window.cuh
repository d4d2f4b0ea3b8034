/*
 * Windows over images that lie channels last, without tensor cores: depthwise convolutions and pools. A thread does `WIDTH`
 * neighbouring channels of one output position, so that neighbouring threads read neighbouring bytes.
 *
 * Fields: those of a layer in cxg_igemm_load.cuh and cxg_igemm_finish.cuh as far as they are named here, and `channels`.
 */
#ifndef CXG_WINDOW_CUH
#define CXG_WINDOW_CUH

#include "cxg_igemm_finish.cuh"
#include "cxg_pack.cuh"

/* The output position and the first channel of a thread. */
template <class L, int WIDTH>
struct cxg_spot {
  int pixel, channel, n, z, y, x;
  bool exists;
  CXG_DEVICE cxg_spot() {
    constexpr int LINE = L::channels / WIDTH, PIXELS = L::batch * L::out_d * L::out_h * L::out_w;
    const int i = cxg_index();
    exists = i < PIXELS * LINE;
    pixel = i / LINE;
    channel = i % LINE * WIDTH;
    const int line = pixel / L::out_w, plane = line / L::out_h;
    n = plane / L::out_d;
    z = plane % L::out_d * L::stride_d - L::begin_d;
    y = line % L::out_h * L::stride_h - L::begin_h;
    x = pixel % L::out_w * L::stride_w - L::begin_w;
  }
  /* Where kernel position `tap` reads, or a negative number outside of the image. */
  CXG_DEVICE int at(int tap) const {
    const int iz = z + tap / (L::k_h * L::k_w) * L::dilation_d, iy = y + tap / L::k_w % L::k_h * L::dilation_h;
    const int ix = x + tap % L::k_w * L::dilation_w;
    const bool inside = !L::outside || ((unsigned)iz < (unsigned)L::in_d && (unsigned)iy < (unsigned)L::in_h && (unsigned)ix < (unsigned)L::in_w);
    return inside ? (((n * L::in_d + iz) * L::in_h + iy) * L::in_w + ix) * L::pitch + channel : -1;
  }
};

/* Stores the results of a thread: channels last, or, without y_last, into planes. */
template <class L, int WIDTH>
CXG_DEVICE void cxg_store_spot(cx_env e, const cxg_spot<L, WIDTH> &spot, const cxg_bytes<WIDTH> &y) {
  if (L::y_last) {
    cxg_store<WIDTH>(e.m + L::y + (size_t)spot.pixel * L::y_pitch + L::y_first + spot.channel, y);
    return;
  }
  constexpr int POSITIONS = L::out_d * L::out_h * L::out_w;
  uint8_t *to = e.m + L::y + ((size_t)spot.n * L::y_pitch + L::y_first + spot.channel) * POSITIONS + spot.pixel % POSITIONS;
  CXG_UNROLL for (int c = 0; c < WIDTH; c++) to[(size_t)c * POSITIONS] = (uint8_t)y.get(c);
}

/* Words of four bytes, four positions of four channels, to words of four positions of one channel. */
CXG_DEVICE void cxg_transpose_words(uint32_t (&v)[4]) {
  const uint32_t ab = cxg_byte_perm(v[0], v[1], 0x5140), cd = cxg_byte_perm(v[2], v[3], 0x5140);
  const uint32_t ef = cxg_byte_perm(v[0], v[1], 0x7362), gh = cxg_byte_perm(v[2], v[3], 0x7362);
  v[0] = cxg_byte_perm(ab, cd, 0x5410);
  v[1] = cxg_byte_perm(ab, cd, 0x7632);
  v[2] = cxg_byte_perm(ef, gh, 0x5410);
  v[3] = cxg_byte_perm(ef, gh, 0x7632);
}

/* A convolution with one input and one output channel a group, weights as cxg_pack_depthwise leaves them; channels % 4 = 0. */
template <class L>
CXG_DEVICE void cxg_depthwise(cx_env e) {
  constexpr int TAPS = L::k_d * L::k_h * L::k_w;
  const cxg_spot<L, 4> spot;
  if (!spot.exists) return;
  const uint8_t *image = e.m + L::x;
  const uint8_t *weights = e.m + L::w + (size_t)spot.channel * 4;
  constexpr uint32_t PADDING = (uint32_t)(L::pad & 255) * 0x01010101u;
  int sums[4] = {0, 0, 0, 0};
  CXG_UNROLL for (int first = 0; first < TAPS; first += 4) {
    uint32_t v[4];
    CXG_UNROLL for (int b = 0; b < 4; b++) {
      const int at = first + b < TAPS ? spot.at(first + b) : -1;
      v[b] = at >= 0 ? cxg_load<4>(image + at).words[0] : PADDING;
    }
    cxg_transpose_words(v);
    const cxg_bytes<16> w = cxg_load<16>(weights + (size_t)first * L::channels);
    CXG_UNROLL for (int c = 0; c < 4; c++) sums[c] = cxg_dp4a((int)v[c], (int)w.words[c], sums[c]);
  }
  cxg_bytes<4> y = {{0}};
  CXG_UNROLL for (int c = 0; c < 4; c++) y.set(c, cxg_finish<L>(sums[c], cxg_factors_of<L>(e, spot.channel + c)));
  cxg_store_spot(e, spot, y);
}

/* The maximum of each window. */
template <class L, int WIDTH>
CXG_DEVICE void cxg_max_pool(cx_env e) {
  const cxg_spot<L, WIDTH> spot;
  if (!spot.exists) return;
  int best[WIDTH];
  CXG_UNROLL for (int c = 0; c < WIDTH; c++) best[c] = -128;
  CXG_UNROLL for (int tap = 0; tap < L::k_d * L::k_h * L::k_w; tap++) {
    const int at = spot.at(tap);
    if (at < 0) continue;
    const cxg_bytes<WIDTH> v = cxg_load<WIDTH>(e.m + L::x + at);
    CXG_UNROLL for (int c = 0; c < WIDTH; c++) best[c] = best[c] > v.get(c) ? best[c] : v.get(c);
  }
  cxg_bytes<WIDTH> y = {};
  CXG_UNROLL for (int c = 0; c < WIDTH; c++) y.set(c, best[c]);
  cxg_store_spot(e, spot, y);
}

/* floor((2 a + b) / (2 b)), b > 0. */
CXG_DEVICE int cxg_rdiv(int a, int b) {
  const int n = 2 * a + b, d = 2 * b, q = n / d;
  return q - (n % d < 0 ? 1 : 0);
}

/* Cells of a window along one dimension that lie in [0, size). */
CXG_DEVICE int cxg_cells(int first, int kernel, int dilation, int size) {
  int n = 0;
  for (int k = 0; k < kernel; k++) {
    const int i = first + k * dilation;
    n += i >= 0 && i < size;
  }
  return n;
}

/*
 * The mean of each window: of its cells in the image, or, with include_pad, of those in the image and its declared padding,
 * which hold `pad`; end_d.. is the size of the image with the padding behind it. channels % WIDTH = 0.
 */
template <class L, int WIDTH>
CXG_DEVICE void cxg_average_pool(cx_env e) {
  constexpr int TAPS = L::k_d * L::k_h * L::k_w;
  const cxg_spot<L, WIDTH> spot;
  if (!spot.exists) return;
  int sums[WIDTH];
  CXG_UNROLL for (int c = 0; c < WIDTH; c++) sums[c] = 0;
  int inside = 0;
  CXG_UNROLL_SOME for (int tap = 0; tap < TAPS; tap++) {
    const int at = spot.at(tap);
    if (at < 0) continue;
    inside++;
    const cxg_bytes<WIDTH> v = cxg_load<WIDTH>(e.m + L::x + at);
    CXG_UNROLL for (int c = 0; c < WIDTH; c++) sums[c] += v.get(c);
  }
  int cells = L::outside ? inside : TAPS;
  if (L::outside && L::include_pad) {
    const int z = cxg_cells(spot.z + L::begin_d, L::k_d, L::dilation_d, L::begin_d + L::end_d);
    const int y = cxg_cells(spot.y + L::begin_h, L::k_h, L::dilation_h, L::begin_h + L::end_h);
    const int x = cxg_cells(spot.x + L::begin_w, L::k_w, L::dilation_w, L::begin_w + L::end_w);
    cells = z * y * x;
  }
  cxg_bytes<WIDTH> y = {};
  CXG_UNROLL for (int c = 0; c < WIDTH; c++) y.set(c, cxg_rdiv(sums[c] + (cells - inside) * L::pad * (L::outside ? 1 : 0), cells));
  cxg_store_spot(e, spot, y);
}

/*
 * Sums over all positions of images that lie channels last: int32[batch][channels]. Blocks of 128 threads do 128 channels, each
 * warp a part of the positions; grid: ceil(channels / 128), batch. Shared memory: 2048 bytes. L: x, y, channels, positions.
 */
template <class L>
CXG_DEVICE void cxg_position_sums(cx_env e) {
  const int lane = cxg_lane(), warp = cxg_warp(), channel = ((int)blockIdx.x * 32 + lane) * 4;
  const uint8_t *image = e.m + L::x + (size_t)blockIdx.y * L::positions * L::channels + channel;
  int *sums = (int *)(void *)cxg_dynamic_shared();
  int own[4] = {0, 0, 0, 0};
  if (channel < L::channels) {
    CXG_UNROLL_SOME for (int p = warp; p < L::positions; p += 4) {
      const cxg_bytes<4> v = cxg_load<4>(image + (size_t)p * L::channels);
      CXG_UNROLL for (int c = 0; c < 4; c++) own[c] += v.get(c);
    }
  }
  CXG_UNROLL for (int c = 0; c < 4; c++) sums[(c * 4 + warp) * 32 + lane] = own[c];
  cxg_syncthreads();
  /* warp c adds up the sums of every fourth channel */
  int total = 0;
  CXG_UNROLL for (int w = 0; w < 4; w++) total += sums[(warp * 4 + w) * 32 + lane];
  if (channel + warp < L::channels) ((int *)(void *)(e.m + L::y))[(size_t)blockIdx.y * L::channels + channel + warp] = total;
}

#endif
