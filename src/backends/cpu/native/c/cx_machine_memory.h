/* Loads and stores at m + address + offset, of any alignment, and the instructions of bulk memory. */
#ifndef CX_MACHINE_MEMORY_H
#define CX_MACHINE_MEMORY_H

#if defined(CXM_GPU)
/* Whole words move at once where they lie at multiples of their size; the compiler would take single bytes everywhere. */
#define CXM_MOVE(name, U)                                                          \
  CXM_OP void cxm_read_##name(void *to, const uint8_t *from) {                     \
    if (((size_t)from & (sizeof(U) - 1)) == 0) *(U *)to = *(const U *)(const void *)from; \
    else memcpy(to, from, sizeof(U));                                              \
  }                                                                                \
  CXM_OP void cxm_write_##name(uint8_t *to, const void *from) {                    \
    if (((size_t)to & (sizeof(U) - 1)) == 0) *(U *)(void *)to = *(const U *)from;  \
    else memcpy(to, from, sizeof(U));                                              \
  }
CXM_MOVE(1, uint8_t)
CXM_MOVE(2, uint16_t)
CXM_MOVE(4, uint32_t)
CXM_MOVE(8, uint64_t)
CXM_MOVE(16, uint4)
#define CXM_READ(to, from, size) cxm_read_##size(to, from)
#define CXM_WRITE(to, from, size) cxm_write_##size(to, from)
#else
#define CXM_READ(to, from, size) memcpy(to, from, size)
#define CXM_WRITE(to, from, size) memcpy(to, from, size)
#endif

/* The sum of address and offset does not wrap at 2^32, as in WebAssembly. */
#define CXM_LOAD(name, V, T, SIZE)                                     \
  CXM_OP V name(const uint8_t *m, uint32_t address, uint32_t offset) { \
    T x;                                                               \
    CXM_READ(&x, m + (size_t)address + offset, SIZE);                  \
    return (V)x;                                                       \
  }
#define CXM_STORE(name, V, T, SIZE)                                          \
  CXM_OP void name(uint8_t *m, uint32_t address, uint32_t offset, V value) { \
    const T x = (T)value;                                                    \
    CXM_WRITE(m + (size_t)address + offset, &x, SIZE);                       \
  }
CXM_LOAD(i32_load, uint32_t, uint32_t, 4)
CXM_LOAD(i32_load8_u, uint32_t, uint8_t, 1)
CXM_LOAD(i32_load8_s, uint32_t, int8_t, 1)
CXM_LOAD(i32_load16_u, uint32_t, uint16_t, 2)
CXM_LOAD(i32_load16_s, uint32_t, int16_t, 2)
CXM_LOAD(i64_load, uint64_t, uint64_t, 8)
CXM_LOAD(i64_load8_u, uint64_t, uint8_t, 1)
CXM_LOAD(i64_load8_s, uint64_t, int8_t, 1)
CXM_LOAD(i64_load16_u, uint64_t, uint16_t, 2)
CXM_LOAD(i64_load16_s, uint64_t, int16_t, 2)
CXM_LOAD(i64_load32_u, uint64_t, uint32_t, 4)
CXM_LOAD(i64_load32_s, uint64_t, int32_t, 4)
CXM_LOAD(f32_load, float, float, 4)
CXM_LOAD(f64_load, double, double, 8)
CXM_STORE(i32_store, uint32_t, uint32_t, 4)
CXM_STORE(i32_store8, uint32_t, uint8_t, 1)
CXM_STORE(i32_store16, uint32_t, uint16_t, 2)
CXM_STORE(i64_store, uint64_t, uint64_t, 8)
CXM_STORE(i64_store8, uint64_t, uint8_t, 1)
CXM_STORE(i64_store16, uint64_t, uint16_t, 2)
CXM_STORE(i64_store32, uint64_t, uint32_t, 4)
CXM_STORE(f32_store, float, float, 4)
CXM_STORE(f64_store, double, double, 8)

CXM_OP v128 v128_load(const uint8_t *m, uint32_t address, uint32_t offset) {
  v128 x;
  CXM_READ(&x, m + (size_t)address + offset, 16);
  return x;
}
CXM_OP void v128_store(uint8_t *m, uint32_t address, uint32_t offset, v128 value) {
  CXM_WRITE(m + (size_t)address + offset, &value, 16);
}

#define CXM_LOAD_VECTOR(name, e) \
  CXM_OP v128 name(const uint8_t *m, uint32_t address, uint32_t offset) { return e; }
CXM_LOAD_VECTOR(v128_load32_zero, v128_const(i32_load(m, address, offset), 0))
CXM_LOAD_VECTOR(v128_load64_zero, v128_const(i64_load(m, address, offset), 0))
CXM_LOAD_VECTOR(v128_load8_splat, i8x16_splat(i32_load8_u(m, address, offset)))
CXM_LOAD_VECTOR(v128_load16_splat, i16x8_splat(i32_load16_u(m, address, offset)))
/* As float: gcc makes one broadcast from memory of it, of an integer a load and a shuffle. */
CXM_LOAD_VECTOR(v128_load32_splat, f32x4_splat(f32_load(m, address, offset)))
CXM_LOAD_VECTOR(v128_load64_splat, i64x2_splat(i64_load(m, address, offset)))
CXM_LOAD_VECTOR(v128_load8x8_s, i16x8_extend_low_i8x16_s(v128_load64_zero(m, address, offset)))
CXM_LOAD_VECTOR(v128_load8x8_u, i16x8_extend_low_i8x16_u(v128_load64_zero(m, address, offset)))
CXM_LOAD_VECTOR(v128_load16x4_s, i32x4_extend_low_i16x8_s(v128_load64_zero(m, address, offset)))
CXM_LOAD_VECTOR(v128_load16x4_u, i32x4_extend_low_i16x8_u(v128_load64_zero(m, address, offset)))
CXM_LOAD_VECTOR(v128_load32x2_s, i64x2_extend_low_i32x4_s(v128_load64_zero(m, address, offset)))
CXM_LOAD_VECTOR(v128_load32x2_u, i64x2_extend_low_i32x4_u(v128_load64_zero(m, address, offset)))

/* One lane of v from memory, or to memory. */
#define CXM_LANE(BITS, P, EXTRACT, LOAD, STORE)                                                                    \
  CXM_OP v128 v128_load##BITS##_lane(const uint8_t *m, uint32_t address, uint32_t offset, uint32_t lane, v128 v) { \
    return P##_replace_lane(v, lane, LOAD(m, address, offset));                                                    \
  }                                                                                                                \
  CXM_OP void v128_store##BITS##_lane(uint8_t *m, uint32_t address, uint32_t offset, uint32_t lane, v128 v) {      \
    STORE(m, address, offset, P##_##EXTRACT(v, lane));                                                             \
  }
CXM_LANE(8, i8x16, extract_lane_u, i32_load8_u, i32_store8)
CXM_LANE(16, i16x8, extract_lane_u, i32_load16_u, i32_store16)
CXM_LANE(32, i32x4, extract_lane, i32_load, i32_store)
CXM_LANE(64, i64x2, extract_lane, i64_load, i64_store)

/* The ranges may overlap. */
#if defined(CXM_GPU)
CXM_OP void memory_copy(uint8_t *m, uint32_t to, uint32_t from, uint32_t bytes) {
  uint8_t *const t = m + to;
  const uint8_t *const f = m + from;
  if (to <= from || to - from >= bytes) {
    uint32_t i = 0;
    if (((to | from) & 15) == 0)
      for (; i + 16 <= bytes; i += 16) *(uint4 *)(void *)(t + i) = *(const uint4 *)(const void *)(f + i);
    for (; i < bytes; i++) t[i] = f[i];
  } else {
    for (uint32_t i = bytes; i > 0; i--) t[i - 1] = f[i - 1];
  }
}
CXM_OP void memory_fill(uint8_t *m, uint32_t to, uint32_t value, uint32_t bytes) {
  for (uint32_t i = 0; i < bytes; i++) m[(size_t)to + i] = (uint8_t)value;
}
#else
CXM_OP void memory_copy(uint8_t *m, uint32_t to, uint32_t from, uint32_t bytes) { memmove(m + to, m + from, bytes); }
CXM_OP void memory_fill(uint8_t *m, uint32_t to, uint32_t value, uint32_t bytes) { memset(m + to, (int)(value & 0xff), bytes); }
#endif

#endif
