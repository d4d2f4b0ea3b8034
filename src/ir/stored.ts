import { invariant } from '../support/index.ts';
import { DTYPE_INFO, elementCount, formatType, type DType, type StaticType, type Tensor, type TensorData } from './types.ts';

/** Elements outside memory, such as a part of a file. */
export interface TensorStore {
  /**
   * The canonical bytes (row-major, each element little-endian) from the first to the last, in pieces of whole elements.
   * A piece may be written over when the next one is asked for.
   * @throws {MrlError} when what was there at first can no longer be read
   */
  pieces(): Iterable<Uint8Array>;
}

/** Bytes that a tensor of this type has in memory. */
export const bytesInMemory = (type: StaticType): number => elementCount(type.shape) * DTYPE_INFO[type.dtype].bytes;

const HOST_IS_LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

/** Turns the bytes of elements around: little-endian to big-endian and back. */
export const swapBytes = (bytes: Uint8Array, size: number): void => {
  for (let start = 0; start + size <= bytes.length; start += size) bytes.subarray(start, start + size).reverse();
};

/**
 * The place where elements of stored tensors are looked at: those of one tensor at a time, the last that was asked for.
 * So a program of any size is checked, proven and hashed in the memory of its largest parameter.
 */
export class TensorDesk {
  private readonly makeRoom: (bytes: number) => void;
  private tensor: StoredTensor | undefined;
  private data: TensorData | undefined;

  /** @param makeRoom - called before so many bytes are allocated, when those on the desk are not referred to any more */
  constructor(makeRoom: (bytes: number) => void = () => undefined) {
    this.makeRoom = makeRoom;
  }

  dataOf(tensor: StoredTensor): TensorData {
    if (this.tensor === tensor && this.data !== undefined) return this.data;
    this.clear();
    this.makeRoom(bytesInMemory(tensor));
    const info = DTYPE_INFO[tensor.dtype];
    const data = info.make(elementCount(tensor.shape));
    const bytes = new Uint8Array(data.buffer);
    let offset = 0;
    for (const piece of tensor.pieces()) {
      bytes.set(piece, offset);
      offset += piece.length;
    }
    invariant(offset === bytes.length, `a stored tensor of ${bytes.length} bytes has pieces of ${offset} bytes`);
    if (!HOST_IS_LITTLE_ENDIAN) swapBytes(bytes, info.bytes);
    this.tensor = tensor;
    this.data = data;
    return data;
  }

  /** Lets go of what lies on the desk. */
  clear(): void {
    this.tensor = undefined;
    this.data = undefined;
  }
}

/**
 * A tensor whose elements are read when `data` is asked for and given up when another one's are. Whoever needs them only in
 * order uses `canonicalPieces`. A copy by spread has its elements in memory.
 */
export class StoredTensor implements Tensor {
  readonly dtype: DType;
  readonly shape: readonly number[];
  declare readonly data: TensorData;
  readonly #store: TensorStore;
  readonly #desk: TensorDesk;

  constructor({ dtype, shape }: StaticType, store: TensorStore, desk: TensorDesk) {
    this.dtype = dtype;
    this.shape = shape;
    this.#store = store;
    this.#desk = desk;
    Object.defineProperty(this, 'data', { enumerable: true, get: () => desk.dataOf(this) });
  }

  pieces(): Iterable<Uint8Array> {
    return this.#store.pieces();
  }

  /** The same elements under another type of as many bytes. */
  retyped(type: StaticType): StoredTensor {
    invariant(bytesInMemory(type) === bytesInMemory(this), `${formatType(this)} is not as large as ${formatType(type)}`);
    return new StoredTensor(type, this.#store, this.#desk);
  }
}

/** A tensor under another type whose elements have the same form; those of a stored one stay where they are. */
export const retypedTensor = (tensor: Tensor, type: StaticType): Tensor =>
  tensor instanceof StoredTensor ? tensor.retyped(type) : { dtype: type.dtype, shape: type.shape, data: tensor.data };
