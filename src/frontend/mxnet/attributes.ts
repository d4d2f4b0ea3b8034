import type { LayerNode } from '../layer-node.ts';

/** An attribute as the file has it: a text; undefined where there is none. */
const textAt = (n: LayerNode, name: string): string | undefined => {
  const value = n.attribute(name);
  return typeof value === 'string' ? value.trim() : undefined;
};

const malformed = (n: LayerNode, name: string, text: string, wanted: string): never =>
  n.malformed(`attribute ${name} is "${text}", but ${wanted} is wanted`);

/** A number as Python and dmlc print it; `None` where it may be left out. */
const numberOf = (n: LayerNode, name: string, text: string, whole: boolean): number | undefined => {
  if (text === 'None') return undefined;
  const form = whole ? /^[+-]?\d+L?$/ : /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?f?$/i;
  return form.test(text) ? Number.parseFloat(text) : malformed(n, name, text, whole ? 'an integer' : 'a number');
};

export const optionalInt = (n: LayerNode, name: string): number | undefined => {
  const text = textAt(n, name);
  return text === undefined ? undefined : numberOf(n, name, text, true);
};
/** @param fallback - the default; undefined: the attribute has to be there */
export const int = (n: LayerNode, name: string, fallback?: number): number =>
  optionalInt(n, name) ?? fallback ?? n.malformed(`attribute ${name} is missing`);

export const optionalFloat = (n: LayerNode, name: string): number | undefined => {
  const text = textAt(n, name);
  return text === undefined ? undefined : numberOf(n, name, text, false);
};
/** float32, as the operators hold most of their numbers. */
export const float = (n: LayerNode, name: string, fallback?: number): number =>
  Math.fround(optionalFloat(n, name) ?? fallback ?? n.malformed(`attribute ${name} is missing`));

export const bool = (n: LayerNode, name: string, fallback: boolean): boolean => {
  const text = textAt(n, name);
  if (text === undefined || text === 'None') return fallback;
  if (/^(true|1)$/i.test(text)) return true;
  return /^(false|0)$/i.test(text) ? false : malformed(n, name, text, 'True or False');
};

/** One of the words. */
export const word = <W extends string>(n: LayerNode, name: string, words: readonly W[], fallback?: W): W => {
  const text = textAt(n, name) ?? fallback ?? n.malformed(`attribute ${name} is missing`);
  return words.find((w) => w === text) ?? malformed(n, name, text, `one of ${words.join(', ')}`);
};
export const text = (n: LayerNode, name: string): string | undefined => textAt(n, name);

/** A tuple, `None` standing for undefined; undefined where there is no attribute or it is `None`. */
export const optionalTuple = (n: LayerNode, name: string): readonly (number | undefined)[] | undefined => {
  const given = textAt(n, name);
  if (given === undefined || given === 'None') return undefined;
  const inner = /^[([](.*?),?\s*[)\]]$/.exec(given)?.[1]?.trim() ?? given;
  return inner === '' ? [] : inner.split(',').map((part) => numberOf(n, name, part.trim(), true));
};
/** A tuple of integers; undefined where there is none. */
export const optionalInts = (n: LayerNode, name: string): readonly number[] | undefined =>
  optionalTuple(n, name)?.map((v) => v ?? malformed(n, name, 'None', 'a tuple of integers'));
export const ints = (n: LayerNode, name: string): readonly number[] => optionalInts(n, name) ?? n.malformed(`attribute ${name} is missing`);

/** One number for each spatial dimension; left out or empty, all are `fill`. */
export const spatialInts = (n: LayerNode, name: string, count: number, fill: number): readonly number[] => {
  const given = optionalInts(n, name) ?? [];
  if (given.length === 0) return new Array<number>(count).fill(fill);
  return given.length === count ? given : n.malformed(`attribute ${name} is [${given.join(', ')}], but the kernel has ${count} dimensions`);
};
