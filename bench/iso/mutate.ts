import type { Program } from '../../src/ir/index.ts';
import { type Comparison, comparePrograms, type Verdict, verdictOf } from '../../src/passes/index.ts';
import { DIFFERENT } from './different.ts';
import { Dice } from './edit.ts';
import { SAME } from './same.ts';

export interface Trial {
  readonly mutation: string;
  readonly seed: number;
  readonly wanted: Verdict;
  readonly got: Verdict;
  readonly comparison: Comparison;
}

/** One mutation of a model, compared with the model; undefined where the model has no place for it. */
export const tryMutation = (program: Program, mutation: string, seed: number): Trial | undefined => {
  const same = SAME[mutation];
  const mutated = (same ?? DIFFERENT[mutation])?.(program, new Dice(seed));
  if (mutated === undefined) return undefined;
  const comparison = comparePrograms(program, mutated);
  return { mutation, seed, wanted: same === undefined ? 'different' : 'isomorphic', got: verdictOf(comparison, 3), comparison };
};

export const MUTATIONS: readonly string[] = [...Object.keys(SAME), ...Object.keys(DIFFERENT)];
