import type { Budgets } from '../../passes/index.ts';
import { type Diagnostic, fail, ok, type Result } from '../../support/index.ts';
import { optionsConflict, optionValue } from '../diagnostics.ts';

/** What the command line says about the budgets of --bits mixed. */
export interface BudgetArgs {
  readonly bits: string;
  readonly float: boolean;
  readonly 'share-weights'?: number | undefined;
  readonly pareto?: string | undefined;
  readonly state?: string | undefined;
  readonly 'max-drop'?: string | undefined;
  readonly 'max-size'?: string | undefined;
  readonly 'max-endorphin'?: string | undefined;
}

/** Half a percent of top-1, which a good 8-bit model keeps. */
const DEFAULT_DROP = 0.005;

const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
};

const NUMBER = /^([0-9]+(?:[.][0-9]+)?|[.][0-9]+)\s*([a-z%]*)$/i;

const parse = (text: string): { readonly value: number; readonly unit: string } | undefined => {
  const found = NUMBER.exec(text.trim());
  return found === null ? undefined : { value: Number(found[1]), unit: (found[2] ?? '').toLowerCase() };
};

/** `0.5%` and `0.5` are half a percent point: 0.005. */
const dropOf = (text: string): number | undefined => {
  const { value, unit } = parse(text) ?? {};
  return value === undefined || (unit !== '' && unit !== '%') || value > 100 ? undefined : value / 100;
};

/** `200KB`, `1.2MB`, `150 KiB`, plain bytes. A part of a byte does not count. */
const sizeOf = (text: string): number | undefined => {
  const { value = 0, unit } = parse(text) ?? {};
  const factor = unit === undefined ? undefined : UNITS[unit];
  const bytes = Math.floor(value * (factor ?? 0));
  return bytes >= 1 && Number.isSafeInteger(bytes) ? bytes : undefined;
};

const endorphinOf = (text: string): number | undefined => {
  const { value = 0, unit } = parse(text) ?? {};
  return unit === '' && Number.isSafeInteger(value) && value >= 1 ? value : undefined;
};

/** Every budget option with what reads it and what it takes, in words. */
const READERS = {
  'max-drop': { read: dropOf, takes: 'percent points of accuracy from 0 to 100, such as 0.5% or 0.5' },
  'max-size': { read: sizeOf, takes: 'a size of at least a byte, such as 200KB, 1.2MB, 150KiB or 200000' },
  'max-endorphin': { read: endorphinOf, takes: 'a whole number from 1' },
} as const;

/** The budgets; of other bits than mixed none may be given. Errors: CLI1003, CLI1005, all of them at once. */
export const readBudgets = (args: BudgetArgs): Result<Budgets> => {
  const problems: Diagnostic[] = [];
  const read = (name: keyof typeof READERS): number | undefined => {
    const text = args[name];
    if (text === undefined) return undefined;
    if (args.bits !== 'mixed')
      problems.push(optionsConflict(`--${name} is a budget of --bits mixed, but --bits is ${args.bits}`, 'Say --bits mixed.'));
    const value = READERS[name].read(text);
    if (value === undefined) problems.push(optionValue(name, `is ${JSON.stringify(text)} but takes ${READERS[name].takes}`));
    return value;
  };
  if (args.pareto !== undefined && args.bits !== 'mixed')
    problems.push(optionsConflict(`--pareto belongs to --bits mixed, but --bits is ${args.bits}`, 'Say --bits mixed.'));
  if (args.bits === 'mixed' && args.float)
    problems.push(optionsConflict('--float does not quantize, so --bits mixed has no bits to choose', 'Leave one of them out.'));
  if (args.bits === 'mixed' && args['share-weights'] !== undefined)
    problems.push(
      optionsConflict('--share-weights changes the model after --bits mixed has measured what it loses', 'Leave one of them out.'),
    );
  const budgets = { drop: read('max-drop') ?? DEFAULT_DROP, size: read('max-size'), endorphin: read('max-endorphin') };
  return problems.length > 0 ? fail(...problems) : ok(budgets);
};
