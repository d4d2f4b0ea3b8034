import { elementCount } from '../../ir/index.ts';
import { at, diagnostic, type Diagnostic } from '../../support/index.ts';
import { checkShape, type ElemName, ELEMS, type HostTensor, hostFromBytes, makeHost } from '../host-tensor.ts';
import { caught, damaged, definedTwice, parameterProblem, stop } from '../import-problems.ts';

/** First word of a list of arrays (mxnet src/c_api/c_api.cc, kMXAPINDArrayListMagic). */
const LIST_MAGIC = 0x112;
/** First word of one array; anything else is the rank of an array of the first version (src/ndarray/ndarray.cc). */
const V1 = 0xf993fac8;
const V2 = 0xf993fac9;
const V3 = 0xf993faca;
/** Type flags of mshadow (base.h), by their number. */
const TYPES: readonly ElemName[] = [
  'float32',
  'float64',
  'float16',
  'uint8',
  'int32',
  'int8',
  'int64',
  'bool',
  'int16',
  'uint16',
  'uint32',
  'uint64',
  'bfloat16',
];
/** Elements of a sparse array that are laid down densely: a fixed part, and what its bytes justify. */
const FREE_DENSE = 2 ** 20;
const DENSE_PER_BYTE = 64;

/** Arrays by name; the same array is made once. */
export interface Params {
  readonly names: readonly string[];
  readonly get: (name: string) => HostTensor | undefined;
  readonly problems: readonly Diagnostic[];
}

/** Type of an element by its flag, as attributes `__dtype__` and files have it. */
export const elemOfFlag = (flag: number): ElemName | undefined => TYPES[flag];

/** Whether the bytes are a list of arrays: NAME-0000.params. */
export const isParams = (bytes: Uint8Array): boolean =>
  bytes.length >= 8 && bytes[0] === 0x12 && bytes[1] === 0x01 && bytes.subarray(2, 8).every((b) => b === 0);

/** Little-endian words, from the front. */
class Words {
  private readonly bytes: Uint8Array;
  private readonly view: DataView;
  private offset = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  private need(count: number): number {
    const start = this.offset;
    if (!(count <= this.bytes.length - start))
      return stop(damaged('MXNet parameter', `${count} bytes are wanted at offset ${start}, but the file ends at ${this.bytes.length}`));
    this.offset = start + count;
    return start;
  }
  u32(): number {
    return this.view.getUint32(this.need(4), true);
  }
  i32(): number {
    return this.view.getInt32(this.need(4), true);
  }
  /** A count or dimension of 64 bits; beyond 2^53 it is rounded, and then more than there is. */
  i64(): number {
    return Number(this.view.getBigInt64(this.need(8), true));
  }
  /** How many items of at least `width` bytes follow. */
  count(width: number): number {
    const count = this.i64();
    const left = this.bytes.length - this.offset;
    return count >= 0 && count * width <= left
      ? count
      : stop(damaged('MXNet parameter', `${count} items are announced at offset ${this.offset - 8}, but ${left} bytes follow`));
  }
  take(count: number): Uint8Array {
    const start = this.need(count);
    return this.bytes.subarray(start, start + count);
  }
  get left(): number {
    return this.bytes.length - this.offset;
  }
  dims(rank: number, width: 4 | 8): readonly number[] {
    if (rank < 0 || rank * width > this.left) return stop(damaged('MXNet parameter', `an array has rank ${rank}`));
    return Array.from({ length: rank }, () => (width === 4 ? this.u32() : this.i64()));
  }
}

/** One array as it is stored; `none` where an array was saved that never had a value. */
type Stored =
  | { readonly kind: 'none' }
  | {
      readonly kind: 'dense' | 'rows' | 'csr';
      readonly shape: readonly number[];
      readonly elem: ElemName;
      readonly bytes: Uint8Array;
      /** Shape of the stored values of a sparse array, then its indices: of rows, or row pointers and columns. */
      readonly values: readonly number[];
      readonly aux: readonly HostTensor[];
    };

const elem = (flag: number): ElemName => elemOfFlag(flag) ?? stop(damaged('MXNet parameter', `an array has elements of type ${flag}`));

const KINDS = ['dense', 'rows', 'csr'] as const;

const plain = (words: Words, shape: readonly number[]): Stored => {
  if (shape.length === 0) return { kind: 'none' };
  words.take(8); // device type and number
  const type = elem(words.i32());
  checkShape('of a file', shape);
  return { kind: 'dense', shape, elem: type, bytes: words.take(elementCount(shape) * ELEMS[type].bytes), values: shape, aux: [] };
};

const shaped = (words: Words, magic: number): readonly number[] | undefined => {
  const rank = words.i32();
  // since numpy shapes, rank 0 is a scalar and -1 an unknown shape; before, 0 is unknown
  if (rank === (magic === V3 ? -1 : 0)) return undefined;
  return words.dims(rank, 8);
};

const storedArray = (words: Words): Stored => {
  const magic = words.u32();
  if (magic === V1) return plain(words, words.dims(words.u32(), 8));
  if (magic !== V2 && magic !== V3) return plain(words, words.dims(magic, 4));
  const storage = words.i32();
  const kind = KINDS[storage] ?? stop(damaged('MXNet parameter', `an array has storage type ${storage}`));
  const values = kind === 'dense' ? undefined : shaped(words, magic);
  const shape = shaped(words, magic);
  if (shape === undefined) return { kind: 'none' };
  words.take(8);
  const type = elem(words.i32());
  checkShape('of a file', shape);
  if (kind === 'dense')
    return { kind, shape, elem: type, bytes: words.take(elementCount(shape) * ELEMS[type].bytes), values: shape, aux: [] };
  const stored = values ?? [];
  checkShape('of a file', stored);
  const parts = (kind === 'rows' ? [0] : [0, 1]).map(() => ({ elem: elem(words.i32()), shape: shaped(words, magic) ?? [0] }));
  const bytes = words.take(elementCount(stored) * ELEMS[type].bytes);
  const aux = parts.map((p) => {
    checkShape('of a file', p.shape);
    return hostFromBytes('of a file', p.elem, p.shape, words.take(elementCount(p.shape) * ELEMS[p.elem].bytes));
  });
  return { kind, shape, elem: type, bytes, values: stored, aux };
};

const outside = (name: string, what: string): never => stop(parameterProblem(name, `its ${what} lie outside its shape`));

/** Row-sparse: values are whole rows, at the indices of aux 0. CSR: aux 0 has row pointers, aux 1 columns. */
const dense = (name: string, stored: Exclude<Stored, { kind: 'none' }>): HostTensor => {
  const { shape, bytes, values, aux } = stored;
  if (stored.kind === 'dense') return hostFromBytes(name, stored.elem, shape, bytes);
  const count = elementCount(shape);
  if (count > FREE_DENSE + DENSE_PER_BYTE * bytes.length)
    return stop(diagnostic('IMP1007', `parameter ${name}: [${shape.join(', ')}] is sparse with ${bytes.length} bytes`));
  const from = hostFromBytes(name, stored.elem, values, bytes);
  const data = makeHost(stored.elem, count);
  if (stored.kind === 'rows') {
    const rows = at(aux, 0).data;
    const width = elementCount(shape.slice(1));
    if (from.data.length !== rows.length * width) return outside(name, 'rows');
    rows.forEach((row, i) => {
      if (!(row >= 0 && row < at(shape, 0))) return outside(name, 'rows');
      data.set(from.data.subarray(i * width, (i + 1) * width), row * width);
    });
    return { elem: stored.elem, shape, data };
  }
  const [pointers, columns] = [at(aux, 0).data, at(aux, 1).data];
  const [rows = 0, width = 0] = shape;
  if (shape.length !== 2 || pointers.length !== rows + 1 || columns.length !== from.data.length) return outside(name, 'columns');
  for (let r = 0; r < rows; r++)
    for (let k = at(pointers, r); k < at(pointers, r + 1); k++) {
      const column = columns[k];
      if (column === undefined || !(column >= 0 && column < width)) return outside(name, 'columns');
      data[r * width + column] = at(from.data, k);
    }
  return { elem: stored.elem, shape, data };
};

/** `arg:` and `aux:` stand before names in checkpoints of modules, nothing in those of Gluon. */
const bare = (name: string): string => (name.startsWith('arg:') || name.startsWith('aux:') ? name.slice(4) : name);

/** Arrays of a .params file: list magic, reserved word, arrays, names (all versions since 0.5). */
export const decodeParams = (bytes: Uint8Array): Params => {
  const problems: Diagnostic[] = [];
  const arrays = new Map<string, Stored>();
  try {
    const words = new Words(bytes);
    if (bytes.length >= 2 && bytes[0] === 0x50 && bytes[1] === 0x4b)
      stop(damaged('MXNet parameter', 'they are a zip of numpy arrays, which MXNet 2 writes; 1.x files are read'));
    const magic = words.i64();
    if (magic !== LIST_MAGIC) stop(damaged('MXNet parameter', `they start with ${magic} and not with ${LIST_MAGIC}`));
    words.i64();
    const list = Array.from({ length: words.count(4) }, () => storedArray(words));
    const names = Array.from({ length: words.count(8) }, () => new TextDecoder().decode(words.take(words.count(1))));
    if (names.length !== list.length) stop(damaged('MXNet parameter', `there are ${list.length} arrays, but ${names.length} names`));
    names.forEach((full, i) => {
      const name = bare(full);
      const array = at(list, i);
      if (arrays.has(name)) problems.push(definedTwice(`parameter ${name}`, full));
      else if (array.kind !== 'none') arrays.set(name, array);
    });
  } catch (error) {
    problems.push(...caught(error));
  }
  const made = new Map<string, HostTensor>();
  const get = (name: string): HostTensor | undefined => {
    const stored = arrays.get(name);
    if (stored === undefined || stored.kind === 'none') return undefined;
    const host = made.get(name) ?? dense(name, stored);
    made.set(name, host);
    return host;
  };
  return { names: [...arrays.keys()], get, problems };
};
