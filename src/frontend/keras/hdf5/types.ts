import type { ElemName } from '../../host-tensor.ts';
import { broken, type FileBytes, unsupported } from './bytes.ts';
import type { GlobalHeaps } from './heaps.ts';

/** What elements are. HDF5 File Format Specification 3.0, section IV.A.2.d. */
export type Datatype =
  | { readonly kind: 'number'; readonly elem: ElemName; readonly bytes: number }
  | { readonly kind: 'text'; readonly bytes: number }
  /** In a global heap: number of elements, collection, index. */
  | { readonly kind: 'variable text'; readonly bytes: number }
  | { readonly kind: 'other'; readonly bytes: number; readonly what: string };

const CLASSES = ['integer', 'float', 'time', 'text', 'bits', 'opaque', 'compound', 'reference', 'enumeration', 'variable length', 'array'];

/** Type of numbers by sign, float and width. */
const NUMBERS: Readonly<Record<string, ElemName>> = {
  u1: 'uint8',
  i1: 'int8',
  u2: 'uint16',
  i2: 'int16',
  u4: 'uint32',
  i4: 'int32',
  u8: 'uint64',
  i8: 'int64',
  f2: 'float16',
  f4: 'float32',
  f8: 'float64',
};

/** Bits before, exponent and mantissa of IEEE 754 formats. */
const EXPONENTS: Readonly<Record<number, number>> = { 2: 5, 4: 8, 8: 11 };

export const readDatatype = (file: FileBytes, at: number): Datatype => {
  const [head, bits, bytes] = [file.u8(at), file.u8(at + 1), file.u32(at + 4)];
  const name = CLASSES[head & 15] ?? `class ${head & 15}`;
  const other = { kind: 'other', bytes, what: name } as const;
  switch (name) {
    case 'integer':
    case 'float': {
      const key = `${name === 'float' ? 'f' : bits & 8 ? 'i' : 'u'}${bytes}`;
      if (bits & 1) return { ...other, what: 'big-endian numbers' };
      if (name === 'float' && (bytes === 2 || bytes === 4 || bytes === 8) && file.u8(at + 13) !== EXPONENTS[bytes])
        return bytes === 2 && file.u8(at + 13) === 8 ? { kind: 'number', elem: 'bfloat16', bytes } : other;
      const elem = NUMBERS[key];
      return elem === undefined ? other : { kind: 'number', elem, bytes };
    }
    case 'text':
      return { kind: 'text', bytes };
    case 'enumeration': {
      // h5py keeps bool as an enumeration of int8
      const base = readDatatype(file, at + 8);
      return base.bytes === 1 ? { kind: 'number', elem: 'bool', bytes } : base;
    }
    case 'variable length':
      return (bits & 15) === 1 && bytes === 16 ? { kind: 'variable text', bytes } : other;
    default:
      return other;
  }
};

/** Sizes of the dimensions. Section IV.A.2.b. */
export const readDataspace = (file: FileBytes, at: number): readonly number[] => {
  const [version, rank] = [file.u8(at), file.u8(at + 1)];
  if (version !== 1 && version !== 2) return unsupported(`a dataspace of version ${version}`);
  if (rank > 32) return broken(`a dataspace has ${rank} dimensions`);
  if (version === 2 && file.u8(at + 3) === 2) return [0];
  const first = at + (version === 1 ? 8 : 4);
  return Array.from({ length: rank }, (_, i) => file.length(first + 8 * i));
};

/** Texts of a value; undefined where it is no text. */
export const readTexts = (
  file: FileBytes,
  heaps: GlobalHeaps,
  type: Datatype,
  count: number,
  at: number,
): readonly string[] | undefined => {
  if (type.kind !== 'text' && type.kind !== 'variable text') return undefined;
  file.take(count * type.bytes, 'an attribute');
  if (type.bytes < 1 || at + count * type.bytes > file.size) return broken(`an attribute of ${count} texts passes the end of the file`);
  return Array.from({ length: count }, (_, i) => {
    const place = at + i * type.bytes;
    if (type.kind === 'text') return file.text(place, type.bytes).trimEnd();
    const length = file.u32(place);
    if (length === 0) return '';
    file.take(length, 'an attribute');
    const stored = heaps.object(file.address(place + 4), file.u32(place + 12));
    return new TextDecoder().decode(stored.subarray(0, length)).replace(/\0+$/, '');
  });
};
