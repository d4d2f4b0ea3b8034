import { bytesSource, sha256, toHex } from '../../support/index.ts';
import { checkPackage } from './check-package.ts';
import type { ManagedStore, PackageDraft } from './contract.ts';
import { StoreFull } from './disk.ts';
import { fullPolicy } from './policy.ts';
import { addRange, endOfRange, type Range, rangeBytes } from './ranges.ts';

interface Held {
  readonly hash: Uint8Array;
  readonly bytes: Uint8Array;
  pinned: boolean;
}

/** Bytes of a store in memory, when nothing else is said: larger packages want a folder. */
const MEMORY_BYTES = 2 ** 30;

/**
 * Keeps objects in memory: for tests, and for chains that end with their process.
 * @param onGone - told when a package is here no longer
 */
export const memoryObjects = (limitBytes = MEMORY_BYTES, onGone?: (hash: Uint8Array) => void): ManagedStore => {
  const packages = new Map<string, Held>();
  const inputs = new Map<string, Uint8Array>();
  /** Drafts, with their whole size. */
  const drafts = new Map<string, { readonly bytes: Uint8Array; ranges: readonly Range[]; open: boolean }>();
  const usedBytes = (): number =>
    [...packages.values(), ...drafts.values()].reduce((sum, { bytes }) => sum + bytes.length, 0) +
    [...inputs.values()].reduce((sum, { length }) => sum + length, 0);
  const problem = (size: number): string | undefined =>
    usedBytes() + size <= limitBytes
      ? undefined
      : `NOD0060 ${size} bytes do not fit: the store is in memory and holds ${usedBytes()} of at most ${limitBytes} bytes; a node with --objects FOLDER takes more`;
  const draftOf = (hash: Uint8Array, size: number): PackageDraft | string | undefined => {
    const name = toHex(hash);
    if (packages.has(name)) return undefined;
    if (!Number.isSafeInteger(size) || size <= 0) return `NOD0061 a package of ${size} bytes is none`;
    const there = drafts.get(name);
    if (there?.open === true) return 'NOD0063 somebody else is bringing this package: ask again later';
    if (there?.bytes.length !== size) {
      drafts.delete(name);
      const full = problem(size);
      if (full !== undefined) return full;
      drafts.set(name, { bytes: new Uint8Array(size), ranges: [], open: false });
    }
    const draft = drafts.get(name) ?? { bytes: new Uint8Array(size), ranges: [], open: true };
    draft.open = true;
    return {
      hash,
      size,
      present: () => draft.ranges,
      write: (offset, bytes) => {
        if (!Number.isSafeInteger(offset) || offset < 0 || offset + bytes.length > size)
          return Promise.reject(
            new RangeError(`bytes ${offset} to ${offset + bytes.length} are not within the ${size} bytes of the package`),
          );
        draft.bytes.set(bytes, offset);
        draft.ranges = addRange(draft.ranges, offset, offset + bytes.length);
        return Promise.resolve();
      },
      read: (offset, length) => Promise.resolve(draft.bytes.slice(offset, Math.min(offset + length, endOfRange(draft.ranges, offset)))),
      finish: () => {
        draft.open = false;
        const missing = size - rangeBytes(draft.ranges);
        if (missing > 0) return Promise.resolve(`NOD0061 ${missing} of ${size} bytes of the package are missing`);
        const checked = checkPackage(bytesSource(draft.bytes), hash);
        drafts.delete(name);
        if (typeof checked === 'string') return Promise.resolve(checked);
        packages.set(name, { hash: hash.slice(), bytes: draft.bytes, pinned: false });
        return Promise.resolve(undefined);
      },
      close: () => {
        draft.open = false;
        return Promise.resolve();
      },
      drop: () => Promise.resolve(void drafts.delete(name)),
    };
  };
  return {
    policy: fullPolicy,
    has: (hash) => Promise.resolve(packages.has(toHex(hash))),
    package: (hash) => {
      const held = packages.get(toHex(hash));
      return Promise.resolve(held === undefined ? undefined : bytesSource(held.bytes));
    },
    input: (hash) => Promise.resolve(inputs.get(toHex(hash))),
    putPackage: (bytes) => {
      const hash = checkPackage(bytesSource(bytes));
      if (typeof hash === 'string' || packages.has(toHex(hash))) return Promise.resolve(hash);
      const full = problem(bytes.length);
      if (full !== undefined) return Promise.resolve(full);
      packages.set(toHex(hash), { hash, bytes: bytes.slice(), pinned: false });
      return Promise.resolve(hash);
    },
    putInput: (bytes) => {
      const hash = sha256(bytes);
      const full = inputs.has(toHex(hash)) ? undefined : problem(bytes.length);
      if (full !== undefined) return Promise.reject(new StoreFull(full));
      inputs.set(toHex(hash), bytes.slice());
      return Promise.resolve(hash);
    },
    draft: (hash, size) => Promise.resolve(draftOf(hash, size)),
    packages: () =>
      Promise.resolve(
        [...packages].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, { hash, bytes, pinned }]) => ({ hash, size: bytes.length, pinned })),
      ),
    remove: (hash) => {
      const removed = packages.delete(toHex(hash));
      if (removed) onGone?.(hash);
      return Promise.resolve(removed);
    },
    pin: (hash, pinned) => {
      const held = packages.get(toHex(hash));
      if (held !== undefined) held.pinned = pinned;
      return Promise.resolve(held !== undefined);
    },
    // memory does not rot
    suspect: () => Promise.resolve(false),
    setReferences: () => undefined,
    collect: () => Promise.resolve([]),
    usage: () => ({ bytes: usedBytes(), limitBytes, packages: packages.size, inputs: inputs.size, drafts: drafts.size }),
    drafts: () => [...drafts].map(([hash, { bytes, open }]) => ({ hash, size: bytes.length, progress: 0, open })),
  };
};
