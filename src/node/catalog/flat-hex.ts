import type { PrefixedHexString } from '@ethereumjs/util';

const DIGITS = new TextEncoder().encode('0123456789abcdef');
const ascii = new TextDecoder();

/**
 * Bytes as text that is kept: strings that are put together digit by digit stay trees of their parts in V8, 32 bytes each, as long as
 * nobody looks into them.
 */
export const flatHex = (bytes: Uint8Array): PrefixedHexString => {
  const text = new Uint8Array(2 + 2 * bytes.length);
  text.set([0x30, 0x78]);
  for (const [i, b] of bytes.entries()) {
    text[2 + 2 * i] = DIGITS[b >> 4] ?? 0;
    text[3 + 2 * i] = DIGITS[b & 15] ?? 0;
  }
  return ascii.decode(text) as PrefixedHexString;
};
