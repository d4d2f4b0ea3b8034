import { parentPort } from 'node:worker_threads';
import { type Backend, loadBackend } from '../../backends/index.ts';
import { bytesSource, messageOf } from '../../support/index.ts';
import { withFile } from './file-source.ts';
import type { Answer, PackageAt, Ran, Request, WorkerStart } from './protocol.ts';
import { type PackedRequest, type ReadyModel, readyModel, runPacked, unreadable } from './ready-model.ts';

// A worker of the execution service, as a thread or as a process of its own (worker.ts): it has a backend and the models that it was told
// to load, and does one thing at a time.

const models = new Map<string, ReadyModel>();
let backend: Backend | undefined;
let threads = 1;

const start = async (given: WorkerStart): Promise<Answer> => {
  const loaded = await loadBackend(given.backend, { selfTest: given.selfTest });
  if (!loaded.ok) return { kind: 'useless', reason: loaded.diagnostics.map((d) => d.message).join('; ') };
  backend = loaded.value;
  ({ threads } = given);
  return { kind: 'ready' };
};

const drop = (model: string): void => {
  models.get(model)?.executable?.close?.();
  models.delete(model);
};

const loadFrom = (from: PackageAt, use: Backend): Promise<ReadyModel | string | undefined> =>
  'bytes' in from ? readyModel(bytesSource(from.bytes), use, threads) : withFile(from.path, (file) => readyModel(file, use, threads));

const load = async (model: string, from: PackageAt): Promise<Answer> => {
  if (backend === undefined) return { kind: 'unavailable', what: 'backend for package' };
  const started = performance.now();
  drop(model);
  try {
    const made = await loadFrom(from, backend);
    if (made === undefined) return { kind: 'unavailable', what: 'package that stays as it is while it is read' };
    if (typeof made === 'string') return { kind: 'unavailable', what: made };
    models.set(model, made);
    return { kind: 'loaded', bytes: made.bytes, ms: performance.now() - started };
  } catch (error) {
    return { kind: 'unavailable', what: unreadable(messageOf(error)) };
  }
};

const runOne = async (model: ReadyModel, request: PackedRequest): Promise<Ran> => {
  const started = performance.now();
  try {
    const output = await runPacked(model, request);
    const ms = performance.now() - started;
    return typeof output === 'string' ? { reason: output, ms } : { output, ms };
  } catch (error) {
    return { trouble: messageOf(error) };
  }
};

const run = async (name: string, requests: readonly PackedRequest[]): Promise<Answer> => {
  const model = models.get(name);
  const results: Ran[] = [];
  for (const request of requests) results.push(model === undefined ? { trouble: 'the model is not loaded' } : await runOne(model, request));
  return { kind: 'ran', results };
};

const answerTo = async (request: Request): Promise<Answer | undefined> => {
  switch (request.kind) {
    case 'start':
      return start(request.start);
    case 'load':
      return load(request.model, request.from);
    case 'run':
      return run(request.model, request.requests);
    case 'drop':
      drop(request.model);
      return undefined;
    default:
      return request satisfies never;
  }
};

const say = (answer: Answer): void => {
  if (parentPort !== null) parentPort.postMessage(answer);
  else process.send?.(answer);
};

/** In the order in which they came. */
let last: Promise<void> = Promise.resolve();
const hear = (message: unknown): void => {
  last = last.then(async () => {
    const answer = await answerTo(message as Request);
    if (answer !== undefined) say(answer);
  });
};

if (parentPort !== null) parentPort.on('message', hear);
else {
  process.on('message', hear);
  // nobody is left who could ask
  process.on('disconnect', () => process.exit());
  // a terminal sends its signals to all processes of a group: who started this one ends it
  process.on('SIGINT', () => undefined);
}
