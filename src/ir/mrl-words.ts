import { DTYPES } from './types.ts';

/** Words that mean something in `.mrl` text and are therefore written in backticks when they are names. */
export const MRL_KEYWORDS = [
  'mrl',
  'meta',
  'model',
  'fn',
  'input',
  'param',
  'let',
  'output',
  'return',
  'for',
  'in',
  'if',
  'else',
  'blob',
  'true',
  'false',
  'inf',
  'nan',
] as const;
export type MrlKeyword = (typeof MRL_KEYWORDS)[number];

/** The language version that is read and written. */
export const MRL_VERSION = 1;

/** A name as written without backticks: dotted parts, so that `layer1.0.conv1.weight` is one name. */
export const MRL_NAME = /[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z0-9_]+)*/;

const RESERVED: ReadonlySet<string> = new Set<string>([...MRL_KEYWORDS, ...DTYPES]);
const PLAIN = new RegExp(`^${MRL_NAME.source}$`);

/** True when the name needs no backticks. */
export const isPlainName = (name: string): boolean => PLAIN.test(name) && !RESERVED.has(name);

/** Longest name that is read or written. */
export const MAX_NAME_LENGTH = 4096;

/** Characters that cannot stand in backticks: the backtick, controls (line ends among them) and lone surrogates. */
const UNWRITABLE = /[`\p{Cc}\p{Cs}\u2028\u2029]/gu;

/** The name as it can be written, backticks left out: unwritable characters become `_`. */
export const legalName = (name: string): string => {
  const legal = name.slice(0, MAX_NAME_LENGTH).replace(UNWRITABLE, '_');
  return legal === '' ? '_' : legal;
};

/** A legal name as it stands in text. */
export const quoteName = (name: string): string => (isPlainName(name) ? name : `\`${name}\``);

/** Hands out names that differ: the wish itself, then wish_2, wish_3, … */
export class NameTable {
  private readonly taken = new Set<string>();
  private readonly next = new Map<string, number>();

  unique(wish: string): string {
    let name = wish;
    let n = this.next.get(wish) ?? 2;
    while (this.taken.has(name)) name = `${wish}_${n++}`;
    this.next.set(wish, n);
    this.taken.add(name);
    return name;
  }
}
