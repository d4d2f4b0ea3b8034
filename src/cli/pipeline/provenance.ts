import { fail, ok, type Result, sha256Hex } from '../../support/index.ts';
import { isLiteral } from '../constants.ts';
import type { Context } from '../context.ts';
import { provenanceMissing } from '../diagnostics.ts';

/**
 * Which options of `compile` decide the bytes of the package besides model and samples, and how they are written down; false
 * for the others. A package holds the former, so that `rebuild` can compile again. Metadata stands in the package itself.
 */
export const DECIDING_OPTIONS = {
  output: false,
  calibration: false,
  'random-calibration': 'number',
  'calibration-limit': 'number',
  method: 'text',
  rounding: 'text',
  equalize: 'text',
  bits: 'text',
  pot: 'flag',
  'share-weights': 'number',
  'output-bits': 'number',
  float: 'flag',
  // what --bits mixed chose within its budgets stands in the package
  'max-drop': false,
  'max-size': false,
  'max-endorphin': false,
  pareto: false,
  state: false,
  bind: 'list',
  shape: 'list',
  const: 'constants',
  // the text names its parameters by digest
  params: false,
  'random-params': 'flag',
  mean: 'text',
  std: 'text',
  scale: 'text',
  layout: 'text',
  channels: 'text',
  resize: 'number',
  crop: 'number',
  // the root is the same for every form of storage
  storage: false,
  'keep-float': 'flag',
  name: false,
  author: false,
  description: false,
  licence: false,
  'model-version': false,
  labels: false,
  report: false,
  eval: false,
  'eval-labels': false,
  'eval-metric': false,
  threads: false,
} as const satisfies Readonly<Record<string, false | 'text' | 'number' | 'flag' | 'list' | 'constants'>>;

type OptionName = keyof typeof DECIDING_OPTIONS;
const NAMES = Object.keys(DECIDING_OPTIONS).filter((name): name is OptionName => Object.hasOwn(DECIDING_OPTIONS, name));

/** Name and value, as they stand in a package. */
export type RecordedOption = readonly [name: string, value: string];

/** NAME=VALUES as it is; NAME=FILE with the digest of the file, which may lie elsewhere on another machine. */
const recordedConstant = (word: string, context: Pick<Context, 'read'>): Result<string> => {
  const cut = word.indexOf('=') + 1;
  const [name, text] = [word.slice(0, cut), word.slice(cut)];
  if (isLiteral(text)) return ok(word);
  const file = context.read(text, 'tensor');
  return file.ok ? ok(`${name}sha256:${sha256Hex(file.value)}`) : file;
};

const words = (value: unknown): readonly string[] => (Array.isArray(value) ? value.map(String) : [String(value)]);

/** The deciding options of a command line, in the order of the table. Errors: those of constants that are files. */
export const recordedOptions = (args: object, context: Pick<Context, 'read'>): Result<readonly RecordedOption[]> => {
  const given = new Map<string, unknown>(Object.entries(args));
  const recorded: RecordedOption[] = [];
  for (const name of NAMES) {
    const kind = DECIDING_OPTIONS[name];
    const value = given.get(name);
    if (kind === false || value === undefined || value === false) continue;
    for (const word of words(value)) {
      const text = kind === 'constants' ? recordedConstant(word, context) : ok(word);
      if (!text.ok) return text;
      recorded.push([name, text.value]);
    }
  }
  return ok(recorded);
};

/**
 * The options as the parser of the command line would give them. Constants that were files come from `constants`, words like
 * those of --const. Error CLI2014: an option that this compiler does not know, or a constant that is not given.
 */
export const argsOfRecord = (
  path: string,
  recorded: readonly RecordedOption[],
  constants: readonly string[],
): Result<Readonly<Record<string, unknown>>> => {
  const args = new Map<string, unknown>(NAMES.filter((n) => DECIDING_OPTIONS[n] === 'flag').map((n) => [n, false]));
  for (const [name, value] of recorded) {
    const known = NAMES.find((n) => n === name);
    const kind = known === undefined ? false : DECIDING_OPTIONS[known];
    if (kind === false) return fail(provenanceMissing(path, `it was compiled with --${name} ${value}, which this compiler does not know`));
    if (kind === 'number') args.set(name, Number(value));
    else if (kind === 'flag') args.set(name, value === 'true');
    else if (kind === 'text') args.set(name, value);
    else {
      const word = kind === 'constants' ? givenConstant(value, constants) : value;
      if (word === undefined)
        return fail(
          provenanceMissing(path, `the constant ${value} was a file`, `Give it: --const ${value.slice(0, value.indexOf('='))}=FILE.`),
        );
      args.set(name, [...words(args.get(name) ?? []), word]);
    }
  }
  return ok(Object.fromEntries(args));
};

const givenConstant = (recorded: string, constants: readonly string[]): string | undefined => {
  const cut = recorded.indexOf('=') + 1;
  if (!recorded.slice(cut).startsWith('sha256:')) return recorded;
  return constants.find((word) => word.startsWith(recorded.slice(0, cut)));
};
