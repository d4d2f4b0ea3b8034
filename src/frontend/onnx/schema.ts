import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import protobuf from 'protobufjs';
import { fail, invariant, ok, type Result } from '../../support/index.ts';
import { notAModel } from './diagnostics.ts';
import { decodeTensorMessage, type TensorProto } from './tensor-message.ts';

/** A 64-bit integer as protobufjs gives it. */
export type Int64 = number | { toNumber(): number };
export const int64 = (v: Int64): number => (typeof v === 'number' ? v : v.toNumber());

/** The messages of onnx.proto as decoded: absent lists are empty, absent scalars have the default of the field. */
export interface AttributeProto {
  readonly name: string;
  readonly refAttrName: string;
  readonly type: number;
  readonly f: number;
  readonly i: Int64;
  readonly s: Uint8Array;
  readonly t?: TensorProto | null;
  readonly g?: GraphProto | null;
  readonly floats: readonly number[];
  readonly ints: readonly Int64[];
  readonly strings: readonly Uint8Array[];
}

export interface NodeProto {
  readonly input: readonly string[];
  readonly output: readonly string[];
  readonly name: string;
  readonly opType: string;
  readonly domain: string;
  readonly overload: string;
  readonly attribute: readonly AttributeProto[];
}

export interface DimensionProto {
  readonly dimValue?: Int64;
  readonly dimParam?: string;
}

export interface TypeProto {
  readonly tensorType?: { readonly elemType: number; readonly shape?: { readonly dim: readonly DimensionProto[] } | null } | null;
  readonly sequenceType?: object | null;
  readonly mapType?: object | null;
  readonly optionalType?: object | null;
  readonly sparseTensorType?: object | null;
  readonly opaqueType?: object | null;
}

export interface ValueInfoProto {
  readonly name: string;
  readonly type?: TypeProto | null;
}

export interface GraphProto {
  readonly node: readonly NodeProto[];
  readonly name: string;
  readonly initializer: readonly TensorProto[];
  readonly sparseInitializer: readonly object[];
  readonly input: readonly ValueInfoProto[];
  readonly output: readonly ValueInfoProto[];
  readonly valueInfo: readonly ValueInfoProto[];
}

export interface OperatorSetIdProto {
  readonly domain: string;
  readonly version: Int64;
}

export interface FunctionProto {
  readonly name: string;
  readonly domain: string;
  readonly overload: string;
  readonly input: readonly string[];
  readonly output: readonly string[];
  readonly attribute: readonly string[];
  readonly attributeProto: readonly AttributeProto[];
  readonly node: readonly NodeProto[];
  readonly opsetImport: readonly OperatorSetIdProto[];
}

export interface ModelProto {
  readonly irVersion: Int64;
  readonly opsetImport: readonly OperatorSetIdProto[];
  readonly producerName: string;
  readonly producerVersion: string;
  readonly graph?: GraphProto | null;
  readonly functions: readonly FunctionProto[];
}

/** grammar/onnx.proto lies in the root of the package: three levels up from the source, four from the compiled file. */
const schemaText = (): string => {
  const candidates = ['../../../grammar/onnx.proto', '../../../../grammar/onnx.proto'].map((p) =>
    fileURLToPath(new URL(p, import.meta.url)),
  );
  const path = candidates.find((p) => existsSync(p));
  invariant(path !== undefined, 'grammar/onnx.proto is missing from the package');
  return readFileSync(path, 'utf8');
};

/**
 * The message types of the vendored onnx.proto. TensorProto gets a decoder of its own: the generated one puts every
 * element of float_data and int64_data into an array of boxed values, which a 100 MB model cannot afford.
 */
const loadSchema = (): protobuf.Root => {
  const root = protobuf.parse(schemaText()).root;
  root.resolveAll();
  const tensor = root.lookupType('onnx.TensorProto');
  const decodeTensor = (reader: protobuf.Reader | Uint8Array, length?: number): protobuf.Message =>
    decodeTensorMessage(reader instanceof Uint8Array ? readerOf(reader) : reader, length) as unknown as protobuf.Message;
  // The first decode of a type generates its code and overwrites `decode`; generating it now keeps ours.
  tensor.setup();
  tensor.decode = decodeTensor as typeof tensor.decode;
  return root;
};

let schema: protobuf.Root | undefined;
/** Reading the schema takes about 10 ms, so it is done once and on first use. */
const schemaOf = (): protobuf.Root => (schema ??= loadSchema());

/** The same memory as a plain Uint8Array: a Buffer's own `slice` does not copy. */
export const plainBytes = (bytes: Uint8Array): Uint8Array => new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** Reads in place: bytes fields are plain views of the file (never a Buffer), unknown fields are dropped. */
const readerOf = (bytes: Uint8Array): protobuf.Reader => {
  const reader = new protobuf.Reader(plainBytes(bytes));
  (reader as protobuf.Reader & { discardUnknown: boolean }).discardUnknown = true;
  return reader;
};

/** protobufjs reports every malformed input by an Error or RangeError of its own. */
const guarded = <T>(read: () => T, what: string): Result<T> => {
  try {
    return ok(read());
  } catch (error) {
    return fail(notAModel(what, error instanceof Error ? error.message : String(error)));
  }
};

/** @returns the model; tensors are views of `bytes`, which must not change afterwards */
export const decodeModel = (bytes: Uint8Array): Result<ModelProto> => {
  const message = schemaOf().lookupType('onnx.ModelProto');
  return guarded(() => message.decode(readerOf(bytes)) as unknown as ModelProto, 'model');
};

/** Needs no schema: TensorProto has its own decoder. */
export const decodeTensorProtoMessage = (bytes: Uint8Array): Result<TensorProto> =>
  guarded(() => decodeTensorMessage(readerOf(bytes)), 'tensor');
