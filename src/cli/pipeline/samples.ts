import {
  cropCentre,
  decodeNpy,
  decodeNpz,
  decodePicture,
  type PictureTensorOptions,
  pictureFormat,
  pictureToTensor,
  resizePicture,
  resizeShorterSide,
} from '../../frontend/tensors/index.ts';
import { DTYPE_INFO, elementCount, formatShape, formatType, type StaticType, type Tensor, type TensorData } from '../../ir/index.ts';
import { type Diagnostic, fail, ok, type Result } from '../../support/index.ts';
import type { Context } from '../context.ts';
import { sampleMisfit } from '../diagnostics.ts';

/** How pictures become tensors. Sizes that are left out follow from the shape of the input. */
export interface PreparationOptions extends PictureTensorOptions {
  /** Shorter side after resizing, before the crop. */
  readonly resize?: number;
  /** Side of the centred square that is kept. */
  readonly crop?: number;
}

export const SAMPLE_EXTENSIONS = ['.npy', '.npz', '.png', '.jpg', '.jpeg', '.bmp'] as const;

/** A named array of a file: a .npz has several, everything else one. */
export interface NamedTensor {
  readonly name: string;
  readonly tensor: Tensor;
}

export const starts = (bytes: Uint8Array, ...wanted: readonly number[]): boolean => wanted.every((b, i) => bytes[i] === b);

/** Height, width and channel count that the input expects of a picture, in its layout. */
const pictureSize = (type: StaticType, layout: 'nchw' | 'nhwc'): readonly [number, number, number] | undefined => {
  const [a, b, c] = type.shape.slice(-3);
  if (a === undefined || b === undefined || c === undefined) return undefined;
  return layout === 'nchw' ? [b, c, a] : [a, b, c];
};

/** Layout that was asked for, else the one whose channel axis has 1 or 3 entries; NCHW when both do. */
const layoutOf = (type: StaticType, options: PreparationOptions): 'nchw' | 'nhwc' => {
  if (options.layout !== undefined) return options.layout;
  const [first, , last] = type.shape.slice(-3);
  return first !== 1 && first !== 3 && (last === 1 || last === 3) ? 'nhwc' : 'nchw';
};

/** Decodes a picture and fits it to the input: resize the shorter side, crop the centre, scale, subtract, divide. */
export const pictureSample = (bytes: Uint8Array, path: string, type: StaticType, options: PreparationOptions): Result<Tensor> => {
  const layout = layoutOf(type, options);
  const size = pictureSize(type, layout);
  if (size === undefined) {
    return fail(sampleMisfit(path, `a picture needs an input of rank 3 or more, but it is ${formatType(type)}`));
  }
  const [height, width, channelCount] = size;
  const channels = options.channels ?? (channelCount === 1 ? 'gray' : 'rgb');
  if ((channels === 'gray' ? 1 : 3) !== channelCount) {
    return fail(
      sampleMisfit(path, `${channels} has ${channels === 'gray' ? 1 : 3} channels, but ${formatType(type)} takes ${channelCount}`, [
        `Choose --channels, or --layout if the channels are on another axis (now ${layout}).`,
      ]),
    );
  }
  const decoded = decodePicture(bytes, { name: path });
  if (!decoded.ok) return decoded;
  const side = options.resize ?? Math.max(height, width);
  const scaled =
    options.resize === undefined && options.crop === undefined && decoded.value.width !== decoded.value.height && height !== width
      ? resizePicture(decoded.value, width, height)
      : resizeShorterSide(decoded.value, side);
  if (!scaled.ok) return scaled;
  const cropped = cropCentre(scaled.value, options.crop ?? width, options.crop ?? height);
  if (!cropped.ok) return cropped;
  return pictureToTensor(cropped.value, { ...options, layout, channels });
};

/**
 * Reads the arrays of a .npy or .npz file, or a picture prepared for an input of the given type. The content decides,
 * not the name. Warnings of rounded values are collected.
 */
export const readArrays = (
  context: Context,
  path: string,
  type: StaticType,
  options: PreparationOptions,
  warnings: Diagnostic[],
): Result<readonly NamedTensor[]> => {
  const file = context.read(path, 'tensor');
  if (!file.ok) return file;
  const bytes = file.value;
  if (starts(bytes, 0x50, 0x4b)) {
    const arrays = decodeNpz(bytes, { name: path });
    if (!arrays.ok) return arrays;
    return ok(
      Array.from(arrays.value, ([name, array]) => {
        warnings.push(...array.warnings);
        return { name, tensor: array };
      }),
    );
  }
  if (pictureFormat(bytes) !== undefined || /[.](png|jpe?g|bmp|gif|webp|tiff?)$/i.test(path)) {
    const picture = pictureSample(bytes, path, type, options);
    return picture.ok ? ok([{ name: '', tensor: picture.value }]) : picture;
  }
  const array = decodeNpy(bytes, { name: path });
  if (!array.ok) return array;
  warnings.push(...array.value.warnings);
  return ok([{ name: '', tensor: array.value }]);
};

/** The same numbers as float32. Integers of at most 24 bits stay exact. */
export const toFloat = (tensor: Tensor): Tensor =>
  tensor.dtype === 'f32' ? tensor : { dtype: 'f32', shape: tensor.shape, data: Float32Array.from(tensor.data) };

/** A part of a tensor's elements under another shape; a view. */
const view = (tensor: Tensor, start: number, shape: readonly number[]): Tensor => ({
  dtype: tensor.dtype,
  shape,
  data: tensor.data.subarray(start, start + elementCount(shape)) as TensorData,
});

const sameDims = (a: readonly number[], b: readonly number[]): boolean => a.length === b.length && a.every((d, i) => d === b[i]);

/**
 * How many samples of the input's shape an array holds: it has the shape itself, the shape without its leading 1, or is a list of
 * samples along the first axis.
 */
export const sampleCount = (given: readonly number[], shape: readonly number[], path: string): Result<number> => {
  const single = shape[0] === 1 && sameDims(given, shape.slice(1));
  if (sameDims(given, shape) || single) return ok(1);
  const batch = shape[0] ?? 1;
  const listed = sameDims(given.slice(1), shape.slice(1)) && given.length === shape.length && (given[0] ?? 0) % batch === 0;
  const stacked = sameDims(given.slice(1), shape);
  const count = listed ? (given[0] ?? 0) / batch : stacked ? (given[0] ?? 0) : 0;
  if (count > 0) return ok(count);
  return fail(
    sampleMisfit(path, `the array has shape ${formatShape(given)}, but the input takes ${formatShape(shape)}`, [
      `Samples lie along the first axis: [count, ${shape.slice(1).join(', ')}].`,
    ]),
  );
};

/** Cuts an array into samples of the input's shape. */
export const splitSamples = (tensor: Tensor, shape: readonly number[], path: string): Result<readonly Tensor[]> => {
  const count = sampleCount(tensor.shape, shape, path);
  if (!count.ok) return count;
  const size = elementCount(shape);
  return ok(Array.from({ length: count.value }, (_, i) => view(tensor, i * size, shape)));
};

/** Elements of an integer dtype from an array of whole numbers; the first value that does not fit is told. */
export const toInteger = (tensor: Tensor, type: StaticType, path: string): Result<Tensor> => {
  const { lo, hi, make } = DTYPE_INFO[type.dtype];
  const data = make(tensor.data.length);
  const bad = tensor.data.findIndex((v) => !Number.isInteger(v) || v < lo || v > hi);
  if (bad >= 0) {
    return fail(
      sampleMisfit(path, `element ${bad} is ${String(tensor.data[bad])}, but ${type.dtype} holds whole numbers from ${lo} to ${hi}`),
    );
  }
  data.set(tensor.data);
  return ok({ dtype: type.dtype, shape: tensor.shape, data });
};
