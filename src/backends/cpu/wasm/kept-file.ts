import { closeSync, fstatSync, openSync, readSync, writeFileSync } from 'node:fs';
import { Sha256, sha256Hex } from '../../../support/index.ts';
import { memoryOf } from './executable.ts';
import type { Memory } from './runtime/engine.ts';
import type { ProgramInfo } from './runtime/program-info.ts';

/** What is kept of a compiled program: all that it takes to run it without the compiler. */
export interface Kept {
  readonly info: ProgramInfo;
  readonly module: Uint8Array;
  /** The bytes that no run changes, as `info.image` places them. */
  readonly image: Uint8Array;
}

/** Of the file's two parts: the image is read where it is used, so that it is checked by itself. */
interface Digests {
  /** Of fixed part, description and module. */
  readonly program: string;
  readonly image: string;
}

const MAGIC = 0x32575843;
/** Fixed part: magic "CXW2", bytes of the description (JSON), bytes of the module; u32, little-endian. The image is the rest. */
const HEAD_BYTES = 12;
/** A part that stays in the processor's caches while it is hashed. */
const CHUNK_BYTES = 2 ** 17;

/** Writes a file. @returns its digests, for `readKept` */
export const writeKept = (path: string, { info, module, image }: Kept): string => {
  const description = new TextEncoder().encode(JSON.stringify(info));
  const program = new Uint8Array(HEAD_BYTES + description.length + module.length);
  const head = new DataView(program.buffer);
  [MAGIC, description.length, module.length].forEach((v, i) => head.setUint32(4 * i, v, true));
  program.set(description, HEAD_BYTES);
  program.set(module, HEAD_BYTES + description.length);
  writeFileSync(path, program, { mode: 0o600 });
  writeFileSync(path, image, { flag: 'a' });
  const digests: Digests = { program: sha256Hex(program), image: sha256Hex(image) };
  return JSON.stringify(digests);
};

/** Reads into all of `to`, if the file goes on so long, and tells the hash. */
const readInto = (file: number, to: Uint8Array, hash: Sha256): boolean => {
  for (let done = 0; done < to.length; ) {
    const got = readSync(file, to, done, Math.min(CHUNK_BYTES, to.length - done), null);
    if (got === 0) return false;
    hash.update(to.subarray(done, done + got));
    done += got;
  }
  return true;
};

/** A program whose image is in its memory. */
export interface ReadProgram {
  readonly info: ProgramInfo;
  readonly module: Uint8Array;
  readonly memory: Memory;
}

const ALTERED = { problem: 'the program does not have its digest' } as const;

const readOpened = (file: number, digests: Digests): ReadProgram | { readonly problem: string } | undefined => {
  const { size } = fstatSync(file);
  const fixed = new Uint8Array(HEAD_BYTES);
  const hash = new Sha256();
  if (!readInto(file, fixed, hash)) return ALTERED;
  const [magic, description = 0, module = 0] = new Uint32Array(fixed.buffer);
  if (magic !== MAGIC || HEAD_BYTES + description + module > size) return ALTERED;
  const rest = new Uint8Array(description + module);
  if (!readInto(file, rest, hash) || hash.finish() !== digests.program) return ALTERED;
  // its digest is right, so this is what `writeKept` wrote
  const info = JSON.parse(new TextDecoder().decode(rest.subarray(0, description))) as ProgramInfo;
  if (size !== HEAD_BYTES + rest.length + info.image.bytes) return ALTERED;
  const memory = memoryOf(info);
  if (!memory.ok) return undefined;
  const imageHash = new Sha256();
  const image = new Uint8Array(memory.value.buffer, info.image.address, info.image.bytes);
  if (!readInto(file, image, imageHash) || imageHash.finish() !== digests.image) return ALTERED;
  return { info, module: rest.subarray(description), memory: memory.value };
};

/**
 * Reads a file, its image at once into the memory that it runs in. What is wrong with the file is told; undefined when this machine does
 * not give the memory.
 * @param record - what `writeKept` gave
 * @throws errors of the file system
 */
export const readKept = (path: string, record: string): ReadProgram | { readonly problem: string } | undefined => {
  const file = openSync(path, 'r');
  try {
    return readOpened(file, JSON.parse(record) as Digests);
  } finally {
    closeSync(file);
  }
};
