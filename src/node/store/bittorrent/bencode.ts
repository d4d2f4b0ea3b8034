import { joinBytes } from '../../../support/index.ts';

/** Values of bencode; the keys of a dictionary are text here, as all that are used are. */
export type Bencoded = number | Uint8Array | readonly Bencoded[] | ReadonlyMap<string, Bencoded>;

/** Nesting of values that are read at most. */
const MAX_DEPTH = 8;
/** Digits of a number at most: numbers stay exact. */
const MAX_DIGITS = 15;

const text = new TextEncoder();
const latin = new TextDecoder('latin1');

const byCodeUnits = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** Keys in the order of their bytes. */
export const bencode = (value: Bencoded): Uint8Array => {
  if (typeof value === 'number') return text.encode(`i${value}e`);
  if (value instanceof Uint8Array) return joinBytes([text.encode(`${value.length}:`), value]);
  if (value instanceof Map) {
    const keys = [...(value as ReadonlyMap<string, Bencoded>).keys()].sort(byCodeUnits);
    const parts = keys.flatMap((key) => [bencode(text.encode(key)), bencode(value.get(key) as Bencoded)]);
    return joinBytes([text.encode('d'), ...parts, text.encode('e')]);
  }
  return joinBytes([text.encode('l'), ...(value as readonly Bencoded[]).map(bencode), text.encode('e')]);
};

export const bytesOf = (words: string): Uint8Array => text.encode(words);

class Reader {
  readonly bytes: Uint8Array;
  offset = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  /** An integer up to a mark. */
  private integer(end: string): number | undefined {
    const stop = this.bytes.indexOf(end.charCodeAt(0), this.offset);
    if (stop < 0 || stop - this.offset > MAX_DIGITS + 1) return undefined;
    const digits = latin.decode(this.bytes.subarray(this.offset, stop));
    this.offset = stop + 1;
    return /^(0|-?[1-9]\d*)$/.test(digits) && digits.length <= MAX_DIGITS ? Number(digits) : undefined;
  }

  private string(): Uint8Array | undefined {
    const length = this.integer(':');
    if (length === undefined || length < 0 || length > this.bytes.length - this.offset) return undefined;
    this.offset += length;
    return this.bytes.subarray(this.offset - length, this.offset);
  }

  value(depth: number): Bencoded | undefined {
    const head = String.fromCharCode(this.bytes[this.offset] ?? 0);
    if (head >= '0' && head <= '9') return this.string();
    this.offset++;
    if (head === 'i') return this.integer('e');
    if (depth === 0 || (head !== 'l' && head !== 'd')) return undefined;
    const list: Bencoded[] = [];
    const map = new Map<string, Bencoded>();
    for (;;) {
      if (this.bytes[this.offset] === 0x65) {
        this.offset++;
        return head === 'l' ? list : map;
      }
      const key = head === 'd' ? this.string() : undefined;
      if (head === 'd' && key === undefined) return undefined;
      const value = this.value(depth - 1);
      if (value === undefined) return undefined;
      if (key === undefined) list.push(value);
      else map.set(latin.decode(key), value);
    }
  }
}

/** Reads one value; views of the bytes. @returns the value and where it ends; undefined where it is none */
export const readBencode = (bytes: Uint8Array): { readonly value: Bencoded; readonly end: number } | undefined => {
  const reader = new Reader(bytes);
  const value = reader.value(MAX_DEPTH);
  return value === undefined ? undefined : { value, end: reader.offset };
};
