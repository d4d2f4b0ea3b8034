import type { ValueId } from '../../../../ir/index.ts';
import type { Context, Emit } from '../context.ts';
import { planeOf } from '../geometry.ts';
import { byteConstants } from '../kernels/bytes.ts';
import { DEPTHWISE_PAIRS, type DepthwiseStride, depthwiseKernel } from '../kernels/depthwise.ts';
import { EPILOGUE_BYTES, TILE_CHANNELS } from '../kernels/gemm.ts';
import { shareOf, wholeOf } from '../kernels/share.ts';
import { packRowsKernel } from '../kernels/wide.ts';
import { emitPaddedRows, PAD_SLACK } from '../kernels/window.ts';
import type { Finish } from './accumulate.ts';
import { mayDivide, ownPart, type Plan } from './conv-plan.ts';

/** The stride of a 3 x 3 conv of bytes with one kernel a channel that has a kernel of its own here. */
export const depthwiseStride = ({ geometry: g, groups, inGroup, outGroup }: Plan): DepthwiseStride | undefined => {
  const is = (t: readonly number[], ...wanted: number[]): boolean => t.every((n, i) => n === wanted[i]);
  if (inGroup !== 1 || outGroup !== 1 || groups < 2 || !is(g.kernel, 1, 3, 3) || !is(g.dilation, 1, 1, 1)) return undefined;
  if (g.padded[0] !== 1 || g.stride[1] !== g.stride[2]) return undefined;
  return g.stride[1] === 1 || g.stride[1] === 2 ? g.stride[1] : undefined;
};

/** Planes one by one, padded where they are needed, so that they stay in the first-level cache. */
export const convDepthwise = (ctx: Context, plan: Plan, w: ValueId, access: 'i8' | 'u8', stride: DepthwiseStride, finish: Finish): Emit => {
  const { asm } = ctx;
  const { geometry: g, channels, batch, fill } = plan;
  const channelBytes = DEPTHWISE_PAIRS[stride] * 4;
  // with stride 2 the rows of a kernel are packed one by one
  const [rows, inner] = stride === 2 ? [3 * channels, 3] : [channels, 9];
  const weights = ctx.packed([w], channels * channelBytes, (f, [from], to) => {
    f.fill(to.address, 0, channels * channelBytes);
    f.do(f.call(packRowsKernel(asm, 'i8'), [to.address, from?.address ?? 0, rows, inner, (channels * channelBytes) / rows]));
  });
  const y = ctx.use(finish.result);
  const constants = ctx.table(byteConstants(finish.zero, finish.lo, finish.hi));
  const divided = mayDivide(ctx, plan);
  const padded = g.copies ? ctx.temporary(planeOf(g.padded) + PAD_SLACK, { each: divided }) : undefined;
  const [inBytes, outBytes] = [planeOf(g.input), planeOf(g.output) * finish.bytes];
  return (f) => {
    const { i32 } = f.ops;
    const kernel = depthwiseKernel(asm, access === 'u8', stride, finish.epilogue);
    const own = divided ? shareOf(f, batch * channels) : wholeOf(f, batch * channels);
    const plane = f.i32(own.first);
    const place = padded === undefined ? f.local('i32') : ownPart(f, ctx, padded, divided);
    const from = f.i32(i32.add(plan.x.address, i32.mul(plane, inBytes)));
    const to = f.i32(i32.add(y.address, i32.mul(plane, outBytes)));
    f.while(
      () => i32.lt_u(plane, own.end),
      () => {
        if (padded === undefined) f.set(place, from);
        else emitPaddedRows(f, asm, g, 1, place, from, 1, (fill * 0x01010101) | 0);
        const channel = f.i32(i32.rem_u(plane, channels));
        // a group of one channel takes a whole tile of the table
        const entry = i32.add(finish.table.address, i32.mul(channel, TILE_CHANNELS * EPILOGUE_BYTES));
        const own = i32.add(weights.address, i32.mul(channel, channelBytes));
        const sizes = [g.padded[2], to, g.output[1], g.output[2]];
        f.do(f.call(kernel, [place, ...sizes, own, entry, constants.address]));
        f.inc(from, inBytes);
        f.inc(to, outBytes);
        f.inc(plane, 1);
      },
    );
  };
};
