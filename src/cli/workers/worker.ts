import { workerData } from 'node:worker_threads';
import { at, MrlError } from '../../support/index.ts';
import { fastestCompile } from '../pipeline/build.ts';
import { type Message, SHARED, type WorkerStart } from './protocol.ts';
import { prepareTask } from './work.ts';

// One thread of a pool (pool.ts): takes chunks until none is left. Nobody runs its event loop on the other side, so
// everything that happens is told by a message and a count in shared memory.

const main = async ({ task, chunks, shared, port }: WorkerStart): Promise<void> => {
  const say = (message: Message): void => {
    port.postMessage(message);
    Atomics.add(shared, SHARED.events, 1);
    Atomics.notify(shared, SHARED.events);
  };
  try {
    const work = prepareTask(task, await fastestCompile());
    say({ kind: 'ready' });
    for (;;) {
      const place = Atomics.add(shared, SHARED.next, 1);
      if (place >= chunks.length || Atomics.load(shared, SHARED.stop) === 1) return;
      const chunk = at(chunks, place);
      const result = work(chunk, () => {
        Atomics.add(shared, SHARED.samples, 1);
        Atomics.add(shared, SHARED.events, 1);
        Atomics.notify(shared, SHARED.events);
      });
      say({ kind: 'chunk', chunk, result });
    }
  } catch (error) {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    say({ kind: 'failed', diagnostics: error instanceof MrlError ? error.diagnostics : undefined, text });
  }
};

await main(workerData as WorkerStart);
