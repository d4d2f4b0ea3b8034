import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import protobuf from 'protobufjs';
import { fail, invariant, ok, type Result } from '../support/index.ts';
import { damaged } from './import-problems.ts';

/** A 64-bit integer as protobufjs gives it. */
export type Int64 = number | { toNumber(): number };
export const int64 = (v: Int64): number => (typeof v === 'number' ? v : v.toNumber());

/** The messages of grammar/tensorflow.proto as decoded: absent lists are empty, absent scalars have the default of the field. */
export interface ShapeMessage {
  readonly dim: readonly { readonly size: Int64 }[];
  readonly unknownRank: boolean;
}

export interface TensorMessage {
  readonly dtype: number;
  readonly tensorShape?: ShapeMessage | null;
  readonly tensorContent: Uint8Array;
  readonly floatVal: readonly number[];
  readonly doubleVal: readonly number[];
  readonly intVal: readonly number[];
  readonly stringVal: readonly Uint8Array[];
  readonly int64Val: readonly Int64[];
  readonly boolVal: readonly boolean[];
  readonly halfVal: readonly number[];
  readonly uint32Val: readonly number[];
  readonly uint64Val: readonly Int64[];
}

export interface FunctionName {
  readonly name: string;
}

export interface ListMessage {
  readonly s: readonly Uint8Array[];
  readonly i: readonly Int64[];
  readonly f: readonly number[];
  readonly b: readonly boolean[];
  readonly type: readonly number[];
  readonly shape: readonly ShapeMessage[];
  readonly tensor: readonly TensorMessage[];
  readonly func: readonly FunctionName[];
}

/** `value` names the field that is set. */
export interface AttrMessage {
  readonly value?: 'list' | 's' | 'i' | 'f' | 'b' | 'type' | 'shape' | 'tensor' | 'placeholder' | 'func';
  readonly list?: ListMessage | null;
  readonly s: Uint8Array;
  readonly i: Int64;
  readonly f: number;
  readonly b: boolean;
  readonly type: number;
  readonly shape?: ShapeMessage | null;
  readonly tensor?: TensorMessage | null;
  readonly func?: FunctionName | null;
  readonly placeholder: string;
}

export interface NodeMessage {
  readonly name: string;
  readonly op: string;
  readonly input: readonly string[];
  readonly attr: Readonly<Record<string, AttrMessage>>;
}

export interface FunctionMessage {
  readonly signature?: {
    readonly name: string;
    readonly inputArg: readonly { readonly name: string }[];
    readonly outputArg: readonly { readonly name: string }[];
  } | null;
  readonly nodeDef: readonly NodeMessage[];
  /** Output of the function to `node:argument:index` of its body. */
  readonly ret: Readonly<Record<string, string>>;
}

export interface GraphMessage {
  readonly node: readonly NodeMessage[];
  readonly library?: { readonly function: readonly FunctionMessage[] } | null;
  readonly versions?: { readonly producer: number } | null;
}

/** grammar/tensorflow.proto lies in the root of the package: two levels up from the source, three from the compiled file. */
const schemaText = (): string => {
  const candidates = ['../../grammar/tensorflow.proto', '../../../grammar/tensorflow.proto'].map((p) =>
    fileURLToPath(new URL(p, import.meta.url)),
  );
  const path = candidates.find((p) => existsSync(p));
  invariant(path !== undefined, 'grammar/tensorflow.proto is missing from the package');
  return readFileSync(path, 'utf8');
};

let schema: protobuf.Root | undefined;
/** Read once and on first use. */
const schemaOf = (): protobuf.Root => {
  if (schema !== undefined) return schema;
  schema = protobuf.parse(schemaText()).root;
  schema.resolveAll();
  return schema;
};

/** Reads in place: bytes fields are plain views of the file (never a Buffer), unknown fields are dropped. */
const readerOf = (bytes: Uint8Array): protobuf.Reader => {
  const reader = new protobuf.Reader(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  (reader as protobuf.Reader & { discardUnknown: boolean }).discardUnknown = true;
  return reader;
};

/** protobufjs reports every malformed input by an Error or RangeError of its own. */
const guarded = <T>(title: string, read: () => protobuf.Message): Result<T> => {
  try {
    return ok(read() as unknown as T);
  } catch (error) {
    return fail(damaged(title, error instanceof Error ? error.message : String(error)));
  }
};

/** @returns the graph; the contents of tensors are views of `bytes`, which must not change afterwards */
export const decodeGraph = (bytes: Uint8Array): Result<GraphMessage> =>
  guarded('TensorFlow', () => schemaOf().lookupType('tensorflow.GraphDef').decode(readerOf(bytes)));

/**
 * A graph from the JSON form of its message: enumerations by name, bytes in base64, 64-bit integers as text.
 * @param title - the field's name of the format, for diagnostics
 */
export const graphOfJson = (json: object, title: string): Result<GraphMessage> =>
  guarded(title, () =>
    schemaOf()
      .lookupType('tensorflow.GraphDef')
      .fromObject(json as Record<string, unknown>),
  );
