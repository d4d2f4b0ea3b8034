import { DTYPE_INFO, elementCount, MAX_ELEMENTS, MAX_RANK, StoredTensor, type Tensor, type TensorDesk } from '../../ir/index.ts';
import { type ByteSource, type Diagnostic, fail, ok, partOf, type Result, sourcePieces } from '../../support/index.ts';
import { checksumProblem } from './checksum.ts';
import { tensorProblem } from './diagnostics.ts';
import {
  elemByCode,
  type ElemName,
  elemOf,
  type HostData,
  type HostTensor,
  isFloat,
  isLow,
  type LowElem,
  makeHost,
  otherElemName,
  unpackLow,
} from './elem.ts';
import { fromBrain, fromHalf } from '../half-floats.ts';
import { decodeTensorProtoMessage, plainBytes } from './schema.ts';
import { doublesOf, floatsOf, type TensorProto } from './tensor-message.ts';

/** A file of external data, and where elements of tensors that stay in it are looked at. */
export interface ExternalFile {
  readonly source: ByteSource;
  readonly desk: TensorDesk;
}

/** Opens a file of external data by its location; the location was checked before. */
export type ReadExternal = (location: string) => Result<ExternalFile>;

/** Bytes of a tensor from which on it stays in a file that is not in memory. */
const STORED_FROM = 2 ** 20;

const shapeOf = (t: TensorProto): Result<readonly number[]> => {
  const problem = tensorProblem('ONX1007');
  if (t.dims.length > MAX_RANK) return fail(problem(t.name, `it has ${t.dims.length} dimensions, the limit is ${MAX_RANK}`));
  const bad = t.dims.find((d) => !Number.isSafeInteger(d) || d < 0 || d > MAX_ELEMENTS);
  if (bad !== undefined) return fail(problem(t.name, `its shape is [${t.dims.join(', ')}]`));
  // multiplied without the zeros, so that [0, huge, huge] is refused too: strides of such a shape overflow
  const count = elementCount(t.dims.filter((d) => d !== 0));
  return count > MAX_ELEMENTS ? fail(problem(t.name, `its shape [${t.dims.join(', ')}] has more than 2^31 - 1 elements`)) : ok(t.dims);
};

const PLAIN_NUMBER = /^\d{1,15}$/;

/** A relative path with plain names: no "..", no empty or "." part, no drive letter, no backslash, no NUL. */
export const isPlainLocation = (location: string): boolean =>
  location.length > 0 &&
  location.length <= 4096 &&
  // oxlint-disable-next-line no-control-regex -- NUL ends a path in C, so it must not stand in one
  !/[\\:\u0000]/.test(location) &&
  location.split('/').every((part) => part !== '' && part !== '.' && part !== '..');

/** The part of an external file that a tensor is. */
const externalPart = (t: TensorProto, size: number, read: ReadExternal | undefined): Result<ExternalFile> => {
  const problem = tensorProblem('ONX1008');
  const location = t.externalData.get('location') ?? '';
  if (!isPlainLocation(location)) {
    return fail(
      problem(t.name, `its data is at ${JSON.stringify(location.slice(0, 200))}, which is not a plain relative path`, [
        'Keep external data in the folder of the model and name it without ".." or a leading "/".',
      ]),
    );
  }
  const offsetText = t.externalData.get('offset') ?? '0';
  const lengthText = t.externalData.get('length') ?? String(size);
  if (!PLAIN_NUMBER.test(offsetText) || !PLAIN_NUMBER.test(lengthText))
    return fail(
      problem(t.name, `offset is ${JSON.stringify(offsetText.slice(0, 40))}, length is ${JSON.stringify(lengthText.slice(0, 40))}`),
    );
  if (read === undefined) return fail(problem(t.name, `its data is in the file ${location}, but no files can be read here`));
  const file = read(location);
  if (!file.ok) return fail(...file.diagnostics.map((d) => ({ ...d, message: `tensor ${t.name}: its data: ${d.message}` })));
  const { source, desk } = file.value;
  const [offset, length] = [Number(offsetText), Number(lengthText)];
  if (length !== size) return fail(problem(t.name, `external length is ${length} bytes but its shape needs ${size}`));
  if (offset + length > source.size)
    return fail(problem(t.name, `bytes ${offset} to ${offset + length} of ${location} are wanted, but the file has ${source.size}`));
  const changed = checksumProblem(t.name, location, source, t.externalData.get('checksum'));
  if (changed !== undefined) return fail(changed);
  return ok({ source: partOf(source, offset, length), desk });
};

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** Elements from raw little-endian bytes; float, int8, uint8 and bool without a copy where aligned. */
const fromRaw = (elem: Exclude<ElemName, LowElem>, bytes: Uint8Array): HostData => {
  const n = bytes.length / elemOf(elem).bytes;
  const view = viewOf(bytes);
  const fill = (read: (i: number) => number): HostData => {
    const out = makeHost(elem, n);
    for (let i = 0; i < n; i++) out[i] = read(i);
    return out;
  };
  switch (elem) {
    case 'float':
      return floatsOf(bytes);
    case 'double':
      return doublesOf(bytes);
    case 'uint8':
    case 'bool':
      return bytes;
    case 'int8':
      return new Int8Array(bytes.buffer, bytes.byteOffset, n);
    case 'int16':
      return fill((i) => view.getInt16(2 * i, true));
    case 'uint16':
      return fill((i) => view.getUint16(2 * i, true));
    case 'int32':
      return fill((i) => view.getInt32(4 * i, true));
    case 'uint32':
      return fill((i) => view.getUint32(4 * i, true));
    case 'int64':
      return fill((i) => Number(view.getBigInt64(8 * i, true)));
    case 'uint64':
      return fill((i) => Number(view.getBigUint64(8 * i, true)));
    case 'float16':
      return fill((i) => fromHalf(view.getUint16(2 * i, true)));
    case 'bfloat16':
      return fill((i) => fromBrain(view.getUint16(2 * i, true)));
    default:
      return elem satisfies never;
  }
};

/** The typed field that holds an element type: float_data, double_data, or the three integer fields. */
const fromFields = (elem: ElemName, t: TensorProto): HostData => {
  if (elem === 'double') return t.doubleData ?? new Float64Array(0);
  const values = t.intData ?? new Float64Array(0);
  const out = makeHost(elem, values.length);
  for (let i = 0; i < values.length; i++) {
    const v = values[i] ?? 0;
    out[i] = elem === 'float16' ? fromHalf(v & 0xffff) : elem === 'bfloat16' ? fromBrain(v & 0xffff) : v;
  }
  return out;
};

const valueProblem = (elem: ElemName, t: TensorProto, data: HostData): Diagnostic | undefined => {
  if (elem === 'bool') {
    const i = data.findIndex((v) => v > 1);
    return i < 0 ? undefined : tensorProblem('ONX1006')(t.name, `element ${i} is ${data[i]} but a bool is 0 or 1`);
  }
  if (isFloat(elem) || t.intData === undefined) return undefined;
  // a typed field is wider than the element type: nothing may be lost
  const { lo, hi } = elemOf(elem);
  const i = t.intData.findIndex((v) => v < lo || v > hi);
  return i < 0 ? undefined : tensorProblem('ONX1006')(t.name, `element ${i} is ${t.intData[i]}, outside ${elem}`);
};

/** Float32 elements at an odd place of the file; nobody may need them as they stand (weights that get transposed). */
const misaligned = (shape: readonly number[], raw: Uint8Array): HostTensor => {
  let data: Float32Array | undefined;
  return {
    elem: 'float',
    shape,
    raw,
    get data(): Float32Array {
      data ??= floatsOf(raw);
      return data;
    },
  };
};

/** Element types whose bytes in a file are those of a tensor of ours: nothing is to be converted or checked. */
const CANONICAL: ReadonlySet<ElemName> = new Set(['float', 'int8', 'uint8', 'int16', 'int32'] as const);

/** A tensor that stays in its external file; undefined when it is small, to be converted, or in memory anyway. */
const storedHost = (elem: ElemName, shape: readonly number[], { source, desk }: ExternalFile): HostTensor | undefined => {
  if (source.inMemory || source.size < STORED_FROM || !CANONICAL.has(elem)) return undefined;
  const stored = new StoredTensor({ dtype: elemOf(elem).dtype, shape }, { pieces: () => sourcePieces(source) }, desk);
  return {
    elem,
    shape,
    stored,
    get data() {
      return stored.data;
    },
  };
};

/** Reads a tensor without using more memory than its data. */
export const hostTensor = (t: TensorProto, readExternal?: ReadExternal): Result<HostTensor> => {
  const elem = elemByCode(t.dataType);
  if (elem === undefined) {
    const known = otherElemName(t.dataType);
    return known === undefined
      ? fail(tensorProblem('ONX1009')(t.name, `its data_type is ${t.dataType}`))
      : fail(tensorProblem('ONX2003')(t.name, `its elements are ${known}`));
  }
  const shape = shapeOf(t);
  if (!shape.ok) return shape;
  if (t.segmented) return fail(tensorProblem('ONX2003')(t.name, 'it is a segment of a larger tensor'));
  const count = elementCount(shape.value);
  const low = isLow(elem);
  const size = low ? Math.ceil((count * (elemOf(elem).bits ?? 8)) / 8) : count * elemOf(elem).bytes;
  const mismatch = (have: string): Result<never> =>
    fail(
      tensorProblem('ONX1006')(t.name, `${elem}[${shape.value.join(', ')}] needs ${count} elements (${size} bytes) but there are ${have}`),
    );
  let data: HostData;
  const part = t.external ? externalPart(t, size, readExternal) : undefined;
  if (part?.ok === false) return part;
  const stored = part === undefined ? undefined : storedHost(elem, shape.value, part.value);
  if (stored !== undefined) return ok(stored);
  if (part !== undefined || t.rawData !== undefined || elem === 'float') {
    const bytes = part === undefined ? (t.rawData ?? t.floatData ?? new Uint8Array(0)) : plainBytes(part.value.source.read(0, size));
    if (bytes.length !== size) return mismatch(`${bytes.length} bytes`);
    if (elem === 'float' && bytes.byteOffset % 4 !== 0) return ok(misaligned(shape.value, bytes));
    data = low ? unpackLow(elem, bytes, count) : fromRaw(elem, bytes);
  } else {
    const fields = t.intData ?? new Float64Array(0);
    data = low ? unpackLow(elem, fields, fields.length === size ? count : fields.length) : fromFields(elem, t);
    if (data.length !== count) return mismatch(`${data.length} elements`);
  }
  const problem = low ? undefined : valueProblem(elem, t, data);
  return problem === undefined ? ok({ elem, shape: shape.value, data }) : fail(problem);
};

/** A host tensor as the program keeps it: float32 or the integer dtype, every value checked to fit. No copy where types agree. */
export const tensorOfHost = (name: string, host: HostTensor): Result<Tensor> => {
  const { dtype, kind } = elemOf(host.elem);
  if (host.stored !== undefined) return ok(host.stored);
  const { shape, data } = host;
  const symbol = host.symbols?.find((s) => s !== undefined);
  if (symbol !== undefined)
    return fail(tensorProblem('ONX2004')(name, `it holds the symbolic dimension ${symbol}`, [`Bind it: --bind ${symbol}=1.`]));
  if (kind === 'float' || kind === 'code') return ok({ dtype, shape, data: data instanceof Float32Array ? data : Float32Array.from(data) });
  if (!(data instanceof Float64Array)) return ok({ dtype, shape, data });
  const i = data.findIndex((v) => v < DTYPE_INFO.i32.lo || v > DTYPE_INFO.i32.hi);
  if (i >= 0) return fail(tensorProblem('ONX1011')(name, `element ${i} is ${data[i]}, outside int32`));
  return ok({ dtype, shape, data: Int32Array.from(data) });
};

/** A stored TensorProto in its own element type. */
export const decodeHostTensor = (bytes: Uint8Array): Result<HostTensor> => {
  const message = decodeTensorProtoMessage(bytes);
  return message.ok ? hostTensor(message.value) : message;
};

/** A stored TensorProto (`input_0.pb`), converted as `importOnnx` converts parameters. */
export const decodeTensorProto = (bytes: Uint8Array): Result<Tensor> => {
  const message = decodeTensorProtoMessage(bytes);
  if (!message.ok) return message;
  const host = hostTensor(message.value);
  return host.ok ? tensorOfHost(message.value.name, host.value) : host;
};
