/** Selector of Solidity's Error(string). */
const ERROR_SELECTOR = [0x08, 0xc3, 0x79, 0xa0] as const;

/** Return data of a revert that wallets and libraries show as text. */
export const revertReason = (reason: string): Uint8Array => {
  const text = new TextEncoder().encode(reason);
  const bytes = new Uint8Array(4 + 64 + 32 * Math.ceil(text.length / 32));
  bytes.set(ERROR_SELECTOR, 0);
  bytes[4 + 31] = 32;
  new DataView(bytes.buffer).setUint32(4 + 60, text.length);
  bytes.set(text, 4 + 64);
  return bytes;
};
