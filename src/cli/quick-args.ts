import type { Options } from 'yargs';
import type { Command } from './command.ts';
import { GLOBAL_OPTIONS } from './help.ts';

/** Numbers that every reader takes for the same: no sign, no exponent, no leading zero. */
const PLAIN_NUMBER = /^(?:0|[1-9]\d{0,14})(?:[.]\d{1,9})?$/;
/** Values that mean something to the parser besides themselves. */
const SPECIAL = /^$|^-|["']/;
const IS_BOOLEAN_WORD = /^(?:true|false)$/;

interface Found {
  readonly name: string;
  readonly value: unknown;
  /** Words that it takes. */
  readonly words: 1 | 2;
}

const longNameOf = (word: string, options: Readonly<Record<string, Options>>): string | undefined => {
  if (word.startsWith('--')) return word.slice(2);
  return Object.entries(options).find(([, o]) => o.alias === word.slice(1))?.[0];
};

const valueOf = (option: Options, text: string): unknown => {
  if (SPECIAL.test(text)) return undefined;
  if (option.choices !== undefined && !option.choices.includes(text)) return undefined;
  if (option.type === 'number') return PLAIN_NUMBER.test(text) ? Number(text) : undefined;
  return option.type === 'string' ? text : undefined;
};

/** The option at the start of these words; undefined when it is not plain. */
const optionAt = (word: string, next: string | undefined, options: Readonly<Record<string, Options>>): Found | undefined => {
  const equals = word.indexOf('=');
  const name = longNameOf(equals < 0 ? word : word.slice(0, equals), options);
  if (name === undefined || name === 'color' || name === 'help') return undefined;
  const option = Object.hasOwn(options, name) ? options[name] : undefined;
  if (option === undefined) {
    const positive = name.startsWith('no-') && Object.hasOwn(options, name.slice(3)) ? options[name.slice(3)] : undefined;
    // --no-fallback takes a text away
    const isNegatable = positive?.type === 'boolean' || (positive?.type === 'string' && positive.default !== undefined);
    if (!isNegatable || equals >= 0 || IS_BOOLEAN_WORD.test(next ?? '')) return undefined;
    return { name: name.slice(3), value: false, words: 1 };
  }
  if (option.type === 'boolean') return equals >= 0 || IS_BOOLEAN_WORD.test(next ?? '') ? undefined : { name, value: true, words: 1 };
  if (equals >= 0 && !word.startsWith('--')) return undefined;
  const text = equals >= 0 ? word.slice(equals + 1) : next;
  const value = text === undefined ? undefined : valueOf(option, text);
  return value === undefined ? undefined : { name, value, words: equals >= 0 ? 1 : 2 };
};

/**
 * Parses words that leave no doubt, with the same result as `parseArgs` and without loading its parser, which takes longer than many a
 * run: options once each, plain values, and enough positionals. Undefined for everything else, whether right or wrong.
 */
export const quickArgs = (command: Command, words: readonly string[]): Readonly<Record<string, unknown>> | undefined => {
  const options: Readonly<Record<string, Options>> = { ...command.options, ...GLOBAL_OPTIONS };
  const values: Record<string, unknown> = {};
  const free: string[] = [];
  for (let i = 0; i < words.length; ) {
    const word = words[i] ?? '';
    if (!SPECIAL.test(word)) {
      free.push(word);
      i++;
      continue;
    }
    const found = optionAt(word, words[i + 1], options);
    if (found === undefined) return undefined;
    const { name, value } = found;
    const before = values[name];
    if (options[name]?.array === true) values[name] = [...(Array.isArray(before) ? before : []), value];
    else if (before !== undefined) return undefined;
    else values[name] = value;
    i += found.words;
  }
  for (const [name, { default: fallback }] of Object.entries(options)) if (fallback !== undefined) values[name] ??= fallback;
  for (const [name, positional] of Object.entries(command.positionals)) {
    if (positional.array === true) values[name] = free.splice(0);
    else if (free.length > 0) values[name] = free.shift();
    else if (positional.demandOption === true) return undefined;
  }
  return free.length === 0 ? values : undefined;
};
