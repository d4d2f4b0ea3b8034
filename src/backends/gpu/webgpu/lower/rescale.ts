import type { OpNode } from '../../../../ir/index.ts';
import { at } from '../../../../support/index.ts';
import { type Context, refuse, type Region } from '../context.ts';
import { int, uint } from '../wgsl.ts';
import { around } from '../../axes.ts';
import { broadcastOffset, divisor } from './strided.ts';

/** What a rescale reads, and its text for a value. */
export interface RescaleText {
  readonly reads: readonly Region[];
  readonly text: (value: string) => string;
}

/** @param channel - expression of the index along axis 1 */
export const rescaleText = (ctx: Context, node: OpNode<'rescale'>, channel: string): RescaleText => {
  const [m, s] = [at(node.operands, 1), at(node.operands, 2)];
  const [multiplier, shift] = [ctx.use(m), ctx.use(s)];
  const index = ctx.count(m) === 1 ? '0u' : channel;
  const { input_zero: from, output_zero: zero, lo, hi } = node.attrs;
  return {
    reads: [multiplier, shift],
    text: (value) => {
      const less = from === 0 ? value : `(${value} - ${int(from)})`;
      return `rescale(${less}, ${multiplier.load('i32', index)}, ${shift.load('i32', index)}, ${int(zero)}, ${int(lo)}, ${int(hi)})`;
    },
  };
};

export const lowerRescale = (ctx: Context, node: OpNode<'rescale'>): void => {
  const [x, y] = [at(node.operands, 0), at(node.results, 0)];
  const { dtype, shape } = ctx.type(x);
  const { n, inner } = shape.length > 1 ? around(shape, 1) : { n: 1, inner: 1 };
  const finish = rescaleText(ctx, node, `(i / ${divisor(inner)}) % ${divisor(n)}`);
  const from = ctx.use(x);
  const to = ctx.use(y);
  ctx.elementsAt(to, ctx.type(y).dtype, ctx.count(y), [from, ...finish.reads], () => `  return ${finish.text(from.load(dtype, 'i'))};`);
};

/** The sum fits int32, and so does every part of it (constraint c4 of the op). */
export const lowerAddRescale = (ctx: Context, node: OpNode<'add_rescale'>): void => {
  const y = at(node.results, 0);
  const { shape } = ctx.type(y);
  const { multipliers, zeros, shift, output_zero: zero, lo, hi } = node.attrs;
  const text = (): string => {
    const lines = node.operands.map((v, k) => {
      const t = ctx.type(v);
      const load = ctx.use(v).load(t.dtype, `o${k}`);
      return `  let o${k} = ${broadcastOffset(t.shape, shape, 'i')};
  sum += ${int(at(multipliers, k))} * (${load} - ${int(at(zeros, k))});`;
    });
    return `  var sum = ${int(2 ** (shift - 1))};\n${lines.join('\n')}\n  return clamp((sum >> ${shift}u) + ${int(zero)}, ${int(lo)}, ${int(hi)});`;
  };
  ctx.elements(y, node.operands, text);
};

/** A fast row for a composite: the product of two bytes less their zeros fits int32. */
export const lowerMulRescale = (ctx: Context, node: OpNode<'mul_rescale'>): void => {
  const [a, b, m, s, y] = [at(node.operands, 0), at(node.operands, 1), at(node.operands, 2), at(node.operands, 3), at(node.results, 0)];
  const [ta, tb, ty] = [ctx.type(a), ctx.type(b), ctx.type(y)];
  const { a_zero: az, b_zero: bz, output_zero: zero, lo, hi } = node.attrs;
  const text = (): string => `  let oa = ${broadcastOffset(ta.shape, ty.shape, 'i')};
  let ob = ${broadcastOffset(tb.shape, ty.shape, 'i')};
  let product = (${ctx.use(a).load(ta.dtype, 'oa')} - ${int(az)}) * (${ctx.use(b).load(tb.dtype, 'ob')} - ${int(bz)});
  return rescale(product, ${ctx.use(m).load('i32', '0u')}, ${ctx.use(s).load('i32', '0u')}, ${int(zero)}, ${int(lo)}, ${int(hi)});`;
  ctx.elements(y, node.operands, text);
};

/** Bytes by their table; i16 between two entries of it: rshr((T[i] << 7) + (T[i + 1] - T[i]) f, 7). */
export const lowerTable = (ctx: Context, node: OpNode<'table'>): void => {
  const [x, t, y] = [at(node.operands, 0), at(node.operands, 1), at(node.results, 0)];
  const [tx, tt] = [ctx.type(x), ctx.type(t)];
  if (tx.dtype === 'f32') refuse('f32');
  const [from, table] = [ctx.use(x), ctx.use(t)];
  const wide = (): string => `  let v = bitcast<u32>(${from.load('i16', 'i')} + 32768);
  let k = v >> 7u;
  let next = k + 1u;
  let low = ${table.load('i16', 'k')};
  return (low * 128 + (${table.load('i16', 'next')} - low) * bitcast<i32>(v & 127u) + 64) >> 7u;`;
  const narrow = (): string => {
    const { n, inner } = tt.shape.length === 2 ? around(tx.shape, 1) : { n: 1, inner: 1 };
    const row = n === 1 ? '0u' : `(i / ${divisor(inner)}) % ${uint(n)} * 256u`;
    return `  let k = ${row} + bitcast<u32>(${from.load(tx.dtype, 'i')} + ${tx.dtype === 'i8' ? 128 : 0});
  return ${table.load(tt.dtype, 'k')};`;
  };
  ctx.elements(y, [x, t], tx.dtype === 'i16' ? wide : narrow);
};
