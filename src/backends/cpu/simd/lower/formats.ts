import { beyondMax, type FAMILIES, FLOAT_FORMATS, type LoweringTable, type OpNode, subnormalStep } from '../../../../ir/index.ts';
import type { Context, Emit } from '../context.ts';
import type { Fn } from '../fn.ts';
import type { Ex, Local } from '../lift.ts';
import { moveKernel } from '../kernels/copy.ts';
import { bytesOf, lowerMap, operand, result } from './common.ts';

/** The sequence of `roundToFormat` on the bits of one float. */
const rounded = (f: Fn, x: Local, { format, saturate }: OpNode<'round_float'>['attrs']): Ex => {
  const { f32, i32 } = f.ops;
  const { fraction, max, negativeZero, beyond } = FLOAT_FORMATS[format];
  const magnitude = f.let('f32', f32.abs(x));
  const bits = f.i32(i32.reinterpret(magnitude));
  const drop = 23 - fraction;
  const carried = i32.add(i32.add(bits, (1 << (drop - 1)) - 1), i32.and(i32.shr_u(bits, drop), 1));
  const y = f.let('f32', f32.reinterpret(i32.and(carried, -1 << drop)));
  const step = subnormalStep(format);
  if (step > 0) {
    const steps = f32.nearest(f32.mul(magnitude, f.f32c(1 / step)));
    f.set(y, f.select(f32.lt(magnitude, f.f32c(step * 2 ** fraction)), f32.mul(steps, f.f32c(step)), y, 'f32'));
  }
  f.set(y, f.select(f32.gt(y, f.f32c(max)), f.f32c(beyondMax(format, saturate)), y, 'f32'));
  const signed = f32.copysign(y, x);
  const whole = negativeZero ? signed : f.select(f32.eq(y, f.f32c(0)), y, signed, 'f32');
  return f.select(f32.ne(x, x), f.f32c(beyond === 'max' ? -0 : Number.NaN), whole, 'f32');
};

const lowerRoundFloat = (ctx: Context, node: OpNode<'round_float'>): Emit =>
  lowerMap(ctx, node, {
    name: `round_${node.attrs.format}_${node.attrs.saturate ? 's' : 'n'}`,
    inputs: ['f32'],
    output: 'f32',
    scalar: (f, [x]) => (x === undefined ? 0 : rounded(f, x, node.attrs)),
  });

/** Bits move; those of a float are made canonical where they are a NaN. */
const lowerBitcast = (ctx: Context, node: OpNode<'bitcast'>): Emit => {
  if (node.attrs.dtype === 'f32')
    return lowerMap(ctx, node, {
      name: 'float_of_bits',
      inputs: ['f32'],
      output: 'f32',
      scalar: (f, [x = 0]) => f.select(f.ops.f32.ne(x, x), f.f32c(Number.NaN), x, 'f32'),
    });
  if (node.attrs.dtype === 'i32')
    return lowerMap(ctx, node, {
      name: 'bits_of_float',
      inputs: ['f32'],
      output: 'i32',
      scalar: (f, [x = 0]) => f.select(f.ops.f32.ne(x, x), 0x7fc00000, f.ops.i32.reinterpret(x)),
    });
  const type = ctx.type(result(node));
  const [x, y] = [ctx.use(operand(node, 0)), ctx.use(result(node))];
  return (f) => f.do(f.call(moveKernel(ctx.asm), [y.address, x.address, ctx.count(result(node)) * bytesOf(type)]));
};

export const formatsRows = {
  round_float: lowerRoundFloat,
  bitcast: lowerBitcast,
} satisfies LoweringTable<Context, Emit, keyof (typeof FAMILIES)['formats']>;
