import { setTimeout as after } from 'node:timers/promises';
import { Queue } from '../evm/queue.ts';

/** Requests above this are read by the parser of JSON one at a time. */
const LARGE_BYTES = 2 ** 18;
/** Of the time, what is left to others after each of them: a quarter is for large requests. */
const REST = 3;

/** Keeps large requests, which hold the event loop while they are parsed, to a part of the time. */
export class Duty {
  private readonly queue = new Queue();

  /** @param work - what holds the event loop, at once; what it promises is not waited for */
  async run<T>(bytes: number, work: () => Promise<T>): Promise<T> {
    if (bytes <= LARGE_BYTES) return work();
    const { result } = await this.queue.run(async () => {
      const started = performance.now();
      const begun = work();
      const took = performance.now() - started;
      await after(REST * took);
      return { result: begun };
    });
    return result;
  }
}
