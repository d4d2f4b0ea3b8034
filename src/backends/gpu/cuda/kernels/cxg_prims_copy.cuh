/*
 * What stands for cp.async where there is none: a load and a store.
 */
#ifndef CXG_PRIMS_COPY_CUH
#define CXG_PRIMS_COPY_CUH

template <int SIZE>
struct alignas(SIZE) cxg_words {
  uint32_t w[SIZE / 4];
};

/** Bytes of `from` up to `bytes`, zeros from there on. */
template <int SIZE>
CXG_DEVICE void cxg_copy_now(void *to, const void *from, int bytes) {
  cxg_words<SIZE> v = {};
  if (bytes == SIZE) v = *static_cast<const cxg_words<SIZE> *>(from);
  else
    for (int i = 0; i < bytes; i++) v.w[i / 4] |= uint32_t(static_cast<const uint8_t *>(from)[i]) << (i % 4 * 8);
  *static_cast<cxg_words<SIZE> *>(to) = v;
}

#endif
