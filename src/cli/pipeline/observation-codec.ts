import type { CollectorState } from '../../passes/index.ts';
import { sha256 } from '../../support/index.ts';

/** "cvm observation 1" with a line end. */
const MAGIC = new TextEncoder().encode('cvm observation 1\n');
const DIGEST_BYTES = 32;
const LENGTH_BYTES = 4;
const LONGEST_HEADER = 2 ** 26;

interface TallyHeader {
  readonly min: number | null;
  readonly max: number | null;
  readonly count: number;
  readonly zeros: number;
  readonly exponent: number;
  /** Number of bins; 0 when there are none. */
  readonly bins: number;
}

/** What is no array. Infinities of empty tallies are null. */
interface Header {
  readonly key: string;
  readonly digest: string | null;
  readonly tallies: readonly TallyHeader[];
  readonly broken: readonly (number | null)[];
  readonly maxima: readonly number[];
  readonly totals: readonly number[];
  readonly patches: readonly number[];
  readonly next: number;
  readonly waiting: readonly number[];
  readonly done: readonly number[];
}

const bytesOf = (data: Float32Array | Float64Array): Uint8Array => new Uint8Array(data.buffer, data.byteOffset, data.byteLength);

/** magic, length of the header, header as JSON, float64 arrays, float32 arrays (little-endian), SHA-256 of all that. */
export const encodeState = (key: string, state: CollectorState, digest: string | undefined): Uint8Array => {
  const header: Header = {
    key,
    digest: digest ?? null,
    tallies: state.tallies.map(({ min, max, count, zeros, exponent, bins }) => ({
      ...(count === 0 ? { min: null, max: null } : { min, max }),
      count,
      zeros,
      exponent,
      bins: bins?.length ?? 0,
    })),
    broken: state.broken.map((b) => b ?? null),
    maxima: state.maxima.map((m) => m.length),
    totals: state.totals.map((t) => t.length),
    patches: state.patches.map((p) => p.length),
    next: state.next,
    waiting: state.waiting.map(([chunk]) => chunk),
    done: state.done,
  };
  const text = new TextEncoder().encode(JSON.stringify(header));
  const length = new Uint8Array(LENGTH_BYTES);
  new DataView(length.buffer).setUint32(0, text.length, true);
  const arrays = [
    ...state.tallies.map((t) => t.bins ?? new Float64Array(0)),
    ...state.maxima,
    ...state.totals,
    ...state.waiting.flatMap(([, sums]) => sums),
    ...state.patches,
  ].map(bytesOf);
  const parts = [MAGIC, length, text, ...arrays];
  const all = new Uint8Array(parts.reduce((n, p) => n + p.length, 0) + DIGEST_BYTES);
  let offset = 0;
  for (const part of [...parts, sha256(...parts)]) {
    all.set(part, offset);
    offset += part.length;
  }
  return all;
};

const same = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && a.every((v, i) => v === b[i]);

const split = (bytes: Uint8Array): { readonly header: Header; readonly arrays: Uint8Array } | undefined => {
  const start = MAGIC.length + LENGTH_BYTES;
  if (bytes.length < start + DIGEST_BYTES || !same(bytes.subarray(0, MAGIC.length), MAGIC)) return undefined;
  const body = bytes.subarray(0, bytes.length - DIGEST_BYTES);
  if (!same(sha256(body), bytes.subarray(body.length))) return undefined;
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(MAGIC.length, true);
  if (length > Math.min(LONGEST_HEADER, body.length - start)) return undefined;
  const header = JSON.parse(new TextDecoder().decode(body.subarray(start, start + length))) as Header;
  return { header, arrays: body.slice(start + length) };
};

export interface DecodedState {
  readonly state: CollectorState;
  /** SHA-256 of the samples, when all had been read. */
  readonly digest: string | undefined;
}

/** The state that `encodeState` wrote under this key; undefined for anything else. */
export const decodeState = (bytes: Uint8Array, key: string): DecodedState | undefined => {
  try {
    return readState(bytes, key);
  } catch {
    // a made-up header with a right digest: whatever it lacks
    return undefined;
  }
};

const readState = (bytes: Uint8Array, key: string): DecodedState | undefined => {
  const parts = split(bytes);
  if (parts === undefined || parts.header.key !== key) return undefined;
  const { header, arrays } = parts;
  let offset = 0;
  const doubles = (count: number): Float64Array => {
    const data = new Float64Array(arrays.slice(offset, offset + 8 * count).buffer);
    offset += 8 * count;
    return data;
  };
  const singles = (count: number): Float32Array => {
    const data = new Float32Array(arrays.slice(offset, offset + 4 * count).buffer);
    offset += 4 * count;
    return data;
  };
  const { next, done, digest } = header;
  const tallies = header.tallies.map(({ min, max, bins, ...rest }) => ({
    ...rest,
    min: min ?? Number.POSITIVE_INFINITY,
    max: max ?? Number.NEGATIVE_INFINITY,
    bins: bins === 0 ? undefined : doubles(bins),
  }));
  const maxima = header.maxima.map(doubles);
  const totals = header.totals.map(doubles);
  const waiting = header.waiting.map((chunk) => [chunk, header.totals.map(doubles)] as const);
  const patches = header.patches.map(singles);
  const broken = header.broken.map((b) => b ?? undefined);
  return { state: { tallies, broken, maxima, totals, patches, next, waiting, done }, digest: digest ?? undefined };
};
