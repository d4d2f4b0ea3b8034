import { IMPOSSIBLE, LN2_Q20, LOG_MAX, LSE_CUT, NEG_INF } from '../../../../ir/index.ts';
import type { Asm } from '../asm.ts';
import type { Fn } from '../fn.ts';
import type { Ex, Local } from '../lift.ts';
import { rshr64 } from './fixed.ts';

/** The integer functions of ir/numeric/log-domain.ts: same tables, same roundings, products in i64. */

/** 2^(-t) in Q23 as i64, t in Q16 from 0 on. */
const exp2Down = (f: Fn, t: Local, table: Local): Ex => {
  const { i32, i64 } = f.ops;
  const low16 = f.i32(i32.and(i32.wrap(t), 65535));
  const entry = f.i32(i32.add(table, i32.shl(i32.shr_u(low16, 8), 2)));
  const low = f.i32(f.load('i32', entry));
  // a step is below 2^22 and the fraction below 2^8
  const step = i32.mul(i32.sub(f.load('i32', entry, 4), low), i32.and(low16, 255));
  const u = i32.add(low, i32.shr_s(i32.add(step, 128), 8));
  return rshr64(f, i64.extend_u(u), i64.add(i64.shr_u(t, 16), 7));
};

/** log2(s) - 23 in Q24 for s >= 2^23, from its leading 32 bits. */
const log2OfQ23 = (f: Fn, s: Local, logs: Local): Ex => {
  const { i32, i64 } = f.ops;
  const zeros = f.let('i64', i64.clz(s));
  const lead = f.i32(i32.wrap(i64.shr_u(i64.shl(s, zeros), 32)));
  const entry = f.i32(i32.add(logs, i32.shl(i32.and(i32.shr_u(lead, 23), 255), 2)));
  const low = f.i32(f.load('i32', entry));
  const product = i64.mul(i64.extend_s(i32.sub(f.load('i32', entry, 4), low)), i64.extend_u(i32.and(lead, 0x7fffff)));
  const step = rshr64(f, product, 23);
  return i64.add(i64.add(i64.shl(i64.sub(40, zeros), 24), i64.extend_s(low)), step);
};

/** lse_fixed(from, count, fraction, factor, table, logs): log-sum-exp of consecutive words; factor = round(log2(e) 2^(30 - F)). */
export const lseKernel = (asm: Asm): string =>
  asm.define('lse_fixed', new Array<'i32'>(6).fill('i32'), 'i32', (f) => {
    const { i32, i64 } = f.ops;
    const [from, count, fraction, factor, table, logs] = [f.arg(0), f.arg(1), f.arg(2), f.arg(3), f.arg(4), f.arg(5)];
    const [p, x, m, y] = [f.i32(from), f.i32(0), f.i32(NEG_INF), f.i32(NEG_INF)];
    const each = (body: () => void): void => {
      f.set(p, from);
      f.for(0, count, 1, () => {
        f.set(x, f.load('i32', p));
        body();
        f.inc(p, 4);
      });
    };
    each(() => f.set(m, f.select(i32.gt_s(x, m), x, m)));
    f.if(i32.gt_s(m, IMPOSSIBLE), () => {
      const [s, t] = [f.let('i64', 0), f.local('i64')];
      const limit = f.let('i64', i64.shl(64, i64.extend_u(fraction)));
      const cut = f.let('i64', LSE_CUT);
      const wideFactor = f.let('i64', i64.extend_u(factor));
      each(() =>
        f.if(i32.gt_s(x, IMPOSSIBLE), () => {
          f.set(t, i64.sub(i64.extend_s(m), i64.extend_s(x)));
          f.set(t, f.select(i64.gt_s(t, limit), limit, t, 'i64'));
          f.set(t, rshr64(f, i64.mul(t, wideFactor), 14));
          f.set(t, f.select(i64.gt_s(t, cut), cut, t, 'i64'));
          f.set(s, i64.add(s, exp2Down(f, t, table)));
        }),
      );
      const nats = i64.mul(log2OfQ23(f, s, logs), LN2_Q20);
      f.set(t, i64.add(i64.extend_s(m), rshr64(f, nats, i64.sub(44, i64.extend_u(fraction)))));
      f.set(y, f.select(i64.gt_s(t, LOG_MAX), LOG_MAX, i32.wrap(t)));
    });
    f.result(y);
  });
