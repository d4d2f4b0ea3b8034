import type { CaseResult } from '../src/conformance/index.ts';

export interface Tally {
  cases: number;
  passed: number;
  refused: number;
  /** Cases that differ or fail, and how. */
  readonly problems: string[];
}

export const emptyTally = (): Tally => ({ cases: 0, passed: 0, refused: 0, problems: [] });

export const countCases = (tally: Tally, results: readonly CaseResult[]): void => {
  for (const { case: c, outcome } of results) {
    tally.cases++;
    if (outcome.status === 'passed') tally.passed++;
    else if (outcome.status === 'refused') tally.refused++;
    else tally.problems.push(`${c.id}: ${outcome.reason}`);
  }
};
