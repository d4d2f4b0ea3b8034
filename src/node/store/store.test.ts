import { existsSync, mkdtempSync, readdirSync, rmSync, truncateSync, writeFileSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { toHex } from '../../support/index.ts';
import type { PackageDraft } from './contract.ts';
import { folderObjects } from './folder.ts';
import { Journal } from './journal.ts';
import { memoryObjects } from './memory-store.ts';
import { lightPolicy } from './policy.ts';
import { addRange, endOfRange, gapsOf, type Range } from './ranges.ts';
import { writeAt } from './disk.ts';
import { type SyntheticPackage, syntheticPackage } from './testing/synthetic-package.ts';

const MIB = 2 ** 20;
const SMALL = syntheticPackage(MIB, 1);
const OTHER = syntheticPackage(2 * MIB, 2);

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cortexc-store-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const draftOf = (draft: PackageDraft | string | undefined): PackageDraft => {
  if (draft === undefined || typeof draft === 'string') throw new RangeError(draft ?? 'it is there');
  return draft;
};
const fill = async (draft: PackageDraft, { bytes }: SyntheticPackage, from = 0, to = bytes.length): Promise<void> => {
  for (let at = from; at < to; at += 2 ** 18) await draft.write(at, bytes.subarray(at, Math.min(to, at + 2 ** 18)));
};
const read = async (
  store: { readonly package: (hash: Uint8Array) => Promise<unknown> },
  { hash, bytes }: SyntheticPackage,
): Promise<boolean> => {
  const file = (await store.package(hash)) as { read: (offset: number, length: number) => Uint8Array; size: number } | undefined;
  return file !== undefined && Buffer.compare(file.read(0, file.size), bytes) === 0;
};

describe('ranges', () => {
  test('are joined as a set of bytes would be', () => {
    // every set of three ranges within eight bytes
    const all: Range[] = [];
    for (let a = 0; a < 8; a++) for (let b = a + 1; b <= 8; b++) all.push([a, b]);
    for (const x of all)
      for (const y of all)
        for (const z of all.slice(0, 36).filter((_, i) => i % 9 === 4)) {
          const bytes = Array.from({ length: 8 }, (_, i) => [x, y, z].some(([a, b]) => a <= i && i < b));
          const ranges = [x, y, z].reduce<readonly Range[]>((r, [a, b]) => addRange(r, a, b), []);
          const inside = (i: number): boolean => ranges.some(([a, b]) => a <= i && i < b);
          expect(bytes.map((_, i) => inside(i))).toEqual(bytes);
          for (let i = 1; i < ranges.length; i++) expect((ranges[i - 1]?.[1] ?? 0) < (ranges[i]?.[0] ?? 0)).toBe(true);
          const missing = bytes.filter((b) => !b).length;
          expect([...gapsOf(ranges, 8, 2)].reduce((sum, [a, b]) => sum + b - a, 0)).toBe(missing);
        }
    expect([endOfRange([[2, 4]], 3), endOfRange([[2, 4]], 4), endOfRange([], 7)]).toEqual([4, 4, 7]);
    expect([...gapsOf([[0, 2], [5, 6]], 9, 2)]).toEqual([[2, 4], [4, 5], [6, 8], [8, 9]]); // biome-ignore format: pairs
  });
});

describe.each(['folder', 'memory'] as const)('a store in a %s', (kind) => {
  const make = () => (kind === 'folder' ? folderObjects(folder) : memoryObjects());

  test('takes packages in parts, in any order, and gives them back', async () => {
    const store = make();
    const draft = draftOf(await store.draft(SMALL.hash, SMALL.bytes.length));
    expect(await store.draft(SMALL.hash, SMALL.bytes.length)).toContain('NOD0063');
    await fill(draft, SMALL, 2 ** 19);
    expect(draft.present()).toEqual([[2 ** 19, SMALL.bytes.length]]);
    expect((await draft.read(2 ** 19 + 5, 7)).length).toBe(7);
    expect((await draft.read(0, 7)).length).toBe(0);
    await draft.close();
    const again = draftOf(await store.draft(SMALL.hash, SMALL.bytes.length));
    expect(again.present()).toEqual([[2 ** 19, SMALL.bytes.length]]);
    await fill(again, SMALL, 0, 2 ** 19);
    expect(await again.finish()).toBeUndefined();
    expect(await read(store, SMALL)).toBe(true);
    expect(await store.draft(SMALL.hash, SMALL.bytes.length)).toBeUndefined();
    expect((await store.packages()).map((p) => [toHex(p.hash), p.size])).toEqual([[toHex(SMALL.hash), SMALL.bytes.length]]);
    expect([await store.remove(SMALL.hash), await store.remove(SMALL.hash), await store.has(SMALL.hash)]).toEqual([true, false, false]);
  });

  test('refuses what is not the package, what is not whole, and what is outside', async () => {
    const store = make();
    const draft = draftOf(await store.draft(SMALL.hash, SMALL.bytes.length));
    await expect(draft.write(SMALL.bytes.length - 1, new Uint8Array(2))).rejects.toThrow('not within');
    await expect(draft.write(-1, new Uint8Array(2))).rejects.toThrow('not within');
    await fill(draft, { hash: SMALL.hash, bytes: SMALL.bytes.with(500_000, (SMALL.bytes[500_000] ?? 0) ^ 1) });
    expect(await draft.finish()).toMatch(/^CVM\d+/);
    expect([store.usage().bytes, store.usage().drafts]).toEqual([0, 0]);
    const wrong = draftOf(await store.draft(OTHER.hash, SMALL.bytes.length));
    await fill(wrong, SMALL, 0, 1000);
    expect(await wrong.finish()).toContain('bytes of the package are missing');
    const same = draftOf(await store.draft(OTHER.hash, SMALL.bytes.length));
    await fill(same, SMALL);
    expect(await same.finish()).toContain('NOD0061');
    expect(await store.packages()).toEqual([]);
    expect(await store.draft(SMALL.hash, -5)).toContain('NOD0061');
  });
});

describe('a folder', () => {
  test('that is opened again has what it had, and nothing half written', async () => {
    const first = folderObjects(folder);
    expect(await first.putPackage(SMALL.bytes)).toEqual(SMALL.hash);
    const input = await first.putInput(Uint8Array.of(1, 2, 3));
    await first.pin(SMALL.hash, true);
    const draft = draftOf(await first.draft(OTHER.hash, OTHER.bytes.length));
    await fill(draft, OTHER, 0, MIB);
    await draft.close();
    writeFileSync(join(folder, 'drafts', '77.3.tmp'), 'half');
    writeFileSync(join(folder, 'drafts', `${'ab'.repeat(32)}.journal`), 'alone');
    const second = folderObjects(folder);
    expect(await read(second, SMALL)).toBe(true);
    expect(await second.packages()).toMatchObject([{ pinned: true }]);
    expect(await second.input(input)).toEqual(Uint8Array.of(1, 2, 3));
    expect(readdirSync(join(folder, 'drafts')).sort()).toEqual([`${toHex(OTHER.hash)}.journal`, `${toHex(OTHER.hash)}.part`]);
    const on = draftOf(await second.draft(OTHER.hash, OTHER.bytes.length));
    expect(on.present()).toEqual([[0, MIB]]);
    await fill(on, OTHER, MIB);
    expect(await on.finish()).toBeUndefined();
    expect(await read(second, OTHER)).toBe(true);
  });

  test('with a torn journal has the ranges before the tear', () => {
    const path = join(folder, 'j');
    const journal = new Journal(path, 100, writeAt);
    journal.add([[0, 10], [20, 30]]); // biome-ignore format: pairs
    journal.close();
    const bytes = readFileSync(path);
    for (const cut of [0, 23, 24, 47, 48, 71, 72]) {
      writeFileSync(path, bytes.subarray(0, cut));
      const again = new Journal(path, 100, writeAt);
      expect(again.ranges).toEqual([[0, 10], [20, 30]].slice(0, Math.max(0, Math.floor(cut / 24) - 1))); // biome-ignore format: pairs
      again.close();
    }
    writeFileSync(path, bytes.with(30, 99));
    expect(new Journal(path, 100, writeAt).ranges).toEqual([]);
    writeFileSync(path, bytes);
    expect(new Journal(path, 90, writeAt).ranges).toEqual([]);
  });

  test('sets aside what is damaged, and tells', async () => {
    const told: string[] = [];
    const store = folderObjects(folder, { onDamaged: (hash) => told.push(toHex(hash)) });
    await store.putPackage(SMALL.bytes);
    const input = await store.putInput(Uint8Array.of(9, 9));
    expect(await store.suspect(SMALL.hash)).toBe(false);
    writeFileSync(join(folder, `${toHex(SMALL.hash)}.cvm`), SMALL.bytes.with(700_000, (SMALL.bytes[700_000] ?? 0) ^ 64));
    writeFileSync(join(folder, `${toHex(input)}.input`), Uint8Array.of(9, 8));
    expect(await store.suspect(SMALL.hash)).toBe(true);
    expect(await store.package(SMALL.hash)).toBeUndefined();
    expect(await store.input(input)).toBeUndefined();
    expect(told).toEqual([toHex(SMALL.hash), toHex(input)]);
    expect(readdirSync(join(folder, 'set-aside')).length).toBe(2);
    expect(await store.putPackage(SMALL.bytes)).toEqual(SMALL.hash);
    truncateSync(join(folder, `${toHex(SMALL.hash)}.cvm`), 1000);
    expect(await store.suspect(SMALL.hash)).toBe(true);
    expect(await folderObjects(folder).has(SMALL.hash)).toBe(false);
  });

  test('on a disk that is full loses nothing, and goes on when there is room', async () => {
    let room = 700_000;
    const store = folderObjects(folder, {
      write: (handle, bytes, offset) => {
        if (room <= 0) throw Object.assign(new RangeError('no space left on device'), { code: 'ENOSPC' });
        const part = bytes.subarray(0, Math.min(bytes.length, room));
        room -= part.length;
        return writeAt(handle, part, offset);
      },
    });
    expect(await store.putPackage(SMALL.bytes)).toContain('NOD0060');
    expect(existsSync(join(folder, `${toHex(SMALL.hash)}.cvm`))).toBe(false);
    expect(readdirSync(join(folder, 'drafts'))).toEqual([]);
    await expect(store.putInput(Uint8Array.of(1))).rejects.toThrow('NOD0060');
    room = 700_000;
    const draft = draftOf(await store.draft(SMALL.hash, SMALL.bytes.length));
    await expect(fill(draft, SMALL)).rejects.toThrow('NOD0060');
    const have = draft.present();
    expect(have).toEqual([[0, 2 ** 19]]);
    room = Number.POSITIVE_INFINITY;
    await fill(draft, SMALL, 2 ** 19);
    expect(await draft.finish()).toBeUndefined();
    expect(await read(store, SMALL)).toBe(true);
  });

  test('has a limit; room is made by the policy, least recently used first, pinned never', async () => {
    let clock = 1_000_000;
    const three = syntheticPackage(MIB, 3);
    const options = { limitBytes: 4 * MIB + 100_000, now: () => clock };
    const full = folderObjects(folder, options);
    await full.putPackage(SMALL.bytes);
    await full.putPackage(OTHER.bytes);
    const four = syntheticPackage(2 * MIB, 4);
    clock += 10_000;
    // nobody said yet what the chain names
    expect(await full.putPackage(four.bytes)).toContain('NOD0060');
    full.setReferences((hash) => hash === toHex(SMALL.hash));
    expect(await full.putPackage(four.bytes)).toEqual(four.hash);
    expect([await full.has(SMALL.hash), await full.has(OTHER.hash)]).toEqual([true, false]);
    expect(await full.draft(OTHER.hash, 5 * MIB)).toContain('NOD0060');

    clock += 10_000;
    const light = folderObjects(folder, { ...options, policy: lightPolicy(1.5 * MIB) });
    light.setReferences(() => true);
    await light.package(SMALL.hash);
    clock += 10_000;
    expect(await light.putPackage(OTHER.bytes)).toEqual(OTHER.hash);
    expect([await light.has(SMALL.hash), await light.has(four.hash)]).toEqual([true, false]);
    await light.pin(SMALL.hash, true);
    clock += 100_000;
    await light.putPackage(three.bytes);
    clock += 100_000;
    expect((await light.collect()).map((g) => [g.hash, g.reason])).toEqual([[toHex(OTHER.hash), 'above the size limit']]);
    light.setReferences(() => false);
    expect((await light.collect()).map((g) => g.hash)).toEqual([toHex(three.hash)]);
    expect(await light.has(SMALL.hash)).toBe(true);
  });

  test('gives up drafts that nobody goes on with', async () => {
    let clock = 1_000_000;
    const store = folderObjects(folder, { now: () => clock });
    const draft = draftOf(await store.draft(SMALL.hash, SMALL.bytes.length));
    await fill(draft, SMALL, 0, 1000);
    clock += 10_000_000;
    expect(await store.collect()).toEqual([]);
    await draft.close();
    expect(await store.collect()).toMatchObject([{ what: 'draft', reason: 'no progress' }]);
    expect(readdirSync(join(folder, 'drafts'))).toEqual([]);
  });
});
