/* Loads and stores at m + address + offset, of any alignment, and the instructions of bulk memory. */
#ifndef CX_MACHINE_MEMORY_H
#define CX_MACHINE_MEMORY_H

/* The sum of address and offset does not wrap at 2^32, as in WebAssembly. */
#define CXM_LOAD(name, V, T)                                           \
  CXM_OP V name(const uint8_t *m, uint32_t address, uint32_t offset) { \
    T x;                                                               \
    memcpy(&x, m + (size_t)address + offset, sizeof x);                \
    return (V)x;                                                       \
  }
#define CXM_STORE(name, V, T)                                                \
  CXM_OP void name(uint8_t *m, uint32_t address, uint32_t offset, V value) { \
    const T x = (T)value;                                                    \
    memcpy(m + (size_t)address + offset, &x, sizeof x);                      \
  }
CXM_LOAD(i32_load, uint32_t, uint32_t)
CXM_LOAD(i32_load8_u, uint32_t, uint8_t)
CXM_LOAD(i32_load8_s, uint32_t, int8_t)
CXM_LOAD(i32_load16_u, uint32_t, uint16_t)
CXM_LOAD(i32_load16_s, uint32_t, int16_t)
CXM_LOAD(i64_load, uint64_t, uint64_t)
CXM_LOAD(i64_load8_u, uint64_t, uint8_t)
CXM_LOAD(i64_load8_s, uint64_t, int8_t)
CXM_LOAD(i64_load16_u, uint64_t, uint16_t)
CXM_LOAD(i64_load16_s, uint64_t, int16_t)
CXM_LOAD(i64_load32_u, uint64_t, uint32_t)
CXM_LOAD(i64_load32_s, uint64_t, int32_t)
CXM_LOAD(f32_load, float, float)
CXM_LOAD(f64_load, double, double)
CXM_STORE(i32_store, uint32_t, uint32_t)
CXM_STORE(i32_store8, uint32_t, uint8_t)
CXM_STORE(i32_store16, uint32_t, uint16_t)
CXM_STORE(i64_store, uint64_t, uint64_t)
CXM_STORE(i64_store8, uint64_t, uint8_t)
CXM_STORE(i64_store16, uint64_t, uint16_t)
CXM_STORE(i64_store32, uint64_t, uint32_t)
CXM_STORE(f32_store, float, float)
CXM_STORE(f64_store, double, double)

CXM_OP v128 v128_load(const uint8_t *m, uint32_t address, uint32_t offset) {
  v128 x;
  memcpy(&x, m + (size_t)address + offset, 16);
  return x;
}
CXM_OP void v128_store(uint8_t *m, uint32_t address, uint32_t offset, v128 value) {
  memcpy(m + (size_t)address + offset, &value, 16);
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
CXM_OP void memory_copy(uint8_t *m, uint32_t to, uint32_t from, uint32_t bytes) { memmove(m + to, m + from, bytes); }
CXM_OP void memory_fill(uint8_t *m, uint32_t to, uint32_t value, uint32_t bytes) { memset(m + to, (int)(value & 0xff), bytes); }

#endif
