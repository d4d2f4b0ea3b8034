import { compareCodeUnits, diagnostic, fail, ok, type Result } from '../../../support/index.ts';

/** Prices by name, as lines `name (endorphin: 24)` in the order of the names. */
export type Prices = ReadonlyMap<string, number>;

const LINE = /^(.+) \(endorphin: ([1-9][0-9]*)\)$/;

export const snapshotText = (prices: Prices): string =>
  [...prices].sort(([a], [b]) => compareCodeUnits(a, b)).map(([name, price]) => `${name} (endorphin: ${price})\n`).join(''); // biome-ignore format: short

/** Reads the prices of a file. Errors: CLI2016 with every line that is none. */
export const readSnapshot = (text: string, file: string): Result<Prices> => {
  const prices = new Map<string, number>();
  const problems = text.split('\n').flatMap((line, i) => {
    if (line.trim() === '') return [];
    const [, name, price] = LINE.exec(line) ?? [];
    const where = `${file}:${i + 1}`;
    if (name === undefined || !Number.isSafeInteger(Number(price)))
      return [diagnostic('CLI2016', 'the line is no price: NAME (endorphin: NUMBER)', { where })];
    if (prices.has(name)) return [diagnostic('CLI2016', `${name} stands there twice`, { where })];
    prices.set(name, Number(price));
    return [];
  });
  return problems.length > 0 ? fail(...problems) : ok(prices);
};

export interface Difference {
  readonly name: string;
  /** Undefined: the file lacks it. */
  readonly before: number | undefined;
  /** Undefined: it is not among the models. */
  readonly now: number | undefined;
  /** By how much it differs, of what it was; undefined where one is missing. */
  readonly percent: number | undefined;
}

/** What differs by more than so many percent; a price without its counterpart always does. */
export const differences = (before: Prices, now: Prices, tolerance: number): readonly Difference[] =>
  [...new Set([...before.keys(), ...now.keys()])].sort(compareCodeUnits).flatMap((name) => {
    const [was, is] = [before.get(name), now.get(name)];
    const percent = was === undefined || is === undefined ? undefined : ((is - was) * 100) / was;
    return percent !== undefined && Math.abs(percent) <= tolerance ? [] : [{ name, before: was, now: is, percent }];
  });
