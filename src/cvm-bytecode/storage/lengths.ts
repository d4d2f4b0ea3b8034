import { at } from '../../support/index.ts';
import { BitWriter } from './bits.ts';
import { kraftProblem, MAX_CODE_BITS } from './huffman.ts';
import type { Source } from './source.ts';

/** The length that the first symbol is compared with. */
const FIRST = 8;
/** Symbols that one token leaves out at most. */
const MAX_RUN = 16;

/** Symbols in the order of their values as signed numbers: the lengths of bell-shaped weights then change in small steps. */
const symbolAt = (alphabet: number, i: number): number => (i + alphabet / 2) % alphabet;

/**
 * Writes code lengths as tokens, bits in the order given (docs/bytecode.md): `0` same as the last length, `100` one more,
 * `101` one less, `110` and four bits r: r + 1 symbols without a code, `111` and four bits: another length.
 */
export const writeLengths = (lengths: Uint8Array): Uint8Array => {
  const bits = new BitWriter();
  let last = FIRST;
  for (let i = 0; i < lengths.length; ) {
    let run = 0;
    while (i + run < lengths.length && run < MAX_RUN && lengths[symbolAt(lengths.length, i + run)] === 0) run++;
    if (run > 0) {
      bits.write(0b011 | ((run - 1) << 3), 7);
      i += run;
      continue;
    }
    const length = at(lengths, symbolAt(lengths.length, i++));
    if (length === last) bits.write(0, 1);
    else if (length === last + 1) bits.write(0b001, 3);
    else if (length === last - 1) bits.write(0b101, 3);
    else bits.write(0b111 | (length << 3), 7);
    last = length;
  }
  return bits.finish().slice();
};

/** Reads what `writeLengths` writes and nothing else: one spelling for each code, which is complete. */
export const readLengths = (source: Source, alphabet: number): Uint8Array => {
  const lengths = new Uint8Array(alphabet);
  const bits = source.bits();
  let last = FIRST;
  let shortRun = false;
  for (let i = 0; i < alphabet; ) {
    let length = last;
    if (bits.read(1) === 1) {
      const kind = bits.read(2);
      if (kind === 1) {
        const run = bits.read(4) + 1;
        if (shortRun) source.bad('two runs of symbols without a code follow each other where one would do');
        if (i + run > alphabet) source.bad(`code lengths for more than ${alphabet} symbols`);
        shortRun = run < MAX_RUN;
        i += run;
        continue;
      }
      length = kind === 3 ? bits.read(4) : kind === 0 ? last + 1 : last - 1;
      if (length < 1 || length > MAX_CODE_BITS) source.bad(`a code of ${length} bits`);
      if (kind === 3 && Math.abs(length - last) <= 1) source.bad('a code length is not in its shortest form');
    }
    shortRun = false;
    lengths[symbolAt(alphabet, i++)] = length;
    last = length;
  }
  bits.close();
  const problem = kraftProblem(lengths);
  return problem === undefined ? lengths : source.bad(problem);
};
