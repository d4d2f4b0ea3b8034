import { canonicalize, type Program, printProgram, TensorDesk } from '../ir/index.ts';
import { at, type ByteSource, bytesSource, type Diagnostic, diagnostic, fail, ok, type Result, toHex } from '../support/index.ts';
import { rawBlock, recordBlock } from './car.ts';
import type { Cost } from './check.ts';
import { loadFrom, verifyWithParams } from './decode.ts';
import { encodeProgram } from './encode.ts';
import { floatManifest, type FloatParameter } from './float-parameters.ts';
import { atByte } from './format.ts';
import { layOut, layParameter, type PackageFile } from './lay-out.ts';
import { computedMetadata, type ComputedMetadata, metadataProblems, type PackageMetadata, portMetadata, readMetadata } from './metadata.ts';
import { FORMAT, MAX_BYTECODE_BYTES, MAX_MODEL_BYTES, MAX_ROOT_BYTES, type ParameterStorage, readParts, VERSION } from './parts.ts';
import { verifyBytecode } from './verify.ts';

/** A checked model package. */
export interface Package {
  /** Root CID, base32: the identity of the file. */
  readonly cid: string;
  /** The 32 bytes that name the model on chain: the SHA-256 digest in the root CID. */
  readonly modelHash: Uint8Array;
  /** The record at the root, in DAG-CBOR; a view of the file. */
  readonly record: Uint8Array;
  readonly metadata: PackageMetadata;
  /** Canonical text of the program; parameters above 64 elements by digest. */
  readonly modelString: string;
  /** A view of the file. */
  readonly bytecode: Uint8Array;
  /** Ready to run. Parameters of one chunk and fitting alignment are views of the file: do not write to it. */
  readonly program: Program;
  readonly cost: Cost;
  /** How the parameters stand in the file; not part of the identity. */
  readonly storage: PackageStorage;
}

/** The form of the file that a package was read from. */
export interface PackageStorage {
  readonly form: 'plain' | 'compressed';
  /** One for each parameter of the program. */
  readonly parameters: readonly ParameterStorage[];
  /** The original float32 parameters; undefined when the metadata names none. */
  readonly floatParameters:
    | {
        /** False: the metadata commits to them, but they were left out of this file. */
        readonly present: boolean;
        readonly storage: readonly ParameterStorage[];
        /** Only when asked for. */
        readonly parameters: readonly FloatParameter[] | undefined;
      }
    | undefined;
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

/** How a package is written. The root, and with it CID and model hash, is the same for all. */
export interface StorageOptions {
  /** `compressed`: parameters in the encoding that takes least room (docs/bytecode.md, storage). Default `plain`. */
  readonly storage?: 'plain' | 'compressed';
}

export interface PackageContents extends StorageOptions {
  readonly program: Program;
  readonly metadata: MetadataInput;
  /** Canonical text of the program; printed from it when left out. */
  readonly modelString?: string;
  /** The float32 parameters that the program was made from: kept in the file, compressed, and committed to in the metadata. */
  readonly floatParameters?: readonly FloatParameter[] | undefined;
}

/** What the metadata says about float parameters, compared with those that are given. */
const commitmentProblem = (given: PackageMetadata['floatParameters'], made: PackageMetadata['floatParameters']): Diagnostic | undefined =>
  given === undefined || made === undefined || (given.digest === made.digest && given.bytes === made.bytes)
    ? undefined
    : diagnostic(
        'CVM2016',
        `the metadata names float parameters ${given.digest} of ${given.bytes} bytes but those given are ${made.digest} of ${made.bytes} bytes`,
      );

/**
 * Makes a package: the same contents give the same bytes on every machine. Parameters in files are read one at a time.
 * @returns the file, or every problem of program, metadata, model string and float parameters
 */
export const layPackage = (contents: PackageContents): Result<PackageFile> => {
  const { program, metadata, modelString, storage = 'plain' } = contents;
  const bytecode = encodeProgram(program);
  if (!bytecode.ok) return bytecode;
  const checked = verifyBytecode(bytecode.value);
  if (!checked.ok) return checked;
  // Through the decoder's eyes: what is written is what will be read.
  const decoded = verifyWithParams(checked.value, loadFrom(program));
  if (!decoded.ok) return decoded;
  const manifest = contents.floatParameters === undefined ? ok(undefined) : floatManifest(contents.floatParameters);
  if (!manifest.ok) return manifest;
  const floats = manifest.value;
  const committed = floats === undefined ? undefined : { digest: toHex(floats.block.cid.multihash.digest), bytes: floats.bytes };
  const complete = readMetadata({
    ...completeMetadata(program, metadata),
    ...(committed === undefined ? {} : { floatParameters: committed }),
  });
  if (!complete.ok) return complete;
  const canonicalText = printProgram(decoded.value, { form: 'canonical' });
  const problems = metadataProblems(decoded.value, complete.value);
  const commitment = commitmentProblem(metadata.floatParameters, committed);
  if (commitment !== undefined) problems.push(commitment);
  if (modelString !== undefined && modelString !== canonicalText) problems.push(differentText(modelString, canonicalText));
  if (problems.length > 0) return fail(...problems);

  const model = rawBlock(new TextEncoder().encode(canonicalText));
  const code = rawBlock(bytecode.value);
  const parameters = decoded.value.params.map((p) => layParameter(p.tensor));
  const root = recordBlock({
    format: FORMAT,
    version: VERSION,
    metadata: complete.value,
    model: model.cid,
    bytecode: code.cid,
    parameters: parameters.map((p) => p.names),
  });
  const limit = sizeProblem(root.bytes.length, model.bytes.length, code.bytes.length);
  if (limit !== undefined) return fail(limit);
  return ok(layOut({ root, model, code, parameters, floats }, storage));
};

/** Writes a package in memory. */
export const encodePackage = (contents: PackageContents): Result<Uint8Array> => {
  const file = layPackage(contents);
  if (!file.ok) return file;
  const bytes = new Uint8Array(file.value.size);
  let offset = 0;
  for (const piece of file.value.pieces()) {
    bytes.set(piece, offset);
    offset += piece.length;
  }
  return ok(bytes);
};

const sizeProblem = (rootBytes: number, modelBytes: number, codeBytes: number): Diagnostic | undefined => {
  if (rootBytes > MAX_ROOT_BYTES)
    return diagnostic('CVM2010', `the root record has ${rootBytes} bytes but at most ${MAX_ROOT_BYTES} are allowed`);
  if (codeBytes > MAX_BYTECODE_BYTES)
    return diagnostic('CVM2010', `the bytecode has ${codeBytes} bytes but at most ${MAX_BYTECODE_BYTES} are allowed`);
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

const readText = (bytes: Uint8Array): string | undefined => {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
};

export interface DecodeOptions {
  /** Where elements of parameters that stay in the file are looked at. */
  readonly desk?: TensorDesk;
  /** Return the original float32 parameters of the file. They are checked in any case. */
  readonly keepFloats?: boolean;
}

/**
 * Reads a package of either form, trusting nothing: every block's digest, the order of blocks, the root record, the storage
 * record, metadata, bytecode, every parameter's digest and values, the interval proof, and that the model string is the
 * canonical text of the program. `encodePackage` of the result in the same form gives the same bytes. Of a source that is not in
 * memory, parameters from 1 MiB on stay there (`StoredTensor`): they are checked chunk by chunk and read again when asked for.
 */
export const decodePackage = (
  file: Uint8Array | ByteSource,
  { keepFloats = false, desk = new TensorDesk() }: DecodeOptions = {},
): Result<Package> => {
  const parts = readParts(file instanceof Uint8Array ? bytesSource(file) : file, { keepFloats, desk });
  if (!parts.ok) return parts;
  const { cid, record, model, bytecode, checked, tensors, metadata, form, storage, floats } = parts.value;
  const program = verifyWithParams(checked, (_ref, i) => ok(at(tensors, i)));
  if (!program.ok) return program;
  const problems = metadataProblems(program.value, metadata);
  const modelString = readText(model);
  const expected = printProgram(program.value, { form: 'canonical' });
  if (modelString === undefined)
    problems.push(diagnostic('CVM2007', 'the model string is not UTF-8', { where: atByte(0, 'model string') }));
  else if (modelString !== expected) problems.push(differentText(modelString, expected));
  if (modelString === undefined || problems.length > 0) return fail(...problems);
  return ok({
    cid: cid.toString(),
    modelHash: cid.multihash.digest.slice(),
    record,
    metadata,
    modelString,
    bytecode,
    program: program.value,
    cost: checked.cost,
    storage: {
      form,
      parameters: storage,
      floatParameters:
        metadata.floatParameters === undefined
          ? undefined
          : { present: floats !== undefined, storage: floats?.storage ?? [], parameters: floats?.parameters },
    },
  });
};

export interface RewriteOptions extends StorageOptions {
  /** Leave the original float32 parameters out of the file; the metadata goes on committing to them. */
  readonly dropFloats?: boolean;
}

/**
 * Writes a package in another form. The root stays: CID and model hash are the same. Plain to compressed and back gives
 * the same bytes.
 */
export const rewritePackage = (bytes: Uint8Array, { storage = 'plain', dropFloats = false }: RewriteOptions): Result<Uint8Array> => {
  const decoded = decodePackage(bytes, { keepFloats: !dropFloats });
  if (!decoded.ok) return decoded;
  const { program, metadata, modelString, storage: found } = decoded.value;
  return encodePackage({ program, metadata, modelString, storage, floatParameters: found.floatParameters?.parameters });
};

/** True when the bytes start like a CAR file with one or two roots, as packages do. */
export const isPackage = (bytes: Uint8Array): boolean =>
  [
    [0x3a, 0x81],
    [0x63, 0x82],
  ].some(([length, list]) => [length, 0xa2, 0x65, 0x72, 0x6f, 0x6f, 0x74, 0x73, list].every((byte, i) => bytes[i] === byte));
