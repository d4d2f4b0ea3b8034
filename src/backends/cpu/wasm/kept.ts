import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { paramTensors, placeOf, printProgram, type Program, tensorBytes } from '../../../ir/index.ts';
import { MrlError, sha256Hex } from '../../../support/index.ts';
import type { CompileOptions, Executable } from '../../backend.ts';
import { type Cache, sharedCache } from '../cache/cache.ts';
import { codeStamp } from '../cache/code-stamp.ts';
import { machineText } from '../../machine.ts';
import type { KeptPrograms } from '../kept.ts';
import { misfits } from '../port-tensors.ts';
import { createExecutable, type KeepResult, memoryOf } from './executable.ts';
import { startWorkerThread } from './node-worker.ts';
import { compileModule } from './runtime/engine.ts';
import type { ProgramInfo } from './runtime/program-info.ts';

/** What is kept of a compiled program: all that it takes to run it without the compiler. */
export interface Kept {
  readonly info: ProgramInfo;
  readonly module: Uint8Array;
  /** The bytes that no run changes, as `info.image` places them. */
  readonly image: Uint8Array;
}

const FILE = 'program.cxw';
const MAGIC = 0x31575843;
/** Fixed part: magic "CXW1", bytes of the description (JSON), bytes of the module; u32, little-endian. The image is the rest. */
const HEAD_BYTES = 12;
/** Larger programs are compiled in a small part of the time that reading and checking their image takes. */
const MOST_IMAGE_BYTES = 2 ** 29;

export const encodeKept = ({ info, module, image }: Kept): Uint8Array => {
  const description = new TextEncoder().encode(JSON.stringify(info));
  const file = new Uint8Array(HEAD_BYTES + description.length + module.length + image.length);
  const head = new DataView(file.buffer);
  [MAGIC, description.length, module.length].forEach((v, i) => head.setUint32(4 * i, v, true));
  file.set(description, HEAD_BYTES);
  file.set(module, HEAD_BYTES + description.length);
  file.set(image, HEAD_BYTES + description.length + module.length);
  return file;
};

/** The parts of a file, as views of it; undefined when it is none of this version. */
export const decodeKept = (file: Uint8Array): Kept | undefined => {
  if (file.length < HEAD_BYTES) return undefined;
  const head = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const [magic, description, module] = [0, 4, 8].map((at) => head.getUint32(at, true));
  if (magic !== MAGIC || description === undefined || module === undefined || HEAD_BYTES + description + module > file.length)
    return undefined;
  const start = HEAD_BYTES + description;
  // the digest of the file is checked before, so this is what `encodeKept` wrote
  const info = JSON.parse(new TextDecoder().decode(file.subarray(HEAD_BYTES, start))) as ProgramInfo;
  const image = file.subarray(start + module);
  return image.length === info.image.bytes ? { info, module: file.subarray(start, start + module), image } : undefined;
};

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
  const file = encodeKept(kept);
  const entry = cache.attempt(() =>
    cache.make('programs', key, (folder) => {
      writeFileSync(join(folder, FILE), file, { mode: 0o600 });
      return sha256Hex(file);
    }),
  );
  return { key: entry === undefined ? undefined : key, warnings: cache.takeWarnings() };
};

/** The parts of a kept program; undefined when there is none, or none that is as it was written, of which the cache tells. */
export const findKept = (key: string, cache: Cache = sharedCache()): Kept | undefined => {
  const entry = cache.find('programs', key);
  if (entry === undefined) return undefined;
  try {
    const file = readFileSync(join(entry.folder, FILE));
    const kept = sha256Hex(file) === entry.record ? decodeKept(file) : undefined;
    if (kept !== undefined) return kept;
    cache.drop('programs', key, 'the program does not have its digest');
  } catch (error) {
    cache.drop('programs', key, error instanceof Error ? error.message : String(error));
  }
  return undefined;
};

/** An executable that an earlier process kept under a key, without the compiler; undefined when there is none. */
export const openKept = (key: string, cache: Cache): Executable | undefined => {
  const kept = findKept(key, cache);
  if (kept === undefined) return undefined;
  const { info } = kept;
  const memory = memoryOf(info);
  const compiled = compileModule(kept.module);
  // the compiler says what is wrong
  if (!memory.ok || 'refusal' in compiled) return undefined;
  new Uint8Array(memory.value.buffer).set(kept.image, info.image.address);
  return createExecutable({
    info,
    module: compiled.module,
    memory: memory.value,
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
