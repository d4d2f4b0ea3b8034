import type { Asm } from '../asm.ts';
import type { Fn } from '../fn.ts';
import type { Local } from '../lift.ts';

const M0 = 0xd2511f53;
const M1 = 0xcd9e8d57;
const W0 = 0x9e3779b9;
const W1 = 0xbb67ae85;
const ROUNDS = 10;

/** (c0, c1, c2, c3) -> (hi(M1 c2) ^ c1 ^ k0, lo(M1 c2), hi(M0 c0) ^ c3 ^ k1, lo(M0 c0)). */
const round = (f: Fn, c: readonly [Local, Local, Local, Local], k: readonly [Local, Local], products: readonly [Local, Local]): void => {
  const { i32, i64 } = f.ops;
  const [c0, c1, c2, c3] = c;
  const [p0, p1] = products;
  f.set(p0, i64.mul(i64.extend_u(c0), M0));
  f.set(p1, i64.mul(i64.extend_u(c2), M1));
  f.set(c0, i32.xor(i32.xor(i32.wrap(i64.shr_u(p1, 32)), c1), k[0]));
  f.set(c2, i32.xor(i32.xor(i32.wrap(i64.shr_u(p0, 32)), c3), k[1]));
  f.set(c1, i32.wrap(p1));
  f.set(c3, i32.wrap(p0));
};

/** philox(to, count, key0, key1, op id, stream, block): `count` words of Philox4x32-10, blocks from `block` on (NUMERICS §1.8). */
export const philoxKernel = (asm: Asm): string =>
  asm.define('philox', new Array<'i32'>(7).fill('i32'), undefined, (f) => {
    const { i32 } = f.ops;
    const [to, count, key0, key1, opId, stream] = [f.arg(0), f.arg(1), f.arg(2), f.arg(3), f.arg(4), f.arg(5)];
    const c = [f.local('i32'), f.local('i32'), f.local('i32'), f.local('i32')] as const;
    const k = [f.local('i32'), f.local('i32')] as const;
    const products = [f.local('i64'), f.local('i64')] as const;
    const left = f.i32(count);
    const block = f.arg(6);
    f.while(
      () => i32.gt_s(left, 0),
      () => {
        f.set(c[0], block);
        f.set(c[1], 0);
        f.set(c[2], opId);
        f.set(c[3], stream);
        f.set(k[0], key0);
        f.set(k[1], key1);
        for (let i = 0; i < ROUNDS; i++) {
          if (i > 0) {
            f.inc(k[0], W0);
            f.inc(k[1], W1);
          }
          round(f, c, k, products);
        }
        c.forEach((word, i) => {
          if (i === 0) f.store('i32', to, word);
          else f.if(i32.gt_s(left, i), () => f.store('i32', to, word, 4 * i));
        });
        f.inc(to, 16);
        f.inc(left, -4);
        f.inc(block, 1);
      },
    );
  });
