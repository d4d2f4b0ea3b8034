import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import protobuf from 'protobufjs';
import { invariant } from '../../support/index.ts';
import { damaged, stop } from '../import-problems.ts';
import { type Fields, FieldsInTheMaking, type FieldValue } from './fields.ts';

/** grammar/caffe.proto lies in the root of the package: three levels up from the source, four from the compiled file. */
const schemaText = (): string => {
  const candidates = ['../../../grammar/caffe.proto', '../../../../grammar/caffe.proto'].map((p) =>
    fileURLToPath(new URL(p, import.meta.url)),
  );
  const path = candidates.find((p) => existsSync(p));
  invariant(path !== undefined, 'grammar/caffe.proto is missing from the package');
  return readFileSync(path, 'utf8');
};

let netType: protobuf.Type | undefined;
/** Read once, on first use. */
const schemaOf = (): protobuf.Type => {
  if (netType !== undefined) return netType;
  const { root } = protobuf.parse(schemaText(), { keepCase: true });
  root.resolveAll();
  netType = root.lookupType('caffe.NetParameter');
  return netType;
};

const LENGTH_DELIMITED = 2;
const GROUP_START = 3;

const asNumber = (v: number | { toNumber(): number }): number => (typeof v === 'number' ? v : v.toNumber());

const scalar = (r: protobuf.Reader, type: string): FieldValue => {
  switch (type) {
    case 'string':
      return r.string();
    case 'bytes':
      return r.bytes();
    case 'bool':
      return r.bool();
    case 'float':
      return r.float();
    case 'double':
      return r.double();
    case 'uint32':
      return r.uint32();
    case 'int64':
      return asNumber(r.int64() as unknown as number | { toNumber(): number });
    default:
      return r.int32();
  }
};

/** Packed floats as one array, so that weights are not boxed one by one. */
const packedFloats = (bytes: Uint8Array, width: 4 | 8): Float32Array | Float64Array => {
  if (bytes.length % width !== 0) throw new RangeError('packed floats end in the middle of a number');
  const own = bytes.slice();
  return width === 4 ? new Float32Array(own.buffer) : new Float64Array(own.buffer);
};

const readValue = (r: protobuf.Reader, field: protobuf.Field, wire: number, into: FieldsInTheMaking): void => {
  const { resolvedType: own, type, name } = field;
  if (own instanceof protobuf.Type) {
    into.add(name, readMessage(r, own, r.uint32() + r.pos));
    return;
  }
  const one = (): FieldValue => {
    if (!(own instanceof protobuf.Enum)) return scalar(r, type);
    const value = r.int32();
    return own.valuesById[value] ?? value;
  };
  const packs = wire === LENGTH_DELIMITED && type !== 'string' && type !== 'bytes';
  if (!packs) {
    into.add(name, one());
    return;
  }
  if (type === 'float' || type === 'double') {
    into.add(name, packedFloats(r.bytes(), type === 'float' ? 4 : 8));
    return;
  }
  const end = r.uint32() + r.pos;
  if (end > r.len) throw new RangeError('a packed field reaches beyond the file');
  while (r.pos < end) into.add(name, one());
};

/** Fields that the schema lacks are kept by their number: a layer that has one is not understood. */
const readMessage = (r: protobuf.Reader, type: protobuf.Type, end: number): Fields => {
  if (end > r.len) throw new RangeError('a message reaches beyond the file');
  const fields = new FieldsInTheMaking();
  while (r.pos < end) {
    const tag = r.uint32();
    const [id, wire] = [tag >>> 3, tag & 7];
    const field = type.fieldsById[id];
    if (wire === GROUP_START) throw new RangeError('groups are no part of Caffe');
    if (field !== undefined) readValue(r, field, wire, fields);
    else {
      r.skipType(wire);
      fields.add(`field ${id}`, true);
    }
  }
  if (r.pos !== end) throw new RangeError('a message ends in the middle of a field');
  return fields.map;
};

/** The NetParameter of a .caffemodel. @throws {MrlError} IMP1001 */
export const decodeCaffemodel = (bytes: Uint8Array): Fields => {
  const plain = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  try {
    return readMessage(new protobuf.Reader(plain), schemaOf(), plain.length);
  } catch (error) {
    if (error instanceof RangeError || (error instanceof Error && error.constructor === Error))
      return stop(damaged('Caffe', error.message));
    throw error;
  }
};
