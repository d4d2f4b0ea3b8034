import { elementCount } from '../ir/index.ts';
import { fromBrain, fromHalf } from './half-floats.ts';
import { checkShape, type ElemName, hostFromBytes, type HostTensor, makeHost } from './host-tensor.ts';
import { overLimit, parameterProblem, stop } from './import-problems.ts';
import { type AttrMessage, int64, type ListMessage, type ShapeMessage, type TensorMessage } from './tf-messages.ts';

/** Element types by number (tensorflow/core/framework/types.proto); those of no program are words that are no element type. */
const TYPES: readonly string[] = [
  'none',
  'float32',
  'float64',
  'int32',
  'uint8',
  'int16',
  'int8',
  'string',
  'complex64',
  'int64',
  'bool',
  'qint8',
  'quint8',
  'qint32',
  'bfloat16',
  'qint16',
  'quint16',
  'uint16',
  'complex128',
  'float16',
  'resource',
  'variant',
  'uint32',
  'uint64',
];
/** A reference to a variable has the number of its type plus this. */
const REFERENCE = 100;

/** The name of a type, an `ElemName` where a program can hold it. */
export const typeName = (code: number): string => TYPES[code > REFERENCE ? code - REFERENCE : code] ?? `type ${code}`;

/** A shape with -1 for what is open; undefined when not even the rank is known. */
export const shapeOfMessage = (shape: ShapeMessage | null | undefined): readonly number[] | undefined =>
  shape === null || shape === undefined || shape.unknownRank ? undefined : shape.dim.map((d) => int64(d.size));

/** A function of the library that a node names. */
export interface FunctionRef {
  readonly functionName: string;
}
export const isFunctionRef = (value: unknown): value is FunctionRef =>
  typeof value === 'object' && value !== null && 'functionName' in value;

export const isTensorMessage = (value: unknown): value is TensorMessage =>
  typeof value === 'object' && value !== null && 'tensorContent' in value;

/** Values in which a tensor message lists its elements, for the types that have such a list. */
const listed = (elem: ElemName, t: TensorMessage): readonly number[] => {
  switch (elem) {
    case 'float32':
      return t.floatVal;
    case 'float64':
      return t.doubleVal;
    case 'float16':
      return t.halfVal.map(fromHalf);
    case 'bfloat16':
      return t.halfVal.map(fromBrain);
    case 'int64':
      return t.int64Val.map(int64);
    case 'uint64':
      return t.uint64Val.map(int64);
    case 'uint32':
      return t.uint32Val;
    case 'bool':
      return t.boolVal.map(Number);
    case 'int32':
    case 'int16':
    case 'uint16':
    case 'int8':
    case 'uint8':
      return t.intVal;
    default:
      return elem satisfies never;
  }
};

/**
 * A stored tensor: its bytes, or a list of elements, of which the last stands for all that are missing.
 * @param take - asked for the elements that are not in the file, of a tensor of one repeated element
 * @throws {MrlError} IMP1005, IMP1007
 */
export const hostOfMessage = (name: string, elem: ElemName, t: TensorMessage, take: (count: number) => boolean): HostTensor => {
  const shape = shapeOfMessage(t.tensorShape) ?? [];
  checkShape(name, shape);
  const count = elementCount(shape);
  // a field of bytes that is left out is no Uint8Array
  if (t.tensorContent.length > 0) return hostFromBytes(name, elem, shape, t.tensorContent);
  const values = listed(elem, t);
  if (values.length > count) stop(parameterProblem(name, `it lists ${values.length} elements, but its shape is [${shape.join(', ')}]`));
  if (values.length < count && !take(count))
    stop(overLimit(`a tensor of shape [${shape.join(', ')}] that is listed by ${values.length} elements is too large`, name));
  const data = makeHost(elem, count);
  // a message without elements is of zeros: the fields have their defaults
  for (let i = 0; i < count; i++) data[i] = values[Math.min(i, values.length - 1)] ?? 0;
  return { elem, shape, data };
};

const utf8 = new TextDecoder();

const listValue = (l: ListMessage): readonly unknown[] => {
  if (l.i.length > 0) return l.i.map(int64);
  if (l.f.length > 0) return l.f;
  if (l.s.length > 0) return l.s.map((s) => utf8.decode(s));
  if (l.b.length > 0) return l.b;
  if (l.type.length > 0) return l.type.map(typeName);
  if (l.shape.length > 0) return l.shape.map(shapeOfMessage);
  if (l.func.length > 0) return l.func.map((f): FunctionRef => ({ functionName: f.name }));
  return l.tensor;
};

/**
 * The value of an attribute: a number, a boolean, a text, the name of a type, a shape (-1: open; undefined: of unknown rank), a
 * `TensorMessage`, a `FunctionRef`, or a list of such.
 */
export const attributeValue = (a: AttrMessage): unknown => {
  switch (a.value) {
    case 'list':
      return a.list === null || a.list === undefined ? [] : listValue(a.list);
    case 's':
      return utf8.decode(a.s);
    case 'i':
      return int64(a.i);
    case 'type':
      return typeName(a.type);
    case 'shape':
      return shapeOfMessage(a.shape);
    case 'func':
      return { functionName: a.func?.name ?? '' } satisfies FunctionRef;
    case 'f':
    case 'b':
    case 'tensor':
    case 'placeholder':
      return a[a.value];
    case undefined:
      return undefined;
    default:
      return a.value satisfies never;
  }
};
