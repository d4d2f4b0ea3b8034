import type { ByteWriter } from '../../support/index.ts';
import { type ElementKind, readPlanes, writePlanes } from './planes.ts';
import type { Source } from './source.ts';
import { readSymbols, symbolBits, writeSymbols } from './symbols.ts';

/** Bits of a gap (Han et al. 2016, §2: 5 in dense layers, 8 in convolutions). */
const LEAST_GAP_BITS = 4;
const MOST_GAP_BITS = 8;

const isZero = (elements: Uint8Array, size: number, i: number): boolean => {
  for (let k = i * size; k < (i + 1) * size; k++) if (elements[k] !== 0) return false;
  return true;
};

/** Number of zeros before each non-zero element. Zeros at the end belong to none. */
const runsOf = (elements: Uint8Array, size: number): Uint32Array => {
  const runs = new Uint32Array(elements.length / size);
  let count = 0;
  let run = 0;
  for (let i = 0; i < runs.length; i++) {
    if (isZero(elements, size, i)) run++;
    else {
      runs[count++] = run;
      run = 0;
    }
  }
  return runs.subarray(0, count);
};

/** The gap that stands for as many zeros as its number says and no element: the filler zero of the paper is the last of them. */
const escapeOf = (bits: number): number => (1 << bits) - 1;

const gapCounts = (runs: Uint32Array, bits: number): Uint32Array => {
  const escape = escapeOf(bits);
  const counts = new Uint32Array(escape + 1);
  for (const run of runs) {
    const gap = run % escape;
    counts[gap] = (counts[gap] ?? 0) + 1;
    counts[escape] = (counts[escape] ?? 0) + Math.floor(run / escape);
  }
  return counts;
};

const gapsOf = (runs: Uint32Array, bits: number): Uint8Array => {
  const escape = escapeOf(bits);
  const gaps = new Uint8Array(gapCounts(runs, bits).reduce((a, b) => a + b, 0));
  let n = 0;
  for (const run of runs) {
    for (let rest = run; ; rest -= escape) {
      gaps[n++] = Math.min(rest, escape);
      if (rest < escape) break;
    }
  }
  return gaps;
};

const nonZero = (elements: Uint8Array, size: number, count: number): Uint8Array => {
  const out = new Uint8Array(count * size);
  let o = 0;
  for (let i = 0; i < elements.length / size; i++) {
    if (isZero(elements, size, i)) continue;
    for (let k = 0; k < size; k++) out[o++] = elements[i * size + k] ?? 0;
  }
  return out;
};

/** Writes the gaps between non-zero elements and their values. Gaps take the bits that need least room; of equals the fewest. */
export const writeSparse = (writer: ByteWriter, elements: Uint8Array, kind: ElementKind): void => {
  const runs = runsOf(elements, kind.size);
  let best = LEAST_GAP_BITS;
  let least = Number.POSITIVE_INFINITY;
  for (let bits = LEAST_GAP_BITS; bits <= MOST_GAP_BITS; bits++) {
    const cost = symbolBits(gapCounts(runs, bits));
    if (cost >= least) continue;
    least = cost;
    best = bits;
  }
  const gaps = gapsOf(runs, best);
  writer.u8(best);
  writer.uleb(gaps.length);
  writer.uleb(runs.length);
  writeSymbols(writer, gaps, 1 << best);
  writePlanes(writer, nonZero(elements, kind.size, runs.length), kind);
};

/** `scatter` for elements of one byte. */
const scatterBytes = (source: Source, out: Uint8Array, gaps: Uint8Array, values: Uint8Array, escape: number): void => {
  const count = out.length;
  let next = 0;
  let v = 0;
  for (let g = 0; g < gaps.length; g++) {
    const gap = gaps[g] ?? 0;
    next += gap;
    if (gap === escape) continue;
    const value = values[v++] ?? 0;
    if (next >= count) source.bad(`an element lies at ${next} but the chunk has ${count}`);
    if (value === 0) source.bad(`element ${next} is listed but 0`);
    out[next++] = value;
  }
};

/** Puts values where the gaps say; the rest of `out` is 0 already. */
const scatter = (source: Source, out: Uint8Array, gaps: Uint8Array, values: Uint8Array, size: number, escape: number): void => {
  const count = out.length / size;
  let next = 0;
  let v = 0;
  for (let g = 0; g < gaps.length; g++) {
    const gap = gaps[g] ?? 0;
    next += gap;
    if (gap === escape) continue;
    if (next >= count) source.bad(`an element lies at ${next} but the chunk has ${count}`);
    let any = 0;
    for (let k = 0; k < size; k++) {
      const byte = values[v++] ?? 0;
      any |= byte;
      out[next * size + k] = byte;
    }
    if (any === 0) source.bad(`element ${next} is listed but 0`);
    next++;
  }
};

/** Reads what `writeSparse` writes. @param out - zeros, filled with `out.length / size` elements */
export const readSparse = (source: Source, out: Uint8Array, kind: ElementKind): void => {
  const { reader } = source;
  const { size } = kind;
  const bits = reader.u8();
  if (bits < LEAST_GAP_BITS || bits > MOST_GAP_BITS)
    source.bad(`gaps of ${bits} bits, but they have ${LEAST_GAP_BITS} to ${MOST_GAP_BITS}`);
  const escape = escapeOf(bits);
  const total = reader.uleb();
  const listed = reader.uleb();
  const count = out.length / size;
  if (total > count || listed > total) source.bad(`${total} gaps and ${listed} values do not fit ${count} elements`);
  const gaps = new Uint8Array(total);
  readSymbols(source, gaps, escape + 1);
  let escapes = 0;
  for (let g = 0; g < gaps.length; g++) if (gaps[g] === escape) escapes++;
  if (escapes + listed !== total) source.bad(`${total} gaps, ${escapes} of them without an element, do not fit ${listed} values`);
  if (gaps[total - 1] === escape) source.bad('the last gap has no element');
  const values = new Uint8Array(listed * size);
  readPlanes(source, values, kind);
  if (size === 1) scatterBytes(source, out, gaps, values, escape);
  else scatter(source, out, gaps, values, size, escape);
};
