import { createHash } from 'node:crypto';

export const toHex = (bytes: Uint8Array): string => {
  let text = '';
  for (const byte of bytes) text += byte.toString(16).padStart(2, '0');
  return text;
};

/** The bytes of an even number of hexadecimal digits, as `toHex` writes them. */
export const fromHex = (text: string): Uint8Array =>
  Uint8Array.from({ length: text.length / 2 }, (_, i) => Number.parseInt(text.slice(2 * i, 2 * i + 2), 16));

/** SHA-256 of the parts in order. */
export const sha256 = (...parts: readonly (Uint8Array | string)[]): Uint8Array => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
};

export const sha256Hex = (...parts: readonly (Uint8Array | string)[]): string => toHex(sha256(...parts));

/** SHA-256 of parts that come one after another. */
export class Sha256 {
  private readonly hash = createHash('sha256');

  update(part: Uint8Array | string): void {
    this.hash.update(part);
  }

  /** The digest in hex. Nothing can be added after it. */
  finish(): string {
    return toHex(new Uint8Array(this.hash.digest()));
  }
}
