import { unzlibSync } from 'fflate';
import { type ElemName, type HostTensor, hostFromBytes } from '../../host-tensor.ts';
import { at as item } from '../../../support/index.ts';
import { broken, type FileBytes, unsupported } from './bytes.ts';
import { MESSAGE, type Message } from './header.ts';
import { walkTree } from './trees.ts';
import { type Datatype, readDataspace, readDatatype } from './types.ts';

const FILTERS = { deflate: 1, shuffle: 2, checksum: 3 } as const;

/** Filters that were applied, in order. Section IV.A.2.l. */
const readFilters = (file: FileBytes, message: Message | undefined): readonly number[] => {
  if (message === undefined) return [];
  const [version, count] = [file.u8(message.at), file.u8(message.at + 1)];
  if (version !== 1 && version !== 2) return unsupported(`filters of version ${version}`);
  const filters: number[] = [];
  let at = message.at + (version === 1 ? 8 : 2);
  for (let i = 0; i < count; i++) {
    const id = file.u16(at);
    const named = version === 1 || id >= 256;
    const nameBytes = named ? file.u16(at + 2) : 0;
    const values = file.u16(at + (named ? 6 : 4));
    filters.push(id);
    at +=
      (named ? 8 : 6) + (version === 1 ? Math.ceil(nameBytes / 8) * 8 : nameBytes) + 4 * (version === 1 ? values + (values % 2) : values);
    if (!Object.values<number>(FILTERS).includes(id)) return unsupported(`filter ${id} of a dataset`);
  }
  return filters;
};

/** Byte k of all elements stand together. */
const unshuffled = (bytes: Uint8Array, width: number): Uint8Array => {
  const count = Math.floor(bytes.length / width);
  const out = bytes.slice();
  for (let k = 0; k < width; k++) for (let i = 0; i < count; i++) out[i * width + k] = bytes[k * count + i] ?? 0;
  return out;
};

const inflated = (packed: Uint8Array, wanted: number): Uint8Array => {
  try {
    // one byte of room more than wanted shows a chunk that is longer
    return unzlibSync(packed, { out: new Uint8Array(wanted + 1) });
  } catch (error) {
    return broken(`a chunk does not inflate: ${error instanceof Error ? error.message : 'unknown cause'}`);
  }
};

/** A chunk as it was before the filters; a bit of `mask` says that a filter was left out. */
const unfiltered = (
  file: FileBytes,
  packed: Uint8Array,
  filters: readonly number[],
  mask: number,
  wanted: number,
  width: number,
): Uint8Array => {
  let bytes = packed;
  for (let i = filters.length - 1; i >= 0; i--) {
    if (mask & (1 << i)) continue;
    const id = filters[i];
    if (id === FILTERS.checksum) bytes = bytes.subarray(0, Math.max(0, bytes.length - 4));
    else if (id === FILTERS.shuffle) bytes = unshuffled(bytes, width);
    else {
      file.take(wanted, 'a chunk');
      bytes = inflated(bytes, wanted + (filters.includes(FILTERS.checksum) ? 4 : 0));
    }
  }
  return bytes.length === wanted ? bytes : broken(`a chunk has ${bytes.length} bytes instead of ${wanted}`);
};

interface Chunked {
  readonly file: FileBytes;
  readonly shape: readonly number[];
  readonly width: number;
  readonly filters: readonly number[];
}

/** Copies a chunk to its place, row by row; what passes the edge is left out. */
const place = (
  out: Uint8Array,
  chunk: Uint8Array,
  { shape, width }: Chunked,
  sizes: readonly number[],
  corner: readonly number[],
): void => {
  const rank = shape.length;
  const index = sizes.map(() => 0);
  const row = sizes[rank - 1] ?? 1;
  const kept = Math.max(0, Math.min(row, (shape[rank - 1] ?? 1) - (corner[rank - 1] ?? 0)));
  for (let from = 0; from < chunk.length; from += row * width) {
    const inside = index.every((v, d) => d === rank - 1 || v + (corner[d] ?? 0) < (shape[d] ?? 0));
    if (inside && kept > 0) {
      const to = index.reduce((sum, v, d) => sum * (shape[d] ?? 1) + v + (corner[d] ?? 0), 0);
      out.set(chunk.subarray(from, from + kept * width), to * width);
    }
    for (let d = rank - 2; d >= 0; d--) {
      index[d] = (index[d] ?? 0) + 1;
      if ((index[d] ?? 0) < (sizes[d] ?? 1)) break;
      index[d] = 0;
    }
  }
};

/** Data in chunks, found by a B-tree; a chunk that is missing holds zeros. */
const readChunks = (c: Chunked, layout: number, total: number): Uint8Array => {
  const { file, shape, width, filters } = c;
  const rank = shape.length;
  if (file.u8(layout + 2) !== rank + 1) return broken(`chunks have ${file.u8(layout + 2) - 1} dimensions, the dataset ${rank}`);
  const sizes = shape.map((_, d) => file.u32(layout + 11 + 4 * d));
  const wanted = sizes.reduce((product, s) => product * s, width);
  if (sizes.some((s) => s < 1)) return broken(`chunks have the shape [${sizes.join(', ')}]`);
  file.take(total, 'a dataset');
  const out = new Uint8Array(total);
  const root = file.address(layout + 3);
  if (root === undefined) return out;
  walkTree(file, root, 1, 16 + 8 * rank, (key, child) => {
    const [stored, mask] = [file.u32(key), file.u32(key + 4)];
    const corner = shape.map((_, d) => file.length(key + 8 + 8 * d));
    if (corner.some((v, d) => v >= item(shape, d))) return;
    file.take(wanted, 'a chunk');
    const packed = file.part(file.at(child, 'a chunk'), stored);
    place(out, unfiltered(file, packed, filters, mask, wanted, width), c, sizes, corner);
  });
  return out;
};

/** The bytes of the elements, in row-major order. Section IV.A.2.i. */
const readData = (file: FileBytes, messages: readonly Message[], type: Datatype, shape: readonly number[]): Uint8Array => {
  const layout = messages.find((m) => m.type === MESSAGE.layout);
  if (layout === undefined) return broken('a dataset has no layout');
  const total = shape.reduce((product, d) => product * d, type.bytes);
  const [version, kind] = [file.u8(layout.at), file.u8(layout.at + 1)];
  if (version !== 3 && version !== 4) return unsupported(`a data layout of version ${version}`);
  switch (kind) {
    case 0:
      return file.u16(layout.at + 2) === total
        ? file.part(layout.at + 4, total)
        : broken('a compact dataset has another size than its shape');
    case 1: {
      const address = file.address(layout.at + 2);
      // nothing was ever written
      if (address === undefined || total === 0) {
        file.take(total, 'a dataset');
        return new Uint8Array(total);
      }
      if (file.length(layout.at + 10) < total)
        return broken(`a dataset has ${file.length(layout.at + 10)} bytes, but its shape needs ${total}`);
      return file.part(file.at(address, 'a dataset'), total);
    }
    case 2: {
      if (version === 4) return unsupported("chunks in the form of libver='latest'");
      const filters = readFilters(
        file,
        messages.find((m) => m.type === MESSAGE.filters),
      );
      return readChunks({ file, shape, width: type.bytes, filters }, layout.at, total);
    }
    default:
      return unsupported(`a data layout of class ${kind}`);
  }
};

/** A dataset: what its elements are, and their values when asked for. */
export interface Hdf5Dataset {
  readonly kind: 'dataset';
  readonly elem: ElemName | undefined;
  readonly shape: readonly number[];
  /** Texts of an attribute. */
  readonly texts: (name: string) => readonly string[] | undefined;
  /** @param name - for diagnostics; `as`: the type of the same width that the bytes stand for. @throws {MrlError} IMP1001, IMP1005, IMP1007, IMP2002 */
  readonly read: (name: string, as?: ElemName) => HostTensor;
}

export const openDataset = (file: FileBytes, messages: readonly Message[], texts: Hdf5Dataset['texts']): Hdf5Dataset => {
  const find = (type: number, what: string): Message => messages.find((m) => m.type === type) ?? broken(`a dataset has no ${what}`);
  const typeMessage = find(MESSAGE.datatype, 'type');
  if (typeMessage.flags & 2) return unsupported('a type that is stored apart from its dataset');
  const type = readDatatype(file, typeMessage.at);
  const shape = readDataspace(file, find(MESSAGE.dataspace, 'shape').at);
  return {
    kind: 'dataset',
    elem: type.kind === 'number' ? type.elem : undefined,
    shape,
    texts,
    read: (name, as) => {
      if (type.kind !== 'number') return unsupported(`${name} holds ${type.kind === 'other' ? type.what : 'text'}, not numbers`);
      const bytes = readData(file, messages, type, shape);
      const elem = as ?? type.elem;
      if (elem !== 'float32' || bytes.byteOffset % 4 !== 0) file.take(bytes.length, name);
      return hostFromBytes(name, elem, shape, bytes);
    },
  };
};
