import { at } from '../../../support/index.ts';

/**
 * Moduli below 2^31. In the first, 2^31 is 1, which would make numbers equal that differ by that factor: so there is a second, in which
 * no power of 2 below 2^1000 is 1.
 */
export const PRIMES = [2_147_483_647, 2_147_483_629] as const;

/** Products of 31 by 16 bits that fit into 53 bits when added up. */
export const MOST_TERMS = 32;

/** Arithmetic of whole numbers from 0 to p - 1. */
export class Field {
  readonly p: number;
  private readonly powers = new Map<number, number>();
  private readonly words = new DataView(new ArrayBuffer(8));

  constructor(p: number) {
    this.p = p;
  }

  mul(a: number, b: number): number {
    // 31 bits by 15, then by 16
    return (((a * (b >>> 16)) % this.p) * 65_536 + a * (b & 0xffff)) % this.p;
  }

  power(base: number, exponent: number): number {
    let [result, square] = [1, base];
    for (let e = exponent; e > 0; e = Math.floor(e / 2)) {
      if (e % 2 === 1) result = this.mul(result, square);
      square = this.mul(square, square);
    }
    return result;
  }

  /** 1 / a; undefined for 0. */
  inverse(a: number): number | undefined {
    return a === 0 ? undefined : this.power(a, this.p - 2);
  }

  private powerOfTwo(e: number): number {
    const known = this.powers.get(e);
    if (known !== undefined) return known;
    const positive = this.power(2, Math.abs(e));
    const made = e < 0 ? this.power(positive, this.p - 2) : positive;
    this.powers.set(e, made);
    return made;
  }

  /** A finite number, which is m 2^e, exactly. */
  embed(v: number): number {
    if (Number.isInteger(v) && Math.abs(v) < this.p) return v < 0 ? v + this.p : v;
    this.words.setFloat64(0, v);
    const [high, low] = [this.words.getUint32(0), this.words.getUint32(4)];
    const exponent = (high >>> 20) & 0x7ff;
    const top = (high & 0xfffff) + (exponent === 0 ? 0 : 0x100000);
    const mantissa = (this.mul(top, 4_294_967_296 % this.p) + (low % this.p)) % this.p;
    const value = this.mul(mantissa, this.powerOfTwo((exponent === 0 ? 1 : exponent) - 1075));
    return v < 0 && value !== 0 ? this.p - value : value;
  }
}

const mixed = (h: number, v: number): number => {
  let x = Math.imul(h ^ v ^ (h >>> 15), 0x2c1b3c6d);
  x = Math.imul(x ^ (x >>> 12), 0x297a2d39);
  return (x ^ (x >>> 15)) >>> 0;
};

/** A function drawn at random: the same arguments always have the same value, others have one of their own. */
export class Oracle {
  private readonly p: number;
  private readonly seeds: readonly [number, number];

  constructor(p: number, seeds: readonly [number, number]) {
    this.p = p;
    this.seeds = seeds;
  }

  /** @param key - which function; @param values - its arguments */
  at(key: number, values: ArrayLike<number>): number {
    let [a, b] = [mixed(this.seeds[0], key), mixed(this.seeds[1], key)];
    for (let i = 0; i < values.length; i++) {
      a = mixed(a, at(values, i));
      b = mixed(b, at(values, i) ^ a);
    }
    return ((a & 0x1fffff) * 4_294_967_296 + b) % this.p;
  }

  /** A number for a text. */
  key(text: string): number {
    let h = this.seeds[0];
    for (let i = 0; i < text.length; i++) h = mixed(h, text.charCodeAt(i));
    return h;
  }
}
