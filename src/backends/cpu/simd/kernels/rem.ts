import type { Asm } from '../asm.ts';
import type { Fn } from '../fn.ts';
import type { Ex, Local } from '../lift.ts';
import { pow2 } from './math.ts';

/** Bits of a mantissa that a shift may add at once: 24 + 39 = 63. */
const STEP = 39;

/** The 24 significant bits of a float32 value held as float64. */
const significand = (f: Fn, bits: Local): Ex => {
  const { i64 } = f.ops;
  return i64.shr_u(i64.or(i64.and(bits, f.i64Bits(0x000fffffffffffffn)), f.i64Bits(0x0010000000000000n)), 29);
};

/**
 * rem32(x, y): the exact remainder of two float32 with the sign of x. In float64 every float32 is normal, m 2^e with a
 * 24-bit m, so the remainder is (m_x 2^(e_x - e_y) mod m_y) 2^e_y: at most eight integer remainders.
 */
export const remKernel = (asm: Asm): string =>
  asm.define('rem32', ['f32', 'f32'], 'f32', (f) => {
    const { f32, f64, i32, i64 } = f.ops;
    const [x, y] = [f.arg(0), f.arg(1)];
    const out = f.let('f32', Number.NaN);
    const a = f.let('f64', f64.abs(f64.promote(x)));
    const b = f.let('f64', f64.abs(f64.promote(y)));
    f.if(i32.and(f64.lt(a, Number.POSITIVE_INFINITY), f64.gt(b, 0)), () => {
      f.set(out, x);
      f.if(f64.ge(a, b), () => {
        const [bitsA, bitsB] = [f.let('i64', i64.reinterpret(a)), f.let('i64', i64.reinterpret(b))];
        const exponent = f.i32(i32.wrap(i64.shr_u(bitsB, 52)));
        const rest = f.i32(i32.sub(i32.wrap(i64.shr_u(bitsA, 52)), exponent));
        const divisor = f.let('i64', significand(f, bitsB));
        const r = f.let('i64', i64.rem_u(significand(f, bitsA), divisor));
        const step = f.i32(0);
        f.while(
          () => i32.gt_s(rest, 0),
          () => {
            f.set(step, f.select(i32.lt_s(rest, STEP), rest, STEP));
            f.set(r, i64.rem_u(i64.shl(r, i64.extend_s(step)), divisor));
            f.set(rest, i32.sub(rest, step));
          },
        );
        const magnitude = f64.mul(f64.convert_s.i64(r), pow2(f, i32.sub(exponent, 1046)));
        f.set(out, f32.copysign(f32.demote(magnitude), x));
      });
    });
    f.result(out);
  });
