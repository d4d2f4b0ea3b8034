import { DTYPE_INFO, type DType, elementCount, formatShape, MAX_ELEMENTS, MAX_RANK, type Tensor, type TensorData } from '../../ir/index.ts';
import { type Diagnostic, fail, invariant, ok, type Result } from '../../support/index.ts';
import {
  arrayTooLarge,
  elementTypeUnsupported,
  firstBytes,
  type NamedSource,
  notNpy,
  npyHeaderMalformed,
  npyTrailingBytes,
  npyTruncated,
  npyVersionUnsupported,
  valueOutOfRange,
  valuesRounded,
} from './diagnostics.ts';
import { formatNpyHeader, type NpyHeader, parseNpyHeader } from './npy-header.ts';

/** A tensor read from a .npy file. Source: numpy.lib.format. */
export interface NpyArray extends Tensor {
  /** Element type as the file writes it, such as `>f8`. */
  readonly stored: string;
  /** IO2007 when float64 values were rounded, else empty. */
  readonly warnings: readonly Diagnostic[];
}

type Read = (view: DataView, offset: number, littleEndian: boolean) => number;

export interface Element {
  readonly bytes: 1 | 2 | 4 | 8;
  readonly dtype: DType;
  readonly read: Read;
}

/** IEEE binary16, exact in binary64. */
const halfToNumber = (bits: number): number => {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1024 + fraction) * 2 ** (exponent - 25);
};

/** 64-bit integers without bigint: exact below 2^53, and above it only compared with the int32 range. */
const readWide =
  (signed: boolean): Read =>
  (view, offset, le) => {
    const high = offset + (le ? 4 : 0);
    return (signed ? view.getInt32(high, le) : view.getUint32(high, le)) * 2 ** 32 + view.getUint32(offset + (le ? 0 : 4), le);
  };

/** numpy kind and size -> tensor dtype. Types without a dtype of ours go into the next wider one. */
const ELEMENTS: ReadonlyMap<string, Element> = new Map<string, Element>([
  ['f2', { bytes: 2, dtype: 'f32', read: (v, o, le) => halfToNumber(v.getUint16(o, le)) }],
  ['f4', { bytes: 4, dtype: 'f32', read: (v, o, le) => v.getFloat32(o, le) }],
  ['f8', { bytes: 8, dtype: 'f32', read: (v, o, le) => v.getFloat64(o, le) }],
  ['i1', { bytes: 1, dtype: 'i8', read: (v, o) => v.getInt8(o) }],
  ['i2', { bytes: 2, dtype: 'i16', read: (v, o, le) => v.getInt16(o, le) }],
  ['i4', { bytes: 4, dtype: 'i32', read: (v, o, le) => v.getInt32(o, le) }],
  ['i8', { bytes: 8, dtype: 'i32', read: readWide(true) }],
  ['u1', { bytes: 1, dtype: 'u8', read: (v, o) => v.getUint8(o) }],
  ['u2', { bytes: 2, dtype: 'i32', read: (v, o, le) => v.getUint16(o, le) }],
  ['u4', { bytes: 4, dtype: 'i32', read: (v, o, le) => v.getUint32(o, le) }],
  ['u8', { bytes: 8, dtype: 'i32', read: readWide(false) }],
  ['b1', { bytes: 1, dtype: 'bool', read: (v, o) => v.getUint8(o) }],
]);

/** Element types whose files hold what a tensor holds in memory, on little-endian machines: bytes that are copied, all in range. */
const OWN_FORMS: ReadonlySet<string> = new Set(
  new Uint8Array(Uint16Array.of(1).buffer)[0] === 1 ? ['<f4', '<i4', '<i2', '|i1', '|u1'] : [],
);

/** Why numpy's other kinds are refused. */
const REFUSED_KINDS: ReadonlyMap<string, string> = new Map([
  ['O', 'object arrays hold Python pickles, which are programs and never loaded'],
  ['c', 'complex numbers are not tensor elements'],
  ['S', 'text is not a tensor element'],
  ['U', 'text is not a tensor element'],
  ['M', 'dates are not tensor elements'],
  ['m', 'time spans are not tensor elements'],
  ['V', 'raw records are not tensor elements'],
]);

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59] as const;
const VERSION_END = 8;

/** Header text and where the elements start. Versions: 1.0 has a 16-bit length, 2.0 a 32-bit one, 3.0 is UTF-8. */
export const readHeaderText = (bytes: Uint8Array, where: string | undefined): Result<{ text: string; dataStart: number }> => {
  if (MAGIC.some((byte, i) => bytes[i] !== byte)) return fail(notNpy(where, firstBytes(bytes)));
  if (bytes.length < VERSION_END) return fail(npyTruncated(where, 'the format version', 2, bytes.length - MAGIC.length));
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const major = view.getUint8(6);
  const minor = view.getUint8(7);
  if (major < 1 || major > 3 || minor !== 0) return fail(npyVersionUnsupported(where, `${major}.${minor}`));
  const start = VERSION_END + (major === 1 ? 2 : 4);
  if (bytes.length < start) return fail(npyTruncated(where, 'the header length', start - VERSION_END, bytes.length - VERSION_END));
  const length = major === 1 ? view.getUint16(VERSION_END, true) : view.getUint32(VERSION_END, true);
  if (length > bytes.length - start) return fail(npyTruncated(where, 'the header', length, bytes.length - start));
  const raw = bytes.subarray(start, start + length);
  // All three keys and every type that is read are ASCII, so a byte outside it needs no decoding to be refused.
  const odd = raw.findIndex((byte) => byte > 126 || (byte < 32 && byte !== 9 && byte !== 10 && byte !== 13));
  if (odd !== -1) return fail(npyHeaderMalformed(where, `has the byte ${raw[odd]} at position ${odd}, which is not ASCII text`));
  return ok({ text: new TextDecoder().decode(raw), dataStart: start + length });
};

export const resolveElement = (descr: string, where: string | undefined): Result<{ element: Element; littleEndian: boolean }> => {
  const match = /^([<>|=]?)([A-Za-z])(\d*)/.exec(descr);
  const [, order = '', kind = '', size = ''] = match ?? [];
  const element = match?.[0] === descr ? ELEMENTS.get(kind + size) : undefined;
  if (!element) {
    return fail(elementTypeUnsupported(where, descr, REFUSED_KINDS.get(kind) ?? 'this is not among f2 f4 f8 i1 i2 i4 i8 u1 u2 u4 u8 b1'));
  }
  if (element.bytes > 1 && order !== '<' && order !== '>') {
    return fail(elementTypeUnsupported(where, descr, 'the byte order is not written ("<" or ">")'));
  }
  return ok({ element, littleEndian: order !== '>' });
};

/** Rank and element count within what a tensor may have. Dimensions may be 0. */
export const checkShape = (shape: readonly number[], where: string | undefined): Result<number> => {
  if (shape.length > MAX_RANK) return fail(arrayTooLarge(where, `the array has ${shape.length} dimensions, but ${MAX_RANK} are the most`));
  const count = elementCount(shape);
  if (count > MAX_ELEMENTS || shape.some((d) => d > MAX_ELEMENTS)) {
    return fail(arrayTooLarge(where, `shape ${formatShape(shape)} is beyond ${MAX_ELEMENTS} elements`));
  }
  return ok(count);
};

/** Moves elements from Fortran order (first index fastest) to C order (last index fastest). */
const fortranToC = (source: TensorData, shape: readonly number[], out: TensorData): TensorData => {
  const index = new Array<number>(shape.length).fill(0);
  const strides: number[] = [];
  for (let axis = 0, stride = 1; axis < shape.length; stride *= shape[axis] ?? 1, axis++) strides.push(stride);
  let from = 0;
  for (let to = 0; to < out.length; to++) {
    out[to] = source[from] ?? 0;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const size = shape[axis] ?? 1;
      const stride = strides[axis] ?? 0;
      const next = (index[axis] ?? 0) + 1;
      index[axis] = next < size ? next : 0;
      from += next < size ? stride : stride * (1 - size);
      if (next < size) break;
    }
  }
  return out;
};

/** Reads `count` elements that are known to lie in `bytes`; every value must fit the dtype. */
export const readElements = (
  bytes: Uint8Array,
  { element, littleEndian }: { element: Element; littleEndian: boolean },
  count: number,
  descr: string,
  where: string | undefined,
): Result<{ data: TensorData; warnings: readonly Diagnostic[] }> => {
  const { dtype, read } = element;
  const { lo, hi, make } = DTYPE_INFO[dtype];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const data = make(count);
  if (OWN_FORMS.has(descr)) {
    new Uint8Array(data.buffer).set(bytes.subarray(0, data.byteLength));
    return ok({ data, warnings: [] });
  }
  let outside = 0;
  let firstOutside = 0;
  let rounded = 0;
  for (let i = 0; i < count; i++) {
    const value = read(view, i * element.bytes, littleEndian);
    if (value < lo || value > hi) {
      if (outside === 0) firstOutside = i;
      outside++;
    }
    data[i] = value;
    if (data[i] !== value && !Number.isNaN(value)) rounded++;
  }
  if (outside > 0) {
    const value = read(view, firstOutside * element.bytes, littleEndian);
    return fail(valueOutOfRange(where, descr, dtype, firstOutside, value, outside));
  }
  return ok({ data, warnings: rounded > 0 ? [valuesRounded(where, descr, rounded, count)] : [] });
};

const readArray = (bytes: Uint8Array, dataStart: number, header: NpyHeader, where: string | undefined): Result<NpyArray> => {
  const { descr, fortranOrder, shape } = header;
  const resolved = resolveElement(descr, where);
  if (!resolved.ok) return resolved;
  const counted = checkShape(shape, where);
  if (!counted.ok) return counted;
  const count = counted.value;
  const { element } = resolved.value;
  // The file has to hold every element before anything is allocated for them.
  const present = bytes.length - dataStart;
  const needed = count * element.bytes;
  if (present < needed) return fail(npyTruncated(where, `shape ${formatShape(shape)} of '${descr}'`, needed, present));
  if (present > needed) return fail(npyTrailingBytes(where, present - needed));
  const elements = readElements(bytes.subarray(dataStart), resolved.value, count, descr, where);
  if (!elements.ok) return elements;
  const { data, warnings } = elements.value;
  const ordered = fortranOrder && shape.length > 1 ? fortranToC(data, shape, DTYPE_INFO[element.dtype].make(count)) : data;
  return ok({ dtype: element.dtype, shape, data: ordered, stored: descr, warnings });
};

/**
 * Reads a .npy file of version 1.0, 2.0 or 3.0 into a C-ordered tensor.
 *
 * | stored | tensor |
 * |---|---|
 * | f2, f4, f8 | f32; f8 to nearest even, with warning IO2007 if any value changed |
 * | i1, u1 | i8, u8 |
 * | i2 | i16 |
 * | i4, i8, u2, u4, u8 | i32; IO2006 if a value does not fit |
 * | b1 | bool; IO2006 if a byte is neither 0 nor 1 |
 *
 * Allocates at most four bytes for every byte of the file. Errors: IO2001 to IO2006, IO2008, IO2009.
 */
export const decodeNpy = (bytes: Uint8Array, { name }: NamedSource = {}): Result<NpyArray> => {
  const raw = readHeaderText(bytes, name);
  if (!raw.ok) return raw;
  const parsed = parseNpyHeader(raw.value.text);
  switch (parsed.kind) {
    case 'header':
      return readArray(bytes, raw.value.dataStart, parsed.header, name);
    case 'records':
      return fail(elementTypeUnsupported(name, '[...]', 'records with fields are not tensor elements'));
    case 'malformed':
      return fail(npyHeaderMalformed(name, parsed.problem));
    default:
      return parsed satisfies never;
  }
};

/** dtype -> numpy type. `i6` is quantized storage held as int8, so it is written as int8. */
const STORED = { f32: '<f4', i8: '|i1', i6: '|i1', i16: '<i2', i32: '<i4', u8: '|u1', bool: '|b1' } as const satisfies Record<
  DType,
  string
>;

/** Writes version 1.0, little-endian, C order: the bytes that numpy.save writes for the same array. */
export const encodeNpy = (tensor: Tensor): Uint8Array => {
  const { dtype, shape, data } = tensor;
  invariant(data.length === elementCount(shape), `encodeNpy: ${data.length} elements do not fill shape ${formatShape(shape)}`);
  const header = new TextEncoder().encode(formatNpyHeader(STORED[dtype], shape));
  const { bytes: size } = DTYPE_INFO[dtype];
  const dataStart = VERSION_END + 2 + header.length;
  const out = new Uint8Array(dataStart + data.length * size);
  const view = new DataView(out.buffer);
  out.set(MAGIC);
  view.setUint8(6, 1);
  view.setUint16(VERSION_END, header.length, true);
  out.set(header, VERSION_END + 2);
  const write = {
    f32: (o: number, v: number) => view.setFloat32(o, v, true),
    i32: (o: number, v: number) => view.setInt32(o, v, true),
    i16: (o: number, v: number) => view.setInt16(o, v, true),
    i8: (o: number, v: number) => view.setInt8(o, v),
    i6: (o: number, v: number) => view.setInt8(o, v),
    u8: (o: number, v: number) => view.setUint8(o, v),
    bool: (o: number, v: number) => view.setUint8(o, v),
  }[dtype];
  data.forEach((value, i) => write(dataStart + i * size, value));
  return out;
};
