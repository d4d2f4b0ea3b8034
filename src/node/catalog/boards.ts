import type { PrefixedHexString } from '@ethereumjs/util';
import type { TestSetEntry } from './events.ts';

/** How a model did on a test set so far. */
export interface ScoreEntry {
  readonly model: PrefixedHexString;
  readonly correct: number;
  readonly counted: number;
  /** Place among those that were done, from 0; undefined: samples remain. */
  readonly done: number | undefined;
}

/** A test set and its results. */
export interface Board extends TestSetEntry {
  readonly scores: ReadonlyMap<PrefixedHexString, ScoreEntry>;
}

interface Kept extends TestSetEntry {
  readonly scores: Map<PrefixedHexString, ScoreEntry>;
  finished: number;
}

/** Test sets of the board of a chain. Each change gives what takes it back. */
export class Boards {
  private readonly sets = new Map<number, Kept>();

  get(set: number): Board | undefined {
    return this.sets.get(set);
  }
  all(): readonly Board[] {
    return [...this.sets.values()];
  }
  clear(): void {
    this.sets.clear();
  }

  submit({ set, submitter, images, labels, samples, disclosed, committed }: TestSetEntry): () => void {
    this.sets.set(set, { set, submitter, images, labels, samples, disclosed, committed, scores: new Map(), finished: 0 });
    return () => void this.sets.delete(set);
  }

  count({ set, model, correct, counted }: { readonly set: number } & Omit<ScoreEntry, 'done'>): () => void {
    const board = this.sets.get(set);
    if (board === undefined) return () => undefined;
    const before = board.scores.get(model);
    const { finished } = board;
    board.scores.set(model, { model, correct, counted, done: counted === board.samples ? board.finished++ : undefined });
    return () => {
      board.finished = finished;
      if (before === undefined) board.scores.delete(model);
      else board.scores.set(model, before);
    };
  }
}

/** Results on a whole test set, the most right answers first, the first of equals first: as the contract has it. */
export const ranking = ({ scores }: Board): readonly ScoreEntry[] =>
  [...scores.values()].filter((s) => s.done !== undefined).sort((a, b) => b.correct - a.correct || (a.done ?? 0) - (b.done ?? 0));
