import { formatPercent } from '../text.ts';
import type { AccuracyData } from './data.ts';

/** The normal quantile of 0.975. */
const Z = 1.959963984540054;

export interface Interval {
  readonly lo: number;
  readonly hi: number;
}

/**
 * The 95 % score interval of a share, of which `hits` of `samples` were seen: unlike p +- z sqrt(p q / n) it stays within 0 and 1
 * and says something at p = 1.
 * @see E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22 (1927)
 */
export const wilson = (hits: number, samples: number): Interval => {
  if (samples === 0) return { lo: 0, hi: 1 };
  const p = hits / samples;
  const z2 = (Z * Z) / samples;
  const centre = (p + z2 / 2) / (1 + z2);
  const half = (Z / (1 + z2)) * Math.sqrt((p * (1 - p)) / samples + z2 / (4 * samples));
  return { lo: hits === 0 ? 0 : centre - half, hi: hits === samples ? 1 : centre + half };
};

/**
 * What to check when the float program itself is not better than a guess; undefined when it is. Nothing that is said about the
 * integer program means anything then.
 */
export const chanceNote = ({ float, classCount = 0 }: Pick<AccuracyData, 'float' | 'classCount'>): string | undefined => {
  if (classCount < 2 || float.samples === 0) return undefined;
  const chance = 1 / classCount;
  if (wilson(Math.round(float.top1 * float.samples), float.samples).lo > chance) return undefined;
  return `float top-1 is no better than chance (${formatPercent(chance)}): check the labels and how the samples are prepared`;
};

/** A sample of which the integer program says another class than the float one. */
export interface Change {
  readonly sample: number;
  readonly label: number;
  readonly float: number;
  readonly integer: number;
}

/** How the first choices of two programs differ on the same samples. */
export interface Comparison {
  /** Share of samples with the same first choice. */
  readonly agreement: number;
  /** Right in float, wrong in integers. */
  readonly lost: number;
  /** Wrong in float, right in integers. */
  readonly gained: number;
  /** All samples that changed: what was lost first, then in the order of the samples. */
  readonly changes: readonly Change[];
}

export const compareChoices = ({ labels, float, integer }: AccuracyData): Comparison | undefined => {
  if (integer === undefined) return undefined;
  const changes: Change[] = labels.flatMap((label, sample) => {
    const [a, b] = [float.predictions[sample] ?? -1, integer.predictions[sample] ?? -1];
    return a === b ? [] : [{ sample, label, float: a, integer: b }];
  });
  const lost = changes.filter((c) => c.float === c.label);
  const others = changes.filter((c) => c.float !== c.label);
  return {
    agreement: labels.length === 0 ? 1 : 1 - changes.length / labels.length,
    lost: lost.length,
    gained: others.filter((c) => c.integer === c.label).length,
    changes: [...lost, ...others],
  };
};
