import { at, type ByteWriter } from '../../support/index.ts';
import type { ElementKind } from './planes.ts';
import type { Source } from './source.ts';
import { readSymbols, writeSymbols } from './symbols.ts';

/** Values of a codebook at most: an index is one byte. */
const MOST_VALUES = 256;

/** The element as an unsigned little-endian number. */
const elementAt = (bytes: Uint8Array, size: number, i: number): number => {
  let value = 0;
  for (let k = size - 1; k >= 0; k--) value = value * 256 + (bytes[i * size + k] ?? 0);
  return value;
};

/** The alphabet of the indices: the power of two from the number of values up, at least 2. */
const alphabetOf = (values: number): number => {
  let alphabet = 2;
  while (alphabet < values) alphabet *= 2;
  return alphabet;
};

/** The distinct elements in ascending order; undefined when they are more than 256. */
const distinctOf = (elements: Uint8Array, size: number): readonly number[] | undefined => {
  const seen = new Set<number>();
  for (let i = 0; i < elements.length / size; i++) if (seen.add(elementAt(elements, size, i)).size > MOST_VALUES) return undefined;
  return [...seen].sort((a, b) => a - b);
};

/**
 * Writes the distinct elements in ascending order, and an index for each element. For elements of several bytes: with one
 * byte, the code lengths of its symbols are a codebook already.
 * @returns false, having written nothing, when there are more than 256 values
 */
export const writeCodebook = (writer: ByteWriter, elements: Uint8Array, { size }: ElementKind): boolean => {
  if (size === 1) return false;
  const values = distinctOf(elements, size);
  if (values === undefined || values.length === 0) return false;
  writer.u8(values.length - 1);
  for (const value of values) {
    for (let k = 0, rest = value; k < size; k++, rest = Math.floor(rest / 256)) writer.u8(rest % 256);
  }
  const indexOf = new Map(values.map((value, i) => [value, i]));
  const indices = new Uint8Array(elements.length / size);
  for (let i = 0; i < indices.length; i++) indices[i] = indexOf.get(elementAt(elements, size, i)) ?? 0;
  writeSymbols(writer, indices, alphabetOf(values.length));
  return true;
};

/** Reads what `writeCodebook` writes. @param out - filled with `out.length / size` elements */
export const readCodebook = (source: Source, out: Uint8Array, { size }: ElementKind): void => {
  const { reader } = source;
  if (size === 1) source.bad('elements of one byte have no codebook');
  const count = reader.u8() + 1;
  const book = reader.bytes(count * size);
  for (let i = 1; i < count; i++) {
    if (elementAt(book, size, i) <= elementAt(book, size, i - 1)) source.bad(`value ${i} of the codebook is not above the one before it`);
  }
  const indices = new Uint8Array(out.length / size);
  readSymbols(source, indices, alphabetOf(count));
  const used = new Uint8Array(MOST_VALUES);
  for (let i = 0; i < indices.length; i++) {
    const index = indices[i] ?? 0;
    used[index] = 1;
    for (let k = 0; k < size; k++) out[i * size + k] = book[index * size + k] ?? 0;
  }
  const values = used.reduce((n, u) => n + u, 0);
  if (values !== count || at(used, count - 1) === 0) source.bad(`the codebook has ${count} values but ${values} are used`);
};
