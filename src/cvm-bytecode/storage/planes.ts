import { ByteWriter } from '../../support/index.ts';
import type { Source } from './source.ts';
import { readSymbols, writeSymbols } from './symbols.ts';

/**
 * Elements of a chunk: `count * size` bytes, little-endian, or codes of 6 bits, one a byte.
 * `alphabet`: values that a byte of them takes, 64 or 256.
 */
export interface ElementKind {
  readonly size: 1 | 2 | 4;
  readonly alphabet: 64 | 256;
}

const PLAIN = 0;
const CODED = 1;

const planeOf = (elements: Uint8Array, size: number, plane: number): Uint8Array => {
  if (size === 1) return elements;
  const out = new Uint8Array(elements.length / size);
  for (let i = 0, o = plane; i < out.length; i++, o += size) out[i] = elements[o] ?? 0;
  return out;
};

/** Writes byte k of all elements as plane k, each plane with a code of its own or, where that is not shorter, as it is. */
export const writePlanes = (writer: ByteWriter, elements: Uint8Array, { size, alphabet }: ElementKind): void => {
  for (let k = 0; k < size; k++) {
    const plane = planeOf(elements, size, k);
    const coded = new ByteWriter();
    writeSymbols(coded, plane, alphabet);
    const shorter = coded.length < plane.length;
    writer.u8(shorter ? CODED : PLAIN);
    writer.bytes(shorter ? coded.finish() : plane);
  }
};

const readPlane = (source: Source, out: Uint8Array, alphabet: number): void => {
  const mode = source.reader.u8();
  if (mode === CODED) readSymbols(source, out, alphabet);
  else if (mode === PLAIN) {
    out.set(source.reader.bytes(out.length));
    if (alphabet === 64 && out.some((code) => code > 63)) source.bad('a code of six bits is above 63');
  } else source.bad(`plane mode ${mode} does not exist`);
};

/** Reads what `writePlanes` writes. @param out - filled with `out.length / size` elements */
export const readPlanes = (source: Source, out: Uint8Array, { size, alphabet }: ElementKind): void => {
  if (size === 1) {
    readPlane(source, out, alphabet);
    return;
  }
  const count = out.length / size;
  const planes = new Uint8Array(out.length);
  for (let k = 0; k < size; k++) readPlane(source, planes.subarray(k * count, (k + 1) * count), alphabet);
  for (let i = 0, o = 0; i < count; i++) for (let p = i; p < planes.length; p += count) out[o++] = planes[p] ?? 0;
};
