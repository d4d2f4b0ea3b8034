import { at } from '../../../../support/index.ts';
import type { Geometry } from '../../simd/geometry.ts';

/**
 * What a convolution kernel in C needs to know of a layer: the fields of cx_conv (c/cx_conv.h) that its scratch depends on.
 * Sizes are those of the C files, which say why; scratch.test.ts compares the two.
 */
export interface ConvShape {
  readonly batch: number;
  readonly groups: number;
  readonly inGroup: number;
  readonly outGroup: number;
  readonly geometry: Geometry;
}

const product = (sizes: readonly number[]): number => sizes.reduce((n, s) => n * s, 1);
const roundUp = (n: number, to: number): number => Math.ceil(n / to) * to;
const roundDown = (n: number, to: number): number => Math.floor(n / to) * to;
const aligned = (bytes: number): number => roundUp(bytes, 64);

const SWEEP = 512;
const PANEL_BYTES = 160 * 1024;
const MOST_BLOCK = 512;
const MOST_PIXELS = 32;
const MOST_CHANNELS = 12;
const CHUNK = 48;
const GATHER_BYTES = 24 * 1024;
const PIECE_BYTES = 16;
const SEGMENT_BYTES = 32;

/** Bytes of scratch of a thread in cx_conv (cx_conv_plan.h). */
export const convScratch = ({ batch, inGroup, outGroup, geometry: g }: ConvShape): number => {
  const taps = product(g.kernel);
  const pixels = batch * product(g.output);
  const count = Math.min(Math.ceil((inGroup * taps) / SWEEP), Math.max(inGroup, 1));
  let channels = Math.ceil(inGroup / Math.max(count, 1));
  if (count > 1) channels = roundUp(channels, taps % 4 === 0 ? 1 : taps % 2 === 0 ? 2 : 4);
  const sweeps = Math.max(Math.ceil(inGroup / Math.max(channels, 1)), 1);
  const inner = roundUp(Math.max(channels * taps, 1), 4);
  const most = Math.min(Math.max(roundDown(Math.floor(PANEL_BYTES / (2 * inner)), 32), MOST_PIXELS), MOST_BLOCK);
  const block = pixels < most ? roundUp(pixels, MOST_PIXELS) : most;
  const rowBytes = block + 16;
  const gathered = Math.min(Math.max(roundDown(Math.floor(GATHER_BYTES / (taps * rowBytes)), 4), 4), Math.max(channels, 1));
  return (
    aligned(block * inner * 2 + 256) +
    aligned(Math.min(CHUNK, roundUp(outGroup, MOST_CHANNELS)) * inner * 2 + 64) +
    aligned(block * 4) +
    (sweeps > 1 ? aligned(roundUp(outGroup, CHUNK) * block * 4) : 0) +
    aligned(gathered * taps * rowBytes + 64) +
    aligned(block + 64) +
    aligned(3 * block * PIECE_BYTES) +
    aligned(block * SEGMENT_BYTES)
  );
};

const STRIP_BYTES = 20480;
/** Depthwise layers with square kernels have a way of their own (cx_depthwise_square.c). */
const isSquare = ({ inGroup, geometry: { input, output, kernel, stride, dilation, begin } }: ConvShape): boolean =>
  inGroup === 1 &&
  (kernel[2] === 3 || kernel[2] === 5) &&
  (stride[2] === 1 || stride[2] === 2) &&
  kernel[1] === kernel[2] &&
  stride[1] === stride[2] &&
  dilation[1] === 1 &&
  dilation[2] === 1 &&
  kernel[0] === 1 &&
  input[0] === 1 &&
  output[0] === 1 &&
  begin[0] === 0 &&
  product(output) > 0;

const squareScratch = ({ geometry: g }: ConvShape): number => {
  const [, height, width] = g.output;
  const [kernel, stride] = [g.kernel[2], g.stride[2]];
  const groupBytes = stride * (roundUp(width + Math.floor((kernel - 1) / stride), 4) + 16) * 4;
  const passBytes = stride * groupBytes + 8 * width;
  const strip = Math.min(Math.max(Math.floor(STRIP_BYTES / passBytes), 2), Math.ceil(height / 2));
  const groups = (strip - 1) * stride + Math.floor((kernel + 2 * stride - 1) / 2);
  return aligned(g.input[2] + 64) + aligned(groups * groupBytes + 128) + aligned(strip * width * 8 + 128);
};

/** The same of cx_depthwise (cx_depthwise.c). */
export const depthwiseScratch = (shape: ConvShape): number => {
  if (isSquare(shape)) return squareScratch(shape);
  const { inGroup, geometry: g } = shape;
  const size = [0, 1, 2].map((i) => {
    const reach = (Math.max(at(g.output, i), 1) - 1) * at(g.stride, i) + (at(g.kernel, i) - 1) * at(g.dilation, i) + 1;
    return Math.ceil(reach / at(g.stride, i));
  });
  const [, high = 1, wide = 1] = size;
  const [depth, height, width] = g.output;
  const positions = product(g.output) === 0 ? 0 : ((depth - 1) * high + height - 1) * wide + width;
  const pairs = Math.ceil((inGroup * product(g.kernel)) / 2);
  return aligned(inGroup * product(g.stride) * product(size) + 64) + aligned(positions * 4 + 64) + aligned(pairs * 8) + aligned(pairs * 4);
};

const DENSE_ROWS = 8;
/** The same of cx_dense (cx_dense.c). */
export const denseScratch = (rows: number, inner: number): number => aligned(Math.min(rows, DENSE_ROWS) * roundUp(inner, 16) * 2);

const SPOTS = 16;
const WINOGRAD_OUT = 6;
const WINOGRAD_FILL = 16;
const WINOGRAD_BLOCK = 288 * 1024;
/** Most input channels of cx_winograd (cx_winograd.h). */
export const WINOGRAD_CHANNELS = 1827;

/** Bytes of rearranged weights of cx_winograd. */
export const winogradWeights = ({ inGroup, outGroup }: ConvShape): number => outGroup * 9 * roundUp(inGroup, WINOGRAD_FILL);

/** The same of cx_winograd (cx_winograd.c), of levels that call cx_conv instead too. */
export const winogradScratch = (shape: ConvShape): number => {
  const { inGroup, geometry: g } = shape;
  const [, height, width] = g.output;
  const [wide, high, pairs] = [Math.ceil(width / 2), Math.ceil(height / 2), Math.ceil(inGroup / 2)];
  const fit = Math.max(Math.floor(WINOGRAD_BLOCK / Math.max(wide * pairs * SPOTS * 4, 1)), 1);
  const most = Math.min(fit, Math.max(high, 1));
  const rows = Math.ceil(high / Math.max(Math.ceil(high / most), 1));
  const lines = roundUp(rows * wide + 16, 16) / 16;
  const step = (lines % 2 === 0 ? lines + 1 : lines) * 16;
  const rowBytes = roundUp(2 * wide + 2 + 4 * MOST_PIXELS, 16);
  const own =
    aligned(SPOTS * pairs * step * 4 + 256) +
    aligned(SPOTS * WINOGRAD_OUT * step * 4 + 256) +
    aligned(SPOTS * WINOGRAD_OUT * (roundUp(inGroup, WINOGRAD_FILL) / 2) * 4) +
    aligned(4 * step * 4 + 256) +
    aligned(2 * (2 * rows + 2) * rowBytes + 256);
  return Math.max(own, convScratch(shape));
};

const GROUPED_PANEL = 160 * 1024;
const GROUPED_VECTORS = 9;
const GROUPED_CHUNK = 48;
const GROUPED_SWEEP = 72;
const GROUP_BYTES = 12;

/** Bytes of grouped weights of cx_grouped (cx_grouped_plan.h). */
export const groupedWeights = ({ inGroup, outGroup, geometry: g }: ConvShape): number => {
  const quads = Math.ceil((inGroup * product(g.kernel)) / 4);
  const sweeps = Math.max(Math.ceil(quads / GROUPED_SWEEP), 1);
  const sixteenths = quads <= 8 ? 20 : quads <= 16 ? 16 : quads <= 32 ? 13 : 11;
  const room = outGroup * Math.ceil((quads * sixteenths) / 16);
  return 64 + aligned(outGroup * 4) + aligned((outGroup * sweeps + 1) * 4) + aligned(room * GROUP_BYTES);
};

/** Bytes of scratch of a thread in cx_grouped (cx_grouped_plan.h), which may call cx_conv instead. */
export const groupedScratch = (shape: ConvShape): number => {
  const { batch, inGroup, geometry: g } = shape;
  const taps = product(g.kernel);
  const quads = Math.ceil((inGroup * taps) / 4);
  const vectors = Math.ceil((batch * product(g.output)) / 8);
  const tiles = Math.ceil(vectors / GROUPED_VECTORS);
  const most = tiles === 0 ? 1 : Math.ceil(vectors / tiles);
  const fit = Math.floor(GROUPED_PANEL / (most * quads * 32 + 1));
  const block = Math.max(1, Math.min(Math.max(fit, 1), tiles)) * most * 8;
  const rowBytes = block + 16;
  const gathered = Math.min(Math.max(roundDown(Math.floor(GATHER_BYTES / (taps * rowBytes)), 4), 4), Math.max(inGroup, 1));
  const own =
    aligned(block * quads * 4 + 64) +
    aligned(GROUPED_CHUNK * 8 * GROUPED_VECTORS * 4 + 64) +
    aligned(gathered * taps * rowBytes + 64) +
    aligned(block + 64) +
    aligned(3 * block * PIECE_BYTES) +
    aligned(block * SEGMENT_BYTES);
  return Math.max(own, convScratch(shape));
};
