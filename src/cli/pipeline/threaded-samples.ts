import { type Collector, chunkCount, newCollector, observeHere, type ObserveJob, type ObservedSamples } from '../../passes/index.ts';
import { runPool, type Threads, threadsFor } from '../workers/pool.ts';
import { DigestedSamples } from './digested-samples.ts';
import { type ObservationState, stateless } from './observation-state.ts';
import type { OpenSamples } from './sample-files.ts';

export interface ThreadedOptions {
  readonly threads: Threads;
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
  /** What earlier runs left. */
  readonly state?: ObservationState;
}

/** Samples of files that are observed on all cores, while this thread makes their digest. */
export class ThreadedSamples extends DigestedSamples implements ObservedSamples {
  private readonly options: ThreadedOptions;
  private spent = 0;

  constructor(source: OpenSamples, options: ThreadedOptions) {
    super(source);
    this.options = options;
  }

  /** Milliseconds that this thread waited for others. */
  get waitedMs(): number {
    return this.spent;
  }

  observe(job: ObserveJob): Collector {
    const { threads, now, state = stateless } = this.options;
    const { program, request, progress } = job;
    const saved = state.open(job, this);
    const collector = saved.collector ?? newCollector(job);
    const missing = Array.from({ length: chunkCount(this.count) }, (_, chunk) => chunk).filter((chunk) => !collector.has(chunk));
    const before = this.count - missing.length * (this.count / Math.max(1, chunkCount(this.count)));
    const count = threadsFor(program, { samples: this.count - before, chunks: missing.length, heldBytes: this.source.heldBytes }, threads);
    if (count > 1) {
      const started = now();
      runPool({ kind: 'observe', program, request, spec: this.source.spec }, missing, {
        threads,
        count,
        now,
        take: (_, observation) => {
          collector.add(observation);
          saved.keep(collector);
        },
        progress: (samples) => progress.step('calibrate', Math.floor(before) + samples, this.count, `${count} threads`),
        meanwhile: () => this.advance(),
      });
      this.spent += now() - started;
    }
    const whole = observeHere(job, collector, saved.keep);
    saved.finish(whole);
    return whole;
  }
}
