import { clamp } from './fixed.ts';

/**
 * Real numbers as int8 codes: y = clamp(floor(fl(fl(x * inverseScale) + 0.5)) + zero, -128, 127); NaN gives zero (NUMERICS §4).
 * @param inverseScale - fl(1 / scale)
 * @param zero - the code of 0
 */
export const quantizeCodes = (
  x: ArrayLike<number>,
  inverseScale: number,
  zero: number,
  y: { [i: number]: number; readonly length: number },
): void => {
  // by their own names, and the count once: most runs are too short for the engine to do that
  const { floor, fround } = Math;
  const count = y.length;
  for (let i = 0; i < count; i++) {
    const v = floor(fround(fround(x[i]! * inverseScale) + 0.5));
    y[i] = v !== v ? zero : clamp(v + zero, -128, 127);
  }
};
