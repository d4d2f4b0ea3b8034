import { bigIntToBytes, bytesToBigInt, concatBytes, setLengthLeft } from '@ethereumjs/util';
import { keccak_256 } from '@noble/hashes/sha3.js';

const word = (value: bigint): Uint8Array => setLengthLeft(bigIntToBytes(value), 32);

export { concatBytes as joined, bytesToBigInt as wordOf } from '@ethereumjs/util';

export const words = (...values: readonly (bigint | number)[]): Uint8Array => concatBytes(...values.map((v) => word(BigInt(v))));
const padded = (bytes: Uint8Array): Uint8Array => concatBytes(bytes, new Uint8Array((32 - (bytes.length % 32)) % 32));

/** Call data of a function of the contract ABI; arguments are words, bytes, or lists of words. */
export const call = (signature: string, ...args: readonly (bigint | number | Uint8Array | readonly bigint[])[]): Uint8Array => {
  const selector = keccak_256(new TextEncoder().encode(signature)).subarray(0, 4);
  let tail: Uint8Array = new Uint8Array(0);
  const heads = args.map((arg) => {
    if (typeof arg === 'bigint' || typeof arg === 'number') return words(arg);
    const head = words(32 * args.length + tail.length);
    const body = arg instanceof Uint8Array ? concatBytes(words(arg.length), padded(arg)) : concatBytes(words(arg.length), words(...arg));
    tail = concatBytes(tail, body);
    return head;
  });
  return concatBytes(selector, ...heads, tail);
};

/** The text of `Error(string)`. */
export const reasonOf = (data: Uint8Array): string => {
  const length = Number(bytesToBigInt(data.subarray(36, 68)));
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
