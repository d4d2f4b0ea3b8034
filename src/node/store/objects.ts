import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { decodePackage } from '../../cvm-bytecode/index.ts';
import { bytesSource, sha256, toHex } from '../../support/index.ts';
import type { ObjectSource } from '../executor/engine.ts';

/** What a node keeps by the SHA-256 that names it on chain. */
export interface ObjectStore extends ObjectSource {
  /** Keeps a package under its model hash. @returns the hash, or why it is no package */
  readonly putPackage: (bytes: Uint8Array) => Promise<Uint8Array | string>;
  /** Keeps an input under the hash of its bytes. */
  readonly putInput: (bytes: Uint8Array) => Promise<Uint8Array>;
}

/** Where bytes are kept by name. */
interface Shelf {
  readonly read: (name: string) => Uint8Array | undefined;
  readonly write: (name: string, bytes: Uint8Array) => void;
  /** Puts aside what is damaged. */
  readonly drop: (name: string) => void;
}

/** The names of a package and of an input do not meet: one is the hash of a root, the other of all bytes. */
const packageName = (hash: Uint8Array): string => `${toHex(hash)}.cvm`;
const inputName = (hash: Uint8Array): string => `${toHex(hash)}.input`;

const objectsOn = (shelf: Shelf): ObjectStore => ({
  // the engine checks every block of a package when it makes it ready
  package: (hash) => {
    const bytes = shelf.read(packageName(hash));
    return Promise.resolve(bytes === undefined ? undefined : bytesSource(bytes));
  },
  input: (hash) => {
    const bytes = shelf.read(inputName(hash));
    if (bytes === undefined) return Promise.resolve(undefined);
    if (toHex(sha256(bytes)) === toHex(hash)) return Promise.resolve(bytes);
    shelf.drop(inputName(hash));
    return Promise.resolve(undefined);
  },
  putPackage: (bytes) => {
    const decoded = decodePackage(bytes);
    if (!decoded.ok) return Promise.resolve(decoded.diagnostics.map((d) => `${d.code} ${d.message}`).join('; '));
    const { modelHash } = decoded.value;
    shelf.write(packageName(modelHash), bytes);
    return Promise.resolve(modelHash);
  },
  putInput: (bytes) => {
    const hash = sha256(bytes);
    shelf.write(inputName(hash), bytes);
    return Promise.resolve(hash);
  },
});

/** Keeps objects in memory: for tests, and for chains that end with their process. */
export const memoryObjects = (): ObjectStore => {
  const kept = new Map<string, Uint8Array>();
  return objectsOn({
    read: (name) => kept.get(name),
    write: (name, bytes) => void kept.set(name, bytes.slice()),
    drop: (name) => void kept.delete(name),
  });
};

/** Keeps objects in a folder; a file is whole or not there, whenever the machine stops. */
export const folderObjects = (folder: string): ObjectStore => {
  mkdirSync(folder, { recursive: true });
  return objectsOn({
    read: (name) => {
      const path = join(folder, name);
      return existsSync(path) ? readFileSync(path) : undefined;
    },
    write: (name, bytes) => {
      const path = join(folder, name);
      const draft = `${path}.${process.pid}.draft`;
      const handle = openSync(draft, 'w');
      try {
        for (let done = 0; done < bytes.length; ) done += writeSync(handle, bytes, done);
        fsyncSync(handle);
      } finally {
        closeSync(handle);
      }
      renameSync(draft, path);
    },
    drop: (name) => rmSync(join(folder, name), { force: true }),
  });
};
