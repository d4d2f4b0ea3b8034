/** An equation as the op `einsum` has it: letters numbered as they first come. */
export interface EinsumLetters {
  /** Of the axes of all operands, one after another. */
  readonly letters: readonly number[];
  readonly result: readonly number[];
}

/** Letters of one term, an ellipsis as `…0 …1 …`, aligned at the end. Undefined where the rank does not fit. */
const termLetters = (term: string, rank: number): readonly string[] | undefined => {
  const [head = '', tail, more] = term.split('...');
  const [before, after] = [Array.from(head), Array.from(tail ?? '')];
  if (more !== undefined || ![...before, ...after].every((c) => /[A-Za-z]/.test(c))) return undefined;
  const open = rank - before.length - after.length;
  if (tail === undefined ? open !== 0 : open < 0) return undefined;
  // the last axis of an ellipsis is 0, that before it 1: shorter ones broadcast
  return [...before, ...Array.from({ length: open }, (_, i) => `.${open - 1 - i}`), ...after];
};

/**
 * Reads an equation such as `bij,bjk->bik`, `...ij->...ji` or `ij,jk` (whose result has the letters that come once, in order).
 * @param ranks - of the operands
 * @returns undefined where the equation does not fit the operands
 */
export const einsumLetters = (equation: string, ranks: readonly number[]): EinsumLetters | undefined => {
  const [left = '', right, more] = equation.replaceAll(' ', '').split('->');
  const terms = left.split(',');
  if (more !== undefined || terms.length !== ranks.length) return undefined;
  const operands = terms.map((t, i) => termLetters(t, ranks[i] ?? -1));
  if (operands.some((o) => o === undefined)) return undefined;
  const all = operands.flatMap((o) => o ?? []);
  const dots = [...new Set(all.filter((l) => l.startsWith('.')))].sort((a, b) => Number(b.slice(1)) - Number(a.slice(1)));
  const once = [...new Set(all)].filter((l) => !l.startsWith('.') && all.filter((m) => m === l).length === 1).sort();
  const wanted =
    right === undefined
      ? [...dots, ...once]
      : termLetters(right, (right.includes('...') ? dots.length : 0) + right.replace('...', '').length);
  const order = [...new Set(all)];
  if (wanted === undefined || (right !== undefined && dots.length > 0 && !right.includes('...'))) return undefined;
  if (new Set(wanted).size !== wanted.length || wanted.some((l) => !order.includes(l))) return undefined;
  return { letters: all.map((l) => order.indexOf(l)), result: wanted.map((l) => order.indexOf(l)) };
};
