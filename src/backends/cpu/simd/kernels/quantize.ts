import type { Asm } from '../asm.ts';
import type { Access, Fn } from '../fn.ts';
import type { Ex, Local } from '../lift.ts';
import { ACCESS_BYTES } from './map.ts';
import { factorLocals, loadFactors, type RescaleForm, rescaleScalar, rescaleVector } from './rescale.ts';

const loadFour = (f: Fn, access: Access, from: Local): Ex => {
  const { i32x4, i16x8 } = f.ops;
  switch (access) {
    case 'i8':
      return i32x4.extend_low_i16x8_s(i16x8.extend_low_i8x16_s(f.vload('load32_zero', from)));
    case 'u8':
      return i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(f.vload('load32_zero', from)));
    case 'i16':
      return f.vload('load16x4_s', from);
    default:
      return f.vload('load', from);
  }
};

const storeFour = (f: Fn, access: Access, to: Local, words: Ex): void => {
  const { i8x16, i16x8, v128, i32x4 } = f.ops;
  if (access === 'i32') f.vstore(to, words);
  else if (access === 'i16') f.storeLane(64, 0, to, i16x8.narrow_i32x4_s(words, f.zero()));
  else {
    const low = i16x8.narrow_i32x4_s(v128.and(words, i32x4.splat(0xff)), f.zero());
    f.storeLane(32, 0, to, i8x16.narrow_i16x8_u(low, f.zero()));
  }
};

/** rescale(to, from, count, multiplier, shift, inputZero, zero, lo, hi) of one channel's row. */
export const rescaleKernel = (asm: Asm, input: Access, output: Access, form: RescaleForm): string =>
  asm.define(`rescale_${input}_${output}_${form}`, new Array<'i32'>(9).fill('i32'), undefined, (f) => {
    const { i32, i32x4 } = f.ops;
    const [to, from, count, multiplier, shift, inputZero] = [f.arg(0), f.arg(1), f.arg(2), f.arg(3), f.arg(4), f.arg(5)];
    const bounds = { zero: f.arg(6), lo: f.arg(7), hi: f.arg(8) };
    const factors = factorLocals(f, form);
    loadFactors(f, factors, multiplier, shift);
    const bytes = ACCESS_BYTES[output];
    const end4 = f.i32(i32.add(to, i32.mul(i32.and(count, -4), bytes)));
    const end = f.i32(i32.add(to, i32.mul(count, bytes)));
    const x = f.local('v128');
    f.while(
      () => i32.lt_u(to, end4),
      () => {
        f.set(x, i32x4.sub(loadFour(f, input, from), i32x4.splat(inputZero)));
        storeFour(f, output, to, rescaleVector(f, x, factors, bounds));
        f.inc(to, 4 * bytes);
        f.inc(from, 4 * ACCESS_BYTES[input]);
      },
    );
    f.while(
      () => i32.lt_u(to, end),
      () => {
        f.store(output, to, rescaleScalar(f, i32.sub(f.load(input, from), inputZero), multiplier, shift, bounds));
        f.inc(to, bytes);
        f.inc(from, ACCESS_BYTES[input]);
      },
    );
  });

/** table(to, from, count, table): y = T[x], the table pointer at the entry of x = 0. */
export const tableKernel = (asm: Asm, input: 'i8' | 'u8', output: Access): string =>
  asm.define(`table_${input}_${output}`, new Array<'i32'>(4).fill('i32'), undefined, (f) => {
    const { i32 } = f.ops;
    const [to, from, count, table] = [f.arg(0), f.arg(1), f.arg(2), f.arg(3)];
    const bytes = ACCESS_BYTES[output];
    const end = f.i32(i32.add(from, count));
    const end4 = f.i32(i32.add(from, i32.and(count, -4)));
    const one = (i: number): void => {
      const index = f.load(input, from, i);
      f.store(output, to, f.load(output, i32.add(table, bytes === 1 ? index : i32.mul(index, bytes))), i * bytes);
    };
    f.while(
      () => i32.lt_u(from, end4),
      () => {
        for (let i = 0; i < 4; i++) one(i);
        f.inc(from, 4);
        f.inc(to, 4 * bytes);
      },
    );
    f.while(
      () => i32.lt_u(from, end),
      () => {
        one(0);
        f.inc(from, 1);
        f.inc(to, bytes);
      },
    );
  });
