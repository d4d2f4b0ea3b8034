/*
 * How the sums of an implicit matrix product leave: added up over the parts of inner that other blocks did, finished as
 * NUMERICS 1.1 says, put in order in shared memory, and stored in whole lines.
 *
 * Further fields of L:
 *   form, zero, lo, hi     what becomes of a sum, as CXG_FORM_ says
 *   table                  int32[groups * out_group][3]: bias, multiplier, shift
 *   y                      result; y_pitch: channels of the buffer, channels last; y_first: first channel of this layer in it
 *   y_last                 whether y lies channels last; else [batch][y_pitch][positions]
 *   has_add, other         whether add_rescale follows: y = clamp(rshr(add_m0 (y - add_z0) + add_m1 (other - add_z1), add_shift)
 *                          + add_zero, add_lo, add_hi); other lies like y, with other_pitch and other_first
 *   fetch_other            whether the tile of `other` comes into shared memory with the first of inner: splits = 1, results last, all
 *                          channels multiples of 16
 *   splits                 blocks that share a tile, each a part of inner
 *   sums, counters         workspace of split layers, zero before and after every run: int32[tiles][BM * BN], uint32[tiles]
 */
#ifndef CXG_IGEMM_FINISH_CUH
#define CXG_IGEMM_FINISH_CUH

#include "cxg_igemm_load.cuh"

/* int32 as it is; bytes where 0 <= M < 2^15 and 17 <= s <= 47; bytes for any factors; 16 bits for any factors. */
enum { CXG_FORM_I32, CXG_FORM_NARROW, CXG_FORM_WIDE, CXG_FORM_WIDE16 };

/* What an output channel has of its own. */
struct cxg_factors {
  int bias, multiplier, shift;
};

template <class L>
CXG_DEVICE cxg_factors cxg_factors_of(cx_env e, int channel) {
  const int *entry = (const int *)(const void *)(e.m + L::table) + 3 * channel;
  cxg_factors f = {entry[0], 0, 0};
  if (L::form != CXG_FORM_I32) f.multiplier = entry[1], f.shift = entry[2];
  if (L::form == CXG_FORM_NARROW) f.multiplier <<= 16;
  return f;
}

/* clamp(rshr((sum + bias) M, s) + zero, lo, hi), or sum + bias. */
template <class L>
CXG_DEVICE int cxg_finish(int sum, cxg_factors f) {
  const int x = cxg_add_wrap(sum, f.bias);
  if (L::form == CXG_FORM_I32) return x;
  if (L::form == CXG_FORM_NARROW) return cxg_clamp(cxg_rescale_narrow(x, f.multiplier, f.shift) + L::zero, L::lo, L::hi);
  const int64_t v = cxg_rescale_wide(x, f.multiplier, f.shift) + L::zero;
  return (int)(v < L::lo ? L::lo : v > L::hi ? L::hi : v);
}

/* add_rescale of a finished byte and the other operand's. */
template <class L>
CXG_DEVICE int cxg_finish_add(int y, int other) {
  const int sum = L::add_m0 * (y - L::add_z0) + L::add_m1 * (other - L::add_z1);
  return cxg_clamp(((sum + (1 << (L::add_shift - 1))) >> L::add_shift) + L::add_zero, L::add_lo, L::add_hi);
}

/*
 * Adds up a tile over the blocks that share it. @return whether this block has the whole sums, to finish them: the last
 * that arrives does. It leaves zeros behind for the next run.
 */
template <class L, class T, int PARTS, int EACH>
CXG_DEVICE bool cxg_join(cx_env e, int thread, int tile, int (&sums)[PARTS][EACH], uint8_t *shared) {
  if (L::splits == 1) return true;
  int *place = (int *)(void *)(e.m + L::sums) + (size_t)tile * (T::BM * T::BN) + thread;
  CXG_UNROLL for (int i = 0; i < PARTS; i++)
    CXG_UNROLL for (int j = 0; j < EACH; j++) cxg_atomic_add(place + (i * EACH + j) * T::THREADS, sums[i][j]);
  cxg_threadfence();
  int *arrived = (int *)(void *)shared;
  cxg_syncthreads();
  if (thread == 0) *arrived = cxg_atomic_add((int *)(void *)(e.m + L::counters) + tile, 1);
  cxg_syncthreads();
  const bool is_last = *arrived == L::splits - 1;
  if (!is_last) return false;
  cxg_threadfence();
  CXG_UNROLL for (int i = 0; i < PARTS; i++)
    CXG_UNROLL for (int j = 0; j < EACH; j++) sums[i][j] = cxg_load_l2(place + (i * EACH + j) * T::THREADS);
  CXG_UNROLL for (int i = 0; i < PARTS * EACH; i++) place[i * T::THREADS] = 0;
  if (thread == 0) ((int *)(void *)(e.m + L::counters))[tile] = 0;
  /* `shared` is written next */
  cxg_syncthreads();
  return true;
}

/* Bytes of a row of results in shared memory: the 16 more keep rows apart. */
template <class T>
struct cxg_stage {
  static constexpr int PITCH = T::BN + 16;
  static constexpr int BYTES = T::BM * PITCH;
};

/* Bytes of shared memory of a block: stages, and after them the results in order; behind these the tile of `other`. */
template <class T>
struct cxg_igemm_shared {
  static constexpr int STAGES = T::STAGES * T::STAGE_BYTES, ORDERED = cxg_stage<T>::BYTES;
  static constexpr int BYTES = STAGES > ORDERED ? STAGES : ORDERED;
};

/* Starts the copies of the tile of `other`: each thread what it adds later. */
template <class L, class T>
CXG_DEVICE void cxg_fetch_other(cx_env e, int thread, int pixel0, int group, int channel0, uint8_t *shared) {
  if (!L::fetch_other) return;
  constexpr int PIXELS = L::batch * L::out_d * L::out_h * L::out_w, LINE = T::BN / 16;
  uint8_t *to = shared + cxg_igemm_shared<T>::BYTES;
  CXG_UNROLL for (int i = thread; i < T::BM * LINE; i += T::THREADS) {
    const int r = i / LINE, c = i % LINE * 16;
    if (pixel0 + r >= PIXELS || channel0 + c >= L::out_group) continue;
    const int channel = L::other_first + group * L::out_group + channel0 + c;
    cxg_cp_async<16>(to + r * cxg_stage<T>::PITCH + c, e.m + L::other + (size_t)(pixel0 + r) * L::other_pitch + channel);
  }
}

/* Stores a tile of bytes from shared memory, `WIDTH` channels of a pixel at once, channels last. */
template <class L, class T, int WIDTH>
CXG_DEVICE void cxg_store_lines(cx_env e, int thread, int pixel0, int group, int channel0, const uint8_t *shared) {
  constexpr int PIXELS = L::batch * L::out_d * L::out_h * L::out_w, LINE = T::BN / WIDTH;
  for (int i = thread; i < T::BM * LINE; i += T::THREADS) {
    const int r = i / LINE, c = i % LINE * WIDTH;
    if (pixel0 + r >= PIXELS || channel0 + c >= L::out_group) continue;
    cxg_bytes<WIDTH> v = cxg_load<WIDTH>(shared + r * cxg_stage<T>::PITCH + c);
    const int channel = group * L::out_group + channel0 + c;
    if (L::has_add) {
      const uint8_t *from = e.m + L::other + (size_t)(pixel0 + r) * L::other_pitch + L::other_first + channel;
      const uint8_t *fetched = shared + cxg_igemm_shared<T>::BYTES + r * cxg_stage<T>::PITCH + c;
      const cxg_bytes<WIDTH> other = cxg_load<WIDTH>(L::fetch_other ? fetched : from);
      CXG_UNROLL for (int b = 0; b < WIDTH; b++) v.set(b, cxg_finish_add<L>(v.get(b), other.get(b)));
    }
    cxg_store<WIDTH>(e.m + L::y + (size_t)(pixel0 + r) * L::y_pitch + L::y_first + channel, v);
  }
}

/* The same into planes of channels: neighbouring threads take neighbouring pixels. */
template <class L, class T>
CXG_DEVICE void cxg_store_planes(cx_env e, int thread, int pixel0, int group, int channel0, const uint8_t *shared) {
  constexpr int POSITIONS = L::out_d * L::out_h * L::out_w, PIXELS = L::batch * POSITIONS;
  for (int i = thread; i < T::BM * T::BN; i += T::THREADS) {
    const int r = i % T::BM, c = i / T::BM, pixel = pixel0 + r;
    if (pixel >= PIXELS || channel0 + c >= L::out_group) continue;
    const int channel = group * L::out_group + channel0 + c, n = pixel / POSITIONS, p = pixel % POSITIONS;
    int v = (int8_t)shared[r * cxg_stage<T>::PITCH + c];
    if (L::has_add)
      v = cxg_finish_add<L>(v, (int8_t)e.m[L::other + ((size_t)n * L::other_pitch + L::other_first + channel) * POSITIONS + p]);
    e.m[L::y + ((size_t)n * L::y_pitch + L::y_first + channel) * POSITIONS + p] = (uint8_t)v;
  }
}

template <class L, class T>
CXG_DEVICE void cxg_store_tile(cx_env e, int thread, int pixel0, int group, int channel0, const uint8_t *shared) {
  constexpr int COMMON = L::out_group | L::y_pitch | L::y_first | (L::has_add ? L::other_pitch | L::other_first : 0);
  if (!L::y_last) cxg_store_planes<L, T>(e, thread, pixel0, group, channel0, shared);
  else if (COMMON % 16 == 0) cxg_store_lines<L, T, 16>(e, thread, pixel0, group, channel0, shared);
  else if (COMMON % 4 == 0) cxg_store_lines<L, T, 4>(e, thread, pixel0, group, channel0, shared);
  else cxg_store_lines<L, T, 1>(e, thread, pixel0, group, channel0, shared);
}

/* Stores one finished result of 16 or 32 bits where it belongs. */
template <class L>
CXG_DEVICE void cxg_store_one(cx_env e, int pixel, int channel, int v) {
  constexpr int POSITIONS = L::out_d * L::out_h * L::out_w;
  const size_t n = pixel / POSITIONS, p = pixel % POSITIONS;
  const size_t at = L::y_last ? (size_t)pixel * L::y_pitch + L::y_first + channel : (n * L::y_pitch + L::y_first + channel) * POSITIONS + p;
  if (L::form == CXG_FORM_WIDE16) ((int16_t *)(void *)(e.m + L::y))[at] = (int16_t)v;
  else ((int *)(void *)(e.m + L::y))[at] = v;
}

/*
 * Finishes the sums of a thread. Places says where they are in the tile: ROWS rows and COLUMNS columns, of which PAIR are
 * neighbours each.
 * @param shared - of at least cxg_stage<T>::BYTES; nobody reads it any more as stages
 */
template <class L, class T, class Places>
CXG_DEVICE void cxg_finish_tile(cx_env e, int thread, int pixel0, int group, int channel0,
                                const int (&sums)[Places::PARTS][Places::EACH], const Places &places, uint8_t *shared) {
  constexpr int PIXELS = L::batch * L::out_d * L::out_h * L::out_w, PAIR = Places::PAIR;
  constexpr bool BYTES = L::form == CXG_FORM_NARROW || L::form == CXG_FORM_WIDE;
  CXG_UNROLL for (int c = 0; c < Places::COLUMNS; c += PAIR) {
    const int column = places.column(c), first = channel0 + column;
    cxg_factors f[PAIR];
    CXG_UNROLL for (int j = 0; j < PAIR; j++)
      f[j] = cxg_factors_of<L>(e, group * L::out_group + (first + j < L::out_group ? first + j : 0));
    CXG_UNROLL for (int r = 0; r < Places::ROWS; r++) {
      const int row = places.row(r);
      int v[PAIR];
      CXG_UNROLL for (int j = 0; j < PAIR; j++) v[j] = cxg_finish<L>(sums[Places::index(r, c + j) / Places::EACH][Places::index(r, c + j) % Places::EACH], f[j]);
      if (BYTES) {
        uint8_t *to = shared + row * cxg_stage<T>::PITCH + column;
        if (PAIR == 2) *(uint16_t *)(void *)to = (uint16_t)((v[0] & 255) | v[PAIR - 1] << 8);
        else *to = (uint8_t)v[0];
      } else if (pixel0 + row < PIXELS) {
        CXG_UNROLL for (int j = 0; j < PAIR; j++)
          if (first + j < L::out_group) cxg_store_one<L>(e, pixel0 + row, group * L::out_group + first + j, v[j]);
      }
    }
  }
  if (!BYTES) return;
  cxg_syncthreads();
  cxg_store_tile<L, T>(e, thread, pixel0, group, channel0, shared);
}

#endif
