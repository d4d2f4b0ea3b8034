import { numberText } from './html.ts';
import { formatCount, formatPercent } from '../text.ts';
import type { AccuracyData, LayerData, QualityData } from './data.ts';

/** Signal to noise: above the first nothing shows; below the second a layer deserves a look (its noise is 6 % of the signal). */
export const GOOD_DB = 30;
export const POOR_DB = 25;

export const decibelText = (db: number): string => (Number.isFinite(db) ? `${db.toFixed(1)} dB` : db > 0 ? 'exact' : 'no signal');

/** INT8, or which widths the weights have: `INT6` are 6-bit weights and 8-bit activations. */
export const profileOf = (layers: readonly Pick<LayerData, 'weightBits'>[]): string => {
  const widths = [...new Set(layers.flatMap((l) => (l.weightBits === undefined ? [] : [l.weightBits])))].sort((a, b) => a - b);
  return widths.length === 0 ? 'INT8' : widths.length === 1 ? `INT${widths.join('')}` : `INT${widths.join('/')} mixed`;
};

export const lowest = <T extends Pick<LayerData, 'decibels'>>(layers: readonly T[], count: number): readonly T[] =>
  layers
    .filter((l) => l.decibels < Number.POSITIVE_INFINITY)
    .toSorted((a, b) => a.decibels - b.decibels)
    .slice(0, count);

export interface Outcome {
  /** `INT8`, `float32`. */
  readonly profile: string;
  readonly accuracy: AccuracyData | undefined;
  readonly quality?: QualityData | undefined;
  readonly layers: readonly Pick<LayerData, 'layer' | 'decibels'>[];
  readonly random: boolean;
}

const qualityText = ({ name, unit, float, integer }: QualityData): string =>
  integer === undefined
    ? `${name} ${numberText(float)}${unit}`
    : `${name} ${numberText(integer)}${unit} (float ${numberText(float)}${unit})`;

const accuracyPart = ({ accuracy, quality, random }: Outcome): readonly string[] => {
  if (accuracy?.integer !== undefined)
    return [`top-1 ${formatPercent(accuracy.integer.top1)} (float ${formatPercent(accuracy.float.top1)})`];
  if (accuracy !== undefined) return [`top-1 ${formatPercent(accuracy.float.top1)}`];
  if (quality !== undefined) return [qualityText(quality)];
  return random ? ['random calibration, so accuracy says nothing'] : ['accuracy not measured'];
};

const layerPart = (layers: Outcome['layers']): readonly string[] => {
  const poor = layers.filter((l) => l.decibels < POOR_DB).length;
  const [worst] = lowest(layers, 1);
  if (worst === undefined) return [];
  if (poor > 0) return [`${formatCount(poor)} ${poor === 1 ? 'layer' : 'layers'} below ${POOR_DB} dB`];
  return [`every layer at ${decibelText(worst.decibels)} or more`];
};

/** The outcome in one line: `INT8: top-1 99.20 % (float 99.20 %), every layer at 36.3 dB or more`. */
export const verdictOf = (outcome: Outcome): string =>
  `${outcome.profile}: ${[...accuracyPart(outcome), ...layerPart(outcome.layers)].join(', ')}`;
