import { bindDims, isSymbolic, type Program, type Shape, typeOf } from '../ir/index.ts';
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

export interface BindOptions {
  readonly sizes: ReadonlyMap<string, number>;
  /** Give the first axis of an input 1 when it is symbolic and has no size. */
  readonly assumeBatch: boolean;
}

/** The sizes of all symbols, those that were asked for and those that were assumed. */
export interface Chosen {
  readonly sizes: ReadonlyMap<string, number>;
  readonly assumed: readonly string[];
}

/**
 * Decides the size of every symbolic dimension of the inputs: as asked, else 1 for a batch axis; with `assumeBatch` off,
 * symbols without a size stay. Errors: CLI1003 for a symbol that no input has, IR0008 for one without a number.
 */
export const chooseSizes = (inputs: readonly Shape[], { sizes, assumeBatch }: BindOptions): Result<Chosen> => {
  const symbols = [...new Set(inputs.flat().filter(isSymbolic))];
  const unknown = [...sizes.keys()].filter((name) => !symbols.includes(name));
  if (unknown.length > 0) {
    const has = symbols.length === 0 ? 'Every dimension of the model is a number.' : `The symbols are ${symbols.join(', ')}.`;
    return fail(
      ...unknown.map((name) => {
        const near = closest(name, symbols);
        const notes = near === undefined ? [has] : [`Did you mean ${near}?`, has];
        return optionValue('bind', `names ${name}, which is no symbolic dimension of an input`, notes);
      }),
    );
  }
  if (!assumeBatch) return ok({ sizes, assumed: [] });
  const batch = new Set(inputs.map((s) => s[0]).filter((d) => d !== undefined && isSymbolic(d)));
  const open = symbols.filter((s) => !batch.has(s) && !sizes.has(s));
  if (open.length > 0) {
    const remedy = `Bind them: ${open.map((s) => `--bind ${s}=224`).join(' ')} (with the sizes you want).`;
    return fail(...open.map((s) => diagnostic('IR0008', `dimension ${s} of the inputs has no number`, { notes: [remedy] })));
  }
  const assumed = symbols.filter((s) => batch.has(s) && !sizes.has(s));
  return ok({ sizes: new Map([...assumed.map((s) => [s, 1] as const), ...sizes]), assumed });
};

/** Binds the symbols of a program; a note tells which batch axes were taken as 1. */
export const bindProgram = (
  program: Program,
  options: BindOptions,
): Result<{ readonly program: Program; readonly notes: readonly Diagnostic[] }> => {
  const chosen = chooseSizes(
    program.inputs.map((p) => typeOf(program, p.value).shape),
    options,
  );
  if (!chosen.ok) return chosen;
  if (chosen.value.sizes.size === 0) return ok({ program, notes: [] });
  const bound = bindDims(program, chosen.value.sizes);
  return bound.ok ? ok({ program: bound.value, notes: assumedNotes(chosen.value.assumed) }) : bound;
};

/** Tells which batch axes were taken as 1. */
export const assumedNotes = (assumed: readonly string[]): readonly Diagnostic[] =>
  assumed.map((symbol) =>
    diagnostic('IR0008', `${symbol} is taken as 1: it is a batch axis`, {
      severity: 'note',
      notes: [`For another size: --bind ${symbol}=8.`],
    }),
  );
