import { DTYPE_INFO, type DType, elementCount, type StaticType, type Tensor } from '../../ir/index.ts';

/**
 * How tensors stand in words of the EVM, as on the Cortex chain (CortexTheseus kernel/model.go): elements in row-major order, the
 * most significant byte first, one after another without gaps; several tensors in the order of the ports. 8-bit and smaller
 * elements take a byte, i16 two, i32 and float32 four.
 */
const BYTES = { i8: 1, i6: 1, u8: 1, bool: 1, i16: 2, i32: 4, f32: 4 } as const satisfies Record<DType, number>;

/** Bytes of one tensor. */
const packedSize = ({ dtype, shape }: StaticType): number => elementCount(shape) * BYTES[dtype];

/** Bytes of all tensors of a list of ports. */
export const packedBytes = (types: readonly StaticType[]): number => types.reduce((n, t) => n + packedSize(t), 0);

const readElement = (view: DataView, dtype: DType, offset: number): number => {
  switch (dtype) {
    case 'i8':
    case 'i6':
      return view.getInt8(offset);
    case 'u8':
    case 'bool':
      return view.getUint8(offset);
    case 'i16':
      return view.getInt16(offset);
    case 'i32':
      return view.getInt32(offset);
    case 'f32':
      return view.getFloat32(offset);
    default:
      return dtype satisfies never;
  }
};

const writeElement = (view: DataView, dtype: DType, offset: number, value: number): void => {
  switch (dtype) {
    case 'i8':
    case 'i6':
      return view.setInt8(offset, value);
    case 'u8':
    case 'bool':
      return view.setUint8(offset, value);
    case 'i16':
      return view.setInt16(offset, value);
    case 'i32':
      return view.setInt32(offset, value);
    case 'f32':
      return view.setFloat32(offset, value);
    default:
      return dtype satisfies never;
  }
};

/** An element that its type cannot hold: i6 has 63 values, bool has two. */
export interface BadElement {
  readonly port: number;
  readonly index: number;
  readonly value: number;
}

/**
 * Tensors from the bytes of a contract.
 * @param bytes - exactly `packedBytes(types)`
 * @returns the tensors, or the first element that is outside its type
 */
export const unpackTensors = (types: readonly StaticType[], bytes: Uint8Array): readonly Tensor[] | BadElement => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const tensors: Tensor[] = [];
  let offset = 0;
  for (const [port, { dtype, shape }] of types.entries()) {
    const { lo, hi, make } = DTYPE_INFO[dtype];
    const data = make(elementCount(shape));
    for (let i = 0; i < data.length; i++) {
      const value = readElement(view, dtype, offset);
      // NaN and infinities are no inputs of the strict float profile either
      if (!(value >= lo && value <= hi) || !Number.isFinite(value)) return { port, index: i, value };
      data[i] = value;
      offset += BYTES[dtype];
    }
    tensors.push({ dtype, shape, data });
  }
  return tensors;
};

/** The bytes that a contract gets for results. */
export const packTensors = (tensors: readonly Tensor[]): Uint8Array => {
  const bytes = new Uint8Array(packedBytes(tensors));
  const view = new DataView(bytes.buffer);
  let offset = 0;
  for (const { dtype, data } of tensors)
    for (const value of data) {
      writeElement(view, dtype, offset, value);
      offset += BYTES[dtype];
    }
  return bytes;
};
