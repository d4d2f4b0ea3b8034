import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import protobuf from 'protobufjs';
import { type DType, type Shape, type Tensor, tensorBytes } from '../../ir/index.ts';
import { invariant } from '../../support/index.ts';

/** Messages of onnx.proto as they are written; fields that are left out have the default of the field. */

/** TensorProto.DataType */
export const ELEM = {
  float: 1,
  uint8: 2,
  int8: 3,
  int16: 5,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
  double: 11,
  uint64: 13,
  bfloat16: 16,
  float8e4m3fn: 17,
  float8e4m3fnuz: 18,
  float8e5m2: 19,
  float8e5m2fnuz: 20,
  float4e2m1: 23,
} as const;

/** TensorProto.DataLocation: the elements stand in a file. */
export const EXTERNAL = 1;

/** ONNX has no integers of 6 bits: they are kept as int8. */
export const ELEM_OF: Readonly<Record<DType, number>> = {
  f32: ELEM.float,
  i8: ELEM.int8,
  i6: ELEM.int8,
  u8: ELEM.uint8,
  i16: ELEM.int16,
  i32: ELEM.int32,
  bool: ELEM.bool,
};

export interface TensorMessage {
  readonly name: string;
  readonly dims: readonly number[];
  readonly dataType: number;
  readonly rawData?: Uint8Array;
  readonly externalData?: readonly { readonly key: string; readonly value: string }[];
  readonly dataLocation?: number;
}

/** `ref`: the attribute of the function that the node stands in. */
export type AttrValue =
  | number
  | string
  | readonly number[]
  | readonly string[]
  | { readonly float: number }
  | { readonly floats: readonly number[] }
  | { readonly tensor: TensorMessage }
  | { readonly ref: string; readonly kind: 'int' | 'ints' | 'float' | 'string' };

export type Attributes = Readonly<Record<string, AttrValue>>;

export interface NodeMessage {
  readonly name: string;
  readonly opType: string;
  readonly domain: string;
  readonly input: readonly string[];
  readonly output: readonly string[];
  readonly attribute: readonly object[];
}

const TYPES = { float: 1, int: 2, string: 3, tensor: 4, floats: 6, ints: 7, strings: 8 } as const;

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

export const attributeMessage = (name: string, v: AttrValue): object => {
  if (typeof v === 'number') return { name, type: TYPES.int, i: v };
  if (typeof v === 'string') return { name, type: TYPES.string, s: utf8(v) };
  if ('float' in v) return { name, type: TYPES.float, f: v.float };
  if ('floats' in v) return { name, type: TYPES.floats, floats: v.floats };
  if ('tensor' in v) return { name, type: TYPES.tensor, t: v.tensor };
  if ('ref' in v) return { name, type: TYPES[v.kind], refAttrName: v.ref };
  return v.length > 0 && v.every((s) => typeof s === 'string')
    ? { name, type: TYPES.strings, strings: v.map((s) => utf8(s)) }
    : { name, type: TYPES.ints, ints: v };
};

export const tensorMessage = (name: string, tensor: Tensor): TensorMessage => ({
  name,
  dims: tensor.shape,
  dataType: ELEM_OF[tensor.dtype],
  rawData: tensorBytes(tensor),
});

export const int64Tensor = (name: string, dims: readonly number[], values: readonly number[]): TensorMessage => ({
  name,
  dims,
  dataType: ELEM.int64,
  rawData: new Uint8Array(BigInt64Array.from(values, BigInt).buffer),
});

export const valueInfo = (name: string, elemType: number, shape: Shape): object => ({
  name,
  type: { tensorType: { elemType, shape: { dim: shape.map((d) => (typeof d === 'number' ? { dimValue: d } : { dimParam: d })) } } },
});

/** grammar/onnx.proto lies in the root of the package: three levels up from the source, four from the compiled file. */
const schemaText = (): string => {
  const candidates = ['../../../grammar/onnx.proto', '../../../../grammar/onnx.proto'].map((p) =>
    fileURLToPath(new URL(p, import.meta.url)),
  );
  const path = candidates.find((p) => existsSync(p));
  invariant(path !== undefined, 'grammar/onnx.proto is missing from the package');
  return readFileSync(path, 'utf8');
};

let modelType: protobuf.Type | undefined;

/** @param model - a ModelProto */
export const encodeModel = (model: object): Uint8Array => {
  modelType ??= protobuf.parse(schemaText()).root.lookupType('onnx.ModelProto');
  return new Uint8Array(modelType.encode(model).finish());
};
