import { clamp, DTYPE_INFO, pow2, type Tensor } from '../../ir/index.ts';

/** How integers stand for reals: real = scale * (q - zero). */
export interface Affine {
  /** A float32 value > 0. */
  readonly scale: number;
  readonly zero: number;
  readonly dtype: 'i8' | 'i16';
}

/** Below this a float32 is subnormal, and quotients of scales lose their meaning. */
const LEAST_SCALE = pow2(-100);
const usable = (scale: number): number => {
  const rounded = Math.fround(scale);
  return rounded >= LEAST_SCALE ? Math.min(rounded, 2 ** 100) : 1;
};

/** The i8 code of a range; the range is widened to hold 0, which gets an exact code. An empty range gets scale 1. */
export const affineOfRange = (lo: number, hi: number): Affine => {
  const least = Math.min(lo, 0);
  const scale = usable((Math.max(hi, 0) - least) / 255);
  return { scale, zero: clamp(Math.floor(-128 - least / scale + 0.5), -128, 127), dtype: 'i8' };
};

/** The least power of two that is not below x > 0. */
export const powerOfTwoAbove = (x: number): number => {
  let e = 0;
  while (e < 200 && pow2(e) < x) e++;
  while (e > -200 && pow2(e - 1) >= x) e--;
  return pow2(e);
};

/** The same with a power of two as scale: the range is widened to 255 steps of it, on the side where there is more. */
export const powerOfTwoAffine = (lo: number, hi: number): Affine => {
  const least = Math.min(lo, 0);
  const scale = powerOfTwoAbove(usable((Math.max(hi, 0) - least) / 255));
  return { scale, zero: clamp(Math.floor(-128 - least / scale + 0.5), -128, 127), dtype: 'i8' };
};

/** Room above the greatest calibrated magnitude of a 16-bit output: it costs nothing and avoids saturation. */
const HEADROOM = 1.0625;

/** The symmetric i16 code for magnitudes up to `magnitude`. */
export const wideOfMagnitude = (magnitude: number, powerOfTwo = false): Affine => {
  const scale = usable((magnitude * HEADROOM) / 32767);
  return { scale: powerOfTwo ? powerOfTwoAbove(scale) : scale, zero: 0, dtype: 'i16' };
};

/** The symmetric i16 code of a constant: its greatest magnitude is the greatest code. */
export const wideOfConstant = (magnitude: number): Affine => ({ scale: usable(magnitude / 32767), zero: 0, dtype: 'i16' });

/** round(x / scale) + zero, half up, saturated; NaN becomes zero. */
export const quantizeValue = (x: number, { scale, zero, dtype }: Affine): number => {
  const q = Math.floor(x / scale + 0.5) + zero;
  return q !== q ? zero : clamp(q, DTYPE_INFO[dtype].lo, DTYPE_INFO[dtype].hi);
};

export const quantizeTensor = (tensor: Tensor, affine: Affine): Tensor => {
  const data = DTYPE_INFO[affine.dtype].make(tensor.data.length);
  tensor.data.forEach((v, i) => {
    data[i] = quantizeValue(v, affine);
  });
  return { dtype: affine.dtype, shape: tensor.shape, data };
};

export const dequantizeTensor = (tensor: Tensor, affine: Pick<Affine, 'scale' | 'zero'>): Tensor => ({
  dtype: 'f32',
  shape: tensor.shape,
  data: Float32Array.from(tensor.data, (q) => (q - affine.zero) * affine.scale),
});
