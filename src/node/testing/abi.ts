import { keccak_256 } from '@noble/hashes/sha3.js';

const word = (value: bigint): Uint8Array =>
  Uint8Array.from(value.toString(16).padStart(64, '0').match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));

export const joined = (...parts: readonly Uint8Array[]): Uint8Array => {
  const all = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
  let offset = 0;
  for (const part of parts) {
    all.set(part, offset);
    offset += part.length;
  }
  return all;
};

export const words = (...values: readonly (bigint | number)[]): Uint8Array => joined(...values.map((v) => word(BigInt(v))));
const padded = (bytes: Uint8Array): Uint8Array => joined(bytes, new Uint8Array((32 - (bytes.length % 32)) % 32));
export const wordOf = (bytes: Uint8Array): bigint => bytes.reduce((n, b) => n * 256n + BigInt(b), 0n);

/** Call data of a function of the contract ABI; arguments are words, bytes, or lists of words. */
export const call = (signature: string, ...args: readonly (bigint | number | Uint8Array | readonly bigint[])[]): Uint8Array => {
  const selector = keccak_256(new TextEncoder().encode(signature)).subarray(0, 4);
  let tail: Uint8Array = new Uint8Array(0);
  const heads = args.map((arg) => {
    if (typeof arg === 'bigint' || typeof arg === 'number') return words(arg);
    const head = words(32 * args.length + tail.length);
    const body = arg instanceof Uint8Array ? joined(words(arg.length), padded(arg)) : joined(words(arg.length), words(...arg));
    tail = joined(tail, body);
    return head;
  });
  return joined(selector, ...heads, tail);
};

/** The text of `Error(string)`. */
export const reasonOf = (data: Uint8Array): string => {
  const length = Number(wordOf(data.subarray(36, 68)));
  return new TextDecoder().decode(data.subarray(68, 68 + length));
};

const NAMES = {
  STOP: 0x00, ADD: 0x01, MLOAD: 0x51, MSTORE: 0x52, SLOAD: 0x54, SSTORE: 0x55, CALLDATALOAD: 0x35, CALLDATASIZE: 0x36, CALLDATACOPY: 0x37,
  RETURN: 0xf3, INFER: 0xc0, INFERARRAY: 0xc1, POP: 0x50, DUP1: 0x80, SHL: 0x1b,
} as const; // biome-ignore format: a table of opcodes

/** Bytes of instructions; numbers are pushed, as the shortest PUSH there is from one byte on. */
export const assemble = (...items: readonly (keyof typeof NAMES | bigint | number)[]): Uint8Array =>
  Uint8Array.from(
    items.flatMap((item) => {
      if (typeof item === 'string') return [NAMES[item]];
      const hex = BigInt(item).toString(16);
      const bytes = (hex.length % 2 === 0 ? hex : `0${hex}`).match(/../g) ?? [];
      return [0x5f + bytes.length, ...bytes.map((b) => Number.parseInt(b, 16))];
    }),
  );
