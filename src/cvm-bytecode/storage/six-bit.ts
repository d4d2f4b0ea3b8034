import type { StaticType } from '../../ir/index.ts';
import { packedRows } from '../pack6.ts';

/**
 * Where a chunk of packed i6 (NUMERICS §3) is cut into words of three bytes, which hold four codes. The chunk size is no
 * multiple of three: bytes of words that reach over the edge stay as they are.
 */
export interface SixBitCut {
  /** Bytes before the first whole word, 0 to 2. */
  readonly head: number;
  /** Whole words, counted over the whole parameter. */
  readonly firstWord: number;
  readonly lastWord: number;
  /** Bytes after the last whole word, 0 to 2. */
  readonly tail: number;
  /** Codes in the whole words, padding left out. */
  readonly codes: number;
  /** Codes of a row. */
  readonly row: number;
}

export const sixBitCut = ({ shape }: StaticType, start: number, end: number): SixBitCut => {
  const { length: row } = packedRows(shape);
  const perRow = Math.ceil(row / 4);
  const firstWord = Math.ceil(start / 3);
  const lastWord = Math.max(firstWord, Math.floor(end / 3));
  const codesBefore = (word: number): number => (perRow === 0 ? 0 : Math.floor(word / perRow) * row + Math.min(4 * (word % perRow), row));
  const head = Math.min(3 * firstWord, end) - start;
  return {
    head,
    firstWord,
    lastWord,
    tail: end - start - head - 3 * (lastWord - firstWord),
    codes: codesBefore(lastWord) - codesBefore(firstWord),
    row,
  };
};

/** Calls for each word with the number of codes it holds: 4, or fewer in the last of a row. */
const eachWord = ({ firstWord, lastWord, row }: SixBitCut, visit: (count: number) => void): void => {
  const perRow = Math.ceil(row / 4);
  const last = row - 4 * (perRow - 1);
  let column = perRow === 0 ? 0 : firstWord % perRow;
  for (let word = firstWord; word < lastWord; word++) {
    column++;
    if (column < perRow) visit(4);
    else {
      visit(last);
      column = 0;
    }
  }
};

/** The codes in the whole words of a chunk, one a byte; undefined where padding is not 0, which has no code to stand in. */
export const unpackCodes = (chunk: Uint8Array, cut: SixBitCut): Uint8Array | undefined => {
  const codes = new Uint8Array(cut.codes);
  let p = cut.head;
  let o = 0;
  let padded = true;
  eachWord(cut, (count) => {
    const word = (chunk[p] ?? 0) | ((chunk[p + 1] ?? 0) << 8) | ((chunk[p + 2] ?? 0) << 16);
    p += 3;
    if (count < 4 && word >> (6 * count) !== 0) padded = false;
    for (let k = 0; k < count; k++) codes[o++] = (word >> (6 * k)) & 63;
  });
  return padded ? codes : undefined;
};

/** Packs `words` words of four codes, from code `from` on, to byte `to` on. */
const packWords = (codes: Uint8Array, from: number, chunk: Uint8Array, to: number, words: number): void => {
  for (let w = 0, i = from, p = to; w < words; w++, i += 4, p += 3) {
    const packed = (codes[i] ?? 0) | ((codes[i + 1] ?? 0) << 6) | ((codes[i + 2] ?? 0) << 12) | ((codes[i + 3] ?? 0) << 18);
    chunk[p] = packed;
    chunk[p + 1] = packed >> 8;
    chunk[p + 2] = packed >> 16;
  }
};

/** Puts codes into the whole words of a chunk, with 0 as padding. */
export const packCodes = (codes: Uint8Array, cut: SixBitCut, chunk: Uint8Array): void => {
  const perRow = Math.ceil(cut.row / 4);
  const last = cut.row - 4 * (perRow - 1);
  let p = cut.head;
  let i = 0;
  for (let word = cut.firstWord; word < cut.lastWord; ) {
    const rest = perRow - (word % perRow);
    const words = Math.min(rest, cut.lastWord - word);
    // the last word of a row may hold fewer codes than four
    const whole = words === rest && last < 4 ? words - 1 : words;
    packWords(codes, i, chunk, p, whole);
    p += 3 * whole;
    i += 4 * whole;
    if (whole < words) {
      packWords(Uint8Array.of(...codes.subarray(i, i + last), 0, 0, 0), 0, chunk, p, 1);
      p += 3;
      i += last;
    }
    word += words;
  }
};
