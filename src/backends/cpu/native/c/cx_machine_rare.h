/* Instructions that no lowering needs fast: loops on every processor. */
#ifndef CX_MACHINE_RARE_H
#define CX_MACHINE_RARE_H

CXM_LOOP1(i8x16_popcnt, u8x16, i32_popcnt(a))
CXM_LOOP_CONVERT(f32x4_convert_i32x4_u, u32x4, f32x4, p[i])
CXM_LOOP_CONVERT(f64x2_convert_low_i32x4_u, u32x4, f64x2, p[i])
CXM_LOOP_CONVERT(i32x4_trunc_sat_f32x4_u, f32x4, u32x4, i32_trunc_sat_f32_u(p[i]))
CXM_LOOP_CONVERT(i32x4_trunc_sat_f64x2_u_zero, f64x2, u32x4, i < 2 ? i32_trunc_sat_f64_u(p[i]) : 0)

#endif
