/*
 * What the lanes of a warp do together: shuffles, ldmatrix and mma. Each runs once, when the last lane arrives, on arguments
 * that lie on the stacks of the lanes. Layouts: PTX ISA 8.5, 9.7.14.5.15 (ldmatrix) and 9.7.14.5.8 (mma.m16n8k32).
 */
#include "cxg_shim_state.h"

namespace {

template <typename T>
T &argument(cxg_thread *threads, int lane) {
  return *static_cast<T *>(threads[lane].arguments);
}

struct shuffle_arguments {
  uint64_t value, result;
  int from;
};

void run_shuffle(cxg_thread *threads, int count) {
  for (int i = 0; i < count; i++) {
    shuffle_arguments &a = argument<shuffle_arguments>(threads, i);
    a.result = argument<shuffle_arguments>(threads, a.from).value;
  }
}
const cxg_operation SHUFFLE = {"a shuffle", run_shuffle};

struct ballot_arguments {
  int value;
  uint32_t result;
};

void run_ballot(cxg_thread *threads, int count) {
  uint32_t bits = 0;
  for (int i = 0; i < count; i++) bits |= uint32_t(argument<ballot_arguments>(threads, i).value != 0) << i;
  for (int i = 0; i < count; i++) argument<ballot_arguments>(threads, i).result = bits;
}
const cxg_operation BALLOT = {"a ballot", run_ballot};

void run_sync_warp(cxg_thread *threads, int) { cxg_check_warp_barrier(threads->index / CXG_WARP); }
const cxg_operation SYNC_WARP = {"syncwarp", run_sync_warp};

struct ldmatrix_arguments {
  uint32_t *r;
  const uint8_t *row;
  int count;
};

/** Lane i holds bytes 4 (i % 4) to 4 (i % 4) + 3 of row i / 4 of each matrix; row r of matrix j is where lane 8 j + r says. */
void run_ldmatrix(cxg_thread *threads, int count) {
  for (int i = 0; i < count; i++) {
    const ldmatrix_arguments &a = argument<ldmatrix_arguments>(threads, i);
    for (int j = 0; j < a.count; j++) memcpy(a.r + j, argument<ldmatrix_arguments>(threads, 8 * j + i / 4).row + i % 4 * 4, 4);
  }
}
const cxg_operation LDMATRIX = {"ldmatrix", run_ldmatrix};

/** The 8 by 8 matrices of 16-bit elements transposed: lane i holds elements i / 4 of rows 2 (i % 4) and 2 (i % 4) + 1. */
void run_ldmatrix_trans(cxg_thread *threads, int count) {
  for (int i = 0; i < count; i++) {
    const ldmatrix_arguments &a = argument<ldmatrix_arguments>(threads, i);
    for (int j = 0; j < a.count; j++) {
      uint8_t bytes[4];
      for (int half = 0; half < 2; half++)
        memcpy(bytes + 2 * half, argument<ldmatrix_arguments>(threads, 8 * j + i % 4 * 2 + half).row + i / 4 * 2, 2);
      memcpy(a.r + j, bytes, 4);
    }
  }
}
const cxg_operation LDMATRIX_TRANS = {"ldmatrix.trans", run_ldmatrix_trans};

struct mma_arguments {
  int *d;
  const uint32_t *a, *b;
};

/** Sign- or zero-extends four bytes. */
template <typename T>
void widen(int16_t *to, uint32_t bytes) {
  for (int i = 0; i < 4; i++) to[i] = int16_t(T(bytes >> (8 * i)));
}

/** d[16][8] += a[16][32] b[32][8]; sums wrap. */
template <typename A>
void run_mma(cxg_thread *threads, int count) {
  int16_t a[16][32], b[8][32];
  for (int lane = 0; lane < count; lane++) {
    const mma_arguments &m = argument<mma_arguments>(threads, lane);
    const int g = lane / 4, k = lane % 4 * 4;
    for (int i = 0; i < 4; i++) widen<A>(&a[g + i % 2 * 8][k + i / 2 * 16], m.a[i]);
    for (int i = 0; i < 2; i++) widen<int8_t>(&b[g][k + i * 16], m.b[i]);
  }
  int products[16][8];
  for (int row = 0; row < 16; row++)
    for (int column = 0; column < 8; column++) {
      /* at most 32 * 255 * 128 */
      int sum = 0;
      for (int k = 0; k < 32; k++) sum += a[row][k] * b[column][k];
      products[row][column] = sum;
    }
  for (int lane = 0; lane < count; lane++) {
    int *d = argument<mma_arguments>(threads, lane).d;
    for (int i = 0; i < 4; i++) d[i] = int(uint32_t(d[i]) + uint32_t(products[lane / 4 + i / 2 * 8][lane % 4 * 2 + i % 2]));
  }
}
const cxg_operation MMA_S8 = {"mma.m16n8k32.s8", run_mma<int8_t>};
const cxg_operation MMA_U8S8 = {"mma.m16n8k32.u8.s8", run_mma<uint8_t>};

}  // namespace

uint64_t cxg_shim_shuffle(uint64_t value, int from) {
  shuffle_arguments a = {value, 0, from};
  cxg_meet(CXG_WARP, &SHUFFLE, 0, &a);
  return a.result;
}

uint32_t cxg_shim_ballot(int value) {
  ballot_arguments a = {value, 0};
  cxg_meet(CXG_WARP, &BALLOT, 0, &a);
  return a.result;
}

void cxg_shim_sync_warp() { cxg_meet(CXG_WARP, &SYNC_WARP, 0, nullptr); }

void cxg_shim_ldmatrix(uint32_t *r, const void *row, int count, int transposed) {
  /* the addresses of lanes past the last matrix are not used */
  const bool used = cxg_lane() < 8 * count;
  if (used) cxg_check_access(row, 16, false);
  ldmatrix_arguments a = {r, used ? cxg_shared_place("ldmatrix", row, 16) : nullptr, count};
  cxg_meet(CXG_WARP, transposed ? &LDMATRIX_TRANS : &LDMATRIX, count, &a);
}

void cxg_shim_mma(int *d, const uint32_t *a, const uint32_t *b, int a_unsigned) {
  mma_arguments m = {d, a, b};
  cxg_meet(CXG_WARP, a_unsigned ? &MMA_U8S8 : &MMA_S8, 0, &m);
}
