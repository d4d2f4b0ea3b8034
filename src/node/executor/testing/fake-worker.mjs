// Speaks the protocol of worker-main.ts for tests of the service: the first byte of the path of a package and of an input says what happens.
import { parentPort } from 'node:worker_threads';

const say = (answer) => (parentPort === null ? process.send(answer) : parentPort.postMessage(answer));
const wait = (ms) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
const die = () => (parentPort === null ? process.kill(process.pid, 'SIGSEGV') : process.exit(139));
const models = new Set();

/** [what, parameter, ...]: 0 echo, 1 die, 2 take so many ms, 3 trouble, 4 die while the file in the rest is there, removing it. */
const run = async ([what, parameter, ...rest]) => {
  if (what === 1) die();
  if (what === 2) wait(parameter);
  if (what === 3) return { trouble: 'the device says no' };
  if (what === 4) {
    const { existsSync, rmSync } = await import('node:fs');
    const path = new TextDecoder().decode(Uint8Array.from(rest));
    if (existsSync(path)) {
      rmSync(path);
      die();
    }
  }
  return { output: Uint8Array.of(what, parameter), ms: what === 2 ? parameter : 0.1 };
};

let last = Promise.resolve();
const hear = (request) => {
  last = last.then(async () => {
    if (request.kind === 'start') {
      if (request.start.backend === 'ends') process.exit(3);
      say(request.start.backend === 'none' ? { kind: 'useless', reason: 'there is no backend none' } : { kind: 'ready' });
    } else if (request.kind === 'load') {
      const [ms = 0, bytes = 10] = request.from.bytes ?? [];
      wait(ms);
      models.add(request.model);
      say({ kind: 'loaded', bytes, ms });
    } else if (request.kind === 'drop') models.delete(request.model);
    else {
      const results = [];
      for (const { input } of request.requests)
        results.push(models.has(request.model) ? await run(input) : { trouble: 'the model is not loaded' });
      say({ kind: 'ran', results });
    }
  });
};
if (parentPort === null) {
  process.on('message', hear);
  process.on('disconnect', () => process.exit());
} else parentPort.on('message', hear);
