import type { DType } from '../../ir/index.ts';

/** Types of TensorFlow Lite tensors that are read: how a buffer stores them, and what a program keeps. */
interface ElemInfo {
  /** Number in the enum TensorType of the schema. */
  readonly code: number;
  /** Bits per element in a buffer; those of 4 share bytes, the first in the low bits. */
  readonly bits: 4 | 8 | 16 | 32 | 64;
  readonly dtype: DType;
  readonly kind: 'float' | 'int' | 'bool';
  /** What is lost when the program keeps `dtype`. */
  readonly narrowed?: 'float32' | 'int32';
  readonly lo: number;
  readonly hi: number;
}

const unbounded = { lo: Number.NEGATIVE_INFINITY, hi: Number.POSITIVE_INFINITY } as const;

export const ELEMS = {
  float32: { code: 0, bits: 32, dtype: 'f32', kind: 'float', ...unbounded },
  float16: { code: 1, bits: 16, dtype: 'f32', kind: 'float', narrowed: 'float32', ...unbounded },
  int32: { code: 2, bits: 32, dtype: 'i32', kind: 'int', lo: -(2 ** 31), hi: 2 ** 31 - 1 },
  uint8: { code: 3, bits: 8, dtype: 'u8', kind: 'int', lo: 0, hi: 255 },
  int64: { code: 4, bits: 64, dtype: 'i32', kind: 'int', narrowed: 'int32', lo: -(2 ** 63), hi: 2 ** 63 },
  bool: { code: 6, bits: 8, dtype: 'bool', kind: 'bool', lo: 0, hi: 1 },
  int16: { code: 7, bits: 16, dtype: 'i16', kind: 'int', lo: -32768, hi: 32767 },
  int8: { code: 9, bits: 8, dtype: 'i8', kind: 'int', lo: -128, hi: 127 },
  float64: { code: 10, bits: 64, dtype: 'f32', kind: 'float', narrowed: 'float32', ...unbounded },
  uint32: { code: 15, bits: 32, dtype: 'i32', kind: 'int', narrowed: 'int32', lo: 0, hi: 2 ** 32 - 1 },
  uint16: { code: 16, bits: 16, dtype: 'i32', kind: 'int', lo: 0, hi: 65535 },
  int4: { code: 17, bits: 4, dtype: 'i8', kind: 'int', lo: -8, hi: 7 },
  bfloat16: { code: 18, bits: 16, dtype: 'f32', kind: 'float', narrowed: 'float32', ...unbounded },
} as const satisfies Record<string, ElemInfo>;

export type ElemName = keyof typeof ELEMS;

const BY_CODE: ReadonlyMap<number, ElemName> = new Map((Object.keys(ELEMS) as ElemName[]).map((name) => [ELEMS[name].code, name]));

/** Types of the schema that are not read. */
const OTHER_NAMES: ReadonlyMap<number, string> = new Map([
  [5, 'string'],
  [8, 'complex64'],
  [11, 'complex128'],
  [12, 'uint64'],
  [13, 'resource'],
  [14, 'variant'],
  [19, 'int2'],
  [20, 'uint4'],
  [21, 'float8_e4m3fn'],
  [22, 'float8_e5m2'],
]);

export const elemByCode = (code: number): ElemName | undefined => BY_CODE.get(code);
export const otherElemName = (code: number): string | undefined => OTHER_NAMES.get(code);
export const elemOf = (name: ElemName): ElemInfo => ELEMS[name];
export const isFloat = (name: ElemName): boolean => ELEMS[name].kind === 'float';

export type HostData = Float32Array | Float64Array | Int32Array | Int16Array | Int8Array | Uint8Array;

/** A tensor whose elements are known at import. int64 and uint32 are held as float64: integers beyond 2^53 are rounded. */
export interface HostTensor {
  readonly elem: ElemName;
  readonly shape: readonly number[];
  readonly data: HostData;
}

/** Zero-filled storage for n elements. */
export const makeHost = (elem: ElemName, n: number): HostData => {
  switch (elem) {
    case 'float32':
    case 'float16':
    case 'float64':
    case 'bfloat16':
      return new Float32Array(n);
    case 'int64':
    case 'uint32':
      return new Float64Array(n);
    case 'int32':
    case 'uint16':
      return new Int32Array(n);
    case 'int16':
      return new Int16Array(n);
    case 'int8':
    case 'int4':
      return new Int8Array(n);
    case 'uint8':
    case 'bool':
      return new Uint8Array(n);
    default:
      return elem satisfies never;
  }
};
