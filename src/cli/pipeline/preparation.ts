import type { Preprocessing } from '../../cvm-bytecode/index.ts';
import { type Diagnostic, fail, ok, type Result } from '../../support/index.ts';
import { optionValue } from '../diagnostics.ts';
import type { PreparationOptions } from './samples.ts';

/** How the options of `preparationOptions` come out of the parser. */
export interface PreparationArgs {
  readonly mean?: string | undefined;
  readonly std?: string | undefined;
  readonly scale?: string | undefined;
  readonly layout?: string | undefined;
  readonly channels?: string | undefined;
  readonly resize?: number | undefined;
  readonly crop?: number | undefined;
}

/** A number, or a fraction such as 1/255. */
const readNumber = (text: string): number => {
  const match = /^([^/]+)(?:\/([^/]+))?$/.exec(text.trim());
  const [, top = '', bottom] = match ?? [];
  const value = top.trim() === '' ? Number.NaN : Number(top);
  return bottom === undefined ? value : value / Number(bottom);
};

const readNumbers = (option: string, text: string | undefined, problems: Diagnostic[]): readonly number[] | undefined => {
  if (text === undefined) return undefined;
  const values = text.split(',').map(readNumber);
  if (values.every(Number.isFinite) && (values.length === 1 || values.length === 3)) return values;
  problems.push(optionValue(option, `is ${text} but takes 1 or 3 numbers with commas between, such as 0.485,0.456,0.406`));
  return undefined;
};

const side = (option: string, value: number | undefined, problems: Diagnostic[]): number | undefined => {
  if (value === undefined || (Number.isInteger(value) && value >= 1 && value <= 65_535)) return value;
  problems.push(optionValue(option, `is ${value} but takes a whole number of pixels from 1 to 65535`));
  return undefined;
};

const defined = <T extends object>(o: { readonly [K in keyof T]: T[K] | undefined }): Partial<T> =>
  Object.fromEntries(Object.entries(o).filter(([, v]) => v !== undefined)) as Partial<T>;

/** What a package says about its pictures, in terms of the command line. */
export const preparationOf = (p: Preprocessing | undefined): PreparationOptions =>
  p === undefined
    ? {}
    : {
        mean: p.mean,
        std: p.std,
        scale: p.scale,
        layout: p.layout === 'NHWC' ? 'nhwc' : 'nchw',
        channels: p.channels === 'RGB' ? 'rgb' : p.channels === 'BGR' ? 'bgr' : 'gray',
        ...(p.resize === undefined ? {} : { resize: p.resize.height, ...(p.resize.crop === undefined ? {} : { crop: p.resize.crop }) }),
      };

/** Reads the picture options; `known` (from the package) holds where an option is not given. */
export const readPreparation = (args: PreparationArgs, known: PreparationOptions = {}): Result<PreparationOptions> => {
  const problems: Diagnostic[] = [];
  const scale = args.scale === undefined ? undefined : readNumber(args.scale);
  if (scale !== undefined && !Number.isFinite(scale))
    problems.push(optionValue('scale', `is ${args.scale} but takes a number or a fraction such as 1/255`));
  const given = defined<PreparationOptions>({
    mean: readNumbers('mean', args.mean, problems),
    std: readNumbers('std', args.std, problems),
    scale,
    layout: args.layout === 'nhwc' ? 'nhwc' : args.layout === 'nchw' ? 'nchw' : undefined,
    channels: (['rgb', 'bgr', 'gray'] as const).find((c) => c === args.channels),
    resize: side('resize', args.resize, problems),
    crop: side('crop', args.crop, problems),
  });
  return problems.length > 0 ? fail(...problems) : ok({ ...known, ...given });
};
