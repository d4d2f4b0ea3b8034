import type { Instruction } from '../isa/encode.ts';
import type { OpcodeName } from '../isa/opcodes.ts';
import { type Action, from, into, type ProcessorState } from './processor-state.ts';

/** High half of the product of two unsigned words; the low half is Math.imul. */
export const highProduct = (a: number, b: number): number => {
  const [a0, a1, b0, b1] = [a & 0xffff, a >>> 16, b & 0xffff, b >>> 16];
  const low = a0 * b0;
  const middle = a1 * b0 + (low >>> 16);
  const other = a0 * b1 + (middle & 0xffff);
  return (a1 * b1 + Math.floor(middle / 65536) + Math.floor(other / 65536)) | 0;
};

type Make = (state: ProcessorState, one: Instruction) => Action;

/** A result of 32 bits, kept sign-extended. */
const of32 =
  (compute: (a: number, b: number) => number, immediate = false): Make =>
  ({ s }, { rd, ra, rb, imm }) => {
    const [d, a, b] = [into(rd), from(ra), from(rb)];
    return immediate
      ? () => {
          const x = compute(s[a]!, imm);
          s[d] = x;
          s[d + 1] = s[d]! >> 31;
        }
      : () => {
          const x = compute(s[a]!, s[b]!);
          s[d] = x;
          s[d + 1] = s[d]! >> 31;
        };
  };

/** The same operation on both halves. */
const bitwise =
  (compute: (a: number, b: number) => number, immediate = false): Make =>
  ({ s }, { rd, ra, rb, imm }) => {
    const [d, a, b, high] = [into(rd), from(ra), from(rb), imm >> 31];
    return immediate
      ? () => {
          s[d] = compute(s[a]!, imm);
          s[d + 1] = compute(s[a + 1]!, high);
        }
      : () => {
          s[d] = compute(s[a]!, s[b]!);
          s[d + 1] = compute(s[a + 1]!, s[b + 1]!);
        };
  };

type Shift = (s: Int32Array, d: number, low: number, high: number, n: number) => void;

const left: Shift = (s, d, low, high, n) => {
  s[d + 1] = n === 0 ? high : n < 32 ? (high << n) | (low >>> (32 - n)) : low << (n - 32);
  s[d] = n < 32 ? low << n : 0;
};
const rightSigned: Shift = (s, d, low, high, n) => {
  s[d] = n === 0 ? low : n < 32 ? (low >>> n) | (high << (32 - n)) : high >> (n - 32);
  s[d + 1] = n < 32 ? high >> n : high >> 31;
};
const rightUnsigned: Shift = (s, d, low, high, n) => {
  s[d] = n === 0 ? low : n < 32 ? (low >>> n) | (high << (32 - n)) : high >>> (n - 32);
  s[d + 1] = n < 32 ? high >>> n : 0;
};

const shift =
  (how: Shift, immediate = false): Make =>
  ({ s }, { rd, ra, rb, imm }) => {
    const [d, a, b, n] = [into(rd), from(ra), from(rb), imm & 63];
    return immediate ? () => how(s, d, s[a]!, s[a + 1]!, n) : () => how(s, d, s[a]!, s[a + 1]!, s[b]! & 63);
  };

/** a + b, or a - b where `negate` is 1, as a + ~b + 1. */
const sum =
  (negate: 0 | 1): Make =>
  ({ s }, { rd, ra, rb }) => {
    const [d, a, b] = [into(rd), from(ra), from(rb)];
    const flip = -negate;
    return () => {
      const low = (s[a]! >>> 0) + ((s[b]! ^ flip) >>> 0) + negate;
      const high = s[a + 1]! + (s[b + 1]! ^ flip) + (low > 0xffffffff ? 1 : 0);
      s[d] = low;
      s[d + 1] = high;
    };
  };

const addImmediate: Make = ({ s }, { rd, ra, imm }) => {
  const [d, a, high] = [into(rd), from(ra), imm >> 31];
  return () => {
    const low = (s[a]! >>> 0) + (imm >>> 0);
    s[d + 1] = s[a + 1]! + high + (low > 0xffffffff ? 1 : 0);
    s[d] = low;
  };
};

const product: Make = ({ s }, { rd, ra, rb }) => {
  const [d, a, b] = [into(rd), from(ra), from(rb)];
  return () => {
    const [al, bl] = [s[a]!, s[b]!];
    const high = highProduct(al, bl) + Math.imul(al, s[b + 1]!) + Math.imul(s[a + 1]!, bl);
    s[d] = Math.imul(al, bl);
    s[d + 1] = high;
  };
};

const wide = (s: Int32Array, a: number): bigint => (BigInt(s[a + 1]!) << 32n) | BigInt(s[a]! >>> 0);

/** By bigint, where that is rare. */
const of64 =
  (compute: (a: bigint, b: bigint) => bigint): Make =>
  ({ s }, { rd, ra, rb }) => {
    const [d, a, b] = [into(rd), from(ra), from(rb)];
    return () => {
      const x = BigInt.asIntN(64, compute(wide(s, a), wide(s, b)));
      s[d] = Number(BigInt.asIntN(32, x));
      s[d + 1] = Number(x >> 32n);
    };
  };

const unsigned = (a: bigint): bigint => BigInt.asUintN(64, a);

/** 1 or 0 by a comparison of 64 bits. */
const truth =
  (holds: (ah: number, al: number, bh: number, bl: number) => boolean): Make =>
  ({ s }, { rd, ra, rb }) => {
    const [d, a, b] = [into(rd), from(ra), from(rb)];
    return () => {
      s[d] = holds(s[a + 1]!, s[a]!, s[b + 1]!, s[b]!) ? 1 : 0;
      s[d + 1] = 0;
    };
  };

export const equal = (ah: number, al: number, bh: number, bl: number): boolean => al === bl && ah === bh;
export const lessSigned = (ah: number, al: number, bh: number, bl: number): boolean => (ah === bh ? al >>> 0 < bl >>> 0 : ah < bh);
export const lessUnsigned = (ah: number, al: number, bh: number, bl: number): boolean =>
  ah === bh ? al >>> 0 < bl >>> 0 : ah >>> 0 < bh >>> 0;

/** Both halves of a result by those of one operand. */
const unary =
  (low: (l: number, h: number) => number, high: (l: number, h: number) => number): Make =>
  ({ s }, { rd, ra }) => {
    const [d, a] = [into(rd), from(ra)];
    return () => {
      const [l, h] = [s[a]!, s[a + 1]!];
      s[d] = low(l, h);
      s[d + 1] = high(l, h);
    };
  };

export const SCALAR_ACTIONS = {
  li: ({ s }, { rd, imm }) => {
    const d = into(rd);
    return () => {
      s[d] = imm;
      s[d + 1] = imm >> 31;
    };
  },
  lih: ({ s }, { rd, ra, imm }) => {
    const [d, a] = [into(rd), from(ra)];
    return () => {
      s[d] = s[a]!;
      s[d + 1] = imm;
    };
  },
  add32: of32((a, b) => a + b),
  addi32: of32((a, b) => a + b, true),
  sub32: of32((a, b) => a - b),
  mul32: of32((a, b) => Math.imul(a, b)),
  shl32: of32((a, b) => a << b),
  shr32s: of32((a, b) => a >> b),
  shr32u: of32((a, b) => a >>> b),
  shli32: of32((a, b) => a << b, true),
  shri32s: of32((a, b) => a >> b, true),
  shri32u: of32((a, b) => a >>> b, true),
  div32s: of32((a, b) => (b === 0 ? 0 : a / b)),
  div32u: of32((a, b) => (b === 0 ? 0 : (a >>> 0) / (b >>> 0))),
  rem32s: of32((a, b) => (b === 0 ? a : a % b)),
  rem32u: of32((a, b) => (b === 0 ? a : (a >>> 0) % (b >>> 0))),
  clz32: unary(
    (l) => Math.clz32(l),
    () => 0,
  ),
  sext32: unary(
    (l) => l,
    (l) => l >> 31,
  ),
  zext32: unary(
    (l) => l,
    () => 0,
  ),
  sext8: unary(
    (l) => (l << 24) >> 24,
    (l) => (l << 24) >> 31,
  ),
  sext16: unary(
    (l) => (l << 16) >> 16,
    (l) => (l << 16) >> 31,
  ),
  add64: sum(0),
  addi64: addImmediate,
  sub64: sum(1),
  mul64: product,
  mulhu64: of64((a, b) => (unsigned(a) * unsigned(b)) >> 64n),
  shl64: shift(left),
  shr64s: shift(rightSigned),
  shr64u: shift(rightUnsigned),
  shli64: shift(left, true),
  shri64s: shift(rightSigned, true),
  shri64u: shift(rightUnsigned, true),
  div64s: of64((a, b) => (b === 0n ? 0n : a / b)),
  div64u: of64((a, b) => (b === 0n ? 0n : unsigned(a) / unsigned(b))),
  rem64s: of64((a, b) => (b === 0n ? a : a % b)),
  rem64u: of64((a, b) => (b === 0n ? a : unsigned(a) % unsigned(b))),
  clz64: unary(
    (l, h) => (h === 0 ? 32 + Math.clz32(l) : Math.clz32(h)),
    () => 0,
  ),
  and: bitwise((a, b) => a & b),
  andi: bitwise((a, b) => a & b, true),
  or: bitwise((a, b) => a | b),
  xor: bitwise((a, b) => a ^ b),
  xori: bitwise((a, b) => a ^ b, true),
  eq: truth(equal),
  ne: truth((...x) => !equal(...x)),
  lts: truth(lessSigned),
  ltu: truth(lessUnsigned),
  les: truth((ah, al, bh, bl) => !lessSigned(bh, bl, ah, al)),
  leu: truth((ah, al, bh, bl) => !lessUnsigned(bh, bl, ah, al)),
  sel: ({ s }, { rd, ra, rb, rc }) => {
    const [d, a, b, c] = [into(rd), from(ra), from(rb), from(rc)];
    return () => {
      const i = s[c] !== 0 || s[c + 1] !== 0 ? a : b;
      const [low, high] = [s[i]!, s[i + 1]!];
      s[d] = low;
      s[d + 1] = high;
    };
  },
} as const satisfies Partial<Record<OpcodeName, Make>>;
