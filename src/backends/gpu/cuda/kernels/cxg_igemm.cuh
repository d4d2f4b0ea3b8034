/*
 * Implicit matrix products of bytes: convolutions over one to three dimensions with stride, dilation, padding and groups,
 * and dense layers as convolutions of one position. int8 times int8 into int32, which wraps, so that the order of the
 * products never changes a bit: inner may be split among blocks (grid z) and tensor cores may add as they like.
 *
 * Grid: x = tiles of pixels times tiles of channels, channels first; y = groups; z = splits.
 * Engines: cxg_igemm_mma (mma.sync m16n8k32, sm_80 and newer), cxg_igemm_dp4a (any). cxg_igemm_wgmma.cuh has one for sm_90a.
 */
#ifndef CXG_IGEMM_CUH
#define CXG_IGEMM_CUH

#include "cxg_igemm_finish.cuh"

/* The tile and the part of inner of a block. */
template <class L, class T>
struct cxg_work {
  static constexpr int STEPS = (L::inner + T::BK - 1) / T::BK, PER_SPLIT = (STEPS + L::splits - 1) / L::splits;
  static constexpr int PIXELS = L::batch * L::out_d * L::out_h * L::out_w;
  static constexpr int CHANNEL_TILES = (L::out_group + T::BN - 1) / T::BN, PIXEL_TILES = (PIXELS + T::BM - 1) / T::BM;
  int thread, pixel0, channel0, group, tile, first, count;

  CXG_DEVICE cxg_work() {
    const int x = (int)blockIdx.x;
    thread = (int)threadIdx.x;
    pixel0 = x / CHANNEL_TILES * T::BM;
    channel0 = x % CHANNEL_TILES * T::BN;
    group = L::groups == 1 ? 0 : (int)blockIdx.y;
    tile = group * (CHANNEL_TILES * PIXEL_TILES) + x;
    first = L::splits == 1 ? 0 : (int)blockIdx.z * PER_SPLIT;
    count = STEPS - first < PER_SPLIT ? STEPS - first : PER_SPLIT;
  }
};

/*
 * Runs `multiply(stage)` for every tile of inner of a block; T::STAGES - 1 tiles are on their way while one is multiplied.
 */
template <class L, class T, class Multiply>
CXG_DEVICE void cxg_sweep(cx_env e, const cxg_work<L, T> &work, uint8_t *shared, const Multiply &multiply) {
  cxg_loader<L, T> loader;
  loader.start(e, work.thread, work.pixel0, work.group, work.channel0);
  cxg_fetch_other<L, T>(e, work.thread, work.pixel0, work.group, work.channel0, shared);
  CXG_UNROLL for (int s = 0; s < T::STAGES - 1; s++) {
    if (s < work.count) loader.copy(shared + s * T::STAGE_BYTES, work.first + s);
    cxg_cp_async_commit();
  }
  int reading = 0, writing = T::STAGES - 1;
  CXG_ROLLED for (int step = 0; step < work.count; step++) {
    cxg_cp_async_wait<T::STAGES - 2>();
    /* all copies of this tile are there, and nobody reads the stage that is written next */
    cxg_syncthreads();
    const int next = step + T::STAGES - 1;
    if (next < work.count) loader.copy(shared + writing * T::STAGE_BYTES, work.first + next);
    cxg_cp_async_commit();
    multiply(shared + reading * T::STAGE_BYTES);
    reading = reading + 1 == T::STAGES ? 0 : reading + 1;
    writing = writing + 1 == T::STAGES ? 0 : writing + 1;
  }
  cxg_cp_async_wait<0>();
  cxg_syncthreads();
}

/* Where the sums of a thread are after mma m16n8k32: rows lane / 4 and 8 below, columns 2 (lane % 4) and the next. */
template <class T>
struct cxg_mma_places {
  static constexpr int ROWS_16 = T::BM / T::WM / 16, COLUMNS_8 = T::BN / T::WN / 8;
  static constexpr int ROWS = 2 * ROWS_16, COLUMNS = 2 * COLUMNS_8, PAIR = 2;
  static constexpr int PARTS = ROWS_16 * COLUMNS_8, EACH = 4;
  int row0, column0;
  CXG_DEVICE explicit cxg_mma_places(int thread) {
    const int warp = thread / 32, lane = thread % 32;
    row0 = warp / T::WN * (T::BM / T::WM) + lane / 4;
    column0 = warp % T::WN * (T::BN / T::WN) + lane % 4 * 2;
  }
  CXG_DEVICE int row(int r) const { return row0 + 8 * r; }
  CXG_DEVICE int column(int c) const { return column0 + c / 2 * 8 + c % 2; }
  static constexpr CXG_DEVICE int index(int r, int c) { return ((r / 2) * COLUMNS_8 + c / 2) * 4 + r % 2 * 2 + c % 2; }
};

/* Multiplies one stage by mma.sync; the bytes of pixels may be unsigned. */
template <class T, bool IS_UNSIGNED>
struct cxg_mma_multiply {
  using Places = cxg_mma_places<T>;
  int (&sums)[Places::PARTS][Places::EACH];
  int a_row, a_chunk, b_row, b_chunk;

  CXG_DEVICE cxg_mma_multiply(int (&to)[Places::PARTS][4], int thread) : sums(to) {
    const int warp = thread / 32, lane = thread % 32;
    /* ldmatrix takes the row addresses of its four matrices from eight lanes each */
    a_row = warp / T::WN * (T::BM / T::WM) + lane % 16;
    a_chunk = lane / 16;
    b_row = warp % T::WN * (T::BN / T::WN) + lane / 16 * 8 + lane % 8;
    b_chunk = lane / 8 % 2;
  }

  CXG_DEVICE void operator()(const uint8_t *stage) const {
    static_assert(Places::COLUMNS_8 % 2 == 0, "weights come 16 channels at once");
    const uint8_t *weights = stage + T::A_BYTES;
    CXG_UNROLL for (int k = 0; k < T::CHUNKS; k += 2) {
      uint32_t a[Places::ROWS_16][4], b[Places::COLUMNS_8][2];
      CXG_UNROLL for (int i = 0; i < Places::ROWS_16; i++) {
        const int r = a_row + 16 * i;
        cxg_ldmatrix_x4(a[i], stage + r * T::BK + cxg_swizzle<T::BK>(r, k + a_chunk) * 16);
      }
      CXG_UNROLL for (int j = 0; j < Places::COLUMNS_8; j += 2) {
        const int r = b_row + 8 * j;
        uint32_t four[4];
        cxg_ldmatrix_x4(four, weights + r * T::BK + cxg_swizzle<T::BK>(r, k + b_chunk) * 16);
        b[j][0] = four[0], b[j][1] = four[1], b[j + 1][0] = four[2], b[j + 1][1] = four[3];
      }
      CXG_UNROLL for (int i = 0; i < Places::ROWS_16; i++)
        CXG_UNROLL for (int j = 0; j < Places::COLUMNS_8; j++) {
          if (IS_UNSIGNED) cxg_mma_m16n8k32_u8s8(sums[i * Places::COLUMNS_8 + j], a[i], b[j]);
          else cxg_mma_m16n8k32_s8(sums[i * Places::COLUMNS_8 + j], a[i], b[j]);
        }
    }
  }
};

/* Where the sums of a thread are in the tile of the plain engine: every 16th row and column. */
template <class T>
struct cxg_plain_places {
  static constexpr int ACROSS = T::THREADS / 16;
  static constexpr int ROWS = T::BM / 16, COLUMNS = T::BN / ACROSS, PAIR = 1;
  static constexpr int PARTS = ROWS, EACH = COLUMNS;
  int row0, column0;
  CXG_DEVICE explicit cxg_plain_places(int thread) : row0(thread % 16), column0(thread / 16) {}
  CXG_DEVICE int row(int r) const { return row0 + 16 * r; }
  CXG_DEVICE int column(int c) const { return column0 + ACROSS * c; }
  static constexpr CXG_DEVICE int index(int r, int c) { return r * COLUMNS + c; }
};

/* Multiplies one stage by products of four bytes. */
template <class T, bool IS_UNSIGNED>
struct cxg_dp4a_multiply {
  using Places = cxg_plain_places<T>;
  int (&sums)[Places::PARTS][Places::EACH];
  Places places;

  CXG_DEVICE cxg_dp4a_multiply(int (&to)[Places::PARTS][Places::EACH], int thread) : sums(to), places(thread) {}

  CXG_DEVICE void operator()(const uint8_t *stage) const {
    const uint8_t *weights = stage + T::A_BYTES;
    CXG_UNROLL for (int k = 0; k < T::CHUNKS; k++) {
      cxg_bytes<16> b[Places::COLUMNS];
      CXG_UNROLL for (int c = 0; c < Places::COLUMNS; c++) {
        const int r = places.column(c);
        b[c] = cxg_load<16>(weights + r * T::BK + cxg_swizzle<T::BK>(r, k) * 16);
      }
      CXG_UNROLL for (int i = 0; i < Places::ROWS; i++) {
        const int r = places.row(i);
        const cxg_bytes<16> a = cxg_load<16>(stage + r * T::BK + cxg_swizzle<T::BK>(r, k) * 16);
        CXG_UNROLL for (int c = 0; c < Places::COLUMNS; c++)
          CXG_UNROLL for (int q = 0; q < 4; q++)
            sums[i][c] = IS_UNSIGNED ? cxg_dp4a_us(a.words[q], (int)b[c].words[q], sums[i][c])
                                     : cxg_dp4a((int)a.words[q], (int)b[c].words[q], sums[i][c]);
      }
    }
  }
};

template <int PARTS, int EACH>
CXG_DEVICE void cxg_zero(int (&sums)[PARTS][EACH]) {
  CXG_UNROLL for (int i = 0; i < PARTS; i++)
    CXG_UNROLL for (int j = 0; j < EACH; j++) sums[i][j] = 0;
}

template <class L, class T, class Multiply>
CXG_DEVICE void cxg_igemm(cx_env e) {
  uint8_t *shared = cxg_dynamic_shared();
  const cxg_work<L, T> work;
  using Places = typename Multiply::Places;
  int sums[Places::PARTS][Places::EACH];
  cxg_zero(sums);
  cxg_sweep<L, T>(e, work, shared, Multiply(sums, work.thread));
  if (!cxg_join<L, T>(e, work.thread, work.tile, sums, shared)) return;
  const Places places(work.thread);
  cxg_finish_tile<L, T>(e, work.thread, work.pixel0, work.group, work.channel0, sums, places, shared);
}

template <class L, class T>
CXG_DEVICE void cxg_igemm_mma(cx_env e) {
  cxg_igemm<L, T, cxg_mma_multiply<T, L::is_unsigned>>(e);
}

template <class L, class T>
CXG_DEVICE void cxg_igemm_dp4a(cx_env e) {
  cxg_igemm<L, T, cxg_dp4a_multiply<T, L::is_unsigned>>(e);
}

#endif
