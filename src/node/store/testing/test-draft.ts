import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { decodePackage } from '../../../cvm-bytecode/index.ts';
import { type ByteSource, toHex } from '../../../support/index.ts';
import type { PackageDraft } from '../contract.ts';

/** Where a draft of a test has its bytes, and what came in. */
export interface TestDraft extends PackageDraft {
  readonly bytes: () => Uint8Array;
  /** Bytes that were written, counted each time. */
  readonly written: () => number;
}

/** Adds a range to ascending ranges that do not touch. */
const withRange = (ranges: readonly (readonly [number, number])[], from: number, to: number): readonly (readonly [number, number])[] => {
  const apart = ranges.filter(([a, b]) => b < from || a > to);
  const touched = ranges.filter(([a, b]) => b >= from && a <= to);
  const joined = [Math.min(from, ...touched.map(([a]) => a)), Math.max(to, ...touched.map(([, b]) => b))] as const;
  return [...apart, joined].sort(([a], [b]) => a - b);
};

interface Place {
  readonly write: (offset: number, bytes: Uint8Array) => void;
  readonly read: (offset: number, length: number) => Uint8Array;
  readonly close: () => void;
}

const draftAt = (place: Place, hash: Uint8Array, size: number): TestDraft => {
  let ranges: readonly (readonly [number, number])[] = [];
  let written = 0;
  const end = (from: number): number => ranges.find(([a, b]) => a <= from && from < b)?.[1] ?? from;
  return {
    hash,
    size,
    present: () => ranges,
    write: (offset, bytes) => {
      if (offset < 0 || offset + bytes.length > size) return Promise.reject(new RangeError(`[${offset}, +${bytes.length}) of ${size}`));
      place.write(offset, bytes);
      written += bytes.length;
      if (bytes.length > 0) ranges = withRange(ranges, offset, offset + bytes.length);
      return Promise.resolve();
    },
    read: (offset, length) => Promise.resolve(place.read(offset, Math.max(0, Math.min(length, end(offset) - offset)))),
    finish: () => {
      const decoded = decodePackage(place.read(0, size));
      if (!decoded.ok) return Promise.resolve(decoded.diagnostics[0]?.message ?? 'refused');
      return Promise.resolve(toHex(decoded.value.modelHash) === toHex(hash) ? undefined : 'another package');
    },
    close: () => Promise.resolve(place.close()),
    drop: () => {
      ranges = [];
      return Promise.resolve();
    },
    bytes: () => place.read(0, size),
    written: () => written,
  };
};

export const memoryDraft = (hash: Uint8Array, size: number): TestDraft => {
  const kept = new Uint8Array(size);
  return draftAt(
    { write: (offset, bytes) => kept.set(bytes, offset), read: (offset, length) => kept.slice(offset, offset + length), close: () => {} },
    hash,
    size,
  );
};

/** Bytes of an open file from a place on; fewer where it ends. */
const readAt = (handle: number, offset: number, bytes: Uint8Array): Uint8Array => {
  let done = 0;
  for (let n = -1; done < bytes.length && n !== 0; done += n) n = readSync(handle, bytes, done, bytes.length - done, offset + done);
  return bytes.subarray(0, done);
};

export const fileDraft = (path: string, hash: Uint8Array, size: number): TestDraft => {
  const handle = openSync(path, 'w+');
  const write = (offset: number, bytes: Uint8Array): void => {
    for (let done = 0; done < bytes.length; ) done += writeSync(handle, bytes, done, bytes.length - done, offset + done);
  };
  return draftAt(
    { write, read: (offset, length) => readAt(handle, offset, new Uint8Array(length)), close: () => closeSync(handle) },
    hash,
    size,
  );
};

/** A file as transports read it. */
export const fileSource = (path: string, size: number): ByteSource => {
  const handle = openSync(path, 'r');
  return {
    size,
    inMemory: false,
    read: (offset, length, room) => readAt(handle, offset, (room ?? new Uint8Array(length)).subarray(0, length)),
  };
};
