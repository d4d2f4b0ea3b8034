import { RLP } from '@ethereumjs/rlp';
import { bigIntToUnpaddedBytes, bytesToBigInt } from '@ethereumjs/util';
import { DTYPE_INFO, type DType, elementCount, isStaticType, MAX_RANK, type StaticType } from '../../ir/index.ts';

/**
 * A model on chain is an account whose code is 0x0001 and the RLP of a list; a stored input is one with 0x0002. The first eight
 * fields of a model and all of an input are those of the Cortex chain (torrentfs types/infer_meta.go): a model has the shapes of its
 * first input and output there. What follows in ours lets a node know the cost and the size of every operand without the file.
 */
export interface ModelMeta {
  readonly comment: string;
  /** SHA-256 of the root of the package; 32 bytes. */
  readonly hash: Uint8Array;
  /** Bytes of the package. */
  readonly rawSize: bigint;
  /** Fee of the author for one run, in gas. */
  readonly fee: bigint;
  /** 20 bytes. */
  readonly author: Uint8Array;
  /** Block of the registration. */
  readonly block: bigint;
  /** Operations of one run, from the bytecode. */
  readonly operations: bigint;
  /** Types of inputs; one that takes the seed of random ops is not among them. */
  readonly inputs: readonly StaticType[];
  readonly outputs: readonly StaticType[];
  /** An input named `seed` of type i32[2] takes its value from the chain. */
  readonly seeded: boolean;
}

/** Data that INFER reads by address. */
export interface InputMeta {
  readonly comment: string;
  readonly hash: Uint8Array;
  readonly rawSize: bigint;
  readonly shape: readonly number[];
  readonly block: bigint;
}

const MODEL_PREFIX = 0x0001;
const INPUT_PREFIX = 0x0002;
/** Fees above this are refused, as on the Cortex chain (params/protocol_params.go, MODEL_GAS_UP_LIMIT). */
export const MAX_FEE = 20_000n;
const MAX_COMMENT = 1024;

/** Codes of dtypes in metadata, append only. */
const DTYPE_CODES = ['i8', 'i16', 'i32', 'u8', 'bool', 'f32', 'i6'] as const satisfies readonly DType[];

/** Shortest form; 0 is empty. */
const integerBytes = bigIntToUnpaddedBytes;

const portFields = ({ dtype, shape }: StaticType): readonly unknown[] => [
  integerBytes(BigInt(DTYPE_CODES.indexOf(dtype))),
  shape.map((d) => integerBytes(BigInt(d))),
];

const withPrefix = (prefix: number, fields: unknown): Uint8Array => {
  const body = RLP.encode(fields as Parameters<typeof RLP.encode>[0]);
  return Uint8Array.of(prefix >> 8, prefix & 255, ...body);
};

const shapeFields = (type: StaticType | undefined): readonly Uint8Array[] => (type?.shape ?? []).map((d) => integerBytes(BigInt(d)));

/** Code of the account of a model. */
export const encodeModel = (m: ModelMeta): Uint8Array =>
  withPrefix(MODEL_PREFIX, [
    new TextEncoder().encode(m.comment),
    m.hash,
    integerBytes(m.rawSize),
    shapeFields(m.inputs[0]),
    shapeFields(m.outputs[0]),
    integerBytes(m.fee),
    m.author,
    integerBytes(m.block),
    integerBytes(m.operations),
    m.inputs.map(portFields),
    m.outputs.map(portFields),
    integerBytes(m.seeded ? 1n : 0n),
  ]);

/** Code of the account of a stored input. */
export const encodeInput = (m: InputMeta): Uint8Array =>
  withPrefix(INPUT_PREFIX, [
    new TextEncoder().encode(m.comment),
    m.hash,
    integerBytes(m.rawSize),
    m.shape.map((d) => integerBytes(BigInt(d))),
    integerBytes(m.block),
  ]);

type Item = Uint8Array | Item[];

/** Raised inside this file: the code of an account that no registration wrote. */
class NotMeta extends Error {
  override readonly name = 'NotMeta';
}
const refuse = (): never => {
  throw new NotMeta();
};

const bytesOf = (item: Item | undefined, length?: number): Uint8Array =>
  item instanceof Uint8Array && (length === undefined || item.length === length) ? item : refuse();
const listOf = (item: Item | undefined): readonly Item[] => (Array.isArray(item) ? item : refuse());
const integerOf = (item: Item | undefined): bigint => {
  const bytes = bytesOf(item);
  if (bytes.length > 8 || bytes[0] === 0) return refuse();
  return bytesToBigInt(bytes);
};
const textOf = (item: Item | undefined): string => {
  const bytes = bytesOf(item);
  return bytes.length > MAX_COMMENT ? refuse() : new TextDecoder().decode(bytes);
};
const shapeOf = (item: Item | undefined): readonly number[] => {
  const sizes = listOf(item);
  return sizes.length > MAX_RANK ? refuse() : sizes.map((d) => Number(integerOf(d)));
};
const typeOf = (item: Item): StaticType => {
  const [code, shape] = listOf(item);
  const dtype = DTYPE_CODES[Number(integerOf(code))] ?? refuse();
  const type = { dtype, shape: shapeOf(shape) };
  return isStaticType(type) && elementCount(type.shape) * DTYPE_INFO[dtype].bytes < 2 ** 31 ? type : refuse();
};

const fieldsOf = (code: Uint8Array, prefix: number): readonly Item[] | undefined => {
  if (code[0] !== prefix >> 8 || code[1] !== (prefix & 255)) return undefined;
  try {
    return listOf(RLP.decode(code.subarray(2)) as Item);
  } catch {
    return undefined;
  }
};

const readWith = <T>(code: Uint8Array, prefix: number, read: (fields: readonly Item[]) => T): T | undefined => {
  const fields = fieldsOf(code, prefix);
  if (fields === undefined) return undefined;
  try {
    return read(fields);
  } catch (error) {
    if (error instanceof NotMeta) return undefined;
    throw error;
  }
};

/** What the code of an account says of a model; undefined when it is no model. */
export const decodeModel = (code: Uint8Array): ModelMeta | undefined =>
  readWith(code, MODEL_PREFIX, (f) => ({
    comment: textOf(f[0]),
    hash: bytesOf(f[1], 32),
    rawSize: integerOf(f[2]),
    fee: integerOf(f[5]),
    author: bytesOf(f[6], 20),
    block: integerOf(f[7]),
    operations: integerOf(f[8]),
    inputs: listOf(f[9]).map(typeOf),
    outputs: listOf(f[10]).map(typeOf),
    seeded: integerOf(f[11]) === 1n,
  }));

/** What the code of an account says of a stored input; undefined when it is none. */
export const decodeInput = (code: Uint8Array): InputMeta | undefined =>
  readWith(code, INPUT_PREFIX, (f) => ({
    comment: textOf(f[0]),
    hash: bytesOf(f[1], 32),
    rawSize: integerOf(f[2]),
    shape: shapeOf(f[3]),
    block: integerOf(f[4]),
  }));
