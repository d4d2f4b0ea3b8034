import type { LevelResult } from '../levels.ts';
import type { Fingerprint } from './fingerprint.ts';

const outcomeOf = (levels: readonly LevelResult[], level: number): LevelResult['outcome'] | undefined =>
  levels.find((l) => l.level === level)?.outcome;

/** Asks the field where rules and mappings leave the question open: normal forms that differ, or weights that fit no mapping that was tried. */
export const openToField = (levels: readonly LevelResult[], ask: () => Fingerprint): Fingerprint | undefined =>
  outcomeOf(levels, 2) !== 'proven' || outcomeOf(levels, 3) === 'undecided' ? ask() : undefined;

/** The levels with what the field says: it proves, and never refutes. */
export const withField = (levels: readonly LevelResult[], field: Fingerprint | undefined): readonly LevelResult[] => {
  if (field?.kind !== 'same') return levels;
  const text = `the same values over a finite field for ${field.trials} random inputs, weights as they are (chance of error below 2^-60)`;
  return levels.map((l) => ((l.level === 2 || l.level === 3) && l.outcome !== 'proven' ? { ...l, outcome: 'proven', text } : l));
};
