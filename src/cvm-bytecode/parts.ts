import type { CID } from 'multiformats/cid';
import { DTYPE_INFO, elementCount, type StaticType, StoredTensor, type Tensor, type TensorDesk } from '../ir/index.ts';
import { at, type ByteSource, type Result, toHex } from '../support/index.ts';
import { CarReader, type Frame, isRawCid, rawCid, readRecord } from './car.ts';
import type { CheckedModule } from './check.ts';
import { firstNaN, type FloatParameter, readFloatManifest } from './float-parameters.ts';
import { attempt, reject } from './format.ts';
import { type PackageMetadata, readMetadata } from './metadata.ts';
import { unpack6 } from './pack6.ts';
import { type BlockPlace, PackagedParameter } from './packaged-parameter.ts';
import {
  CHUNK_BYTES,
  chunkCount,
  decodeChunk,
  longestBlock,
  MAX_RATIO,
  readStorage,
  storedBytes,
  type StorageRecord,
  type StoredAs,
  type StoredParameter,
} from './storage/index.ts';
import { verifyBytecode } from './verify.ts';

export const FORMAT = 'cvm-package';
export const VERSION = 1;
export const MAX_ROOT_BYTES = 1 << 26;
export const MAX_MODEL_BYTES = 1 << 28;
export const MAX_BYTECODE_BYTES = 1 << 28;

export interface Root {
  readonly metadata: unknown;
  readonly model: CID;
  readonly bytecode: CID;
  readonly parameters: readonly (readonly CID[])[];
}

const ROOT_FIELDS = ['format', 'version', 'metadata', 'model', 'bytecode', 'parameters'];

export const readRoot = (value: unknown): Root => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return reject('CVM2005', 'the root is not a record', 0, 'root');
  const fields = new Map<string, unknown>(Object.entries(value));
  const format = fields.get('format');
  const version = fields.get('version');
  if (format !== FORMAT || version !== VERSION)
    return reject(
      'CVM2008',
      `format ${JSON.stringify(format)?.slice(0, 64) ?? 'missing'}, version ${String(version).slice(0, 64)}`,
      0,
      'root',
    );
  const unknownField = [...fields.keys()].find((key) => !ROOT_FIELDS.includes(key));
  if (unknownField !== undefined) return reject('CVM2005', `there is no field ${JSON.stringify(unknownField.slice(0, 64))}`, 0, 'root');
  const model = fields.get('model');
  const bytecode = fields.get('bytecode');
  const parameters = fields.get('parameters');
  if (!isRawCid(model)) return reject('CVM2005', 'field model is not the name of a raw block', 0, 'root');
  if (!isRawCid(bytecode)) return reject('CVM2005', 'field bytecode is not the name of a raw block', 0, 'root');
  if (!isChunkLists(parameters)) return reject('CVM2005', 'field parameters is not a list of lists of raw block names', 0, 'root');
  return { metadata: fields.get('metadata'), model, bytecode, parameters };
};

const isChunkLists = (value: unknown): value is readonly (readonly CID[])[] =>
  Array.isArray(value) && value.every((chunks: unknown) => Array.isArray(chunks) && chunks.every(isRawCid));

const HOST_IS_LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

/** Elements over stored bytes: a view where alignment allows, else a copy. */
const elementsOf = (type: StaticType, stored: Uint8Array): Tensor['data'] => {
  const { bytes: size, make, view } = DTYPE_INFO[type.dtype];
  const count = elementCount(type.shape);
  if (size === 1 || (HOST_IS_LITTLE_ENDIAN && stored.byteOffset % size === 0)) return view(stored.buffer, stored.byteOffset, count);
  const data = make(count);
  const bytes = new Uint8Array(data.buffer);
  if (HOST_IS_LITTLE_ENDIAN) bytes.set(stored);
  else for (let i = 0; i < bytes.length; i++) bytes[i] = at(stored, i - (i % size) + size - 1 - (i % size));
  return data;
};

/** How a parameter stands in the file. */
export interface ParameterStorage {
  readonly encoding: StoredAs;
  readonly storedBytes: number;
  readonly decodedBytes: number;
}

/** A parameter as the file has it. */
export interface Wanted {
  readonly type: StaticType;
  /** Names of its decoded chunks. */
  readonly chunks: readonly CID[];
  /** Blocks of its chunks; undefined when the chunks themselves stand in the file. */
  readonly stored: StoredParameter | undefined;
  readonly what: string;
}

interface FileReader {
  readonly car: CarReader;
  readonly source: ByteSource;
  readonly desk: TensorDesk;
}

/** Blocks of chunks are not read above this; that they have the right length is checked when they are decoded. */
const MAX_BLOCK_BYTES = 1 << 24;

/** Names of the blocks of a parameter; as many as its chunks. */
export const blocksOf = ({ type, chunks, stored, what }: Wanted): StoredParameter => {
  const entry = stored ?? { encoding: 'plain', blocks: chunks };
  const count = chunkCount(type);
  if (chunks.length !== count) reject('CVM2009', `${storedBytes(type)} bytes take ${count} chunks but ${chunks.length} are named`, 0, what);
  if (entry.blocks.length !== count) reject('CVM2013', `${count} chunks take as many blocks but ${entry.blocks.length} are named`, 0, what);
  return entry;
};

/** Decodes chunk `i` and checks it against its name. */
export const decodeNamed = ({ type, chunks, what }: Wanted, encoding: StoredAs, i: number, block: Frame): Uint8Array => {
  const offset = block.start;
  const chunk = decodeChunk(type, encoding, block.bytes, i, { what, offset });
  const expected = at(chunks, i);
  const found = encoding === 'plain' ? block.cid : rawCid(chunk);
  if (found.toString() !== expected.toString())
    reject('CVM2014', `chunk ${i} is ${expected.toString()} but its block decodes to ${found.toString()}`, offset, what);
  return chunk;
};

/** Decodes the chunks of one parameter in order, each checked against its name. */
const readChunks = (
  { car }: FileReader,
  wanted: Wanted,
  take: (chunk: Uint8Array, index: number, block: Frame) => void,
  room?: Uint8Array,
): ParameterStorage => {
  const { type, what } = wanted;
  const decodedBytes = storedBytes(type);
  const { encoding, blocks } = blocksOf(wanted);
  // Before anything is allocated: what is left of the file holds the blocks, and they hold the chunks. Of nothing, the first is missing.
  const { remaining } = car;
  if (encoding === 'plain' && remaining > 0 && decodedBytes > remaining)
    reject('CVM2004', `${decodedBytes} bytes are stored but ${remaining} are left`, 0, what);
  if (remaining > 0 && decodedBytes > MAX_RATIO * remaining)
    reject('CVM2015', `${decodedBytes} bytes from the ${remaining} left in the file: more than ${MAX_RATIO} for each`, 0, what);
  let total = 0;
  blocks.forEach((cid, i) => {
    const frame = car.block(cid, what, { limit: MAX_BLOCK_BYTES, room });
    total += frame.bytes.length;
    take(decodeNamed(wanted, encoding, i, frame), i, frame);
  });
  checkSaving(encoding, total, decodedBytes, what);
  return { encoding, storedBytes: total, decodedBytes };
};

/** An encoding that saves nothing is none. */
export const checkSaving = (encoding: StoredAs, total: number, decoded: number, what: string): void => {
  if (encoding !== 'plain' && total >= decoded)
    reject('CVM2012', `its blocks have ${total} bytes, no fewer than the ${decoded} bytes of its chunks`, 0, what);
};

interface ReadTensor {
  readonly tensor: Tensor;
  readonly storage: ParameterStorage;
}

/** Checks the chunks of one parameter and leaves them in the file. */
const leaveTensor = (reader: FileReader, wanted: Wanted): ReadTensor => {
  const { type, what } = wanted;
  const blocks: BlockPlace[] = [];
  const storage = readChunks(
    reader,
    wanted,
    (_chunk, _index, { start, bytes }) => blocks.push({ start, length: bytes.length }),
    new Uint8Array(longestBlock('huffman', CHUNK_BYTES)),
  );
  const store = new PackagedParameter({ source: reader.source, type, encoding: storage.encoding, blocks, what });
  return { tensor: new StoredTensor(type, store, reader.desk), storage };
};

/** Joins the chunks of one parameter: `MAX_RATIO` times the bytes of the file at most. One of a large file stays there. */
const readTensor = (reader: FileReader, wanted: Wanted): ReadTensor => {
  const { type, what } = wanted;
  if (!reader.source.inMemory && storedBytes(type) >= CHUNK_BYTES) return leaveTensor(reader, wanted);
  const { dtype, shape } = type;
  const length = storedBytes(type);
  let bytes: Uint8Array = new Uint8Array(0);
  let start = 0;
  const storage = readChunks(reader, wanted, (chunk, i, block) => {
    if (i === 0) {
      start = block.offset;
      bytes = chunk.length === length ? chunk : new Uint8Array(length);
    }
    if (bytes !== chunk) bytes.set(chunk, i * CHUNK_BYTES);
  });
  if (dtype !== 'i6') return { tensor: { dtype, shape, data: elementsOf(type, bytes) }, storage };
  const unpacked = unpack6(bytes, shape);
  if (!unpacked.ok) return reject('CVM2009', unpacked.problem, start, what);
  return { tensor: { dtype, shape, data: unpacked.data }, storage };
};

/** The original float32 parameters in a file. */
export interface FloatParts {
  readonly storage: readonly ParameterStorage[];
  /** Absent when they were checked only. */
  readonly parameters: readonly FloatParameter[] | undefined;
}

const readFloat = (reader: FileReader, wanted: Wanted, name: string, keep: boolean) => {
  const whole = keep ? new Uint8Array(storedBytes(wanted.type)) : undefined;
  const storage = readChunks(reader, wanted, (chunk, i, { offset }) => {
    const nan = firstNaN(new Float32Array(elementsOf({ dtype: 'f32', shape: [chunk.length / 4] }, chunk)));
    if (nan >= 0) reject('CVM2016', `element ${(i * CHUNK_BYTES) / 4 + nan} is NaN`, offset, wanted.what);
    whole?.set(chunk, i * CHUNK_BYTES);
  });
  if (whole === undefined) return { storage, parameter: undefined };
  const data = new Float32Array(elementsOf(wanted.type, whole));
  return { storage, parameter: { name, shape: wanted.type.shape, data } };
};

/** @param keep - return the parameters; else they are checked chunk by chunk and dropped */
const readFloats = (
  reader: FileReader,
  record: NonNullable<StorageRecord['floatParameters']>,
  metadata: PackageMetadata,
  keep: boolean,
): FloatParts => {
  const frame = reader.car.block(record.manifest, 'float parameters', { limit: MAX_ROOT_BYTES });
  const { tensors, bytes } = readFloatManifest(frame.bytes);
  const committed = metadata.floatParameters;
  if (committed === undefined) return reject('CVM2016', 'the file has float parameters but the metadata names none', frame.offset);
  const digest = toHex(frame.cid.multihash.digest);
  if (digest !== committed.digest)
    reject('CVM2016', `the metadata names float parameters ${committed.digest} but ${digest} stand here`, frame.offset);
  if (bytes !== committed.bytes)
    reject('CVM2016', `the metadata says ${committed.bytes} bytes but the float parameters have ${bytes}`, frame.offset);
  if (record.tensors.length !== tensors.length)
    reject('CVM2013', `${tensors.length} float parameters but ${record.tensors.length} are stored`, frame.offset, 'storage record');
  checkRatio(reader.source, bytes, 'float parameters');
  const read = tensors.map(({ name, type, chunks }, i) =>
    readFloat(reader, { type, chunks, stored: at(record.tensors, i), what: `float parameter ${i}` }, name, keep),
  );
  return {
    storage: read.map((r) => r.storage),
    parameters: keep ? read.flatMap((r) => r.parameter ?? []) : undefined,
  };
};

/** Before anything is allocated: no file says more than `MAX_RATIO` bytes for each of its own. */
const checkRatio = ({ size }: ByteSource, bytes: number, what: string): void => {
  if (bytes > MAX_RATIO * size)
    reject('CVM2015', `${what} of ${bytes} bytes in a file of ${size}: more than ${MAX_RATIO} for each`, 0, what);
};

/** A package taken apart; metadata and program are still to be checked against each other. */
export interface Parts {
  readonly cid: CID;
  /** Of the root. */
  readonly record: Uint8Array;
  readonly model: Uint8Array;
  readonly bytecode: Uint8Array;
  readonly checked: CheckedModule;
  readonly tensors: readonly Tensor[];
  readonly metadata: PackageMetadata;
  /** `compressed`: the file has a storage record. */
  readonly form: 'plain' | 'compressed';
  readonly storage: readonly ParameterStorage[];
  readonly floats: FloatParts | undefined;
}

/** How a file is read. */
export interface Reading {
  /** Return the original float32 parameters of the file, instead of checking them only. */
  readonly keepFloats: boolean;
  /** Where elements of parameters that stay in the file are looked at. */
  readonly desk: TensorDesk;
}

export const readParts = (source: ByteSource, { keepFloats, desk }: Reading): Result<Parts> => {
  const car = new CarReader(source);
  const opened = attempt('CVM2002', () => {
    const { root: frame, storage: second } = car.roots(MAX_ROOT_BYTES);
    const root = readRoot(readRecord(frame.bytes));
    const storage = second === undefined ? undefined : readStorage(second.bytes, frame.cid);
    const model = car.block(root.model, 'model string', { limit: MAX_MODEL_BYTES }).bytes;
    const bytecode = car.block(root.bytecode, 'bytecode', { limit: MAX_BYTECODE_BYTES }).bytes;
    return { root, storage, cid: frame.cid, record: frame.bytes, model, bytecode };
  });
  if (!opened.ok) return opened;
  const checked = verifyBytecode(opened.value.bytecode);
  if (!checked.ok) return checked;
  const metadata = readMetadata(opened.value.root.metadata);
  if (!metadata.ok) return metadata;
  const { params } = checked.value.raw;
  return attempt('CVM2002', () => {
    const { root, storage, cid, record, model, bytecode } = opened.value;
    const { parameters } = root;
    if (parameters.length !== params.length)
      reject('CVM2005', `the root names ${parameters.length} parameters but the bytecode has ${params.length}`, 0, 'root');
    if (storage !== undefined && storage.parameters.length !== params.length)
      reject('CVM2013', `${params.length} parameters but ${storage.parameters.length} are stored`, 0, 'storage record');
    const sizes = params.map((ref) => storedBytes(ref.type));
    checkRatio(
      source,
      sizes.reduce((a, b) => a + b, 0),
      'parameters',
    );
    const reader = { car, source, desk };
    const read = params.map((ref, i) =>
      readTensor(reader, { type: ref.type, chunks: at(parameters, i), stored: storage?.parameters[i], what: `parameter ${i}` }),
    );
    const floatRecord = storage?.floatParameters;
    const floats = floatRecord === undefined ? undefined : readFloats(reader, floatRecord, metadata.value, keepFloats);
    car.finish();
    return {
      cid,
      record,
      model,
      bytecode,
      checked: checked.value,
      metadata: metadata.value,
      form: storage === undefined ? 'plain' : 'compressed',
      tensors: read.map((r) => r.tensor),
      storage: read.map((r) => r.storage),
      floats,
    };
  });
};
