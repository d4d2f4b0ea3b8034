/** What this node has seen of a model; nothing of the chain follows from it. */
export interface ModelStats {
  runs: number;
  /** Milliseconds of the last run and of the last load; undefined before. */
  runMs: number | undefined;
  loadMs: number | undefined;
  /** Bytes that it holds; undefined before its first load. */
  bytes: number | undefined;
  /** Workers that ended while they worked on it, since it last worked. */
  crashes: number;
  /** When the last of them did, in milliseconds of a clock that never goes back. */
  crashedAt: number;
}

/** Models that are remembered: those that were asked for longest ago are forgotten. */
const MOST = 4096;

/** Figures of models by their hash. */
export class StatsOfModels {
  private readonly models = new Map<string, ModelStats>();

  of(model: string): ModelStats {
    const have = this.models.get(model);
    if (have !== undefined) {
      this.models.delete(model);
      this.models.set(model, have);
      return have;
    }
    if (this.models.size >= MOST) for (const oldest of this.models.keys()) if (this.models.delete(oldest)) break;
    const fresh: ModelStats = { runs: 0, runMs: undefined, loadMs: undefined, bytes: undefined, crashes: 0, crashedAt: 0 };
    this.models.set(model, fresh);
    return fresh;
  }

  /** Runs by model, most first; of equal ones the one whose hash is smaller. */
  runs(): readonly (readonly [model: string, runs: number])[] {
    const all = [...this.models].filter(([, s]) => s.runs > 0).map(([model, s]) => [model, s.runs] as const);
    return all.sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
  }

  add(model: string, runs: number): void {
    this.of(model).runs += runs;
  }
}
