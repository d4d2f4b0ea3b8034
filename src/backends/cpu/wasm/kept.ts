import { join } from 'node:path';
import { paramTensors, placeOf, printProgram, type Program, tensorBytes } from '../../../ir/index.ts';
import { MrlError, sha256Hex } from '../../../support/index.ts';
import type { CompileOptions, Executable } from '../../backend.ts';
import { type Cache, sharedCache } from '../cache/cache.ts';
import { codeStamp } from '../cache/code-stamp.ts';
import { machineText } from '../../machine.ts';
import type { KeptPrograms } from '../kept.ts';
import { misfits } from '../port-tensors.ts';
import { createExecutable, type KeepResult } from './executable.ts';
import { type Kept, readKept, type ReadProgram, writeKept } from './kept-file.ts';
import { startWorkerThread } from './node-worker.ts';
import { compileModule } from './runtime/engine.ts';

const FILE = 'program.cxw';
/** Larger programs are compiled in a small part of the time that reading and checking their image takes. */
const MOST_IMAGE_BYTES = 2 ** 29;

/**
 * What a kept program depends on: the program with its names and places, the options, the compiler, and the engine and processor, on
 * which the ops that it uses have passed the self-test.
 */
export const keyOf = (program: Program, { threads = 1 }: CompileOptions): string => {
  const text = [machineText(), codeStamp(), `threads ${threads}`, printProgram(program, { form: 'readable' })].join('\n');
  const places = JSON.stringify(program.nodes.map((node, i) => placeOf(node, i)));
  return sha256Hex(text, places, ...[...paramTensors(program).values()].map((t) => sha256Hex(tensorBytes(t))));
};

/** Keeps a compiled program. Where that fails it is compiled again another time. */
export const keepProgram = (key: string, kept: Kept, cache: Cache = sharedCache()): KeepResult => {
  if (kept.image.length > MOST_IMAGE_BYTES) return { key: undefined, warnings: [] };
  const entry = cache.attempt(() => cache.make('programs', key, (folder) => writeKept(join(folder, FILE), kept)));
  return { key: entry === undefined ? undefined : key, warnings: cache.takeWarnings() };
};

/** A kept program in its memory; undefined when there is none, or none that is as it was written, of which the cache tells. */
const findKept = (key: string, cache: Cache): ReadProgram | undefined => {
  const entry = cache.find('programs', key);
  if (entry === undefined) return undefined;
  try {
    const read = readKept(join(entry.folder, FILE), entry.record);
    if (read === undefined || !('problem' in read)) return read;
    cache.drop('programs', key, read.problem);
  } catch (error) {
    cache.drop('programs', key, error instanceof Error ? error.message : String(error));
  }
  return undefined;
};

/** An executable that an earlier process kept under a key, without the compiler; undefined when there is none. */
export const openKept = (key: string, cache: Cache): Executable | undefined => {
  const kept = findKept(key, cache);
  if (kept === undefined) return undefined;
  const { info, memory } = kept;
  const compiled = compileModule(kept.module);
  // the compiler says what is wrong
  if ('refusal' in compiled) return undefined;
  return createExecutable({
    info,
    module: compiled.module,
    memory,
    check: (inputs) => {
      const problems = misfits(info.inputs, inputs);
      if (problems.length > 0) throw new MrlError(problems);
      return inputs;
    },
    keep: () => ({ key, warnings: [] }),
    startWorker: startWorkerThread,
  });
};

const hasSharedMemory = (): boolean => typeof SharedArrayBuffer !== 'undefined';

/** Without shared memory a program is compiled for one thread, and the compiler says so every time. */
const lacksThreads = ({ threads = 1 }: CompileOptions): boolean => threads > 1 && !hasSharedMemory();

/** An executable of a program that an earlier process kept. */
export const recallProgram = (program: Program, options: CompileOptions = {}, cache: Cache = sharedCache()): Executable | undefined =>
  lacksThreads(options) ? undefined : cache.attempt(() => openKept(keyOf(program, options), cache));

export const wasmKept: KeptPrograms = {
  circumstances: () => `${machineText()}${hasSharedMemory() ? '' : ' without shared memory'}`,
  open: (handle, options, cache) => (lacksThreads(options) ? undefined : openKept(handle, cache)),
};
