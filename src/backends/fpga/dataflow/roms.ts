import { at } from '../../../support/index.ts';
import type { SourceFile } from '../../source-folder.ts';
import type { Folding } from './fold.ts';
import type { Finish, Layer } from './stages.ts';

const MIN_STEP_BITS = 3;

export const bitLength = (n: number): number => (n < 1 ? 0 : Math.floor(Math.log2(n)) + 1);

/** Fields of a word from the lowest bit on, as hexadecimal digits. */
const hexWord = (fields: readonly (readonly [value: number, bits: number])[]): string => {
  const digits: string[] = [];
  let value = 0;
  let held = 0;
  for (const [field, bits] of fields) {
    // a field has up to 32 bits: in halves, so that numbers stay exact
    for (let from = 0; from < bits; from += 16) {
      const part = Math.min(16, bits - from);
      const low = Math.floor(from === 0 ? field : field / 2 ** 16) & (2 ** part - 1);
      value += low * 2 ** held;
      held += part;
      while (held >= 4) {
        digits.push((value % 16).toString(16));
        value = Math.floor(value / 16);
        held -= 4;
      }
    }
  }
  if (held > 0) digits.push(value.toString(16));
  return digits.reverse().join('');
};

/** Words of weights in the order in which a layer reads them: fold, kernel row, kernel column, word of the tap. Output by output, inputs lowest first. */
export const weightRom = (name: string, l: Layer, f: Folding): SourceFile => {
  const taps = l.kernel[0] * l.kernel[1];
  const inputs = l.kind === 'depthwise' ? 1 : l.c / l.groups;
  const lines: string[] = [];
  for (let fold = 0; fold < f.folds; fold++)
    for (let t = 0; t < taps; t++)
      for (let word = 0; word < f.words; word++) {
        const fields: [number, number][] = [];
        for (let p = 0; p < f.pe; p++)
          for (let s = 0; s < (l.kind === 'depthwise' ? 1 : f.simd); s++) {
            const input = l.kind === 'depthwise' ? 0 : word * f.simd + s;
            fields.push([at(l.weights, ((fold * f.pe + p) * inputs + input) * taps + t), l.weightBits]);
          }
        lines.push(hexWord(fields));
      }
  return { name, text: `${lines.join('\n')}\n` };
};

/** Widths of what cxd_drain reads of a set, least significant first: bias of 32 bits, multiplier, steps of the shift over `base`. */
export interface FinishFormat {
  readonly multiplierBits: number;
  readonly stepBits: number;
  /** Places that every sum is shifted by before its steps; one less than the least shift. */
  readonly base: number;
}

export const finishFormat = ({ mode, sets }: Finish): FinishFormat => {
  if (mode !== 'rescale') return { multiplierBits: 1, stepBits: 1, base: 0 };
  const shifts = sets.map((s) => s.shift);
  const base = Math.min(...shifts) - 1;
  return {
    multiplierBits: Math.max(1, ...sets.map((s) => bitLength(s.multiplier))),
    stepBits: Math.max(MIN_STEP_BITS, bitLength(Math.max(...shifts) - 1 - base)),
    base,
  };
};

/** Sets in words of `lanes`, as cxd_drain reads them; of means one set a word. */
export const finishRom = (name: string, l: Layer, f: Folding): SourceFile => {
  const { multiplierBits, stepBits, base } = finishFormat(l.finish);
  const lanes = l.kind === 'mean' ? 1 : f.lanes;
  const lines: string[] = [];
  for (let i = 0; i < l.finish.sets.length; i += lanes) {
    const fields = l.finish.sets.slice(i, i + lanes).flatMap((s): [number, number][] => [
      [s.bias, 32],
      [s.multiplier, multiplierBits],
      [s.shift - 1 - base, stepBits],
    ]);
    lines.push(hexWord(fields));
  }
  return { name, text: `${lines.join('\n')}\n` };
};

/** Entries of a table, each of so many bits. */
export const tableRom = (name: string, entries: Int32Array, bits: number): SourceFile => ({
  name,
  text: `${[...entries].map((v) => hexWord([[v, bits]])).join('\n')}\n`,
});
