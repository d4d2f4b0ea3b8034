const LEVELS = [0, 1, 2, 3, 4] as const;
export type Level = (typeof LEVELS)[number];

export type Outcome = 'proven' | 'refuted' | 'undecided' | 'skipped';

/** What was found at one level of NUMERICS §6. */
export interface LevelResult {
  readonly level: Level;
  readonly outcome: Outcome;
  /** One sentence: why. */
  readonly text: string;
}
