/*
 * How a tile of an implicit matrix product comes into shared memory.
 *
 * A convolution is the product [pixels][inner] times [inner][output channels]: pixels are those of all images, inner runs
 * over (kernel position, channel). The left matrix is never written: each 16 bytes of a row are gathered from the image,
 * which lies channels last, so that they are neighbours there. Rows of both tiles are T::BK bytes of inner, and their
 * 16-byte chunks are permuted by the row, so that the eight rows that ldmatrix reads at once lie in different banks. With
 * rows of 128 bytes the permutation is the 128-byte swizzle that wgmma knows.
 *
 * L describes the layer, all static constexpr:
 *   batch, groups, in_group, out_group          in_group: bytes of a kernel position, a multiple of `piece`
 *   in_d, in_h, in_w, out_d, out_h, out_w, k_d, k_h, k_w, stride_d.., dilation_d.., begin_d..
 *   pitch      bytes from an input position to the next along the width
 *   piece      bytes that are neighbours wherever a kernel position starts: 16, 8 or 4
 *   outside    whether windows reach outside the image
 *   pad        the value that padding reads; is_unsigned: whether bytes of the image are
 *   x, w       byte offsets in memory
 *   inner      k_d * k_h * k_w * in_group
 *   weight_rows, weight_bytes   packed weights of a group: channels rounded up to BN by inner rounded up to BK, zeros behind
 */
#ifndef CXG_IGEMM_LOAD_CUH
#define CXG_IGEMM_LOAD_CUH

#include "cxg_common.cuh"

/* Sizes of a block's tile; WM by WN warps (warpgroups for wgmma) share it. */
template <int M, int N, int K, int WARPS_M, int WARPS_N, int STAGE_COUNT, int WARP_THREADS = 32>
struct cxg_tile {
  static constexpr int BM = M, BN = N, BK = K, WM = WARPS_M, WN = WARPS_N, STAGES = STAGE_COUNT;
  static constexpr int THREADS = WARPS_M * WARPS_N * WARP_THREADS;
  static constexpr int A_BYTES = M * K, B_BYTES = N * K, STAGE_BYTES = A_BYTES + B_BYTES;
  /* 16-byte chunks of a row, and rows that all threads copy at once. */
  static constexpr int CHUNKS = K / 16, ROWS_AT_ONCE = THREADS / CHUNKS;
  static_assert(K == 64 || K == 128, "the permutation is of 64 or 128 bytes");
  static_assert(M % ROWS_AT_ONCE == 0 || M < ROWS_AT_ONCE, "threads copy whole rows of pixels");
  static_assert(N % ROWS_AT_ONCE == 0 || N < ROWS_AT_ONCE, "threads copy whole rows of weights");
};

/* Place of a chunk in a row. */
template <int BK>
CXG_DEVICE int cxg_swizzle(int row, int chunk) {
  return BK == 64 ? chunk ^ ((row >> 1) & 3) : chunk ^ (row & 7);
}

/* The first bytes of input of a pixel's window, which may lie outside, and its coordinates. */
struct cxg_window {
  int at, z, y, x;
};

/* What one thread copies of every tile: one chunk of some rows of pixels and of some rows of weights. */
template <class L, class T>
struct cxg_loader {
  static constexpr int A_ROWS = T::BM < T::ROWS_AT_ONCE ? 1 : T::BM / T::ROWS_AT_ONCE;
  static constexpr int B_ROWS = T::BN < T::ROWS_AT_ONCE ? 1 : T::BN / T::ROWS_AT_ONCE;
  static constexpr int PIXELS = L::batch * L::out_d * L::out_h * L::out_w;
  static constexpr bool POINTWISE = L::k_d * L::k_h * L::k_w == 1 && !L::outside;

  const uint8_t *image, *weights;
  cxg_window rows[A_ROWS];
  int row, chunk;

  /* pixel0, channel0: where the block's tile starts. */
  CXG_DEVICE void start(cx_env e, int thread, int pixel0, int group, int channel0) {
    row = thread / T::CHUNKS;
    chunk = thread % T::CHUNKS;
    image = e.m + L::x + group * L::in_group;
    weights = e.m + L::w + (size_t)(group * L::weight_rows + channel0 + row) * L::weight_bytes + chunk * 16;
    CXG_UNROLL for (int i = 0; i < A_ROWS; i++) {
      int pixel = pixel0 + row + i * T::ROWS_AT_ONCE;
      /* rows after the last pixel are copies of it, and are not stored */
      pixel = pixel < PIXELS ? pixel : PIXELS - 1;
      const int x = pixel % L::out_w, line = pixel / L::out_w;
      const int y = line % L::out_h, plane = line / L::out_h;
      const int z = plane % L::out_d, n = plane / L::out_d;
      cxg_window &w = rows[i];
      w.z = z * L::stride_d - L::begin_d;
      w.y = y * L::stride_h - L::begin_h;
      w.x = x * L::stride_w - L::begin_w;
      w.at = (((n * L::in_d + w.z) * L::in_h + w.y) * L::in_w + w.x) * L::pitch;
    }
  }

  /* Copies `piece` bytes of each row of pixels at `inner` to byte `part` of this thread's chunk. */
  CXG_DEVICE void copy_piece(uint8_t *tile, int inner, int part) const {
    constexpr int TAPS_WH = L::k_h * L::k_w;
    const int tap = POINTWISE ? 0 : inner / L::in_group;
    const int channel = POINTWISE ? inner : inner % L::in_group;
    const int kz = POINTWISE ? 0 : tap / TAPS_WH, ky = POINTWISE ? 0 : tap / L::k_w % L::k_h, kx = POINTWISE ? 0 : tap % L::k_w;
    const int dz = kz * L::dilation_d, dy = ky * L::dilation_h, dx = kx * L::dilation_w;
    const int offset = ((dz * L::in_h + dy) * L::in_w + dx) * L::pitch + channel;
    const bool exists = L::inner % T::BK == 0 || inner < L::inner;
    CXG_UNROLL for (int i = 0; i < A_ROWS; i++) {
      const int r = row + i * T::ROWS_AT_ONCE;
      if (T::BM < T::ROWS_AT_ONCE && r >= T::BM) continue;
      const cxg_window &w = rows[i];
      bool inside = exists;
      if (L::outside)
        inside = inside && (unsigned)(w.z + dz) < (unsigned)L::in_d && (unsigned)(w.y + dy) < (unsigned)L::in_h &&
                 (unsigned)(w.x + dx) < (unsigned)L::in_w;
      uint8_t *to = tile + r * T::BK + cxg_swizzle<T::BK>(r, chunk) * 16 + part;
      /* padding is written, not read: copies of one line by all blocks would wait for each other */
      if (inside) cxg_cp_async<L::piece>(to, image + (w.at + offset));
      else cxg_store<L::piece>(to, cxg_same<L::piece>(L::pad));
    }
  }

  /* Starts the copies of tile `index` of inner into `stage`. */
  CXG_DEVICE void copy(uint8_t *stage, int index) const {
    CXG_UNROLL for (int part = 0; part < 16; part += L::piece) copy_piece(stage, index * T::BK + chunk * 16 + part, part);
    uint8_t *tile = stage + T::A_BYTES;
    CXG_UNROLL for (int i = 0; i < B_ROWS; i++) {
      const int r = row + i * T::ROWS_AT_ONCE;
      if (T::BN < T::ROWS_AT_ONCE && r >= T::BN) continue;
      const uint8_t *from = weights + (size_t)i * T::ROWS_AT_ONCE * L::weight_bytes + index * T::BK;
      cxg_cp_async<16>(tile + r * T::BK + cxg_swizzle<T::BK>(r, chunk) * 16, from);
    }
  }
};

#endif
