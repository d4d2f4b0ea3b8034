import type { FpgaPort, FpgaProgram } from '../program.ts';

const BEAT_BYTES = 16;

/** Bytes of the image file: what lies behind may hold anything. */
export const imageFileBytes = ({ parts }: FpgaProgram): number =>
  parts.reduce((end, { address, bytes }) => Math.max(end, address + bytes.length), 0);

/** The image file: memory from BASE on, before the initialization. */
export const imageFile = (program: FpgaProgram): Uint8Array => {
  const image = new Uint8Array(imageFileBytes(program));
  for (const { address, bytes } of program.parts) image.set(bytes, address);
  return image;
};

const HEX = Array.from({ length: 256 }, (_, i) => i.toString(16).padStart(2, '0'));

/** Beats as $readmemh reads them, each of 32 digits with the last byte first. @param from - address, a multiple of 16 */
export const hexText = (bytes: Uint8Array, from = 0): string => {
  const lines = [`@${(from / BEAT_BYTES).toString(16)}`];
  for (let at = 0; at < bytes.length; at += BEAT_BYTES) {
    let line = '';
    for (let i = BEAT_BYTES - 1; i >= 0; i--) line += HEX[bytes[at + i] ?? 0];
    lines.push(line);
  }
  return `${lines.join('\n')}\n`;
};

/** Bytes of tensors at the beats that they lie in; the rest of the last beat is 0. */
export const portsHex = (ports: readonly FpgaPort[], bytes: readonly Uint8Array[]): string =>
  ports.map((p, i) => hexText(bytes[i] ?? new Uint8Array(0), p.address)).join('');

/** Beats that hold a port. */
export const beatsOf = ({ address, bytes }: FpgaPort): { readonly first: number; readonly last: number } => ({
  first: Math.floor(address / BEAT_BYTES),
  last: Math.floor((address + bytes - 1) / BEAT_BYTES),
});
