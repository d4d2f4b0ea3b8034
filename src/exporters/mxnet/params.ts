import { DTYPE_INFO, elementCount, type DType, type Tensor } from '../../ir/index.ts';

/** Type flags of mshadow (base.h); what is missing has none. */
const FLAGS: Readonly<Partial<Record<DType, number>>> = { f32: 0, u8: 3, i32: 4, i8: 5, bool: 7 };
export const hasFlag = (dtype: DType): boolean => FLAGS[dtype] !== undefined;
export const flagOf = (dtype: DType): number => FLAGS[dtype] ?? 0;

export interface NamedArray {
  /** `arg:` or `aux:`, then the name of the variable. */
  readonly name: string;
  readonly tensor: Tensor;
}

/** Shape as MXNet holds it, which has no tensors without dimensions. */
export const heldShape = (shape: readonly number[]): readonly number[] => (shape.length === 0 ? [1] : shape);

/** Bytes of a .params file: list magic, reserved word, arrays of the second version, names (mxnet src/ndarray/ndarray.cc). */
export const encodeParams = (arrays: readonly NamedArray[]): Uint8Array => {
  const names = arrays.map((a) => new TextEncoder().encode(a.name));
  const sizeOf = ({ tensor }: NamedArray): number =>
    24 + 8 * heldShape(tensor.shape).length + elementCount(tensor.shape) * DTYPE_INFO[tensor.dtype].bytes;
  const size = 32 + arrays.reduce((sum, a) => sum + sizeOf(a), 0) + names.reduce((sum, n) => sum + 8 + n.length, 0);
  const out = new Uint8Array(size);
  const view = new DataView(out.buffer);
  let at = 0;
  const u32 = (v: number): void => {
    view.setUint32(at, v, true);
    at += 4;
  };
  const u64 = (v: number): void => {
    view.setBigUint64(at, BigInt(v), true);
    at += 8;
  };
  const raw = (bytes: Uint8Array): void => {
    out.set(bytes, at);
    at += bytes.length;
  };
  u64(0x112);
  u64(0);
  u64(arrays.length);
  for (const { tensor } of arrays) {
    const shape = heldShape(tensor.shape);
    u32(0xf993fac9);
    u32(0); // dense storage
    u32(shape.length);
    shape.forEach(u64);
    u32(1); // the processor, and its number
    u32(0);
    u32(flagOf(tensor.dtype));
    raw(new Uint8Array(tensor.data.buffer, tensor.data.byteOffset, tensor.data.byteLength));
  }
  u64(arrays.length);
  for (const name of names) {
    u64(name.length);
    raw(name);
  }
  return out;
};
