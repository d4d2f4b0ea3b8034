import { decodeFormat, type DType, type StoredTensor } from '../../ir/index.ts';

/**
 * Element types of ONNX tensors that can be read: how they are stored in raw_data, held at import, and kept in a program.
 * `narrowed` says what is lost when the program keeps `dtype`.
 */
interface ElemInfo {
  readonly code: number;
  /** Bytes per element in raw_data; those of less than 8 bits share bytes, the first in the low bits. */
  readonly bytes: 1 | 2 | 4 | 8;
  readonly dtype: DType;
  /** `code`: a narrow float, held as the float32 number it stands for. */
  readonly kind: 'float' | 'int' | 'bool' | 'code';
  /** Bits per element of the types that are only stored and converted: arithmetic on them is refused. */
  readonly bits?: 2 | 4 | 8;
  readonly narrowed?: 'float32' | 'int32';
  /** Integer range, where the type is narrower than the float64 it is computed in at import. */
  readonly lo: number;
  readonly hi: number;
}

const unbounded = { lo: Number.NEGATIVE_INFINITY, hi: Number.POSITIVE_INFINITY } as const;

export const ELEMS = {
  float: { code: 1, bytes: 4, dtype: 'f32', kind: 'float', ...unbounded },
  uint8: { code: 2, bytes: 1, dtype: 'u8', kind: 'int', lo: 0, hi: 255 },
  int8: { code: 3, bytes: 1, dtype: 'i8', kind: 'int', lo: -128, hi: 127 },
  uint16: { code: 4, bytes: 2, dtype: 'i32', kind: 'int', lo: 0, hi: 65535 },
  int16: { code: 5, bytes: 2, dtype: 'i16', kind: 'int', lo: -32768, hi: 32767 },
  int32: { code: 6, bytes: 4, dtype: 'i32', kind: 'int', lo: -(2 ** 31), hi: 2 ** 31 - 1 },
  int64: { code: 7, bytes: 8, dtype: 'i32', kind: 'int', narrowed: 'int32', lo: -(2 ** 63), hi: 2 ** 63 },
  bool: { code: 9, bytes: 1, dtype: 'bool', kind: 'bool', lo: 0, hi: 1 },
  float16: { code: 10, bytes: 2, dtype: 'f32', kind: 'float', narrowed: 'float32', ...unbounded },
  double: { code: 11, bytes: 8, dtype: 'f32', kind: 'float', narrowed: 'float32', ...unbounded },
  uint32: { code: 12, bytes: 4, dtype: 'i32', kind: 'int', narrowed: 'int32', lo: 0, hi: 2 ** 32 - 1 },
  uint64: { code: 13, bytes: 8, dtype: 'i32', kind: 'int', narrowed: 'int32', lo: 0, hi: 2 ** 64 },
  float8e4m3fn: { code: 17, bytes: 1, dtype: 'f32', kind: 'code', bits: 8, ...unbounded },
  float8e4m3fnuz: { code: 18, bytes: 1, dtype: 'f32', kind: 'code', bits: 8, ...unbounded },
  float8e5m2: { code: 19, bytes: 1, dtype: 'f32', kind: 'code', bits: 8, ...unbounded },
  float8e5m2fnuz: { code: 20, bytes: 1, dtype: 'f32', kind: 'code', bits: 8, ...unbounded },
  uint4: { code: 21, bytes: 1, dtype: 'u8', kind: 'int', bits: 4, lo: 0, hi: 15 },
  int4: { code: 22, bytes: 1, dtype: 'i8', kind: 'int', bits: 4, lo: -8, hi: 7 },
  float4e2m1: { code: 23, bytes: 1, dtype: 'f32', kind: 'code', bits: 4, ...unbounded },
  uint2: { code: 25, bytes: 1, dtype: 'u8', kind: 'int', bits: 2, lo: 0, hi: 3 },
  int2: { code: 26, bytes: 1, dtype: 'i8', kind: 'int', bits: 2, lo: -2, hi: 1 },
  bfloat16: { code: 16, bytes: 2, dtype: 'f32', kind: 'float', narrowed: 'float32', ...unbounded },
} as const satisfies Record<string, ElemInfo>;

export type ElemName = keyof typeof ELEMS;

const BY_CODE: ReadonlyMap<number, ElemName> = new Map((Object.keys(ELEMS) as ElemName[]).map((name) => [ELEMS[name].code, name]));

/** Names of the element types that onnx.proto lists but this importer does not read. */
const OTHER_NAMES: ReadonlyMap<number, string> = new Map([
  [8, 'string'],
  [14, 'complex64'],
  [15, 'complex128'],
  [24, 'float8e8m0'],
  [27, 'float6e2m3'],
  [28, 'float6e3m2'],
]);

export const elemByCode = (code: number): ElemName | undefined => BY_CODE.get(code);
export const elemOf = (name: ElemName): ElemInfo => ELEMS[name];
/** The name of a known but unsupported element type. */
export const otherElemName = (code: number): string | undefined => OTHER_NAMES.get(code);
export const isFloat = (name: ElemName): boolean => ELEMS[name].kind === 'float';

export type HostData = Float32Array | Float64Array | Int32Array | Int16Array | Int8Array | Uint8Array;

/**
 * A tensor whose elements are known at import. float16 and bfloat16 are held as float32 (exact); double, int64, uint32
 * and uint64 as float64: integers beyond 2^53 are rounded, which only limits such as INT64_MAX reach (arithmetic on
 * them is refused).
 * `symbols[i]` names the symbolic dimension that element i stands for; its `data[i]` is then without meaning.
 */
export interface HostTensor {
  readonly elem: ElemName;
  readonly shape: readonly number[];
  readonly data: HostData;
  /** The bytes of float32 elements where they are not aligned: `data` is then a copy, made when it is first read. */
  readonly raw?: Uint8Array;
  /** The same elements as a tensor that stays in its file: `data` reads them. */
  readonly stored?: StoredTensor;
  readonly symbols?: readonly (string | undefined)[];
}

/** The same elements in another shape; data that is not read yet stays unread. */
export const reshapedHost = (host: HostTensor, shape: readonly number[]): HostTensor => ({
  elem: host.elem,
  shape,
  get data() {
    return host.data;
  },
  ...(host.raw === undefined ? {} : { raw: host.raw }),
  ...(host.stored === undefined ? {} : { stored: host.stored.retyped({ dtype: host.stored.dtype, shape }) }),
  ...(host.symbols === undefined ? {} : { symbols: host.symbols }),
});

/** Zero-filled storage for n elements. */
export const makeHost = (elem: ElemName, n: number): HostData => {
  switch (elem) {
    case 'float':
    case 'float16':
    case 'bfloat16':
    case 'float8e4m3fn':
    case 'float8e4m3fnuz':
    case 'float8e5m2':
    case 'float8e5m2fnuz':
    case 'float4e2m1':
      return new Float32Array(n);
    case 'double':
    case 'int64':
    case 'uint32':
    case 'uint64':
      return new Float64Array(n);
    case 'int32':
    case 'uint16':
      return new Int32Array(n);
    case 'int16':
      return new Int16Array(n);
    case 'int8':
    case 'int4':
    case 'int2':
      return new Int8Array(n);
    case 'uint8':
    case 'uint4':
    case 'uint2':
    case 'bool':
      return new Uint8Array(n);
    default:
      return elem satisfies never;
  }
};

/** Element types that are only stored and converted. */
export type LowElem = Extract<ElemName, 'int2' | 'uint2' | 'int4' | 'uint4' | `float8${string}` | 'float4e2m1'>;
export const isLow = (elem: ElemName): elem is LowElem => elemOf(elem).bits !== undefined;
/** Narrow floats. */
export type CodeElem = Extract<LowElem, `float${string}`>;
export const isCode = (elem: ElemName): elem is CodeElem => ELEMS[elem].kind === 'code';

/** Elements of a type of less than 8 bits, or coded in 8: several a byte, the first in the low bits. */
export const unpackLow = (elem: LowElem, bytes: ArrayLike<number>, count: number): HostData => {
  const { bits, lo } = ELEMS[elem];
  const out = makeHost(elem, count);
  const perByte = 8 / bits;
  const mask = 2 ** bits - 1;
  for (let i = 0; i < count; i++) {
    const code = ((bytes[Math.floor(i / perByte)] ?? 0) >> (bits * (i % perByte))) & mask;
    if (isCode(elem)) out[i] = decodeFormat(code, elem);
    else out[i] = lo < 0 && code > mask >> 1 ? code - mask - 1 : code;
  }
  return out;
};
