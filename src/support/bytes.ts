import { invariant } from './diagnostic.ts';

/** Grows as needed; all numbers little-endian; LEB128 with the one shortest encoding per value. */
export class ByteWriter {
  private buffer = new Uint8Array(256);
  private view = new DataView(this.buffer.buffer);
  private used = 0;

  get length(): number {
    return this.used;
  }

  /** Makes room; replaces `view` when the buffer grows, so call it before reading `view`. */
  private reserve(count: number): number {
    const start = this.used;
    const need = start + count;
    if (need > this.buffer.length) {
      const grown = new Uint8Array(Math.max(need, this.buffer.length * 2));
      grown.set(this.buffer.subarray(0, start));
      this.buffer = grown;
      this.view = new DataView(grown.buffer);
    }
    this.used = need;
    return start;
  }

  u8(value: number): void {
    const start = this.reserve(1);
    this.view.setUint8(start, value);
  }

  u32(value: number): void {
    const start = this.reserve(4);
    this.view.setUint32(start, value, true);
  }

  f32(value: number): void {
    const start = this.reserve(4);
    this.view.setFloat32(start, value, true);
  }

  f64(value: number): void {
    const start = this.reserve(8);
    this.view.setFloat64(start, value, true);
  }

  bytes(value: Uint8Array): void {
    const start = this.reserve(value.length);
    this.buffer.set(value, start);
  }

  /** Unsigned LEB128, 0 <= value <= 2^53 - 1. */
  uleb(value: number): void {
    invariant(Number.isSafeInteger(value) && value >= 0, `uleb takes a whole number below 2^53, not ${value}`);
    let rest = value;
    while (rest >= 0x80) {
      this.u8((rest % 0x80) | 0x80);
      rest = Math.floor(rest / 0x80);
    }
    this.u8(rest);
  }

  /** Signed integer, |value| <= 2^52 - 1, zigzag (v >= 0 -> 2v, v < 0 -> -2v - 1), then unsigned LEB128. */
  sleb(value: number): void {
    this.uleb(value >= 0 ? value * 2 : -value * 2 - 1);
  }

  /** Length in bytes, then UTF-8. */
  string(value: string): void {
    const encoded = new TextEncoder().encode(value);
    this.uleb(encoded.length);
    this.bytes(encoded);
  }

  finish(): Uint8Array {
    return this.buffer.slice(0, this.used);
  }
}

/** All parts, one after another. */
export const joinBytes = (parts: readonly Uint8Array[]): Uint8Array => {
  const out = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
  let offset = 0;
  for (const part of parts) {
    out.set(part, offset);
    offset += part.length;
  }
  return out;
};

/** Why a read stopped; the codec that owns the format turns it into its own coded diagnostic. */
export class ByteError extends Error {
  override readonly name = 'ByteError';
  readonly offset: number;
  constructor(message: string, offset: number) {
    super(message);
    this.offset = offset;
  }
}

/** Bounds-checked reader; throws `ByteError` with the offset, rejects any encoding but the shortest. */
export class ByteReader {
  private readonly view: DataView;
  private readonly source: Uint8Array;
  offset: number;
  readonly end: number;

  constructor(source: Uint8Array, start = 0, end = source.length) {
    this.source = source;
    this.view = new DataView(source.buffer, source.byteOffset, source.byteLength);
    this.offset = start;
    this.end = end;
  }

  get remaining(): number {
    return this.end - this.offset;
  }

  private take(count: number): number {
    const start = this.offset;
    if (count > this.end - start) throw new ByteError(`${count} bytes wanted but ${this.end - start} are left`, start);
    this.offset = start + count;
    return start;
  }

  u8(): number {
    return this.view.getUint8(this.take(1));
  }

  u32(): number {
    return this.view.getUint32(this.take(4), true);
  }

  f32(): number {
    return this.view.getFloat32(this.take(4), true);
  }

  f64(): number {
    return this.view.getFloat64(this.take(8), true);
  }

  /** A view, not a copy. */
  bytes(count: number): Uint8Array {
    const start = this.take(count);
    return this.source.subarray(start, start + count);
  }

  uleb(): number {
    const start = this.offset;
    let value = 0;
    let scale = 1;
    for (let i = 0; i < 8; i++) {
      const byte = this.u8();
      const digit = byte & 0x7f;
      value += digit * scale;
      if (value > Number.MAX_SAFE_INTEGER) throw new ByteError('LEB128 value is above 2^53 - 1', start);
      if (byte < 0x80) {
        if (digit === 0 && i > 0) throw new ByteError('LEB128 value is not in its shortest form', start);
        return value;
      }
      scale *= 0x80;
    }
    throw new ByteError('LEB128 value is longer than 8 bytes', start);
  }

  sleb(): number {
    const raw = this.uleb();
    return raw % 2 === 0 ? raw / 2 : -(raw + 1) / 2;
  }

  /** A count whose elements take at least `minBytes` each: cannot exceed what the remaining bytes justify. */
  count(minBytes = 1): number {
    const start = this.offset;
    const value = this.uleb();
    if (value * minBytes > this.remaining) throw new ByteError(`count ${value} needs more than the ${this.remaining} bytes left`, start);
    return value;
  }

  string(): string {
    const start = this.offset;
    const encoded = this.bytes(this.count());
    try {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(encoded);
    } catch {
      throw new ByteError('string is not UTF-8', start);
    }
  }
}
