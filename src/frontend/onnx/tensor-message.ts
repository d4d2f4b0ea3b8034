import type { Reader } from 'protobufjs';

/** TensorProto as read: typed fields as typed arrays, raw_data as a view of the file. */
export interface TensorProto {
  readonly name: string;
  readonly dims: readonly number[];
  readonly dataType: number;
  readonly external: boolean;
  readonly externalData: ReadonlyMap<string, string>;
  readonly segmented: boolean;
  readonly rawData: Uint8Array | undefined;
  /** Little-endian float32 elements; a view of the file when they stand in one run. */
  readonly floatData: Uint8Array | undefined;
  readonly doubleData: Float64Array | undefined;
  /** int32_data, or int64_data, or uint64_data: at most one is meant to be present. */
  readonly intData: Float64Array | undefined;
  readonly strings: number;
}

/** Collects packed and unpacked elements; every packed run adds at most as many elements as it has bytes. */
class Numbers {
  private data = new Float64Array(0);
  private used = 0;
  reserve(count: number): void {
    if (this.used + count <= this.data.length) return;
    const grown = new Float64Array(Math.max(this.used + count, this.data.length * 2));
    grown.set(this.data.subarray(0, this.used));
    this.data = grown;
  }
  push(value: number): void {
    this.reserve(1);
    this.data[this.used++] = value;
  }
  finish(): Float64Array | undefined {
    return this.used === 0 ? undefined : this.data.slice(0, this.used);
  }
}

const asNumber = (v: number | { toNumber(): number }): number => (typeof v === 'number' ? v : v.toNumber());

/** A varint as a signed 64-bit number; short ones without making a Long. */
const readInt64 = (r: Reader): number => {
  const first = r.buf[r.pos];
  if (first !== undefined && first < 128 && r.pos < r.len) {
    r.pos++;
    return first;
  }
  return asNumber(r.int64() as unknown as number | { toNumber(): number });
};

/** Varints, packed (wire type 2) or one by one (0). */
const readInts = (r: Reader, wire: number, into: Numbers, one: (r: Reader) => number): void => {
  if (wire !== 2) {
    into.push(one(r));
    return;
  }
  const run = r.bytes();
  const end = r.pos;
  r.pos = end - run.length;
  // each varint ends with one byte below 128, so this is the exact count
  let count = 0;
  for (const byte of run) if (byte < 128) count++;
  into.reserve(count);
  while (r.pos < end) into.push(one(r));
  if (r.pos !== end) throw new RangeError('packed integers end in the middle of a number');
};

const isLittleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

/** Fixed-width floats: a view where the bytes are aligned, else one copy. */
export const floatsOf = (bytes: Uint8Array): Float32Array => {
  const n = Math.floor(bytes.length / 4);
  if (isLittleEndian) {
    const aligned = bytes.byteOffset % 4 === 0 ? bytes : new Uint8Array(bytes);
    return new Float32Array(aligned.buffer, aligned.byteOffset, n);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Float32Array.from({ length: n }, (_, i) => view.getFloat32(4 * i, true));
};
export const doublesOf = (bytes: Uint8Array): Float64Array => {
  const n = Math.floor(bytes.length / 8);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const out = new Float64Array(n);
  for (let i = 0; i < n; i++) out[i] = view.getFloat64(8 * i, true);
  return out;
};

const readExternalEntry = (r: Reader, into: Map<string, string>): void => {
  const end = r.uint32() + r.pos;
  if (end > r.len) throw new RangeError(`index out of range: ${end} > ${r.len}`);
  let key = '';
  let value = '';
  while (r.pos < end) {
    const tag = r.uint32();
    if (tag === 10) key = r.string();
    else if (tag === 18) value = r.string();
    else r.skipType(tag & 7);
  }
  if (r.pos !== end) throw new RangeError('a string entry ends in the middle of a field');
  into.set(key, value);
};

/** Joins packed runs: one run stays a view, several are copied together. */
const joined = (runs: readonly Uint8Array[]): Uint8Array => {
  const [only] = runs;
  if (runs.length === 1 && only !== undefined) return only;
  const all = new Uint8Array(runs.reduce((n, run) => n + run.length, 0));
  let at = 0;
  for (const run of runs) {
    all.set(run, at);
    at += run.length;
  }
  return all;
};

interface Fields {
  name: string;
  dataType: number;
  external: boolean;
  segmented: boolean;
  strings: number;
  raw: Uint8Array | undefined;
  readonly dims: Numbers;
  readonly ints: Numbers;
  readonly entries: Map<string, string>;
  readonly floatRuns: Uint8Array[];
  readonly doubleRuns: Uint8Array[];
}

const fixedRun = (r: Reader, wire: number, width: 4 | 8): Uint8Array => {
  if (wire === 2) return r.bytes();
  const start = r.pos;
  r.skip(width);
  return r.buf.subarray(start, start + width);
};

/** Reads one field; the numbers are the field numbers of TensorProto. */
const readField = (r: Reader, field: number, wire: number, f: Fields): void => {
  const key = field * 8 + wire;
  if (field === 1 && (wire === 0 || wire === 2)) readInts(r, wire, f.dims, readInt64);
  else if (key === 2 * 8) f.dataType = r.int32();
  else if (key === 3 * 8 + 2) {
    f.segmented = true;
    r.skipType(wire);
  } else if (field === 4 && (wire === 5 || wire === 2)) f.floatRuns.push(fixedRun(r, wire, 4));
  else if ((field === 5 || field === 7) && (wire === 0 || wire === 2)) readInts(r, wire, f.ints, readInt64);
  else if (field === 11 && (wire === 0 || wire === 2))
    readInts(r, wire, f.ints, (s) => asNumber(s.uint64() as unknown as number | { toNumber(): number }));
  else if (key === 6 * 8 + 2) {
    f.strings++;
    r.skipType(wire);
  } else if (key === 8 * 8 + 2) f.name = r.string();
  else if (key === 9 * 8 + 2) f.raw = r.bytes();
  else if (field === 10 && (wire === 1 || wire === 2)) f.doubleRuns.push(fixedRun(r, wire, 8));
  else if (key === 13 * 8 + 2) readExternalEntry(r, f.entries);
  else if (key === 14 * 8) f.external = r.int32() === 1;
  else r.skipType(wire);
};

/** @throws {RangeError | Error} when the message is malformed, as protobufjs does */
export const decodeTensorMessage = (r: Reader, length?: number): TensorProto => {
  const end = length === undefined ? r.len : r.pos + length;
  if (end > r.len) throw new RangeError(`index out of range: ${end} > ${r.len}`);
  const f: Fields = {
    name: '',
    dataType: 0,
    external: false,
    segmented: false,
    strings: 0,
    raw: undefined,
    dims: new Numbers(),
    ints: new Numbers(),
    entries: new Map(),
    floatRuns: [],
    doubleRuns: [],
  };
  while (r.pos < end) {
    const tag = r.uint32();
    readField(r, tag >>> 3, tag & 7, f);
  }
  if (r.pos !== end) throw new RangeError('a tensor ends in the middle of a field');
  return {
    name: f.name,
    dims: Array.from(f.dims.finish() ?? []),
    dataType: f.dataType,
    external: f.external,
    externalData: f.entries,
    segmented: f.segmented,
    rawData: f.raw,
    floatData: f.floatRuns.length === 0 ? undefined : joined(f.floatRuns),
    doubleData: f.doubleRuns.length === 0 ? undefined : doublesOf(joined(f.doubleRuns)),
    intData: f.ints.finish(),
    strings: f.strings,
  };
};
