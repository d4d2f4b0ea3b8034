import { at } from '../../support/index.ts';

/** Longest code that the format has. */
export const MAX_CODE_BITS = 15;
/** Longest code that the encoder makes: its lookup table of 8 KiB stays in the first-level cache. */
const ENCODER_CODE_BITS = 12;

/** A package of the package-merge algorithm: a symbol, or two packages of the level below. */
type Item = { readonly weight: number; readonly symbol: number } | { readonly weight: number; readonly pair: readonly [Item, Item] };

/** Merges sorted leaves and pairs by weight; of equal weights the leaf comes first. */
const merge = (leaves: readonly Item[], pairs: readonly Item[]): Item[] => {
  const out: Item[] = [];
  let i = 0;
  let j = 0;
  while (i < leaves.length || j < pairs.length) {
    const leaf = leaves[i];
    const pair = pairs[j];
    if (leaf !== undefined && (pair === undefined || leaf.weight <= pair.weight)) {
      out.push(leaf);
      i++;
    } else if (pair !== undefined) {
      out.push(pair);
      j++;
    }
  }
  return out;
};

/**
 * Code lengths of least total size, none above 12 bits: package-merge (Larmore and Hirschberg 1990, "A fast algorithm for
 * optimal length-limited Huffman codes"). Leaves are ordered by count, then symbol; of equal weights a leaf precedes a package.
 * @param counts - how often each symbol occurs, at most 256 of them
 * @returns 0 for symbols that do not occur; 1 for a symbol that occurs alone
 */
export const codeLengths = (counts: ArrayLike<number>): Uint8Array => {
  const lengths = new Uint8Array(counts.length);
  const leaves: Item[] = [];
  for (let symbol = 0; symbol < counts.length; symbol++) {
    const weight = at(counts, symbol);
    if (weight > 0) leaves.push({ weight, symbol });
  }
  const [only] = leaves;
  if (leaves.length === 1 && only !== undefined && 'symbol' in only) lengths[only.symbol] = 1;
  if (leaves.length < 2) return lengths;
  // stable: equal counts keep the order of symbols
  leaves.sort((a, b) => a.weight - b.weight);
  let level: Item[] = [];
  for (let bit = 0; bit < ENCODER_CODE_BITS; bit++) {
    const pairs: Item[] = [];
    for (let i = 0; i + 1 < level.length; i += 2) {
      const [a, b] = [at(level, i), at(level, i + 1)];
      pairs.push({ weight: a.weight + b.weight, pair: [a, b] });
    }
    level = merge(leaves, pairs);
  }
  const open = level.slice(0, 2 * leaves.length - 2);
  for (let item = open.pop(); item !== undefined; item = open.pop()) {
    if ('pair' in item) open.push(...item.pair);
    else lengths[item.symbol] = (lengths[item.symbol] ?? 0) + 1;
  }
  return lengths;
};

/** Why lengths are no complete prefix code; undefined when they are. A symbol that stands alone has length 1. */
export const kraftProblem = (lengths: Uint8Array): string | undefined => {
  let sum = 0;
  let used = 0;
  let first = 0;
  for (const length of lengths) {
    if (length === 0) continue;
    if (used++ === 0) first = length;
    sum += 1 << (MAX_CODE_BITS - length);
  }
  if (used === 0) return 'no symbol has a code';
  if (used === 1) return first === 1 ? undefined : `the only symbol has a code of ${first} bits but takes 1`;
  return sum === 1 << MAX_CODE_BITS ? undefined : `the Kraft sum of the code lengths is ${sum}/${1 << MAX_CODE_BITS}, not 1`;
};

const reversed = (code: number, width: number): number => {
  let out = 0;
  for (let bit = 0; bit < width; bit++) out = (out << 1) | ((code >> bit) & 1);
  return out;
};

/**
 * Canonical codes (as in RFC 1951 §3.2.2): shorter codes first, of one length in the order of symbols. Bits are turned
 * round, so that the first bit of a code is the least significant.
 */
export const canonicalCodes = (lengths: Uint8Array): Uint16Array => {
  const codes = new Uint16Array(lengths.length);
  let next = 0;
  for (let width = 1; width <= MAX_CODE_BITS; width++) {
    for (let symbol = 0; symbol < lengths.length; symbol++) if (lengths[symbol] === width) codes[symbol] = reversed(next++, width);
    next <<= 1;
  }
  return codes;
};

/** Looks up a code by the next `width` bits: symbol * 16 + length. */
export interface CodeTable {
  readonly width: number;
  readonly entries: Uint16Array;
}

/** @param lengths - of a code without `kraftProblem`. The one unused code of a lone symbol has length 0. */
export const codeTable = (lengths: Uint8Array): CodeTable => {
  let width = 1;
  for (const length of lengths) width = Math.max(width, length);
  const entries = new Uint16Array(1 << width);
  const codes = canonicalCodes(lengths);
  lengths.forEach((length, symbol) => {
    if (length === 0) return;
    for (let code = at(codes, symbol); code < entries.length; code += 1 << length) entries[code] = (symbol << 4) | length;
  });
  return { width, entries };
};
