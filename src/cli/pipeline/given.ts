import type { Program } from '../../ir/index.ts';
import {
  bringsScales,
  type Compile,
  firstSamples,
  type GivenUse,
  inRangeSamples,
  measureDifference,
  type QuantizedModel,
  type SourceDifference,
  valuesToCalibrate,
} from '../../passes/index.ts';
import { type Diagnostic, diagnostic, fail, ok, type Result } from '../../support/index.ts';
import { calibrationMissing } from '../diagnostics.ts';
import type { Json } from '../json.ts';
import { formatCount, formatPercent } from '../text.ts';
import { type Calibration, type CalibrationArgs, NO_SAMPLES } from './calibration.ts';
import type { QuantizerOptions } from './quantizer-options.ts';

/** Models that are quantized already: their scales are kept, and what then differs from the source runtime is told. */

/** The models keep their scales unless the options ask for other codes. */
const keepsScales = ({ bits, powerOfTwo }: QuantizerOptions): boolean => bits !== 16 && !powerOfTwo;

/** Values listed in a note, at most. */
const MOST_NAMES = 8;

/**
 * The calibration of a model that brings scales along, when the command line gives no samples: none, where it brings all.
 * Undefined when samples are given, or the model brings no scales. Error CLI1006: some values have none.
 */
export const withoutSamples = (args: CalibrationArgs, options: QuantizerOptions, prepared: Program): Result<Calibration> | undefined => {
  const given = args.calibration !== undefined || args['random-calibration'] !== undefined;
  if (given || !keepsScales(options) || !bringsScales(prepared)) return undefined;
  const names = valuesToCalibrate(prepared);
  if (names.length === 0) return ok(NO_SAMPLES);
  const missing = calibrationMissing();
  const more = names.length > MOST_NAMES ? ` and ${names.length - MOST_NAMES} more` : '';
  const note = `The model brings scales along, but not for ${names.slice(0, MOST_NAMES).join(', ')}${more}.`;
  return fail({ ...missing, notes: [note, ...missing.notes] });
};

/** Samples that the comparison runs, at most, and random ones when there are none. */
const COMPARED_SAMPLES = 64;
const RANDOM_SAMPLES = 16;

/** The comparison with the source program, for the summary. */
export interface GivenReport {
  readonly use: GivenUse;
  readonly difference: SourceDifference;
  /** Nothing was given to measure with. */
  readonly random: boolean;
}

/** Compares a model that kept its scales with the source program; undefined for other models. */
export const givenReport = (
  source: Program | undefined,
  model: QuantizedModel | undefined,
  calibration: Calibration | undefined,
  compile: Compile,
): GivenReport | undefined => {
  if (source === undefined || model?.given === undefined || calibration === undefined) return undefined;
  const random = calibration.random || calibration.samples.count === 0;
  const samples = random ? inRangeSamples(model, RANDOM_SAMPLES) : firstSamples(calibration.samples, COMPARED_SAMPLES);
  return { use: model.given, difference: measureDifference(source, model, samples, compile), random };
};

const keptValues = ({ activations, calibrated }: GivenUse): string =>
  calibrated > 0 ? `${formatCount(activations)} of ${formatCount(activations + calibrated)} values` : 'all values';

/** One note a model, and a warning for each layer whose integers could not stay as they are. */
export const givenDiagnostics = ({ use }: GivenReport): readonly Diagnostic[] => [
  diagnostic('QNT0005', `the model is quantized already: its scales are kept for ${keptValues(use)}`, {
    severity: 'note',
    notes: [
      'The integer program rounds once, half up; the source runtime divides in float. The summary says how far that goes.',
      ...(use.calibrated > 0 ? ['Values with 16-bit codes, or without codes, have the ranges that the samples gave.'] : []),
    ],
  }),
  ...use.layers.flatMap(({ layer, reason, clamped }): Diagnostic[] => {
    if (reason !== undefined)
      return [diagnostic('QNT0007', `the stored weights are quantized anew: ${reason}`, { severity: 'warning', where: layer })];
    if (clamped === 0) return [];
    const what = clamped === 1 ? '1 weight is' : `${formatCount(clamped)} weights are`;
    return [diagnostic('QNT0006', `${what} below -127 in the file, and -127 in the package`, { severity: 'warning', where: layer })];
  }),
];

const steps = (v: number): string => (v < 0.001 ? '0' : v.toFixed(v < 10 ? 3 : 1));

/** Two lines of the summary. */
export const givenFacts = ({ use, difference, random }: GivenReport): readonly (readonly [string, string])[] => {
  const kept = use.layers.filter((l) => l.reason === undefined).length;
  const values = `${formatCount(use.activations)} values${use.calibrated > 0 ? ` (${formatCount(use.calibrated)} more calibrated)` : ''}`;
  const compared = difference.outputs.map(({ name, maxSteps, meanSteps, sameArgmax }) => {
    const argmax = sameArgmax === undefined ? '' : `, argmax equal on ${formatPercent(sameArgmax)}`;
    return `${name} at most ${steps(maxSteps)} steps, mean ${steps(meanSteps)}${argmax}`;
  });
  return [
    ['own scales', `${values}, integer weights of ${kept} of ${use.layers.length} layers`],
    ['to the source', `${compared.join('; ')} (${difference.samples} ${random ? 'random ' : ''}samples)`],
  ];
};

export const givenJson = ({ use, difference, random }: GivenReport): Json => ({
  activations: use.activations,
  calibrated: use.calibrated,
  layers: use.layers.map(({ layer, reason, clamped }) => ({ layer, kept: reason === undefined, reason: reason ?? null, clamped })),
  difference: {
    samples: difference.samples,
    random,
    outputs: difference.outputs.map(({ name, maxSteps, meanSteps, sameArgmax }) => ({
      name,
      maxSteps,
      meanSteps,
      sameArgmax: sameArgmax ?? null,
    })),
  },
});
