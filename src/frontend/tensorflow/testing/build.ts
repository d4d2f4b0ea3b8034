import { readFileSync } from 'node:fs';
import protobuf from 'protobufjs';

/** Builds small graphs in tests, with protobufjs alone: nothing of the importer is used. */
const root = protobuf.parse(readFileSync(new URL('../../../../grammar/tensorflow.proto', import.meta.url), 'utf8')).root;

export const graphBytes = (message: object): Uint8Array => {
  const type = root.lookupType('tensorflow.GraphDef');
  return new Uint8Array(type.encode(type.fromObject(message)).finish());
};

type Attr = object;
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
export const text = (value: string): Attr => ({ s: utf8(value) });
export const ints = (...i: readonly number[]): Attr => ({ list: { i } });
export const texts = (...s: readonly string[]): Attr => ({ list: { s: s.map(utf8) } });
export const type = (name: string): Attr => ({ type: name });
export const shape = (...dims: readonly number[]): Attr => ({ shape: { dim: dims.map((size) => ({ size })) } });

export const node = (name: string, op: string, input: readonly string[] = [], attr: Readonly<Record<string, Attr>> = {}): object => ({
  name,
  op,
  input,
  attr,
});
export const placeholder = (name: string, dims: readonly number[], dtype = 'DT_FLOAT'): object =>
  node(name, 'Placeholder', [], { dtype: type(dtype), shape: shape(...dims) });
export const constant = (name: string, dims: readonly number[], floatVal: readonly number[]): object =>
  node(name, 'Const', [], {
    dtype: type('DT_FLOAT'),
    value: { tensor: { dtype: 'DT_FLOAT', tensorShape: { dim: dims.map((size) => ({ size })) }, floatVal } },
  });
export const whole = (name: string, dims: readonly number[], intVal: readonly number[]): object =>
  node(name, 'Const', [], {
    dtype: type('DT_INT32'),
    value: { tensor: { dtype: 'DT_INT32', tensorShape: { dim: dims.map((size) => ({ size })) }, intVal } },
  });
export const graph = (...nodes: readonly object[]): Uint8Array => graphBytes({ node: nodes, versions: { producer: 1000 } });
