import { type Dim, MAX_RANK } from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';
import { elemOf } from '../elem.ts';
import type { OnnxNode } from '../node.ts';
import type { Made } from '../values.ts';
import type { OnnxOps } from './row.ts';
import { floatWire, sameElem, span } from './util.ts';

const ELLIPSIS = '...';

/** `ab...c` as names of axes: the ellipsis stands for `hidden` axes. */
const axisNames = (n: OnnxNode, term: string, hidden: number): readonly string[] => {
  if (!/^[A-Za-z]*(\.\.\.)?[A-Za-z]*$/.test(term))
    return n.malformed(`the term "${term}" of the equation is not letters with at most one ...`);
  const [before = '', after] = term.split(ELLIPSIS);
  const covered = after === undefined ? [] : span(0, hidden).map((i) => `${ELLIPSIS}${i}`);
  return [...before.split(''), ...covered, ...(after ?? '').split('')];
};

/** Axes that the ellipsis of each term covers: the same number in all terms that have one. */
const hiddenAxes = (n: OnnxNode, terms: readonly string[]): number => {
  let hidden: number | undefined;
  terms.forEach((term, i) => {
    const letters = term.replace(ELLIPSIS, '').length;
    const rest = n.rank(i) - letters;
    const open = term.includes(ELLIPSIS);
    if (rest < 0 || (rest > 0 && !open)) n.malformed(`the term "${term}" names ${letters} axes, but input ${i} has rank ${n.rank(i)}`);
    if (open && hidden !== undefined && hidden !== rest)
      n.malformed(`the ellipsis covers ${hidden} axes of one input and ${rest} of input ${i}`);
    if (open) hidden = rest;
  });
  return hidden ?? 0;
};

interface Equation {
  readonly terms: readonly (readonly string[])[];
  readonly result: readonly string[];
}

/** The equation with an explicit result: without one, the ellipsis and then the letters that occur once, in ASCII order. */
const equationOf = (n: OnnxNode): Equation => {
  const text = n.hasAttr('equation') ? n.text('equation', '').replaceAll(' ', '') : n.malformed('attribute equation is missing');
  const [left = '', right, ...more] = text.split('->');
  const words = left.split(',');
  if (more.length > 0) return n.malformed(`the equation "${text}" has more than one ->`);
  if (words.length !== n.inputCount) return n.malformed(`the equation "${text}" has ${words.length} terms for ${n.inputCount} inputs`);
  const hidden = hiddenAxes(n, words);
  const terms = words.map((word) => axisNames(n, word, hidden));
  const all = terms.flat();
  const letters = [...new Set(all)].filter((name) => !name.startsWith(ELLIPSIS) && all.indexOf(name) === all.lastIndexOf(name));
  const covered = span(0, hidden).map((i) => `${ELLIPSIS}${i}`);
  if (right === undefined) return { terms, result: [...covered, ...letters.sort((a, b) => (a < b ? -1 : 1))] };
  const result = axisNames(n, right, hidden);
  const odd = result.find((name, i) => !all.includes(name) || result.indexOf(name) !== i);
  if (odd !== undefined) return n.malformed(`the result "${right}" names ${odd} twice, or no input has it`);
  if (covered.length > 0 && !right.includes(ELLIPSIS))
    return n.malformed(`the result "${right}" leaves out the ellipsis, which covers ${hidden} axes`);
  return { terms, result };
};

const sumsExactly = (n: OnnxNode): boolean => elemOf(n.elem(0)).kind === 'int' && elemOf(n.elem(0)).hi >= 2 ** 31 - 1;

const importEinsum = (n: OnnxNode): Made => {
  const elem = sameElem(n);
  const { terms, result } = equationOf(n);
  const names = [...new Set(terms.flat())];
  if (names.length > MAX_RANK) return n.refuse(`the equation has ${names.length} indices, but ${MAX_RANK} are supported`);
  const closed: Dim[] = [];
  terms.forEach((term, k) =>
    term.forEach((name, i) => {
      const size = at(n.shapeOf(k), i);
      if (size === 0) n.refuse(`dimension ${i} of input ${k} has size 0`);
      const twice = term.indexOf(name) !== term.lastIndexOf(name);
      if (typeof size === 'string' && (twice || !result.includes(name))) closed.push(size);
    }),
  );
  if (closed.length > 0) n.unbound(closed, ', which the equation sums over or takes a diagonal of,');
  const operands = span(0, n.inputCount).map((i) => {
    if (elemOf(elem).kind === 'float') return floatWire(n, i);
    return sumsExactly(n) ? n.wire(i) : n.refuse(`sums of ${elem} are not supported`);
  });
  const number = (name: string): number => names.indexOf(name);
  const value = n.emit('einsum', operands, { letters: terms.flat().map(number), result: result.map(number) });
  return { value, elem };
};

export const einsum = {
  Einsum: { since: [12, 28], import: (n) => [importEinsum(n)] },
} as const satisfies OnnxOps;
