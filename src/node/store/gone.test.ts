import { mkdtempSync, readdirSync, rmSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { bytesSource, toHex } from '../../support/index.ts';
import type { ManagedStore, Transport } from './contract.ts';
import { folderObjects } from './folder.ts';
import { memoryObjects } from './memory-store.ts';
import { Sharing } from './sharing.ts';
import { syntheticPackage } from './testing/synthetic-package.ts';

const DAY = 86_400;
const first = syntheticPackage(1000, 1);
const second = syntheticPackage(1000, 2);

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cortexc-gone-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A store whose packages are offered, as a node does. */
const shared = async (make: (onGone: (hash: Uint8Array) => void) => ManagedStore) => {
  const offered = new Set<string>();
  const transport: Transport = {
    name: 'test',
    offer: (hash) => Promise.resolve([[...offered.add(toHex(hash))].join()]),
    withdraw: (hash) => Promise.resolve(void offered.delete(toHex(hash))),
    fetch: () => Promise.reject(new Error('not here')),
    close: () => Promise.resolve(),
  };
  const sharing = new Sharing({ transports: [transport], tell: () => undefined });
  const gone: string[] = [];
  const store = make((hash) => {
    gone.push(toHex(hash));
    void sharing.withdraw(hash);
  });
  for (const { bytes, hash } of [first, second]) {
    await store.putPackage(bytes);
    await sharing.offer(hash, () => Promise.resolve(bytesSource(bytes)));
  }
  expect(offered.size).toBe(2);
  /** What others are offered when all that is under way is done. */
  const left = async (): Promise<readonly string[]> => {
    await sharing.withdraw(new Uint8Array(32));
    return [...offered];
  };
  return { store, gone, left };
};

test('what is removed is no longer offered, in memory and on disk', async () => {
  for (const make of [
    (onGone: (hash: Uint8Array) => void) => memoryObjects(undefined, onGone),
    (onGone: (hash: Uint8Array) => void) => folderObjects(folder, { onGone }),
  ]) {
    const { store, gone, left } = await shared(make);
    expect(await store.remove(first.hash)).toBe(true);
    expect(await store.remove(first.hash)).toBe(false);
    expect(await left()).toEqual([toHex(second.hash)]);
    expect(gone).toEqual([toHex(first.hash)]);
  }
});

test('what is collected is no longer offered', async () => {
  let now = 0;
  const { store, left } = await shared((onGone) => folderObjects(folder, { onGone, now: () => now }));
  store.setReferences((hash) => hash === toHex(second.hash));
  now = 2 * DAY;
  expect((await store.collect()).map((given) => given.hash)).toEqual([toHex(first.hash)]);
  expect(await left()).toEqual([toHex(second.hash)]);
});

test('what is damaged or was taken away is no longer offered', async () => {
  const { store, left, gone } = await shared((onGone) => folderObjects(folder, { onGone }));
  truncateSync(join(folder, `${toHex(first.hash)}.cvm`), 10);
  expect(await store.suspect(first.hash)).toBe(true);
  expect(await left()).toEqual([toHex(second.hash)]);
  rmSync(join(folder, `${toHex(second.hash)}.cvm`));
  expect(await store.package(second.hash)).toBeUndefined();
  expect(await left()).toEqual([]);
  expect(gone).toEqual([toHex(first.hash), toHex(second.hash)]);
  expect(readdirSync(join(folder, 'set-aside'))).not.toHaveLength(0);
});
