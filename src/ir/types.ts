/** Element types. `i6` is quantized storage: values -31..31 held as int8, packed four to three bytes in files. */
export const DTYPES = ['i8', 'i16', 'i32', 'u8', 'bool', 'f32', 'i6'] as const;
export type DType = (typeof DTYPES)[number];

/** A dimension: a size, or a symbol such as `N` that is bound before lowering. */
export type Dim = number | string;
export type Shape = readonly Dim[];

export interface TensorType {
  readonly dtype: DType;
  readonly shape: Shape;
}

/** A type whose dimensions are all numbers. */
export interface StaticType extends TensorType {
  readonly shape: readonly number[];
}

export type TensorData = Int8Array | Int16Array | Int32Array | Uint8Array | Float32Array;

/** A value at run time: row-major elements, length = product of the shape. */
export interface Tensor {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly data: TensorData;
}

interface DTypeInfo {
  /** Least and greatest value; for f32 the finite range is not a bound and both are infinite. */
  readonly lo: number;
  readonly hi: number;
  /** Bytes per element in memory. */
  readonly bytes: 1 | 2 | 4;
  readonly integer: boolean;
  readonly make: (length: number) => TensorData;
  readonly view: (buffer: ArrayBufferLike, byteOffset: number, length: number) => TensorData;
}

export const DTYPE_INFO = {
  i8: { lo: -128, hi: 127, bytes: 1, integer: true, make: (n) => new Int8Array(n), view: (b, o, n) => new Int8Array(b, o, n) },
  i16: { lo: -32768, hi: 32767, bytes: 2, integer: true, make: (n) => new Int16Array(n), view: (b, o, n) => new Int16Array(b, o, n) },
  i32: {
    lo: -(2 ** 31),
    hi: 2 ** 31 - 1,
    bytes: 4,
    integer: true,
    make: (n) => new Int32Array(n),
    view: (b, o, n) => new Int32Array(b, o, n),
  },
  u8: { lo: 0, hi: 255, bytes: 1, integer: true, make: (n) => new Uint8Array(n), view: (b, o, n) => new Uint8Array(b, o, n) },
  bool: { lo: 0, hi: 1, bytes: 1, integer: true, make: (n) => new Uint8Array(n), view: (b, o, n) => new Uint8Array(b, o, n) },
  f32: {
    lo: Number.NEGATIVE_INFINITY,
    hi: Number.POSITIVE_INFINITY,
    bytes: 4,
    integer: false,
    make: (n) => new Float32Array(n),
    view: (b, o, n) => new Float32Array(b, o, n),
  },
  i6: { lo: -31, hi: 31, bytes: 1, integer: true, make: (n) => new Int8Array(n), view: (b, o, n) => new Int8Array(b, o, n) },
} as const satisfies Record<DType, DTypeInfo>;

export const MAX_RANK = 8;
/** Element counts stay below 2^31: C and CUDA kernels index with int32 (NUMERICS §2.6). */
export const MAX_ELEMENTS = 2 ** 31 - 1;

export const isSymbolic = (dim: Dim): dim is string => typeof dim === 'string';
export const isStaticShape = (shape: Shape): shape is readonly number[] => shape.every((d) => typeof d === 'number');
export const isStaticType = (type: TensorType): type is StaticType => isStaticShape(type.shape);
export const sameShape = (a: Shape, b: Shape): boolean => a.length === b.length && a.every((d, i) => d === b[i]);
export const sameType = (a: TensorType, b: TensorType): boolean => a.dtype === b.dtype && sameShape(a.shape, b.shape);

/** Number of elements; 1 for a scalar. Exact while the product is below 2^53. */
export const elementCount = (shape: readonly number[]): number => shape.reduce((n, d) => n * d, 1);

/** Row-major strides in elements. */
export const stridesOf = (shape: readonly number[]): number[] => {
  const strides = new Array<number>(shape.length).fill(1);
  for (let i = shape.length - 2; i >= 0; i--) strides[i] = (strides[i + 1] ?? 1) * (shape[i + 1] ?? 1);
  return strides;
};

/** `f32[1,3,224,224]`; a scalar is `f32[]`. */
export const formatType = (type: TensorType): string => `${type.dtype}[${type.shape.join(', ')}]`;
export const formatShape = (shape: Shape): string => `[${shape.join(', ')}]`;

/** Reads `i8[2,N,3]` as written in samples and diagnostics; undefined when the text is not a type. */
export const parseType = (text: string): TensorType | undefined => {
  const match = /^(i8|i16|i32|u8|bool|f32|i6)\[([^\]]*)\]$/.exec(text.trim());
  if (!match) return undefined;
  const inner = (match[2] ?? '').trim();
  const shape = inner === '' ? [] : inner.split(',').map((d) => (/^\d+$/.test(d.trim()) ? Number(d.trim()) : d.trim()));
  return { dtype: match[1] as DType, shape };
};

/** A zero-filled tensor. */
export const zeros = (type: StaticType): Tensor => ({
  dtype: type.dtype,
  shape: type.shape,
  data: DTYPE_INFO[type.dtype].make(elementCount(type.shape)),
});

export const tensorBytes = (tensor: Tensor): Uint8Array =>
  new Uint8Array(tensor.data.buffer, tensor.data.byteOffset, tensor.data.byteLength);
