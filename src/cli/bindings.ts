import { bindDims, isSymbolic, type Program, typeOf } from '../ir/index.ts';
import { closest, type Diagnostic, diagnostic, fail, ok, type Result } from '../support/index.ts';
import { optionValue } from './diagnostics.ts';

const LARGEST = 2 ** 31 - 1;

/** Reads `--bind N=1 --bind H=224`, also `--bind N=1,H=224`. */
export const parseBindings = (words: readonly string[]): Result<ReadonlyMap<string, number>> => {
  const problems: Diagnostic[] = [];
  const sizes = new Map<string, number>();
  for (const word of words.flatMap((w) => w.split(','))) {
    const cut = word.lastIndexOf('=');
    const name = word.slice(0, cut);
    const size = word.slice(cut + 1);
    if (cut < 1 || !/^\d+$/.test(size) || Number(size) < 1 || Number(size) > LARGEST) {
      problems.push(optionValue('bind', `is ${word} but takes NAME=SIZE, such as N=1`));
    } else {
      sizes.set(name, Number(size));
    }
  }
  return problems.length > 0 ? fail(...problems) : ok(sizes);
};

/** A program with numbers for sizes, and what was chosen for the batch axis. */
export interface Bound {
  readonly program: Program;
  /** Symbols that got 1 because they are the first axis of an input and were not given. */
  readonly assumed: readonly string[];
}

/**
 * Gives every symbolic dimension a number: as asked, else 1 for a batch axis (the first axis of an input).
 * Errors: CLI1003 for a symbol that the model does not have, IR0008 for one that has no number.
 */
export const bindProgram = (program: Program, sizes: ReadonlyMap<string, number>): Result<Bound> => {
  const shapes = program.inputs.map((p) => typeOf(program, p.value).shape);
  const symbols = [...new Set(shapes.flat().filter(isSymbolic))];
  const unknown = [...sizes.keys()].filter((name) => !symbols.includes(name));
  if (unknown.length > 0) {
    return fail(
      ...unknown.map((name) => {
        const near = closest(name, symbols);
        const has = symbols.length === 0 ? 'Every dimension of the model is a number.' : `The symbols are ${symbols.join(', ')}.`;
        return optionValue(
          'bind',
          `names ${name}, which is no symbolic dimension of an input`,
          near === undefined ? [has] : [`Did you mean ${near}?`, has],
        );
      }),
    );
  }
  const batch = new Set(shapes.map((s) => s[0]).filter((d) => d !== undefined && isSymbolic(d)));
  const assumed = symbols.filter((s) => batch.has(s) && !sizes.has(s));
  const open = symbols.filter((s) => !batch.has(s) && !sizes.has(s));
  if (open.length > 0) {
    return fail(
      ...open.map((s) => diagnostic('IR0008', `dimension ${s} of the inputs has no number`, { notes: [`Bind it: --bind ${s}=224.`] })),
    );
  }
  if (symbols.length === 0) return ok({ program, assumed: [] });
  const bound = bindDims(program, new Map([...assumed.map((s) => [s, 1] as const), ...sizes]));
  return bound.ok ? ok({ program: bound.value, assumed }) : bound;
};
