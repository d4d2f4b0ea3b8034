import { philoxFill, type TensorData } from '../ir/index.ts';

/** Elements made at a time: keeps the words of a large tensor from doubling its memory. */
export const CHUNK = 2 ** 14;

/**
 * Fills with float32 elements lo + (hi - lo) * u, u = (word >>> 8) * 2^-24, in float64 and rounded once; the words are those of
 * Philox4x32-10, stream 0.
 * @param key - (seed low, seed high)
 */
export const fillUniform = (data: TensorData, key: readonly [number, number], lo: number, hi: number): void => {
  const words = new Uint32Array(CHUNK);
  const scale = (hi - lo) * 2 ** -24;
  for (let start = 0; start < data.length; start += CHUNK) {
    philoxFill(key, start / 4, words);
    const count = Math.min(CHUNK, data.length - start);
    for (let i = 0; i < count; i++) data[start + i] = lo + scale * ((words[i] ?? 0) >>> 8);
  }
};
