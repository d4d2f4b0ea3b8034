import { type Diagnostic, fail, invariant, ok, type Result } from '../../support/index.ts';
import { preparationOutOfRange } from './diagnostics.ts';
import { MAX_SIDE, type Picture } from './picture.ts';

const CHANNELS = 3;

/** Which inputs make one output, with their weights and the sum of them. */
interface Tap {
  readonly first: number;
  readonly weights: readonly number[];
  readonly sum: number;
}

/**
 * Weights of one axis. With half-pixel centres the triangle filter is, in whole numbers and up to a common factor,
 *
 *     w(o, j) = max(0, 2 M - |(2 j + 1) outSize - (2 o + 1) inSize|),  M = max(inSize, outSize),  0 <= j < inSize
 *
 * and an output is sum(w x) / sum(w). Enlarging, this is bilinear interpolation with repeated edges; reducing, the
 * triangle is as wide as the step (antialiasing); with equal sizes it is the identity.
 */
const axisTaps = (inSize: number, outSize: number): readonly Tap[] => {
  const reach = 2 * Math.max(inSize, outSize);
  return Array.from({ length: outSize }, (_, o) => {
    const centre = (2 * o + 1) * inSize;
    const first = Math.max(0, Math.floor((centre - reach - outSize) / (2 * outSize)) + 1);
    const last = Math.min(inSize - 1, Math.ceil((centre + reach - outSize) / (2 * outSize)) - 1);
    const weights = Array.from({ length: last - first + 1 }, (_, k) => reach - Math.abs((2 * (first + k) + 1) * outSize - centre));
    return { first, weights, sum: weights.reduce((a, b) => a + b, 0) };
  });
};

// Quotients below are floor(a / b) with 0 <= a < 2^50, so the float64 quotient has the right floor: sums of weights are
// below 2^33 at 65,535 inputs, samples have 16 bits with their fraction, and a half is added before dividing.
const FRACTION = 256;

/** Horizontal pass: samples with 8 fractional bits, round half up. */
const resizeRows = ({ width, height, data }: Picture, outWidth: number): Uint16Array => {
  const out = new Uint16Array(height * outWidth * CHANNELS);
  const taps = axisTaps(width, outWidth);
  let to = 0;
  for (let y = 0; y < height; y++) {
    const row = data.subarray(y * width * CHANNELS, (y + 1) * width * CHANNELS);
    for (const { first, weights, sum } of taps) {
      for (let channel = 0; channel < CHANNELS; channel++) {
        let total = 0;
        let from = first * CHANNELS + channel;
        for (const weight of weights) {
          total += weight * (row[from] ?? 0);
          from += CHANNELS;
        }
        out[to++] = Math.floor((2 * FRACTION * total + sum) / (2 * sum));
      }
    }
  }
  return out;
};

/** Vertical pass: back to 8 bits, round half up. */
const resizeColumns = (rows: Uint16Array, width: number, height: number, outHeight: number): Uint8Array => {
  const rowLength = width * CHANNELS;
  const out = new Uint8Array(outHeight * rowLength);
  const totals = new Float64Array(rowLength);
  let to = 0;
  for (const { first, weights, sum } of axisTaps(height, outHeight)) {
    totals.fill(0);
    weights.forEach((weight, k) => {
      const row = rows.subarray((first + k) * rowLength, (first + k + 1) * rowLength);
      for (let i = 0; i < rowLength; i++) totals[i] = (totals[i] ?? 0) + weight * (row[i] ?? 0);
    });
    for (const total of totals) out[to++] = Math.floor((2 * total + FRACTION * sum) / (2 * FRACTION * sum));
  }
  return out;
};

const sizeProblem = (what: string, width: number, height: number): Diagnostic | undefined =>
  [width, height].every((side) => Number.isInteger(side) && side >= 1 && side <= MAX_SIDE)
    ? undefined
    : preparationOutOfRange(`the ${what} is ${width} x ${height}`, `Give whole numbers from 1 to ${MAX_SIDE}.`);

/**
 * Scales to exactly `width` x `height`, the aspect ratio not kept: antialiased triangle filter in integer arithmetic,
 * first across, then down, each rounded half up (across to 1/256). Same bytes on every machine. Error: IO2050.
 */
export const resizePicture = (picture: Picture, width: number, height: number): Result<Picture> => {
  const problem = sizeProblem('target size', width, height);
  if (problem) return fail(problem);
  invariant(picture.width <= MAX_SIDE && picture.height <= MAX_SIDE, 'resizePicture: the picture has a side above 65,535');
  const rows = resizeRows(picture, width);
  return ok({ width, height, channels: CHANNELS, data: resizeColumns(rows, width, picture.height, height) });
};

/** Scales so that the shorter side is `size` and the longer is floor(size * longer / shorter). Error: IO2050. */
export const resizeShorterSide = (picture: Picture, size: number): Result<Picture> => {
  const { width, height } = picture;
  const shorter = Math.min(width, height);
  return resizePicture(picture, Math.floor((size * width) / shorter), Math.floor((size * height) / shorter));
};

/** Cuts `width` x `height` out of the middle, from column floor((W - w) / 2) and row floor((H - h) / 2) on. Error: IO2050. */
export const cropCentre = (picture: Picture, width: number, height: number): Result<Picture> => {
  const problem = sizeProblem('crop', width, height);
  if (problem) return fail(problem);
  if (width > picture.width || height > picture.height) {
    const message = `the crop is ${width} x ${height}, but the picture is ${picture.width} x ${picture.height}`;
    return fail(preparationOutOfRange(message, 'Resize first, or take a smaller crop.'));
  }
  const left = Math.floor((picture.width - width) / 2);
  const top = Math.floor((picture.height - height) / 2);
  const rowLength = width * CHANNELS;
  const data = new Uint8Array(height * rowLength);
  for (let y = 0; y < height; y++) {
    const start = ((top + y) * picture.width + left) * CHANNELS;
    data.set(picture.data.subarray(start, start + rowLength), y * rowLength);
  }
  return ok({ width, height, channels: CHANNELS, data });
};
