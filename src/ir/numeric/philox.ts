/**
 * Philox4x32-10 (NUMERICS §1.8; Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011).
 * Element e of a stream uses word e & 3 of block e >> 2, so values depend on no order of evaluation.
 */
const M0 = 0xd2511f53;
const M1 = 0xcd9e8d57;
const W0 = 0x9e3779b9;
const W1 = 0xbb67ae85;

/** High 32 bits of the product of two uint32, by 16-bit halves. */
export const mulHi32 = (a: number, b: number): number => {
  const al = a & 0xffff;
  const ah = a >>> 16;
  const bl = b & 0xffff;
  const bh = b >>> 16;
  const low = al * bl;
  const mid = ah * bl + (low >>> 16);
  const mid2 = al * bh + (mid % 0x10000);
  return (ah * bh + Math.floor(mid / 0x10000) + Math.floor(mid2 / 0x10000)) >>> 0;
};

export type Block = readonly [number, number, number, number];

/** One block of four uint32. @param counter - (block low, block high, op id, stream)  @param key - (seed low, seed high) */
export const philox4x32 = (counter: Block, key: readonly [number, number]): Block => {
  let [c0, c1, c2, c3] = counter;
  let [k0, k1] = key;
  for (let round = 0; round < 10; round++) {
    if (round > 0) {
      k0 = (k0 + W0) >>> 0;
      k1 = (k1 + W1) >>> 0;
    }
    const hi0 = mulHi32(M0, c0);
    const lo0 = Math.imul(M0, c0) >>> 0;
    const hi1 = mulHi32(M1, c2);
    const lo1 = Math.imul(M1, c2) >>> 0;
    [c0, c1, c2, c3] = [(hi1 ^ c1 ^ k0) >>> 0, lo1, (hi0 ^ c3 ^ k1) >>> 0, lo0];
  }
  return [c0, c1, c2, c3];
};

/** Word source over one stream: `next()` walks elements 0, 1, 2, … */
export class Philox {
  private block: Block = [0, 0, 0, 0];
  private element = 0;
  private readonly key: readonly [number, number];
  private readonly opId: number;
  private readonly stream: number;

  /** @param seed - 0 <= seed <= 2^53 - 1 */
  constructor(seed: number, opId = 0, stream = 0) {
    this.key = [(seed % 2 ** 32) >>> 0, Math.floor(seed / 2 ** 32) >>> 0];
    this.opId = opId;
    this.stream = stream;
  }

  /** The next uint32. */
  next(): number {
    const word = this.element & 3;
    if (word === 0) {
      const index = Math.floor(this.element / 4);
      this.block = philox4x32([index >>> 0, Math.floor(index / 2 ** 32) >>> 0, this.opId, this.stream], this.key);
    }
    this.element++;
    return this.block[word] ?? 0;
  }

  /** Uniform integer in [lo, hi], by the high word of a product (no rejection). */
  int(lo: number, hi: number): number {
    const n = hi - lo + 1;
    return n >= 2 ** 32 ? lo + this.next() : lo + mulHi32(this.next(), n);
  }

  /** Uniform float32 in [0, 1) with 24 bits. */
  unit(): number {
    return (this.next() >>> 8) / 2 ** 24;
  }
}
