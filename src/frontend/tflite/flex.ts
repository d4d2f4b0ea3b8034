/**
 * Options of custom operators: one FlexBuffers map of scalars (https://flatbuffers.dev/flexbuffers). The root stands at the end: its
 * value, its packed type, the width of the value. Every read is checked against the bytes.
 */

/** Types of FlexBuffers that are read: scalars in place, scalars behind an offset, maps. */
const INT = 1;
const UINT = 2;
const FLOAT = 3;
const INDIRECT = { 6: INT, 7: UINT, 8: FLOAT } as const;
const MAP = 9;
const BOOL = 26;

const MAX_FIELDS = 1024;

class FlexReader {
  private readonly bytes: Uint8Array;
  private readonly view: DataView;
  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** @throws {RangeError} outside the bytes, as DataView does */
  private uint(place: number, width: number): number {
    switch (width) {
      case 1:
        return this.view.getUint8(place);
      case 2:
        return this.view.getUint16(place, true);
      case 4:
        return this.view.getUint32(place, true);
      case 8:
        return Number(this.view.getBigUint64(place, true));
      default:
        throw new RangeError(`a width of ${width} bytes`);
    }
  }

  private scalar(type: number, place: number, width: number): number {
    if (type === UINT || type === BOOL) return this.uint(place, width);
    if (type === FLOAT) return width === 4 ? this.view.getFloat32(place, true) : this.view.getFloat64(place, true);
    const bits = 8 * width;
    const value = this.uint(place, width);
    return bits < 64 && value >= 2 ** (bits - 1) ? value - 2 ** bits : width === 8 ? Number(this.view.getBigInt64(place, true)) : value;
  }

  private text(place: number): string {
    const end = this.bytes.indexOf(0, place);
    return new TextDecoder().decode(this.bytes.subarray(place, end < 0 ? place : end));
  }

  map(): ReadonlyMap<string, number> {
    const end = this.bytes.length;
    const width = this.uint(end - 1, 1);
    if (this.uint(end - 2, 1) >> 2 !== MAP) throw new RangeError('the root is no map');
    const place = end - 2 - width;
    return this.fields(place - this.uint(place, width), 2 ** (this.uint(end - 2, 1) & 3));
  }

  /** Before the values: their number, the width of the keys, the offset of the keys. Behind them a byte of type for each. */
  private fields(values: number, width: number): ReadonlyMap<string, number> {
    const count = this.uint(values - width, width);
    const keyWidth = this.uint(values - 2 * width, width);
    const keys = values - 3 * width - this.uint(values - 3 * width, width);
    if (count > MAX_FIELDS) throw new RangeError(`${count} fields`);
    const out = new Map<string, number>();
    for (let i = 0; i < count; i++) {
      const key = keys + i * keyWidth;
      const packed = this.uint(values + count * width + i, 1);
      const value = this.value(packed >> 2, 2 ** (packed & 3), values + i * width, width);
      if (value !== undefined) out.set(this.text(key - this.uint(key, keyWidth)), value);
    }
    return out;
  }

  private value(type: number, width: number, place: number, parentWidth: number): number | undefined {
    if (type === INT || type === UINT || type === FLOAT || type === BOOL) return this.scalar(type, place, parentWidth);
    const target = type === 6 || type === 7 || type === 8 ? INDIRECT[type] : undefined;
    return target === undefined ? undefined : this.scalar(target, place - this.uint(place, parentWidth), width);
  }
}

/** Numbers and bools of a map by name; fields of other types are left out. Undefined when the bytes are no such map. */
export const flexMap = (bytes: Uint8Array): ReadonlyMap<string, number> | undefined => {
  try {
    return new FlexReader(bytes).map();
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
};
