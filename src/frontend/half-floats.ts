import { pow2 } from '../ir/index.ts';

/** The number that 16 bits of a float16 stand for (IEEE 754 binary16). */
export const fromHalf = (bits: number): number => {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1024) * pow2(exponent - 15);
};

const word = new DataView(new ArrayBuffer(4));
/** The float32 whose upper half these 16 bits of a bfloat16 are. */
export const fromBrain = (bits: number): number => {
  word.setUint32(0, bits << 16);
  return word.getFloat32(0);
};
