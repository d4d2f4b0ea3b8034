/**
 * Blocks of Philox4x32-10 in a tight loop, for whole tensors: the same words as `philox4x32`, without an object a round.
 * @see philox4x32
 */
/** Bound once: under a test runner's sandbox each look-up of a global costs more than the round. */
const { floor, imul } = Math;

const M0 = 0xd2511f53;
const M1 = 0xcd9e8d57;
const W0 = 0x9e3779b9;
const W1 = 0xbb67ae85;

/** High 32 bits of constant * x: both partial products are below 2^48, so float64 holds them exactly. */
const high = (constant: number, x: number): number =>
  floor(((x >>> 16) * constant + floor(((x & 0xffff) * constant) / 0x10000)) / 0x10000) | 0;

/**
 * Fills `out` with the words of blocks `first`, `first` + 1, … of one stream.
 * @param key - (seed low, seed high)  @param out - its length is a multiple of 4
 * @param lane - the upper half of the counter: (op id, stream)
 */
export const philoxFill = (
  key: readonly [number, number],
  first: number,
  out: Uint32Array,
  lane: readonly [number, number] = [0, 0],
): void => {
  for (let i = 0; i + 4 <= out.length; i += 4) {
    const index = first + i / 4;
    let c0 = index | 0;
    let c1 = floor(index / 2 ** 32) | 0;
    let c2 = lane[0] | 0;
    let c3 = lane[1] | 0;
    let k0 = key[0] | 0;
    let k1 = key[1] | 0;
    for (let round = 0; round < 10; round++) {
      const n0 = high(M1, c2) ^ c1 ^ k0;
      const n2 = high(M0, c0) ^ c3 ^ k1;
      c1 = imul(M1, c2);
      c3 = imul(M0, c0);
      c0 = n0;
      c2 = n2;
      k0 = (k0 + W0) | 0;
      k1 = (k1 + W1) | 0;
    }
    out[i] = c0;
    out[i + 1] = c1;
    out[i + 2] = c2;
    out[i + 3] = c3;
  }
};
