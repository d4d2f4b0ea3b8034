import { elementCount, type OpNode } from '../../../../ir/index.ts';
import { at } from '../../../../support/index.ts';
import { type Code, num, plus, times } from '../code.ts';
import type { Context, KernelText, Store } from '../context.ts';
import { clamp, RADIX, toSingle } from '../integers.ts';
import { scaled } from '../scale.ts';
import { axisOf } from '../../../cpu/simd/lower/common.ts';
import { around } from '../../axes.ts';
import { stridedOffset } from './strided.ts';

/** Bits of 2^46 behind its first. */
const QUOTIENT_BITS = 46;
const QUOTIENT_LIMBS = 5;
/** What is found of a line: the greatest of it, and the limbs of R = floor(2^46 / s). */
const LINE_NUMBERS = 1 + QUOTIENT_LIMBS;
/** Entries of at most 2^16 that are summed before a carry. */
const ENTRIES = 128;

/** Entries of the table count as 0..65536. */
const entry = (kernel: KernelText, table: Store, distance: string): string =>
  toSingle(kernel.code, clamp(kernel.code, kernel.read(table, kernel.code.let(distance)), 0, 65536));

/** The limbs of floor(2^46 / s) for s = hi 2048 + lo <= 2^30 by long division; 0 for s = 0. */
const divided = (code: Code, lo: string, hi: string): readonly string[] => {
  const limbs = Array.from({ length: QUOTIENT_LIMBS }, () => code.variable('0'));
  const [restLo, restHi] = [code.variable('1'), code.variable('0')];
  const subtract = (): void => {
    code.block(`if (${restHi} > ${hi} || (${restHi} == ${hi} && ${restLo} >= ${lo}))`, () => {
      code.line(`${restLo} = ${restLo} - ${lo};`);
      code.line(`${restHi} = ${restHi} - ${hi};`);
      code.line(`if (${restLo} < 0) { ${restLo} = ${restLo} + ${RADIX}; ${restHi} = ${restHi} - 1; }`);
      code.line(`${at(limbs, 0)} = ${at(limbs, 0)} + 1;`);
    });
  };
  const twice = (names: readonly string[]): void => {
    for (const v of names) code.line(`${v} = 2 * ${v};`);
    names.slice(0, -1).forEach((v, j) => {
      code.line(`if (${v} >= ${RADIX}) { ${v} = ${v} - ${RADIX}; ${at(names, j + 1)} = ${at(names, j + 1)} + 1; }`);
    });
  };
  subtract();
  code.loop(0, QUOTIENT_BITS, () => {
    twice([restLo, restHi]);
    twice(limbs);
    subtract();
  });
  code.block(`if (${lo} + ${hi} < 0.5)`, () => limbs.forEach((v) => code.line(`${v} = 0;`)));
  return limbs;
};

/** Integer softmax through a table of E (NUMERICS 1.6): a first kernel finds the greatest of each line and R, a second one does the elements. */
export const lowerSoftmax = (ctx: Context, node: OpNode<'softmax_lut'>): void => {
  const [x, t, y] = [at(node.operands, 0), at(node.operands, 1), at(node.results, 0)];
  const { shape } = ctx.type(x);
  const { outer, n, inner } = around(shape, axisOf(node.attrs.axis, shape.length));
  if (elementCount(shape) === 0) return void ctx.use(y);
  const lines = outer * inner;
  const [source, table] = [ctx.use(x), ctx.use(t)];
  const found = ctx.scratch(lines * LINE_NUMBERS, -128, RADIX);
  const findOf = (kernel: KernelText): ReturnType<KernelText['read']> => {
    const { code, place } = kernel;
    const [line, number] = place;
    const first = stridedOffset(code, [outer, inner], [n * inner, 1], 0, line);
    const element = (k: string): string => kernel.read(source, code.let(plus(first, times(k, inner)))).lo;
    const most = code.variable('(-128)');
    code.loop(0, n, (k) => code.line(`${most} = Math.max(${most}, ${element(k)});`));
    const [lo, hi] = [code.variable('0'), code.variable('0')];
    const part = (from: string, length: number): void => {
      code.loop(0, length, (k) => code.line(`${lo} = ${lo} + ${entry(kernel, table, `${most} - ${element(plus(from, k))}`)};`));
      const up = code.floor(`${lo} * ${num(1 / RADIX)}`);
      code.line(`${lo} = ${lo} - ${up} * ${RADIX};`);
      code.line(`${hi} = ${hi} + ${up};`);
    };
    const whole = Math.floor(n / ENTRIES);
    code.loop(0, whole, (b) => part(code.let(times(b, ENTRIES)), ENTRIES));
    if (n > whole * ENTRIES) part(num(whole * ENTRIES), n - whole * ENTRIES);
    const limbs = divided(code, lo, hi);
    const result = code.variable(most);
    limbs.forEach((v, j) => code.line(`if (${number} == ${j + 1}) { ${result} = ${v}; }`));
    return { lo: result, min: -128, max: RADIX };
  };
  ctx.mapTo(found, findOf, [lines, LINE_NUMBERS, 1]);
  ctx.map(y, (kernel) => {
    const { code } = kernel;
    const i = kernel.flat();
    const line = stridedOffset(code, [outer, n, inner], [inner, 0, 1], 0, i);
    const part = (j: number): string => kernel.read(found, plus(line, num(j * lines))).lo;
    const e = entry(kernel, table, `${part(0)} - ${kernel.read(source, i).lo}`);
    // (e R + 2^37) >> 38 with both times 2^6: four whole limbs
    const upper = code.floor(`${e} * ${num(1 / 32)}`);
    const value = { names: [code.let(`(${e} - ${upper} * 32) * 64`), upper], min: 0, max: 2 ** 22 };
    const factor = { limbs: Array.from({ length: QUOTIENT_LIMBS }, (_, j) => part(1 + j)), min: 0, max: 2 ** 46 };
    return scaled(code, [{ value, factor }], 4, { zero: -128, lo: -128, hi: 127 });
  });
};
