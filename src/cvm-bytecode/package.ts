import type { CID } from 'multiformats/cid';
import {
  canonicalBytes,
  canonicalize,
  DTYPE_INFO,
  elementCount,
  type Program,
  printProgram,
  type StaticType,
  type Tensor,
} from '../ir/index.ts';
import { at, type Diagnostic, diagnostic, fail, ok, type Result } from '../support/index.ts';
import { type Block, CarReader, isRawCid, rawBlock, readRecord, recordBlock, writeCar } from './car.ts';
import type { CheckedModule, Cost } from './check.ts';
import { loadFrom, verifyWithParams } from './decode.ts';
import { encodeProgram } from './encode.ts';
import { atByte, attempt, reject } from './format.ts';
import { computedMetadata, type ComputedMetadata, metadataProblems, type PackageMetadata, portMetadata, readMetadata } from './metadata.ts';
import { pack6, packedBytes, unpack6 } from './pack6.ts';
import { verifyBytecode } from './verify.ts';

const FORMAT = 'cvm-package';
const VERSION = 1;
/** Bytes of a parameter chunk; the last of a parameter is shorter. Blocks of this size travel through IPFS as they are. */
export const CHUNK_BYTES = 1 << 20;
const MAX_ROOT_BYTES = 1 << 26;
const MAX_MODEL_BYTES = 1 << 28;

/** A checked model package. */
export interface Package {
  /** Root CID, base32: the identity of the file. */
  readonly cid: string;
  /** The 32 bytes that name the model on chain: the SHA-256 digest in the root CID. */
  readonly modelHash: Uint8Array;
  readonly metadata: PackageMetadata;
  /** Canonical text of the program; parameters above 64 elements by digest. */
  readonly modelString: string;
  /** A view of the file. */
  readonly bytecode: Uint8Array;
  /** Ready to run. Parameters of one chunk and fitting alignment are views of the file: do not write to it. */
  readonly program: Program;
  readonly cost: Cost;
}

/** Metadata as one gives it: what follows from the program may be left out. */
export type MetadataInput = Omit<PackageMetadata, keyof ComputedMetadata | 'inputs' | 'outputs'> & Partial<PackageMetadata>;

/** Fills in everything that follows from the program; what is given stays as it is. */
export const completeMetadata = (program: Program, given: MetadataInput): PackageMetadata => {
  const canonical = canonicalize(program);
  return {
    ...computedMetadata(canonical),
    inputs: portMetadata(program, program.inputs),
    outputs: portMetadata(program, program.outputs),
    ...given,
  };
};

/** Bytes that a parameter takes in the package. */
const storedBytes = (type: StaticType): number =>
  type.dtype === 'i6' ? packedBytes(type.shape) : elementCount(type.shape) * DTYPE_INFO[type.dtype].bytes;

const storedForm = (tensor: Tensor): Uint8Array => (tensor.dtype === 'i6' ? pack6(tensor.data, tensor.shape) : canonicalBytes(tensor));

const chunksOf = (bytes: Uint8Array): readonly Block[] => {
  const chunks: Block[] = [];
  for (let start = 0; start < bytes.length; start += CHUNK_BYTES) chunks.push(rawBlock(bytes.subarray(start, start + CHUNK_BYTES)));
  return chunks;
};

export interface PackageContents {
  readonly program: Program;
  readonly metadata: MetadataInput;
  /** Canonical text of the program; printed from it when left out. */
  readonly modelString?: string;
}

/**
 * Writes a package: the same contents give the same bytes on every machine.
 * @returns the file, or every problem of program, metadata and model string
 */
export const encodePackage = ({ program, metadata, modelString }: PackageContents): Result<Uint8Array> => {
  const bytecode = encodeProgram(program);
  if (!bytecode.ok) return bytecode;
  const checked = verifyBytecode(bytecode.value);
  if (!checked.ok) return checked;
  // Through the decoder's eyes: what is written is what will be read.
  const decoded = verifyWithParams(checked.value, loadFrom(program));
  if (!decoded.ok) return decoded;
  const complete = readMetadata(completeMetadata(program, metadata));
  if (!complete.ok) return complete;
  const canonicalText = printProgram(decoded.value, { form: 'canonical' });
  const problems = metadataProblems(decoded.value, complete.value);
  if (modelString !== undefined && modelString !== canonicalText) problems.push(differentText(modelString, canonicalText));
  if (problems.length > 0) return fail(...problems);

  const model = rawBlock(new TextEncoder().encode(canonicalText));
  const code = rawBlock(bytecode.value);
  const parameters = decoded.value.params.map((p) => {
    const type = at(decoded.value.types, p.value) as StaticType;
    return chunksOf(storedForm({ dtype: type.dtype, shape: type.shape, data: p.data }));
  });
  const root = recordBlock({
    format: FORMAT,
    version: VERSION,
    metadata: complete.value,
    model: model.cid,
    bytecode: code.cid,
    parameters: parameters.map((chunks) => chunks.map((c) => c.cid)),
  });
  const limit = sizeProblem(root.bytes.length, model.bytes.length);
  return limit === undefined ? ok(writeCar([root, model, code, ...parameters.flat()])) : fail(limit);
};

const sizeProblem = (rootBytes: number, modelBytes: number): Diagnostic | undefined => {
  if (rootBytes > MAX_ROOT_BYTES)
    return diagnostic('CVM2010', `the root record has ${rootBytes} bytes but at most ${MAX_ROOT_BYTES} are allowed`);
  return modelBytes > MAX_MODEL_BYTES
    ? diagnostic('CVM2010', `the model string has ${modelBytes} bytes but at most ${MAX_MODEL_BYTES} are allowed`)
    : undefined;
};

const differentText = (given: string, expected: string): Diagnostic => {
  let i = 0;
  while (i < given.length && given[i] === expected[i]) i++;
  const line = expected.slice(0, i).split('\n').length;
  return diagnostic('CVM2007', `the model string differs from the canonical text of the program from line ${line} on`);
};

interface Root {
  readonly metadata: unknown;
  readonly model: CID;
  readonly bytecode: CID;
  readonly parameters: readonly (readonly CID[])[];
}

const ROOT_FIELDS = ['format', 'version', 'metadata', 'model', 'bytecode', 'parameters'];

const readRoot = (value: unknown): Root => {
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

/** Joins the chunks of one parameter; the file holds at least as many bytes as are allocated here. */
const readStored = (
  car: CarReader,
  cids: readonly CID[],
  length: number,
  what: string,
): { readonly bytes: Uint8Array; readonly offset: number } => {
  const count = Math.ceil(length / CHUNK_BYTES);
  if (cids.length !== count) reject('CVM2009', `${length} bytes take ${count} chunks but ${cids.length} are named`, 0, what);
  const frames = cids.map((cid, i) => {
    const frame = car.block(cid, what);
    const expected = Math.min(CHUNK_BYTES, length - i * CHUNK_BYTES);
    if (frame.bytes.length !== expected)
      reject('CVM2009', `chunk ${i} has ${frame.bytes.length} bytes but takes ${expected}`, frame.offset, what);
    return frame;
  });
  const [first] = frames;
  if (first === undefined) return { bytes: new Uint8Array(0), offset: 0 };
  if (frames.length === 1) return first;
  const bytes = new Uint8Array(length);
  frames.forEach((frame, i) => bytes.set(frame.bytes, i * CHUNK_BYTES));
  return { bytes, offset: first.offset };
};

const readTensor = (car: CarReader, type: StaticType, cids: readonly CID[], what: string): Tensor => {
  const stored = readStored(car, cids, storedBytes(type), what);
  if (type.dtype !== 'i6') return { dtype: type.dtype, shape: type.shape, data: elementsOf(type, stored.bytes) };
  const unpacked = unpack6(stored.bytes, type.shape);
  if (!unpacked.ok) return reject('CVM2009', unpacked.problem, stored.offset, what);
  return { dtype: type.dtype, shape: type.shape, data: unpacked.data };
};

interface Parts {
  readonly root: Root;
  readonly cid: CID;
  readonly model: Uint8Array;
  readonly bytecode: Uint8Array;
  readonly checked: CheckedModule;
  readonly tensors: readonly Tensor[];
}

const readParts = (bytes: Uint8Array): Result<Parts> => {
  const car = new CarReader(bytes);
  const opened = attempt('CVM2002', () => {
    const frame = car.root();
    if (frame.bytes.length > MAX_ROOT_BYTES) reject('CVM2010', `the root record has ${frame.bytes.length} bytes`, frame.offset);
    const root = readRoot(readRecord(frame.bytes));
    const model = car.block(root.model, 'model string').bytes;
    if (model.length > MAX_MODEL_BYTES) reject('CVM2010', `the model string has ${model.length} bytes`, frame.offset);
    return { root, cid: frame.cid, model, bytecode: car.block(root.bytecode, 'bytecode').bytes };
  });
  if (!opened.ok) return opened;
  const checked = verifyBytecode(opened.value.bytecode);
  if (!checked.ok) return checked;
  const { params } = checked.value.raw;
  return attempt('CVM2002', () => {
    const { parameters } = opened.value.root;
    if (parameters.length !== params.length)
      reject('CVM2005', `the root names ${parameters.length} parameters but the bytecode has ${params.length}`, 0, 'root');
    const tensors = params.map((ref, i) => readTensor(car, ref.type, at(parameters, i), `parameter ${i}`));
    car.finish();
    return { ...opened.value, checked: checked.value, tensors };
  });
};

const readText = (bytes: Uint8Array): string | undefined => {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
};

/**
 * Reads a package, trusting nothing: every block's digest, the order of blocks, the root record, metadata, bytecode, every
 * parameter's digest and values, the interval proof, and that the model string is the canonical text of the program.
 * `encodePackage` of the result gives the same bytes.
 */
export const decodePackage = (bytes: Uint8Array): Result<Package> => {
  const parts = readParts(bytes);
  if (!parts.ok) return parts;
  const { root, cid, model, bytecode, checked, tensors } = parts.value;
  const program = verifyWithParams(checked, (_ref, i) => ok(at(tensors, i)));
  if (!program.ok) return program;
  const metadata = readMetadata(root.metadata);
  const problems: Diagnostic[] = metadata.ok ? metadataProblems(program.value, metadata.value) : [...metadata.diagnostics];
  const modelString = readText(model);
  const expected = printProgram(program.value, { form: 'canonical' });
  if (modelString === undefined)
    problems.push(diagnostic('CVM2007', 'the model string is not UTF-8', { where: atByte(0, 'model string') }));
  else if (modelString !== expected) problems.push(differentText(modelString, expected));
  if (!metadata.ok || modelString === undefined || problems.length > 0) return fail(...problems);
  return ok({
    cid: cid.toString(),
    modelHash: cid.multihash.digest.slice(),
    metadata: metadata.value,
    modelString,
    bytecode,
    program: program.value,
    cost: checked.cost,
  });
};

/** True when the bytes start like a CAR file with one root, as packages do. */
export const isPackage = (bytes: Uint8Array): boolean => {
  const magic = [0x3a, 0xa2, 0x65, 0x72, 0x6f, 0x6f, 0x74, 0x73, 0x81];
  return magic.every((byte, i) => bytes[i] === byte);
};
