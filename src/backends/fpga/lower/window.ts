import type { OpNode, ValueId } from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';
import { geometryOf } from '../../cpu/simd/geometry.ts';
import { axisOf } from '../../cpu/simd/lower/common.ts';
import { byteSum, fitsAccumulators } from '../array/accumulators.ts';
import { blocksOf } from '../array/config.ts';
import { fitsArray } from '../array/residents.ts';
import type { Task } from '../array/task.ts';
import { isEmpty, MOST_KERNEL, MOST_SIZE } from './facts.ts';
import { BYTES, type Finish } from './finish.ts';
import { type Home, imageSizes } from './homes.ts';
import type { Desk, Layer, Recognize } from './layer.ts';
import { MEAN_ZERO, meanRescale } from './mean.ts';
import { packParameters } from './weights.ts';

type Window = Pick<Task, 'mode' | 'kernel' | 'stride' | 'dilation' | 'begin' | 'pad'>;

const isSmall = ({ kernel, stride, dilation, begin }: Window, { height, width }: Home): boolean =>
  [...kernel, ...stride, ...dilation].every((n) => n <= MOST_KERNEL) && [height, width, ...begin].every((n) => n <= MOST_SIZE);

/** A layer that combines the positions of windows of each channel. @param finish - made with the tasks, since it may take memory */
const windowLayer = (desk: Desk, node: OpNode, from: Home, home: Home, window: Window, finish: () => Finish): Layer | undefined => {
  const task = (): Task => ({
    ...window,
    ...finish(),
    input: from.view,
    output: home.view,
    inputImage: 0,
    outputImage: 0,
    images: from.images,
    firstRow: 0,
    rowCount: home.height,
    mostSum: byteSum(window.mode === 'sum' ? window.kernel[0] * window.kernel[1] : 1),
    inputs: 1,
    inputStep: 1,
    outputBlocks: blocksOf(from.channels),
  });
  const sample: Task = { ...task(), result: 'raw' };
  if (
    !isSmall(window, from) ||
    !fitsAccumulators(sample.mostSum, desk.config.accumulatorBits) ||
    !fitsArray(sample, desk.config, desk.timing)
  )
    return undefined;
  return { node, imports: [], results: new Map([[at(node.results, 0), home]]), tasks: () => [task()] };
};

type PoolNode = OpNode<'max_pool'> | OpNode<'average_pool'>;

/** Cells of every window, padding included where it counts; undefined where windows differ. */
const cellsOf = (node: OpNode<'average_pool'>, input: readonly number[], output: readonly number[]): number | undefined => {
  const { kernel, stride, dilation, pads, include_pad: includePad } = node.attrs;
  const spatial = input.length;
  for (let i = 0; i < spatial; i++) {
    const [begin, end] = [pads[i] ?? 0, pads[spatial + i] ?? 0];
    const last = ((output[i] ?? 1) - 1) * (stride[i] ?? 1) + ((kernel[i] ?? 1) - 1) * (dilation[i] ?? 1);
    const size = (input[i] ?? 1) + begin;
    if (includePad ? last >= size + end : begin > 0 || last >= size) return undefined;
  }
  return kernel.reduce((n, k) => n * k, 1);
};

const meanFinish = (desk: Desk, channels: number, cells: number): (() => Finish) | undefined => {
  const mean = meanRescale(cells);
  if (mean === undefined) return undefined;
  return () => ({
    result: 'rescale',
    parameters: { slot: desk.ctx.table(packParameters(channels, () => mean)), offset: 0 },
    zero: MEAN_ZERO,
    lo: -128,
    hi: 127,
  });
};

export const recognizePool: Recognize<PoolNode> = (desk, node) => {
  const { facts } = desk;
  const [x, y] = [at(node.operands, 0), at(node.results, 0)];
  const [tx, ty] = [facts.type(x), facts.type(y)];
  const from = desk.made(x, 'image');
  const sizes = imageSizes(ty);
  if (from === undefined || sizes === undefined || tx.dtype !== 'i8' || isEmpty(ty)) return undefined;
  const g = geometryOf(tx.shape.slice(2), ty.shape.slice(2), node.attrs.kernel, node.attrs);
  const window: Window = {
    mode: node.op === 'max_pool' ? 'max' : 'sum',
    kernel: [g.kernel[1], g.kernel[2]],
    stride: [g.stride[1], g.stride[2]],
    dilation: [g.dilation[1], g.dilation[2]],
    begin: [g.begin[1], g.begin[2]],
    // the least byte never wins
    pad: node.op === 'max_pool' ? -128 : node.attrs.pad_value,
  };
  if (window.pad > 127) return undefined;
  const cells = node.op === 'max_pool' ? 1 : cellsOf(node, tx.shape.slice(2), ty.shape.slice(2));
  const finish = node.op === 'max_pool' ? () => BYTES : cells === undefined ? undefined : meanFinish(desk, sizes.channels, cells);
  return finish === undefined ? undefined : windowLayer(desk, node, from, desk.result(y, 'image', sizes), window, finish);
};

type ReduceNode = OpNode<'reduce_sum'> | OpNode<'reduce_mean'>;

/** Sums and means over all positions of an image. */
export const recognizeReduce: Recognize<ReduceNode> = (desk, node) => {
  const [x, y]: readonly [ValueId, ValueId] = [at(node.operands, 0), at(node.results, 0)];
  const from = desk.made(x, 'image');
  const { shape, dtype } = desk.facts.type(x);
  const axes = new Set(node.attrs.axes.map((a) => axisOf(a, shape.length)));
  if (from === undefined || dtype !== 'i8' || axes.size !== shape.length - 2 || [...axes].some((a) => a < 2)) return undefined;
  const { images, channels, height, width } = from;
  const finish =
    node.op === 'reduce_mean'
      ? meanFinish(desk, channels, height * width)
      : (): Finish => ({
          result: 'raw',
          parameters: { slot: desk.ctx.table(packParameters(channels, () => ({ bias: 0, multiplier: 0, shift: 1 }))), offset: 0 },
          zero: 0,
          lo: 0,
          hi: 0,
        });
  if (finish === undefined) return undefined;
  const window: Window = { mode: 'sum', kernel: [height, width], stride: [1, 1], dilation: [1, 1], begin: [0, 0], pad: 0 };
  const home = desk.result(y, node.attrs.keep ? 'image' : 'matrix', { images, height: 1, width: 1, channels });
  return windowLayer(desk, node, from, home, window, finish);
};
