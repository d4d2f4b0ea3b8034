/** Writes bits, least significant first within a byte; the last byte is filled with 0. */
export class BitWriter {
  private buffer: Uint8Array;
  private used = 0;
  private pending = 0;
  private count = 0;

  constructor(capacity = 64) {
    this.buffer = new Uint8Array(capacity);
  }

  /** @param width - 0 to 16 bits; `value` has no others */
  write(value: number, width: number): void {
    this.pending |= value << this.count;
    this.count += width;
    while (this.count >= 8) {
      this.byte(this.pending & 255);
      this.pending >>>= 8;
      this.count -= 8;
    }
  }

  private byte(value: number): void {
    if (this.used === this.buffer.length) {
      const grown = new Uint8Array(2 * this.buffer.length);
      grown.set(this.buffer);
      this.buffer = grown;
    }
    this.buffer[this.used++] = value;
  }

  finish(): Uint8Array {
    if (this.count > 0) this.byte(this.pending & 255);
    this.pending = 0;
    this.count = 0;
    return this.buffer.subarray(0, this.used);
  }
}
