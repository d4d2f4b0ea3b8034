import type { Caller } from './caller.ts';
import { busy } from './rpc-error.ts';

export interface QueueLimits {
  /** Jobs that run at a time. */
  readonly active: number;
  /** Jobs that wait at most, of all. */
  readonly waiting: number;
  /** Jobs of one connection at most, running and waiting. */
  readonly perCaller: number;
}

interface Job {
  readonly start: () => void;
  readonly skip: () => void;
}

/**
 * Lets so many jobs run at a time. Connections take turns, so that one that asks for much waits behind its own requests, not others
 * behind it. What is above the limits is refused at once; what nobody waits for any more is left out.
 */
export class FairQueue {
  private readonly name: string;
  private readonly limits: QueueLimits;
  private readonly waiting = new Map<Caller, Job[]>();
  private readonly counts = new Map<Caller, number>();
  private active = 0;
  private queued = 0;

  constructor(name: string, limits: QueueLimits) {
    this.name = name;
    this.limits = limits;
  }

  /** Jobs that run, and that wait. */
  get load(): { readonly active: number; readonly waiting: number } {
    return { active: this.active, waiting: this.queued };
  }

  /** Runs a job when its turn comes. @throws {RpcError} busy: the queue is full */
  async run<T>(caller: Caller, work: () => Promise<T>): Promise<T> {
    const { active, waiting, perCaller } = this.limits;
    const own = this.counts.get(caller) ?? 0;
    if (own >= perCaller) throw busy(`${own} requests of this connection wait for ${this.name} already`);
    if (this.active >= active && this.queued >= waiting) throw busy(`${this.queued} requests wait for ${this.name} already`);
    this.counts.set(caller, own + 1);
    try {
      if (this.active < active) this.active++;
      else await this.turn(caller);
      try {
        return await work();
      } finally {
        this.next();
      }
    } finally {
      const left = (this.counts.get(caller) ?? 1) - 1;
      if (left === 0) this.counts.delete(caller);
      else this.counts.set(caller, left);
    }
  }

  private turn(caller: Caller): Promise<void> {
    this.queued++;
    return new Promise((start, fail) => {
      const jobs = this.waiting.get(caller);
      const job = { start, skip: () => fail(busy('the connection ended')) };
      if (jobs === undefined) this.waiting.set(caller, [job]);
      else jobs.push(job);
    });
  }

  /** Gives the place of a job that ended to the next connection. */
  private next(): void {
    for (const [caller, jobs] of this.waiting) {
      this.waiting.delete(caller);
      const gone = caller.gone();
      const started = gone ? jobs.splice(0) : jobs.splice(0, 1);
      this.queued -= started.length;
      // to the end of the row
      if (jobs.length > 0) this.waiting.set(caller, jobs);
      for (const job of started) (gone ? job.skip : job.start)();
      if (!gone) return;
    }
    this.active--;
  }
}
