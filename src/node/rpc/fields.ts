import { Address, bytesToHex, hexToBytes, type PrefixedHexString } from '@ethereumjs/util';
import { invalidParams } from './rpc-error.ts';

/** A number as JSON-RPC of Ethereum writes it: no leading zeros. */
export const quantity = (value: bigint | number): PrefixedHexString => `0x${value.toString(16)}`;
export const hex = (bytes: Uint8Array): PrefixedHexString => bytesToHex(bytes);

/** Bytes of one parameter at most; transactions and calls are smaller. */
const MAX_DATA_BYTES = 2 ** 24;

const isHex = (value: unknown): value is PrefixedHexString => typeof value === 'string' && /^0x[0-9a-fA-F]*$/.test(value);

const short = (value: unknown): string => JSON.stringify(value)?.slice(0, 60) ?? 'missing';

export const readBytes = (value: unknown, what: string): Uint8Array => {
  if (!isHex(value) || value.length % 2 !== 0) throw invalidParams(`${what} is ${short(value)}, but takes hex digits in pairs after 0x`);
  if (value.length > 2 * MAX_DATA_BYTES) throw invalidParams(`${what} is longer than ${MAX_DATA_BYTES} bytes`);
  return hexToBytes(value);
};

export const readFixed = (value: unknown, length: number, what: string): Uint8Array => {
  const bytes = readBytes(value, what);
  if (bytes.length !== length) throw invalidParams(`${what} is ${bytes.length} bytes, but takes ${length}`);
  return bytes;
};

export const readAddress = (value: unknown, what = 'address'): Address => new Address(readFixed(value, 20, what));

export const readQuantity = (value: unknown, what: string): bigint => {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return BigInt(value);
  if (!isHex(value) || value.length < 3 || value.length > 66)
    throw invalidParams(`${what} is ${short(value)}, but takes a number after 0x`);
  return BigInt(value);
};

export const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A field that may be left out. */
export const optional = <T>(value: unknown, read: (value: unknown) => T): T | undefined =>
  value === undefined || value === null ? undefined : read(value);
