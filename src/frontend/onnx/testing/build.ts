import { readFileSync } from 'node:fs';
import protobuf from 'protobufjs';
import { type Dim, runProgram, type Tensor, verifyProgram } from '../../../ir/index.ts';
import { unwrap } from '../../../support/index.ts';
import { importOnnx, type OnnxOptions } from '../index.ts';

/** Builds small ONNX models in tests, with protobufjs alone: nothing of the importer is used. */

const root = protobuf.parse(readFileSync(new URL('../../../../grammar/onnx.proto', import.meta.url), 'utf8')).root;
const encode = (type: string, message: object): Uint8Array => {
  const t = root.lookupType(type);
  return new Uint8Array(t.encode(t.fromObject(message)).finish());
};

export const ELEM_CODES = {
  float: 1,
  uint8: 2,
  int8: 3,
  uint16: 4,
  int16: 5,
  int32: 6,
  int64: 7,
  string: 8,
  bool: 9,
  float16: 10,
  double: 11,
  uint32: 12,
  uint64: 13,
} as const;
export type TestElem = keyof typeof ELEM_CODES;

export type AttrValue =
  | number
  | string
  | readonly number[]
  | readonly string[]
  | { readonly float: number }
  | { readonly floats: readonly number[] }
  | { readonly tensor: object }
  | { readonly graph: object };

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Whole numbers are ints, others floats; `{ float: 1 }` for a whole float. */
const attribute = (name: string, v: AttrValue): object => {
  if (typeof v === 'number') return Number.isInteger(v) ? { name, type: 2, i: v } : { name, type: 1, f: v };
  if (typeof v === 'string') return { name, type: 3, s: utf8(v) };
  if (Array.isArray(v)) {
    return typeof v[0] === 'string' ? { name, type: 8, strings: v.map((s) => utf8(String(s))) } : { name, type: 7, ints: v };
  }
  if ('float' in v) return { name, type: 1, f: v.float };
  if ('floats' in v) return { name, type: 6, floats: v.floats };
  if ('tensor' in v) return { name, type: 4, t: v.tensor };
  if ('graph' in v) return { name, type: 5, g: v.graph };
  return { name };
};

export const node = (
  opType: string,
  input: readonly string[],
  output: readonly string[],
  attrs: Readonly<Record<string, AttrValue>> = {},
  more: { readonly name?: string; readonly domain?: string } = {},
): object => ({ opType, input, output, attribute: Object.entries(attrs).map(([name, v]) => attribute(name, v)), ...more });

export const port = (name: string, elem: TestElem, shape: readonly Dim[]): object => ({
  name,
  type: {
    tensorType: {
      elemType: ELEM_CODES[elem],
      shape: { dim: shape.map((d) => (typeof d === 'number' ? { dimValue: d } : d === '?' ? {} : { dimParam: d })) },
    },
  },
});

const FIELD: Readonly<Record<TestElem, string>> = {
  float: 'floatData',
  double: 'doubleData',
  int64: 'int64Data',
  uint64: 'uint64Data',
  uint32: 'uint64Data',
  string: 'stringData',
  uint8: 'int32Data',
  int8: 'int32Data',
  uint16: 'int32Data',
  int16: 'int32Data',
  int32: 'int32Data',
  bool: 'int32Data',
  float16: 'int32Data',
};

export const tensor = (name: string, elem: TestElem, dims: readonly number[], values: readonly number[]): object => ({
  name,
  dataType: ELEM_CODES[elem],
  dims,
  [FIELD[elem]]: values,
});

export const rawTensor = (name: string, elem: TestElem, dims: readonly number[], bytes: Uint8Array): object => ({
  name,
  dataType: ELEM_CODES[elem],
  dims,
  rawData: bytes,
});

export interface TestGraph {
  readonly nodes: readonly object[];
  readonly inputs?: readonly object[];
  readonly outputs: readonly object[];
  readonly params?: readonly object[];
  readonly valueInfo?: readonly object[];
}

export const graph = (g: TestGraph): object => ({
  name: 'test',
  node: g.nodes,
  input: g.inputs ?? [],
  output: g.outputs,
  initializer: g.params ?? [],
  valueInfo: g.valueInfo ?? [],
});

export const model = (g: TestGraph, opset = 17, more: object = {}): Uint8Array =>
  encode('onnx.ModelProto', {
    irVersion: 8,
    producerName: 'test',
    opsetImport: [{ domain: '', version: opset }],
    graph: graph(g),
    ...more,
  });

export const tensorBytesOf = (message: object): Uint8Array => encode('onnx.TensorProto', message);

/** An operand of `evaluate`: run-time input, or a constant of the model. */
export interface Operand {
  readonly elem?: TestElem;
  readonly shape: readonly number[];
  readonly values: readonly number[];
  readonly constant?: boolean;
}

export const x = (shape: readonly number[], values: readonly number[], elem: TestElem = 'float'): Operand => ({ shape, values, elem });
export const c = (shape: readonly number[], values: readonly number[], elem: TestElem = 'float'): Operand => ({
  shape,
  values,
  elem,
  constant: true,
});
export const ints = (...values: readonly number[]): Operand => c([values.length], values, 'int64');

const DTYPES = {
  float: 'f32',
  double: 'f32',
  float16: 'f32',
  int64: 'i32',
  int32: 'i32',
  uint32: 'i32',
  uint64: 'i32',
  uint16: 'i32',
  int16: 'i16',
  int8: 'i8',
  uint8: 'u8',
  bool: 'bool',
  string: 'u8',
} as const;

const typed = (operand: Operand): Tensor => {
  const dtype = DTYPES[operand.elem ?? 'float'];
  const make = { f32: Float32Array, i32: Int32Array, i16: Int16Array, i8: Int8Array, u8: Uint8Array, bool: Uint8Array }[dtype];
  return { dtype, shape: operand.shape, data: make.from(operand.values) };
};

export interface OneNode {
  readonly op: string;
  readonly operands: readonly (Operand | undefined)[];
  readonly attrs?: Readonly<Record<string, AttrValue>>;
  readonly opset?: number;
  readonly outputs?: number;
  readonly elem?: TestElem;
}

/** The bytes of a model with one node. */
export const oneNode = (o: OneNode): Uint8Array => {
  const named = o.operands.map((operand, i) => ({ operand, name: operand === undefined ? '' : `x${i}` }));
  const results = Array.from({ length: o.outputs ?? 1 }, (_, i) => `y${i}`);
  return model(
    {
      nodes: [
        node(
          o.op,
          named.map((n) => n.name),
          results,
          o.attrs,
          { name: 'the node' },
        ),
      ],
      inputs: named.flatMap(({ operand, name }) =>
        operand === undefined || operand.constant ? [] : [port(name, operand.elem ?? 'float', operand.shape)],
      ),
      params: named.flatMap(({ operand, name }) =>
        operand?.constant ? [tensor(name, operand.elem ?? 'float', operand.shape, operand.values)] : [],
      ),
      outputs: results.map((name) => port(name, o.elem ?? 'float', [])),
    },
    o.opset,
  );
};

/** Imports, verifies and runs a model with one node; gives [shape, values] of each output. */
export const evaluate = (o: OneNode, options: OnnxOptions = {}): readonly (readonly [readonly number[], readonly number[]])[] => {
  const { program } = unwrap(importOnnx(oneNode(o), options));
  unwrap(verifyProgram(program));
  const inputs = o.operands.flatMap((operand) => (operand === undefined || operand.constant ? [] : [typed(operand)]));
  return runProgram(program, inputs).map((t) => [t.shape, Array.from(t.data)] as const);
};

/** Codes of what is wrong with a model. */
export const codesOf = (bytes: Uint8Array, options: OnnxOptions = {}): readonly string[] => {
  const result = importOnnx(bytes, options);
  return result.ok ? [] : result.diagnostics.map((d) => d.code);
};
