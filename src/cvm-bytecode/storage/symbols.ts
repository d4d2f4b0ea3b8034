import { at, type ByteWriter } from '../../support/index.ts';
import { canonicalCodes, codeLengths, type CodeTable, codeTable, MAX_CODE_BITS } from './huffman.ts';
import { readLengths, writeLengths } from './lengths.ts';
import type { Source } from './source.ts';

/** From this many symbols on they stand in four streams, which the decoder reads side by side. */
const FOUR_STREAMS_FROM = 1024;

/** Where each stream begins in the symbols: quarters rounded up, the last takes the rest. Ends with the count. */
const segmentsOf = (count: number): readonly number[] => {
  if (count < FOUR_STREAMS_FROM) return [0, count];
  const quarter = Math.ceil(count / 4);
  return [0, quarter, 2 * quarter, 3 * quarter, count];
};

const encodeStream = (symbols: Uint8Array, lengths: Uint8Array, codes: Uint16Array): Uint8Array => {
  let total = 0;
  for (let i = 0; i < symbols.length; i++) total += lengths[symbols[i] ?? 0] ?? 0;
  const out = new Uint8Array(Math.ceil(total / 8));
  let used = 0;
  let pending = 0;
  let count = 0;
  for (let i = 0; i < symbols.length; i++) {
    const symbol = symbols[i] ?? 0;
    // at most 15 bits are pending, and a code has at most 15
    pending |= (codes[symbol] ?? 0) << count;
    count += lengths[symbol] ?? 0;
    if (count < 16) continue;
    out[used++] = pending;
    out[used++] = pending >>> 8;
    pending >>>= 16;
    count -= 16;
  }
  for (; count > 0; count -= 8, pending >>>= 8) out[used++] = pending;
  return out;
};

const histogram = (symbols: Uint8Array, alphabet: number): Uint32Array => {
  const counts = new Uint32Array(alphabet);
  for (let i = 0; i < symbols.length; i++) {
    const symbol = symbols[i] ?? 0;
    counts[symbol] = (counts[symbol] ?? 0) + 1;
  }
  return counts;
};

/** Bits that `writeSymbols` takes for the codes and their lengths. */
export const symbolBits = (counts: Uint32Array): number => {
  if (counts.every((n) => n === 0)) return 0;
  const lengths = codeLengths(counts);
  return counts.reduce((bits, n, symbol) => bits + n * (lengths[symbol] ?? 0), 8 * writeLengths(lengths).length);
};

/** Writes symbols with a code of their own: code lengths, the size of each stream, the streams. No symbols take no bytes. */
export const writeSymbols = (writer: ByteWriter, symbols: Uint8Array, alphabet: number): void => {
  if (symbols.length === 0) return;
  const lengths = codeLengths(histogram(symbols, alphabet));
  const codes = canonicalCodes(lengths);
  writer.bytes(writeLengths(lengths));
  const segments = segmentsOf(symbols.length);
  const streams = segments.slice(1).map((end, i) => encodeStream(symbols.subarray(at(segments, i), end), lengths, codes));
  for (const stream of streams) writer.uleb(stream.length);
  for (const stream of streams) writer.bytes(stream);
};

/** A stream being decoded: positions in bits from the start of the source. */
interface Stream {
  position: number;
  readonly end: number;
}

/** Symbols between two checks that no stream has run past its end. */
const BATCH = 16;
/** Two codes of this width fit into the 25 bits that one load gives for sure. */
const TWO_CODES_WIDTH = 12;

/**
 * Decodes four streams side by side, as far as all of them have whole batches. The four chains of dependent loads overlap:
 * that is where the speed comes from.
 * @param quarter - symbols of each stream but the last   @param count - symbols of the last
 * @returns how many symbols of each stream are done; the rest is for `decodeOne`
 */
const decodeFour = (view: DataView, table: CodeTable, streams: readonly Stream[], out: Uint8Array, quarter: number, count: number) => {
  const { entries } = table;
  const mask = entries.length - 1;
  const [s0, s1, s2, s3] = [at(streams, 0), at(streams, 1), at(streams, 2), at(streams, 3)];
  let [p0, p1, p2, p3] = [s0.position, s1.position, s2.position, s3.position];
  const [e0, e1, e2, e3] = [s0.end, s1.end, s2.end, s3.end];
  const [o1, o2, o3] = [quarter, 2 * quarter, 3 * quarter];
  let i = 0;
  let entry = 0;
  let length = 0;
  while (i + BATCH <= count && p0 <= e0 && p1 <= e1 && p2 <= e2 && p3 <= e3) {
    for (const end = i + BATCH; i < end; i += 2) {
      let word = view.getUint32(p0 >>> 3, true) >>> (p0 & 7);
      entry = entries[word & mask] ?? 0;
      out[i] = entry >> 4;
      length = entry & 15;
      entry = entries[(word >>> length) & mask] ?? 0;
      out[i + 1] = entry >> 4;
      p0 += length + (entry & 15);
      word = view.getUint32(p1 >>> 3, true) >>> (p1 & 7);
      entry = entries[word & mask] ?? 0;
      out[i + o1] = entry >> 4;
      length = entry & 15;
      entry = entries[(word >>> length) & mask] ?? 0;
      out[i + o1 + 1] = entry >> 4;
      p1 += length + (entry & 15);
      word = view.getUint32(p2 >>> 3, true) >>> (p2 & 7);
      entry = entries[word & mask] ?? 0;
      out[i + o2] = entry >> 4;
      length = entry & 15;
      entry = entries[(word >>> length) & mask] ?? 0;
      out[i + o2 + 1] = entry >> 4;
      p2 += length + (entry & 15);
      word = view.getUint32(p3 >>> 3, true) >>> (p3 & 7);
      entry = entries[word & mask] ?? 0;
      out[i + o3] = entry >> 4;
      length = entry & 15;
      entry = entries[(word >>> length) & mask] ?? 0;
      out[i + o3 + 1] = entry >> 4;
      p3 += length + (entry & 15);
    }
  }
  [s0.position, s1.position, s2.position, s3.position] = [p0, p1, p2, p3];
  return i;
};

/** Decodes symbols `from` to `to` of one stream, checking its end at each; false when it is too short. */
const decodeOne = (view: DataView, { entries }: CodeTable, stream: Stream, out: Uint8Array, from: number, to: number): boolean => {
  const mask = entries.length - 1;
  let { position } = stream;
  for (let i = from; i < to; i++) {
    if (position >= stream.end) return false;
    const entry = entries[(view.getUint32(position >>> 3, true) >>> (position & 7)) & mask] ?? 0;
    // the one code that a lone symbol leaves unused
    if ((entry & 15) === 0) return false;
    out[i] = entry >> 4;
    position += entry & 15;
  }
  stream.position = position;
  return true;
};

/** A stream ends with its last code and bits of value 0 to the end of the byte. */
const endProblem = (view: DataView, { position, end }: Stream): string | undefined => {
  if (position > end) return 'a stream is shorter than its symbols';
  if (end - position >= 8) return `a stream has ${end - position} bits after its last symbol`;
  return position < end && view.getUint8(position >>> 3) >>> (position & 7) !== 0 ? 'bits after the last symbol are not 0' : undefined;
};

/** Reads what `writeSymbols` writes. @param out - filled; its length is the count of symbols */
export const readSymbols = (source: Source, out: Uint8Array, alphabet: number): void => {
  const count = out.length;
  if (count === 0) return;
  const { reader, view } = source;
  const table = codeTable(readLengths(source, alphabet));
  const segments = segmentsOf(count);
  const sizes = segments.slice(1).map((end, i) => {
    const symbols = end - at(segments, i);
    const size = reader.uleb();
    if (size < Math.ceil(symbols / 8) || size > Math.ceil((symbols * MAX_CODE_BITS) / 8))
      source.bad(`a stream of ${size} bytes cannot hold ${symbols} symbols`);
    return size;
  });
  const streams = sizes.map((size): Stream => {
    const position = 8 * reader.offset;
    reader.bytes(size);
    return { position, end: 8 * reader.offset };
  });
  const four = streams.length === 4 && table.width <= TWO_CODES_WIDTH;
  const done = four ? decodeFour(view, table, streams, out, at(segments, 1), count - at(segments, 3)) : 0;
  streams.forEach((stream, i) => {
    const whole = decodeOne(view, table, stream, out, at(segments, i) + done, at(segments, i + 1));
    const problem = whole ? endProblem(view, stream) : 'a stream is shorter than its symbols';
    if (problem !== undefined) source.bad(problem);
  });
};
