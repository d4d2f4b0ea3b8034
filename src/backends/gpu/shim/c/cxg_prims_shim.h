/*
 * cxg_prims.cuh for the shim. What concerns one thread is here; what several do together, and what happens later, is in
 * cxg_shim_warp.cpp and cxg_shim_async.cpp.
 */
#ifndef CXG_PRIMS_SHIM_H
#define CXG_PRIMS_SHIM_H

extern "C" {
[[noreturn]] CXG_HIDDEN void cxg_shim_fail(cxg_result result, const char *format, ...) __attribute__((format(printf, 2, 3)));
CXG_HIDDEN uint8_t *cxg_shim_shared();
CXG_HIDDEN uint32_t cxg_shim_shared_address(const void *p);
CXG_HIDDEN void cxg_shim_barrier(int id, int threads);
CXG_HIDDEN void cxg_shim_sync_warp();
CXG_HIDDEN void cxg_shim_ldmatrix(uint32_t *r, const void *row, int count, int transposed);
CXG_HIDDEN void cxg_shim_mma(int *d, const uint32_t *a, const uint32_t *b, int a_unsigned);
CXG_HIDDEN uint64_t cxg_shim_shuffle(uint64_t value, int from);
CXG_HIDDEN uint32_t cxg_shim_ballot(int value);
CXG_HIDDEN void cxg_shim_copy(void *to, const void *from, int size, int bytes);
CXG_HIDDEN void cxg_shim_copy_commit();
CXG_HIDDEN void cxg_shim_copy_wait(int groups);
CXG_HIDDEN void cxg_shim_fence_proxy();
CXG_HIDDEN void cxg_shim_wgmma_fence();
CXG_HIDDEN void cxg_shim_wgmma(int *d, uint64_t a, uint64_t b, int columns);
CXG_HIDDEN void cxg_shim_wgmma_commit();
CXG_HIDDEN void cxg_shim_wgmma_wait(int groups);
CXG_HIDDEN int cxg_shim_atomic(int *p, int v, char operation);
}

#define cxg_assume(condition) ((condition) ? (void)0 : cxg_shim_fail(CXG_LAUNCH_FAILED, "assumed wrongly: %s", #condition))

CXG_DEVICE uint8_t *cxg_dynamic_shared() { return cxg_shim_shared(); }
CXG_DEVICE uint32_t cxg_shared_address(const void *p) { return cxg_shim_shared_address(p); }

CXG_DEVICE int cxg_dp4a(int a, int b, int c) {
  uint32_t sum = uint32_t(c);
  for (int i = 0; i < 32; i += 8) sum += uint32_t(int8_t(uint32_t(a) >> i) * int8_t(uint32_t(b) >> i));
  return int(sum);
}
CXG_DEVICE int cxg_dp4a_us(uint32_t a, int b, int c) {
  uint32_t sum = uint32_t(c);
  for (int i = 0; i < 32; i += 8) sum += uint32_t(uint8_t(a >> i) * int8_t(uint32_t(b) >> i));
  return int(sum);
}
CXG_DEVICE int cxg_mulhi(int a, int b) { return int(int64_t(a) * b >> 32); }
CXG_DEVICE uint32_t cxg_pack_s8(int a, int b, int c, int d) {
  const int v[4] = {a, b, c, d};
  uint32_t all = 0;
  for (int i = 0; i < 4; i++) all |= uint32_t(uint8_t(v[i] < -128 ? -128 : v[i] > 127 ? 127 : v[i])) << (8 * i);
  return all;
}
CXG_DEVICE uint32_t cxg_byte_perm(uint32_t a, uint32_t b, uint32_t selector) {
  const uint64_t bytes = uint64_t(b) << 32 | a;
  uint32_t all = 0;
  for (int i = 0; i < 4; i++) all |= uint32_t(uint8_t(bytes >> (selector >> (4 * i) & 7) * 8)) << (8 * i);
  return all;
}

CXG_DEVICE void cxg_mma_m16n8k32_s8(int *d, const uint32_t *a, const uint32_t *b) { cxg_shim_mma(d, a, b, 0); }
CXG_DEVICE void cxg_mma_m16n8k32_u8s8(int *d, const uint32_t *a, const uint32_t *b) { cxg_shim_mma(d, a, b, 1); }

CXG_DEVICE void cxg_ldmatrix_x1(uint32_t *r, const void *row) { cxg_shim_ldmatrix(r, row, 1, 0); }
CXG_DEVICE void cxg_ldmatrix_x2(uint32_t *r, const void *row) { cxg_shim_ldmatrix(r, row, 2, 0); }
CXG_DEVICE void cxg_ldmatrix_x4(uint32_t *r, const void *row) { cxg_shim_ldmatrix(r, row, 4, 0); }
CXG_DEVICE void cxg_ldmatrix_x1_trans(uint32_t *r, const void *row) { cxg_shim_ldmatrix(r, row, 1, 1); }
CXG_DEVICE void cxg_ldmatrix_x2_trans(uint32_t *r, const void *row) { cxg_shim_ldmatrix(r, row, 2, 1); }
CXG_DEVICE void cxg_ldmatrix_x4_trans(uint32_t *r, const void *row) { cxg_shim_ldmatrix(r, row, 4, 1); }

template <int SIZE>
CXG_DEVICE void cxg_cp_async(void *to, const void *from, int bytes) {
  static_assert(SIZE == 4 || SIZE == 8 || SIZE == 16, "cp.async copies 4, 8 or 16 bytes");
  cxg_shim_copy(to, from, SIZE, bytes);
}
template <int SIZE>
CXG_DEVICE void cxg_cp_async(void *to, const void *from) {
  cxg_cp_async<SIZE>(to, from, SIZE);
}
CXG_DEVICE void cxg_cp_async_commit() { cxg_shim_copy_commit(); }
template <int N>
CXG_DEVICE void cxg_cp_async_wait() {
  cxg_shim_copy_wait(N);
}

CXG_DEVICE void cxg_syncthreads() { cxg_shim_barrier(0, 0); }
CXG_DEVICE void cxg_sync_some(int id, int threads) { cxg_shim_barrier(id, threads); }
CXG_DEVICE void cxg_syncwarp() { cxg_shim_sync_warp(); }

/** Out of range, a lane keeps its own value. */
template <typename T>
CXG_DEVICE T cxg_shim_shuffle_of(T v, int from) {
  static_assert(sizeof(T) == 4 || sizeof(T) == 8, "shuffles move 4 or 8 bytes");
  uint64_t bits = 0;
  memcpy(&bits, &v, sizeof v);
  bits = cxg_shim_shuffle(bits, from < 0 || from > 31 ? cxg_lane() : from);
  memcpy(&v, &bits, sizeof v);
  return v;
}
template <typename T>
CXG_DEVICE T cxg_shfl(T v, int lane) {
  return cxg_shim_shuffle_of(v, lane & 31);
}
template <typename T>
CXG_DEVICE T cxg_shfl_xor(T v, int mask) {
  return cxg_shim_shuffle_of(v, cxg_lane() ^ mask);
}
template <typename T>
CXG_DEVICE T cxg_shfl_down(T v, int n) {
  return cxg_shim_shuffle_of(v, cxg_lane() + n);
}
template <typename T>
CXG_DEVICE T cxg_shfl_up(T v, int n) {
  return cxg_shim_shuffle_of(v, cxg_lane() - n);
}
CXG_DEVICE uint32_t cxg_ballot(bool v) { return cxg_shim_ballot(v); }

/** Threads are fibers of one thread of the system, so these are plain; not inline, so that the checks do not see them. */
CXG_DEVICE int cxg_atomic_add(int *p, int v) { return cxg_shim_atomic(p, v, '+'); }
CXG_DEVICE int cxg_atomic_min(int *p, int v) { return cxg_shim_atomic(p, v, '<'); }
CXG_DEVICE int cxg_atomic_max(int *p, int v) { return cxg_shim_atomic(p, v, '>'); }
CXG_DEVICE int cxg_load_l2(const int *p) { return cxg_shim_atomic(const_cast<int *>(p), 0, '='); }
CXG_DEVICE void cxg_threadfence() {}

CXG_DEVICE void cxg_fence_proxy_async() { cxg_shim_fence_proxy(); }
CXG_DEVICE void cxg_wgmma_fence() { cxg_shim_wgmma_fence(); }
template <int N>
CXG_DEVICE void cxg_wgmma_m64k32_s8(int *d, uint64_t a, uint64_t b) {
  static_assert(N == 8 || N == 16 || N == 32 || N == 64 || N == 96 || N == 128 || N == 192 || N == 256, "no such shape");
  cxg_shim_wgmma(d, a, b, N);
}
CXG_DEVICE void cxg_wgmma_commit() { cxg_shim_wgmma_commit(); }
template <int N>
CXG_DEVICE void cxg_wgmma_wait() {
  cxg_shim_wgmma_wait(N);
}

#endif
