import { DTYPE_INFO, elementCount, type OpNode, type Rule } from '../../../ir/index.ts';
import { at, invariant } from '../../../support/index.ts';
import { type AnyRule, type Context, type Emit, SIMD_ROWS } from '../../cpu/simd/index.ts';
import { rescaleForm } from '../../cpu/simd/lower/accumulate.ts';
import { accessOf } from '../../cpu/simd/lower/common.ts';
import type { Asm } from '../../cpu/simd/asm.ts';
import type { Access, Fn } from '../../cpu/simd/fn.ts';
import type { Local } from '../../cpu/simd/lift.ts';

/**
 * (to, from, count, multiplier, shift): y = clamp(rshr((x - minus) M, s) + zero, lo, hi) in 64-bit integers, where the SIMD machine takes
 * doubles: products have 52 bits, and each double would be a subroutine here.
 */
const kernel = (
  asm: Asm,
  { from, to, sizes }: { readonly from: Access; readonly to: Access; readonly sizes: readonly [number, number] },
  { input_zero: minus, output_zero: zero, lo, hi }: OpNode<'rescale'>['attrs'],
): string =>
  asm.define(`rescale64_${from}_${to}_${minus}_${zero}_${lo}_${hi}`, ['i32', 'i32', 'i32', 'i32', 'i32'], undefined, (f) => {
    const { i32, i64 } = f.ops;
    const [target, source, count, multiplier, shift] = [0, 1, 2, 3, 4].map((i) => f.arg(i)) as [Local, Local, Local, Local, Local];
    const factor = f.let('i64', i64.extend_s(multiplier));
    const places = f.let('i64', i64.extend_s(shift));
    const half = f.let('i64', i64.shl(f.i64Bits(1n), i64.sub(places, f.i64Bits(1n))));
    const value = f.local('i64');
    const [least, most] = [f.let('i64', f.i64Bits(BigInt(lo - zero))), f.let('i64', f.i64Bits(BigInt(hi - zero)))];
    const [read, write] = [f.i32(source), f.i32(target)];
    f.for(0, count, 1, () => {
      const x = f.load(from, read);
      f.set(value, i64.extend_s(minus === 0 ? x : i32.sub(x, minus)));
      f.set(value, i64.shr_s(i64.add(i64.mul(value, factor), half), places));
      f.set(value, f.select(i64.lt_s(value, least), least, value, 'i64'));
      f.set(value, f.select(i64.gt_s(value, most), most, value, 'i64'));
      f.store(to, write, i32.add(i32.wrap(value), zero));
      f.inc(read, sizes[0]);
      f.inc(write, sizes[1]);
    });
  });

const lowerWide = (ctx: Context, node: OpNode<'rescale'>): Emit => {
  const [x, m, s, y] = [at(node.operands, 0), at(node.operands, 1), at(node.operands, 2), at(node.results, 0)];
  const [tx, ty] = [ctx.type(x), ctx.type(y)];
  const channels = ctx.count(m);
  const inner = channels === 1 ? ctx.count(x) : elementCount(tx.shape.slice(2));
  const outer = channels === 1 ? 1 : at(tx.shape, 0);
  const [from, multiplier, shift, to] = [ctx.use(x), ctx.use(m), ctx.use(s), ctx.use(y)];
  const sizes = [DTYPE_INFO[tx.dtype].bytes, DTYPE_INFO[ty.dtype].bytes] as const;
  return (f: Fn) => {
    const { i32 } = f.ops;
    const name = kernel(ctx.asm, { from: accessOf(tx), to: accessOf(ty), sizes }, node.attrs);
    const [source, target] = [f.i32(from.address), f.i32(to.address)];
    f.for(0, outer, 1, () => {
      f.for(0, channels, 1, (c) => {
        const offset = f.i32(i32.shl(c, 2));
        const factors = [multiplier, shift].map((slot) => f.load('i32', i32.add(offset, slot.address)));
        f.do(f.call(name, [target, source, inner, ...factors]));
        f.inc(source, inner * sizes[0]);
        f.inc(target, inner * sizes[1]);
      });
    });
  };
};

/** Rescales whose factors are not narrow, by integers; the others as the SIMD machine has them. */
export const lowerRescale: Rule<Context, Emit, 'rescale'> = (ctx, node) => {
  const narrow = SIMD_ROWS.get('rescale');
  invariant(narrow !== undefined, 'the SIMD machine has a row for rescale');
  const [m, s] = [at(node.operands, 1), at(node.operands, 2)];
  return rescaleForm(ctx, m, s) === 'narrow' ? narrow(ctx, node) : lowerWide(ctx, node);
};

export const RESCALE_ROW: AnyRule = lowerRescale as unknown as AnyRule;
