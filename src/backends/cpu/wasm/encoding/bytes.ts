const FIRST_BYTES = 256;

/** An unsigned integer below 2^32 (LEB128: WebAssembly 2.0, section 5.2.2 "Integers"). */
export const unsignedBytes = (value: number): number[] => {
  const bytes: number[] = [];
  let rest = value >>> 0;
  for (; rest >= 0x80; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  bytes.push(rest);
  return bytes;
};

/** A signed integer of 32 bits. */
export const signedBytes = (value: number): number[] => {
  const bytes: number[] = [];
  let rest = value | 0;
  for (; rest < -0x40 || rest >= 0x40; rest >>= 7) bytes.push((rest & 0x7f) | 0x80);
  bytes.push(rest & 0x7f);
  return bytes;
};

/** A signed integer of 64 bits. */
export const longBytes = (value: bigint): number[] => {
  const bytes: number[] = [];
  let rest = BigInt.asIntN(64, value);
  for (; rest < -0x40n || rest >= 0x40n; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  bytes.push(Number(rest & 0x7fn));
  return bytes;
};

export const floatBytes = (value: number): number[] => [...new Uint8Array(Float32Array.of(value).buffer)];
export const doubleBytes = (value: number): number[] => [...new Uint8Array(Float64Array.of(value).buffer)];

/** Bytes of the binary format, one after another. */
export class ByteWriter {
  private bytes = new Uint8Array(FIRST_BYTES);
  private used = 0;

  get length(): number {
    return this.used;
  }

  private room(more: number): void {
    if (this.used + more <= this.bytes.length) return;
    const grown = new Uint8Array(Math.max(2 * this.bytes.length, this.used + more));
    grown.set(this.bytes.subarray(0, this.used));
    this.bytes = grown;
  }

  byte(value: number): void {
    this.room(1);
    this.bytes[this.used++] = value;
  }

  append(list: ArrayLike<number>): void {
    this.room(list.length);
    this.bytes.set(list, this.used);
    this.used += list.length;
  }

  /** An unsigned integer below 2^32. */
  unsigned(value: number): void {
    this.append(unsignedBytes(value));
  }

  /** A name, or anything else that its length precedes. */
  counted(content: ByteWriter | string): void {
    const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content.view();
    this.unsigned(bytes.length);
    this.append(bytes);
  }

  /** What is written so far, until more is. */
  view(): Uint8Array {
    return this.bytes.subarray(0, this.used);
  }
}
