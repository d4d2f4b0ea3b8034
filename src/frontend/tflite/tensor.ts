import { DTYPE_INFO, elementCount, MAX_ELEMENTS, MAX_RANK, type Tensor } from '../../ir/index.ts';
import { fail, ok, type Result } from '../../support/index.ts';
import { fromBrain, fromHalf } from '../half-floats.ts';
import { permuteInto } from '../permute.ts';
import { tensorProblem } from './diagnostics.ts';
import { type ElemName, elemOf, type HostData, type HostTensor, isFloat, makeHost } from './elem.ts';

/** Dimensions that a tensor may have. Multiplied without the zeros: strides of [0, huge, huge] overflow too. */
export const checkShape = (name: string, shape: readonly number[]): Result<readonly number[]> => {
  if (shape.length > MAX_RANK) return fail(tensorProblem('TFL1007', name, `it has ${shape.length} dimensions, the limit is ${MAX_RANK}`));
  if (shape.some((d) => d < 0)) return fail(tensorProblem('TFL1007', name, `its shape is [${shape.join(', ')}]`));
  return elementCount(shape.filter((d) => d !== 0)) > MAX_ELEMENTS
    ? fail(tensorProblem('TFL1007', name, `its shape [${shape.join(', ')}] has more than 2^31 - 1 elements`))
    : ok(shape);
};

const unpackNibbles = (bytes: Uint8Array, count: number): Int8Array =>
  Int8Array.from({ length: count }, (_, i) => {
    const code = ((bytes[i >> 1] ?? 0) >> (4 * (i & 1))) & 15;
    return code > 7 ? code - 16 : code;
  });

/** Elements from little-endian bytes; those of 8 bits, and aligned float32, without a copy. */
const decode = (elem: ElemName, bytes: Uint8Array, count: number): HostData => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const fill = (read: (i: number) => number): HostData => {
    const out = makeHost(elem, count);
    for (let i = 0; i < count; i++) out[i] = read(i);
    return out;
  };
  switch (elem) {
    case 'float32':
      return bytes.byteOffset % 4 === 0
        ? new Float32Array(bytes.buffer, bytes.byteOffset, count)
        : fill((i) => view.getFloat32(4 * i, true));
    case 'float16':
      return fill((i) => fromHalf(view.getUint16(2 * i, true)));
    case 'bfloat16':
      return fill((i) => fromBrain(view.getUint16(2 * i, true)));
    case 'float64':
      return fill((i) => view.getFloat64(8 * i, true));
    case 'int64':
      return fill((i) => Number(view.getBigInt64(8 * i, true)));
    case 'int32':
      return fill((i) => view.getInt32(4 * i, true));
    case 'uint32':
      return fill((i) => view.getUint32(4 * i, true));
    case 'int16':
      return fill((i) => view.getInt16(2 * i, true));
    case 'uint16':
      return fill((i) => view.getUint16(2 * i, true));
    case 'int8':
      return new Int8Array(bytes.buffer, bytes.byteOffset, count);
    case 'uint8':
    case 'bool':
      return bytes;
    case 'int4':
      return unpackNibbles(bytes, count);
    default:
      return elem satisfies never;
  }
};

/** A constant of the file. */
export const hostTensor = (name: string, elem: ElemName, shape: readonly number[], bytes: Uint8Array): Result<HostTensor> => {
  const checked = checkShape(name, shape);
  if (!checked.ok) return checked;
  const count = elementCount(shape);
  const size = Math.ceil((count * elemOf(elem).bits) / 8);
  if (bytes.length !== size)
    return fail(tensorProblem('TFL1006', name, `${elem}[${shape.join(', ')}] needs ${size} bytes, but its buffer has ${bytes.length}`));
  const data = decode(elem, bytes, count);
  const bad = elem === 'bool' ? data.findIndex((v) => v > 1) : -1;
  return bad < 0 ? ok({ elem, shape, data }) : fail(tensorProblem('TFL1006', name, `element ${bad} is ${data[bad]}, but a bool is 0 or 1`));
};

/** A constant as the program keeps it: float32 or the integer dtype, every value checked to fit. */
export const tensorOfHost = (name: string, host: HostTensor): Result<Tensor> => {
  const { dtype } = elemOf(host.elem);
  const { shape, data } = host;
  if (isFloat(host.elem)) {
    const bad = data.findIndex((v) => Number.isNaN(v));
    return bad < 0
      ? ok({ dtype, shape, data: data instanceof Float32Array ? data : Float32Array.from(data) })
      : fail(tensorProblem('TFL1010', name, `element ${bad} is NaN`));
  }
  if (!(data instanceof Float64Array)) return ok({ dtype, shape, data });
  const { lo, hi } = DTYPE_INFO.i32;
  const i = data.findIndex((v) => v < lo || v > hi);
  return i < 0
    ? ok({ dtype, shape, data: Int32Array.from(data) })
    : fail(tensorProblem('TFL1011', name, `element ${i} is ${data[i]}, outside int32`));
};

/** The elements of a tensor with dimension i of the result being dimension perm[i]. */
export const permuted = (host: HostTensor, perm: readonly number[]): HostTensor => {
  if (perm.every((p, i) => p === i)) return host;
  const data = makeHost(host.elem, host.data.length);
  return { elem: host.elem, shape: permuteInto(host.data, host.shape, perm, data), data };
};
