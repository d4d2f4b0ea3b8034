/** Bits of accumulators that a core can be built with. */
export const LEAST_ACCUMULATOR_BITS = 24;
export const MOST_ACCUMULATOR_BITS = 32;

/** Greatest magnitude of an activation. */
const MOST_INPUT = 128;

/**
 * Bits of accumulators that no partial sum leaves. Sums that may need more than 32 bits wrap there, as the ops define it.
 * @param most - bound of the magnitude of partial sums, in any order of their terms
 */
export const accumulatorBits = (most: number): number =>
  Math.min(Math.max(Math.ceil(Math.log2(most + 1)) + 1, LEAST_ACCUMULATOR_BITS), MOST_ACCUMULATOR_BITS);

/** Whether accumulators of so many bits give the sums that the ops define. */
export const fitsAccumulators = (most: number, bits: number): boolean => accumulatorBits(most) <= bits;

const known = new WeakMap<object, number>();

/** Bound of the partial sums of products of any bytes with weights [outputs][...]: the greatest sum of magnitudes of an output's weights. */
export const weightedSum = (data: ArrayLike<number> & object, outputs: number): number => {
  const found = known.get(data);
  if (found !== undefined) return found;
  const each = data.length / outputs;
  let most = 0;
  for (let o = 0; o < outputs; o++) {
    let sum = 0;
    for (let i = o * each; i < (o + 1) * each; i++) sum += Math.abs(data[i] ?? 0);
    most = Math.max(most, sum);
  }
  known.set(data, most * MOST_INPUT);
  return most * MOST_INPUT;
};

/** The same of so many products of bytes with weights of so many bits that are not known. */
export const productSum = (count: number, bits: number): number => count * MOST_INPUT * 2 ** (bits - 1);

/** The same of so many bytes. */
export const byteSum = (count: number): number => count * MOST_INPUT;
