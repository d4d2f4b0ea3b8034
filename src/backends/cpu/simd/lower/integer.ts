import type { FAMILIES, LoweringTable, OpNode } from '../../../../ir/index.ts';
import type { Context, Emit } from '../context.ts';
import type { Fn } from '../fn.ts';
import { remKernel } from '../kernels/rem.ts';
import type { Ex, Local } from '../lift.ts';
import { accessOf, lowerMap, operand } from './common.ts';

type Pair = (f: Fn, a: Local, b: Local) => Ex;

/** The result of `build`, 0 where b is 0: the instructions would trap. */
const unlessZero = (f: Fn, b: Local, build: (r: Local) => void): Ex => {
  const r = f.i32(0);
  f.if(b, () => build(r));
  return f.ops.i32.add(r, 0);
};

const rem: Pair = (f, a, b) => unlessZero(f, b, (r) => f.set(r, f.ops.i32.rem_s(a, b)));

const mod: Pair = (f, a, b) =>
  unlessZero(f, b, (r) => {
    const { i32 } = f.ops;
    f.set(r, i32.rem_s(a, b));
    f.set(r, f.select(i32.and(i32.ne(r, 0), i32.lt_s(i32.xor(r, b), 0)), i32.add(r, b), r));
  });

const divFloor: Pair = (f, a, b) =>
  unlessZero(f, b, (q) => {
    const { i32 } = f.ops;
    f.if(
      i32.and(i32.eq(b, -1), i32.eq(a, -(2 ** 31))),
      () => f.set(q, 2 ** 31 - 1),
      () => {
        const down = i32.and(i32.ne(i32.rem_s(a, b), 0), i32.lt_s(i32.xor(a, b), 0));
        f.set(q, i32.sub(i32.div_s(a, b), down));
      },
    );
  });

/** floor((2 a + b) / (2 b)) in i64, where neither sum nor quotient can overflow. */
const divRound: Pair = (f, a, b) =>
  unlessZero(f, b, (q) => {
    const { i64 } = f.ops;
    const n = f.let('i64', i64.add(i64.shl(i64.extend_s(a), 1), i64.extend_s(b)));
    const d = f.let('i64', i64.shl(i64.extend_s(b), 1));
    const down = i64.extend_u(f.ops.i32.and(i64.ne(i64.rem_s(n, d), 0), i64.lt_s(i64.xor(n, d), 0)));
    const y = f.let('i64', i64.sub(i64.div_s(n, d), down));
    f.set(q, f.select(i64.gt_s(y, 2 ** 31 - 1), 2 ** 31 - 1, f.ops.i32.wrap(y)));
  });

/** The shift takes n mod 32: n < 0 counts as 0, n > 31 gives 0. */
const zeroAbove =
  (shift: (f: Fn, a: Local, n: Local) => Ex): Pair =>
  (f, a, n) =>
    f.select(f.ops.i32.lt_s(n, 0), a, f.select(f.ops.i32.gt_s(n, 31), 0, shift(f, a, n)));
const shiftRight: Pair = (f, a, n) => {
  const { i32 } = f.ops;
  return i32.shr_s(a, f.select(i32.lt_s(n, 0), 0, f.select(i32.gt_s(n, 31), 31, n)));
};

/** Every integer dtype is widened to i32 on load, and the store keeps the low bits. */
const lowerPair =
  (name: string, pair: Pair, vector?: Pair) =>
  (ctx: Context, node: OpNode): Emit => {
    const access = accessOf(ctx.type(operand(node, 0)));
    const four = access === 'i32' ? vector : undefined;
    return lowerMap(ctx, node, {
      name,
      inputs: [access, access],
      output: access,
      scalar: (f, xs) => pair(f, ...(xs as unknown as readonly [Local, Local])),
      ...(four === undefined ? {} : { vector: (f: Fn, xs: readonly Local[]) => four(f, ...(xs as unknown as readonly [Local, Local])) }),
    });
  };

const lowerRem = (ctx: Context, node: OpNode<'rem'>): Emit => {
  if (ctx.type(operand(node, 0)).dtype !== 'f32') return lowerPair('rem', rem)(ctx, node);
  const kernel = remKernel(ctx.asm);
  return lowerMap(ctx, node, { name: 'rem', inputs: ['f32', 'f32'], output: 'f32', scalar: (f, xs) => f.call(kernel, xs) });
};

const lowerNot = (ctx: Context, node: OpNode<'bitwise_not'>): Emit => {
  const access = accessOf(ctx.type(operand(node, 0)));
  return lowerMap(ctx, node, { name: 'bit_not', inputs: [access], output: access, scalar: (f, [x = 0]) => f.ops.i32.xor(x, -1) });
};

export const integerRows = {
  mod: lowerPair('mod', mod),
  rem: lowerRem,
  div_floor: lowerPair('div_floor', divFloor),
  shift_left: lowerPair(
    'shift_left',
    zeroAbove((f, a, n) => f.ops.i32.shl(a, n)),
  ),
  shift_right: lowerPair('shift_right', shiftRight),
  shift_right_logical: lowerPair(
    'shift_right_logical',
    zeroAbove((f, a, n) => f.ops.i32.shr_u(a, n)),
  ),
  bitwise_and: lowerPair(
    'bit_and',
    (f, a, b) => f.ops.i32.and(a, b),
    (f, a, b) => f.ops.v128.and(a, b),
  ),
  bitwise_or: lowerPair(
    'bit_or',
    (f, a, b) => f.ops.i32.or(a, b),
    (f, a, b) => f.ops.v128.or(a, b),
  ),
  bitwise_xor: lowerPair(
    'bit_xor',
    (f, a, b) => f.ops.i32.xor(a, b),
    (f, a, b) => f.ops.v128.xor(a, b),
  ),
  bitwise_not: lowerNot,
  div_round: lowerPair('div_round', divRound),
  clz: (ctx, node) => lowerMap(ctx, node, { name: 'clz', inputs: ['i32'], output: 'i32', scalar: (f, [x = 0]) => f.ops.i32.clz(x) }),
} satisfies LoweringTable<Context, Emit, keyof (typeof FAMILIES)['integer']>;
