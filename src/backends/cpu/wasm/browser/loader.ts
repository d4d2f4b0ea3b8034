import { MOST_THREADS } from '../runtime/control.ts';
import { allocateMemory, instantiate, type Memory, type Module, sectionText } from '../runtime/engine.ts';
import { Session } from '../runtime/session.ts';
import type { LoadOptions, load as Load, Model, ModelWarning, Output, Port } from './api.ts';
import { checkDigest, compileFrom, manifestUrl, readExactly, request } from './files.ts';
import { type Filling, ID_SECTION, type Manifest, MANIFEST, parseManifest, type ProgramFile } from './manifest.ts';
import { ModelError } from './model-error.ts';
import { threadsForWork, threadsRefused, workersOf } from './platform.ts';
import { toTensors } from './tensors.ts';

export { ModelError };

type Tell = (warning: ModelWarning) => void;

/** How long `load` waits for threads; those that come later join in then. */
const THREADS_WAIT_MS = 3000;
const PAGE_BYTES = 65536;

/** A compiled module with memory of its size, empty. */
interface Opened {
  readonly program: ProgramFile;
  readonly module: Module;
  readonly allocate: () => Memory;
}

const memoryFor = ({ info }: ProgramFile): Memory => {
  const memory = allocateMemory(info.pages, info.shared);
  if (memory !== undefined) return memory;
  const kind = info.shared ? 'shared memory' : 'memory';
  throw new ModelError(
    'BKD0003',
    `this machine does not give ${info.pages * PAGE_BYTES} bytes of ${kind}`,
    'Close other pages and models.',
  );
};

/** @throws {ModelError} BKD0004, BKD0020, BKD0021 */
const open = async (program: ProgramFile, { id }: Manifest, base: URL, tell: Tell): Promise<Opened> => {
  const url = new URL(program.file, base);
  const module = await compileFrom(url, tell);
  const found = sectionText(module, ID_SECTION);
  if (found !== id) {
    const help = 'Copy the whole emitted folder and clear caches: files of two versions of it are mixed.';
    throw new ModelError('BKD0021', `${url.href} belongs to program ${found ?? 'without a name'}, but ${MANIFEST} describes ${id}`, help);
  }
  return { program, module, allocate: () => memoryFor(program) };
};

/** The program for as many threads as there can be. A shared one that cannot be had gives way to the one for a single thread. */
const openBest = async (manifest: Manifest, base: URL, threads: number, tell: Tell): Promise<Opened & { readonly memory: Memory }> => {
  const [alone, together] = manifest.programs;
  const refused = threads > 1 && together !== undefined ? threadsRefused(threads) : undefined;
  if (refused !== undefined) tell(refused);
  if (threads > 1 && together !== undefined && refused === undefined) {
    try {
      const opened = await open(together, manifest, base, tell);
      return { ...opened, memory: opened.allocate() };
    } catch (error) {
      if (!(error instanceof ModelError) || (error.code !== 'BKD0003' && error.code !== 'BKD0004')) throw error;
      tell({
        code: 'BKD0010',
        message: `${threads} threads are asked for, but ${error.problem}: the model runs on one, with the same bytes`,
        help: error.help,
      });
    }
  }
  const opened = await open(alone, manifest, base, tell);
  return { ...opened, memory: opened.allocate() };
};

const fill = (steps: readonly Filling[], module: Module, memory: Memory, weights: Uint8Array): void => {
  const exports = instantiate(module, memory);
  const all = new Uint8Array(memory.buffer);
  for (const { parts, call } of steps) {
    for (const [address, offset, bytes] of parts) all.set(weights.subarray(offset, offset + bytes), address);
    if (call !== undefined) exports.get(call)?.();
  }
};

const readWeights = async ({ weights }: Manifest, base: URL, { onProgress, verify = true }: LoadOptions): Promise<Uint8Array> => {
  const url = new URL(weights.file, base);
  const bytes = await readExactly(url, weights.bytes, onProgress ?? (() => undefined));
  if (verify) await checkDigest(url, bytes, weights.sha256);
  return bytes;
};

const portsOf = (ports: readonly Port[]): readonly Port[] => ports.map(({ name, dtype, shape }) => ({ name, dtype, shape }));

const createModel = ({ name }: Manifest, { program }: Opened, session: Session, told: readonly ModelWarning[]): Model => {
  const [inputs, outputs] = [portsOf(program.info.inputs), portsOf(program.info.outputs)];
  let closed = false;
  const check = (): void => {
    if (closed) throw new ModelError('BKD0023', `model ${name} is run after it was closed`, 'Load it again.');
  };
  return {
    name,
    inputs,
    outputs,
    get threads() {
      return session.threads;
    },
    get warnings() {
      return [...told, ...session.warnings];
    },
    run: (given) => {
      check();
      return session
        .run(toTensors(inputs, given))
        .map(({ dtype, shape, data }, i): Output => ({ name: outputs[i]?.name ?? '', dtype, shape, data }));
    },
    profile: (given) => {
      check();
      return session.profile(toTensors(inputs, given));
    },
    close: () => {
      closed = true;
      session.close();
    },
  };
};

const checkThreads = (threads: number): number => {
  if (Number.isInteger(threads) && threads >= 1 && threads <= MOST_THREADS) return threads;
  throw new ModelError('BKD0023', `threads is ${threads}`, `Give a whole number from 1 to ${MOST_THREADS}.`);
};

export const load: typeof Load = async (source, options = {}) => {
  const asked = options.threads === undefined ? undefined : checkThreads(options.threads);
  const base = await manifestUrl(source);
  const manifest = parseManifest(await (await request(base)).text(), base.href);
  const threads = asked ?? (await threadsForWork(manifest.work));
  const told: ModelWarning[] = [];
  const tell: Tell = (warning) => void told.push(warning);
  const [opened, weights, startWorker] = await Promise.all([
    openBest(manifest, base, threads, tell),
    readWeights(manifest, base, options),
    workersOf(),
  ]);
  const { program, module, memory, allocate } = opened;
  fill(program.fill, module, memory, weights);
  const info = { ...program.info, threads: Math.min(threads, program.info.threads) };
  const session = new Session({ info, module, memory, allocate, startWorker });
  await session.ready(THREADS_WAIT_MS);
  return createModel(manifest, opened, session, told);
};
