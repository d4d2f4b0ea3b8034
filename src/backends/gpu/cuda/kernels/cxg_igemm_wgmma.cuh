/*
 * The engine of implicit matrix products for sm_90a: wgmma m64nNk32, four warps at once, both operands in shared memory.
 *
 * Tiles have T::BK = 128 and warpgroups of 128 threads: cxg_tile<BM, BN, 128, WM, WN, STAGES, 128>. Shared memory starts at a
 * multiple of 1024, which the 128-byte swizzle needs.
 */
#ifndef CXG_IGEMM_WGMMA_CUH
#define CXG_IGEMM_WGMMA_CUH

#include "cxg_igemm.cuh"

/* Where the sums of a thread are: of each 64 rows, 16 for each warp, within them as after mma.sync. */
template <class T>
struct cxg_wgmma_places {
  static constexpr int ROWS_64 = T::BM / T::WM / 64, N = T::BN / T::WN;
  static constexpr int ROWS = 2 * ROWS_64, COLUMNS = N / 4, PAIR = 2, PARTS = ROWS_64, EACH = N / 2;
  int row0, column0;
  CXG_DEVICE explicit cxg_wgmma_places(int thread) {
    const int group = thread / 128, warp = thread / 32 % 4, lane = thread % 32;
    row0 = group / T::WN * (T::BM / T::WM) + warp * 16 + lane / 4;
    column0 = group % T::WN * N + lane % 4 * 2;
  }
  CXG_DEVICE int row(int r) const { return row0 + r / 2 * 64 + r % 2 * 8; }
  CXG_DEVICE int column(int c) const { return column0 + c / 2 * 8 + c % 2; }
  static constexpr CXG_DEVICE int index(int r, int c) { return r / 2 * (N / 2) + c / 2 * 4 + r % 2 * 2 + c % 2; }
};

/* Starts the products of one stage: 64 rows by N channels by 32 bytes each. */
template <class T, int PARTS, int EACH>
CXG_DEVICE void cxg_wgmma_stage(int (&sums)[PARTS][EACH], const uint8_t *stage, int group) {
  const uint8_t *pixels = stage + group / T::WN * (T::BM / T::WM) * T::BK;
  const uint8_t *weights = stage + T::A_BYTES + group % T::WN * (2 * EACH) * T::BK;
  cxg_wgmma_fence();
  CXG_UNROLL for (int k = 0; k < T::BK; k += 32)
    CXG_UNROLL for (int i = 0; i < PARTS; i++)
      cxg_wgmma_m64k32_s8<2 * EACH>(sums[i], cxg_wgmma_descriptor(pixels + i * 64 * T::BK + k), cxg_wgmma_descriptor(weights + k));
  cxg_wgmma_commit();
}

/*
 * As cxg_sweep, with the products of a tile still running while the next is awaited: so T::STAGES - 2 tiles are on their way.
 */
template <class L, class T, int PARTS, int EACH>
CXG_DEVICE void cxg_wgmma_sweep(cx_env e, const cxg_work<L, T> &work, uint8_t *shared, int (&sums)[PARTS][EACH]) {
  static_assert(T::STAGES >= 3, "one stage is multiplied, one awaited, one filled");
  cxg_loader<L, T> loader;
  loader.start(e, work.thread, work.pixel0, work.group, work.channel0);
  cxg_fetch_other<L, T>(e, work.thread, work.pixel0, work.group, work.channel0, shared);
  CXG_UNROLL for (int s = 0; s < T::STAGES - 2; s++) {
    if (s < work.count) loader.copy(shared + s * T::STAGE_BYTES, work.first + s);
    cxg_cp_async_commit();
  }
  /* the zeros are there before the tensor cores start: between their instructions nothing else may define the sums */
  CXG_UNROLL for (int i = 0; i < PARTS; i++)
    CXG_UNROLL for (int j = 0; j < EACH; j++) cxg_pin(sums[i][j]);
  int reading = 0, writing = T::STAGES - 2;
  CXG_ROLLED for (int step = 0; step < work.count; step++) {
    cxg_cp_async_wait<T::STAGES - 3>();
    /* the tensor cores read by another way than the copies were written */
    cxg_fence_proxy_async();
    cxg_syncthreads();
    cxg_wgmma_stage<T>(sums, shared + reading * T::STAGE_BYTES, work.thread / 128);
    /* the products before these are done, in this warpgroup; in the others they were at the barrier one step ago */
    cxg_wgmma_wait<1>();
    const int next = step + T::STAGES - 2;
    if (next < work.count) loader.copy(shared + writing * T::STAGE_BYTES, work.first + next);
    cxg_cp_async_commit();
    reading = reading + 1 == T::STAGES ? 0 : reading + 1;
    writing = writing + 1 == T::STAGES ? 0 : writing + 1;
  }
  cxg_wgmma_wait<0>();
  cxg_cp_async_wait<0>();
  cxg_syncthreads();
}

template <class L, class T>
CXG_DEVICE void cxg_igemm_wgmma(cx_env e) {
  static_assert(T::BK == 128, "rows are those of the 128-byte swizzle");
  static_assert(!L::is_unsigned, "both operands are signed");
  using Places = cxg_wgmma_places<T>;
  uint8_t *shared = cxg_dynamic_shared();
  const cxg_work<L, T> work;
  int sums[Places::PARTS][Places::EACH];
  cxg_zero(sums);
  cxg_wgmma_sweep<L, T>(e, work, shared, sums);
  if (!cxg_join<L, T>(e, work.thread, work.tile, sums, shared)) return;
  const Places places(work.thread);
  cxg_finish_tile<L, T>(e, work.thread, work.pixel0, work.group, work.channel0, sums, places, shared);
}

#endif
