import { elementCount, type Program, type StaticType, typeOf } from '../../ir/index.ts';
import { at, type Diagnostic, invariant } from '../../support/index.ts';
import { addTally, finishTally, type Histogram, newTally, type Tally } from './histogram.ts';
import { axisSize, CHUNK, chunkCount, MAX_PROBLEMS, type Observation, type ObserveRequest } from './observation.ts';
import { type Patches, planPatches } from './patches.ts';

/** Everything that was asked for, over all samples. */
export interface Observed {
  /** By `sites`. */
  readonly histograms: readonly Histogram[];
  /** By `means`. */
  readonly means: readonly Float64Array[];
  /** By `maxima`. */
  readonly maxima: readonly Float64Array[];
  /** By `patches`. */
  readonly patches: readonly Patches[];
}

/** A collector at some point. Plain data. */
export interface CollectorState {
  readonly tallies: readonly Tally[];
  readonly broken: readonly (number | undefined)[];
  readonly maxima: readonly Float64Array[];
  readonly totals: readonly Float64Array[];
  readonly patches: readonly Float32Array[];
  /** Chunks before this one are in the totals. */
  readonly next: number;
  /** Sums of chunks beyond it. */
  readonly waiting: readonly (readonly [number, readonly Float64Array[]])[];
  readonly done: readonly number[];
}

/** Puts the observations of chunks together, in whatever order they come. */
export class Collector {
  /** By `sites`: the first sample with a NaN or an infinity. */
  readonly broken: (number | undefined)[];
  private readonly program: Program;
  private readonly request: ObserveRequest;
  private readonly samples: number;
  private readonly tallies: readonly Tally[];
  private readonly maxima: readonly Float64Array[];
  private readonly totals: readonly Float64Array[];
  private readonly patches: readonly Patches[];
  private readonly plans: readonly ReturnType<typeof planPatches>[];
  private readonly waiting = new Map<number, readonly Float64Array[]>();
  private readonly done = new Set<number>();
  private readonly problemsOf = new Map<number, readonly Diagnostic[]>();
  /** The first chunk whose sums are not in `totals` yet. */
  private next = 0;

  constructor(program: Program, request: ObserveRequest, samples: number) {
    this.program = program;
    this.request = request;
    this.samples = samples;
    this.tallies = request.sites.map(() => newTally(request.histograms));
    this.broken = request.sites.map(() => undefined);
    this.maxima = request.maxima.map((m) => new Float64Array(axisSize(program, m)));
    this.totals = request.means.map((m) => new Float64Array(axisSize(program, m)));
    this.plans = request.patches.map((p) => planPatches(program, p, samples));
    this.patches = this.plans.map((p) => {
      const rows = p.rowsBefore(samples);
      return { data: new Float32Array(rows * p.width), rows, width: p.width };
    });
  }

  /** Whether a chunk is in. */
  has(chunk: number): boolean {
    return this.done.has(chunk);
  }

  /** Samples that cannot be read or do not fit, in their order. */
  get problems(): readonly Diagnostic[] {
    return [...this.problemsOf]
      .sort(([a], [b]) => a - b)
      .flatMap(([, problems]) => problems)
      .slice(0, MAX_PROBLEMS);
  }

  /** Adds an observation, which is used up. */
  add(observation: Observation): void {
    const [first] = observation.chunks;
    if (observation.problems.length > 0 && first !== undefined) this.problemsOf.set(first.chunk, observation.problems);
    observation.tallies.forEach((t, i) => addTally(at(this.tallies, i), t));
    observation.broken.forEach((s, i) => {
      if (s !== undefined) this.broken[i] = Math.min(s, this.broken[i] ?? s);
    });
    observation.maxima.forEach((maxima, i) => {
      const own = at(this.maxima, i);
      maxima.forEach((m, k) => (own[k] = Math.max(own[k] ?? 0, m)));
    });
    for (const { chunk, sums, patches } of observation.chunks) {
      invariant(!this.done.has(chunk), `chunk ${chunk} is added once`);
      this.done.add(chunk);
      this.waiting.set(chunk, sums);
      if (observation.problems.length > 0) continue;
      patches.forEach((rows, i) => {
        const plan = at(this.plans, i);
        at(this.patches, i).data.set(rows, plan.rowsBefore(chunk * CHUNK) * plan.width);
      });
    }
    this.fold();
  }

  private fold(): void {
    for (;;) {
      const sums = this.waiting.get(this.next);
      if (sums === undefined) return;
      this.waiting.delete(this.next);
      this.next++;
      sums.forEach((values, i) => {
        const totals = at(this.totals, i);
        values.forEach((v, k) => (totals[k] = (totals[k] ?? 0) + v));
      });
    }
  }

  /** Everything that is known so far, to go on from later; undefined when a sample cannot be used. */
  state(): CollectorState | undefined {
    if (this.problemsOf.size > 0) return undefined;
    const { tallies, broken, maxima, totals, next, waiting, done } = this;
    return { tallies, broken, maxima, totals, patches: this.patches.map((p) => p.data), next, waiting: [...waiting], done: [...done] };
  }

  /**
   * Takes the place of a new collector's state; false, with nothing changed, when it is not a state of the same request. Whether it
   * is one of the same program and samples is for the caller to know.
   */
  resume(state: CollectorState): boolean {
    const chunks = chunkCount(this.samples);
    const fits = (own: readonly ArrayLike<number>[], other: readonly ArrayLike<number>[]): boolean =>
      own.length === other.length && own.every((a, i) => a.length === other[i]?.length);
    const binsOf = (tallies: readonly Tally[]): readonly ArrayLike<number>[] => tallies.map((t) => t.bins ?? []);
    const same =
      fits(binsOf(this.tallies), binsOf(state.tallies)) &&
      this.broken.length === state.broken.length &&
      fits(this.maxima, state.maxima) &&
      fits(this.totals, state.totals) &&
      fits(
        this.patches.map((p) => p.data),
        state.patches,
      ) &&
      state.waiting.every(([chunk, sums]) => chunk > state.next && fits(this.totals, sums)) &&
      new Set(state.done).size === state.next + state.waiting.length &&
      state.done.every((chunk) => chunk < state.next || state.waiting.some(([w]) => w === chunk)) &&
      state.done.length <= chunks;
    if (!same) return false;
    state.tallies.forEach((t, i) => addTally(at(this.tallies, i), t));
    state.broken.forEach((b, i) => (this.broken[i] = b));
    state.maxima.forEach((m, i) => at(this.maxima, i).set(m));
    state.totals.forEach((t, i) => at(this.totals, i).set(t));
    state.patches.forEach((p, i) => at(this.patches, i).data.set(p));
    this.next = state.next;
    for (const [chunk, sums] of state.waiting) this.waiting.set(chunk, sums);
    for (const chunk of state.done) this.done.add(chunk);
    return true;
  }

  /** The whole, when every chunk is in. */
  finish(): Observed {
    invariant(this.next === chunkCount(this.samples), `${this.next} of ${chunkCount(this.samples)} chunks are in`);
    const means = this.request.means.map(({ value, axis }, i) => {
      const type = typeOf(this.program, value) as StaticType;
      const each = elementCount(type.shape) / Math.max(1, type.shape[axis] ?? 1);
      return at(this.totals, i).map((sum) => sum / Math.max(1, each * this.samples));
    });
    return { histograms: this.tallies.map(finishTally), means, maxima: this.maxima, patches: this.patches };
  }
}
