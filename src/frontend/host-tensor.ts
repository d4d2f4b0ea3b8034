import { DTYPE_INFO, type DType, elementCount, MAX_ELEMENTS, MAX_RANK, type Tensor } from '../ir/index.ts';
import { diagnostic } from '../support/index.ts';
import { fromBrain, fromHalf } from './half-floats.ts';
import { parameterProblem, stop } from './import-problems.ts';
import { permuteInto } from './permute.ts';

/** Types of elements that files store: what a program keeps, and how an element is read, little-endian. */
interface ElemInfo {
  readonly bytes: 1 | 2 | 4 | 8;
  readonly dtype: DType;
  readonly kind: 'float' | 'int' | 'bool';
  readonly read: (view: DataView, offset: number) => number;
}

export const ELEMS = {
  float32: { bytes: 4, dtype: 'f32', kind: 'float', read: (v, o) => v.getFloat32(o, true) },
  float64: { bytes: 8, dtype: 'f32', kind: 'float', read: (v, o) => v.getFloat64(o, true) },
  float16: { bytes: 2, dtype: 'f32', kind: 'float', read: (v, o) => fromHalf(v.getUint16(o, true)) },
  bfloat16: { bytes: 2, dtype: 'f32', kind: 'float', read: (v, o) => fromBrain(v.getUint16(o, true)) },
  int64: { bytes: 8, dtype: 'i32', kind: 'int', read: (v, o) => Number(v.getBigInt64(o, true)) },
  uint64: { bytes: 8, dtype: 'i32', kind: 'int', read: (v, o) => Number(v.getBigUint64(o, true)) },
  int32: { bytes: 4, dtype: 'i32', kind: 'int', read: (v, o) => v.getInt32(o, true) },
  uint32: { bytes: 4, dtype: 'i32', kind: 'int', read: (v, o) => v.getUint32(o, true) },
  int16: { bytes: 2, dtype: 'i16', kind: 'int', read: (v, o) => v.getInt16(o, true) },
  uint16: { bytes: 2, dtype: 'i32', kind: 'int', read: (v, o) => v.getUint16(o, true) },
  int8: { bytes: 1, dtype: 'i8', kind: 'int', read: (v, o) => v.getInt8(o) },
  uint8: { bytes: 1, dtype: 'u8', kind: 'int', read: (v, o) => v.getUint8(o) },
  bool: { bytes: 1, dtype: 'bool', kind: 'bool', read: (v, o) => v.getUint8(o) },
} as const satisfies Record<string, ElemInfo>;

export type ElemName = keyof typeof ELEMS;
export const isElemName = (name: string): name is ElemName => Object.hasOwn(ELEMS, name);

/** A tensor known at import. Wide integers are held as float64: beyond 2^53 they are rounded. */
export interface HostTensor {
  readonly elem: ElemName;
  readonly shape: readonly number[];
  readonly data: Float32Array | Float64Array | Int32Array | Int16Array | Int8Array | Uint8Array;
}

const WIDE: ReadonlySet<ElemName> = new Set(['int64', 'uint64', 'uint32']);

/** Zero-filled storage for n elements. */
export const makeHost = (elem: ElemName, n: number): HostTensor['data'] =>
  WIDE.has(elem) ? new Float64Array(n) : (DTYPE_INFO[ELEMS[elem].dtype].make(n) as HostTensor['data']);

/** Checks what a program can hold: rank at most 8, fewer than 2^31 elements, no negative dimension. */
export const checkShape = (name: string, shape: readonly number[]): void => {
  if (shape.length > MAX_RANK) stop(parameterProblem(name, `it has ${shape.length} dimensions, the limit is ${MAX_RANK}`));
  if (shape.some((d) => !Number.isInteger(d) || d < 0)) stop(parameterProblem(name, `its shape is [${shape.join(', ')}]`));
  if (elementCount(shape.filter((d) => d !== 0)) > MAX_ELEMENTS)
    stop(parameterProblem(name, `its shape [${shape.join(', ')}] has more than 2^31 - 1 elements`));
};

/** A tensor from little-endian bytes; aligned float32 without a copy. @throws {MrlError} IMP1005 */
export const hostFromBytes = (name: string, elem: ElemName, shape: readonly number[], bytes: Uint8Array): HostTensor => {
  checkShape(name, shape);
  const count = elementCount(shape);
  const { bytes: width, read } = ELEMS[elem];
  if (bytes.length !== count * width)
    stop(parameterProblem(name, `${elem}[${shape.join(', ')}] needs ${count * width} bytes, but ${bytes.length} are stored`));
  if (elem === 'float32' && bytes.byteOffset % 4 === 0)
    return { elem, shape, data: new Float32Array(bytes.buffer, bytes.byteOffset, count) };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const data = makeHost(elem, count);
  for (let i = 0; i < count; i++) data[i] = read(view, i * width);
  return { elem, shape, data };
};

/** A loop of its own: a call for each of 100 million elements takes seconds. */
const firstNaN = (data: HostTensor['data']): number => {
  for (let i = 0; i < data.length; i++) if (Number.isNaN(data[i])) return i;
  return -1;
};

/** The tensor as a program keeps it: float32 or the integer dtype, every value checked. @throws {MrlError} IMP1008, IMP1009 */
export const programTensor = (name: string, { elem, shape, data }: HostTensor): Tensor => {
  const { dtype, kind } = ELEMS[elem];
  if (kind === 'float') {
    const bad = firstNaN(data);
    if (bad >= 0) stop(diagnostic('IMP1008', `parameter ${name}: element ${bad} is NaN`));
    return { dtype, shape, data: data instanceof Float32Array ? data : Float32Array.from(data) };
  }
  if (kind === 'bool') {
    const bad = data.findIndex((v) => v > 1);
    if (bad >= 0) stop(parameterProblem(name, `element ${bad} is ${data[bad]}, but a bool is 0 or 1`));
  }
  if (!(data instanceof Float64Array)) return { dtype, shape, data };
  const { lo, hi } = DTYPE_INFO.i32;
  const i = data.findIndex((v) => v < lo || v > hi);
  if (i >= 0) stop(diagnostic('IMP1009', `parameter ${name}: element ${i} is ${data[i]}, outside int32`));
  return { dtype, shape, data: Int32Array.from(data) };
};

/** Elements with dimension k of the result being dimension perm[k]. */
export const permuted = (host: HostTensor, perm: readonly number[]): HostTensor => {
  if (perm.every((p, i) => p === i)) return host;
  const data = makeHost(host.elem, host.data.length);
  return { elem: host.elem, shape: permuteInto(host.data, host.shape, perm, data), data };
};
