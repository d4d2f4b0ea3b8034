import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from '@jest/globals';
import { Cache, cacheFolder } from './cache.ts';

const top = mkdtempSync(join(tmpdir(), 'cortexc-cache-test-'));
/** Folders that took the place of others: they go with the process, which here is the test framework's. */
const replacements: string[] = [];
afterAll(() => {
  for (const path of [top, ...replacements]) rmSync(path, { recursive: true, force: true });
});
let count = 0;
let folder = '';
beforeEach(() => {
  folder = join(top, String(count++));
});

const codes = (cache: Cache): readonly string[] => {
  if (!cache.folder.startsWith(top)) replacements.push(cache.folder);
  return cache.takeWarnings().map((w) => `${w.severity} ${w.code}`);
};
const text = (path: string): string => readFileSync(path, 'utf8');
const put = (cache: Cache, key: string, content: string): string =>
  cache.make('objects', key, (draft) => {
    writeFileSync(join(draft, 'data'), content);
    return 'a record';
  }).folder;

describe('folder', () => {
  test('CORTEXC_CACHE, then XDG_CACHE_HOME, then HOME', () => {
    expect(cacheFolder({ env: { CORTEXC_CACHE: '/a/b', XDG_CACHE_HOME: '/x', HOME: '/h' } })).toBe('/a/b');
    expect(cacheFolder({ env: { XDG_CACHE_HOME: '/x', HOME: '/h' } })).toBe('/x/cortexc');
    expect(cacheFolder({ env: { XDG_CACHE_HOME: 'relative', HOME: '/h' } })).toBe('/h/.cache/cortexc');
    expect(cacheFolder({ folder: '/o', env: { CORTEXC_CACHE: '/a' } })).toBe('/o');
  });
  test('a file in its place, and one that others may write to, are replaced by a temporary folder with a warning', () => {
    writeFileSync(folder, 'a file');
    const blocked = new Cache({ folder: join(folder, 'below') });
    const entry = put(blocked, 'k', 'content');
    expect(codes(blocked)).toEqual(['warning NAT0007']);
    expect(text(join(entry, 'data'))).toBe('content');
    expect(blocked.find('objects', 'k')?.record).toBe('a record');

    const open = join(top, 'open');
    mkdirSync(join(open, 'v1'), { recursive: true });
    chmodSync(join(open, 'v1'), 0o777);
    const shared = new Cache({ folder: open });
    expect(put(shared, 'k', 'content').startsWith(open)).toBe(false);
    replacements.push(shared.folder);
    expect(shared.takeWarnings()[0]).toMatchObject({
      code: 'NAT0007',
      message: expect.stringContaining('v1 can be written to by others (mode 777)'),
    });
  });
  test.each([
    ['the cache folder itself, with entries', (base: string) => join(base, 'cache'), 0o777, true],
    ['the cache folder itself, for its group', (base: string) => join(base, 'cache'), 0o770, false],
    ['a folder above it', (base: string) => base, 0o777, false],
  ])('%s that others can write to is not used', (_, which, mode, filled) => {
    const base = join(top, `above-${count++}`);
    const cache = join(base, 'cache');
    mkdirSync(cache, { recursive: true });
    if (filled) put(new Cache({ folder: cache }), 'k', 'planted');
    chmodSync(which(base), mode);
    const distrusted = new Cache({ folder: cache });
    expect(distrusted.find('objects', 'k')).toBeUndefined();
    expect(put(distrusted, 'k', 'content').startsWith(base)).toBe(false);
    replacements.push(distrusted.folder);
    expect(distrusted.takeWarnings()).toMatchObject([
      {
        code: 'NAT0007',
        message: expect.stringContaining(`${which(base)} can be written to by`),
        notes: [expect.stringContaining('chmod go-w')],
      },
    ]);
  });
  test('a folder that the system has no place for', () => {
    const nowhere = new Cache({ folder: process.platform === 'linux' ? '/proc/cortexc/cache' : join(folder, 'x'.repeat(300)) });
    const entry = put(nowhere, 'k', 'content');
    expect(codes(nowhere)).toEqual(['warning NAT0007']);
    expect(text(join(entry, 'data'))).toBe('content');
    replacements.push(nowhere.folder);
  });

  test('a folder above it where only owners can replace their entries, such as /tmp, is no danger', () => {
    const base = join(top, `sticky-${count++}`);
    mkdirSync(join(base, 'cache'), { recursive: true, mode: 0o700 });
    chmodSync(base, 0o1777);
    const cache = new Cache({ folder: join(base, 'cache') });
    expect(put(cache, 'k', 'content').startsWith(base)).toBe(true);
    expect(codes(cache)).toEqual([]);
  });
  test('a link is followed: what lies above its target counts, too', () => {
    const base = join(top, `link-${count++}`);
    mkdirSync(join(base, 'open', 'cache'), { recursive: true, mode: 0o700 });
    chmodSync(join(base, 'open'), 0o777);
    symlinkSync(join(base, 'open', 'cache'), join(base, 'link'));
    const cache = new Cache({ folder: join(base, 'link') });
    expect(put(cache, 'k', 'content').startsWith(base)).toBe(false);
    expect(codes(cache)).toEqual(['warning NAT0007']);
  });
  test('a disk that fills up while an entry is written', () => {
    const cache = new Cache({ folder });
    let full = true;
    const entry = cache.make('objects', 'k', (draft) => {
      writeFileSync(join(draft, 'data'), 'content');
      if (full) {
        full = false;
        throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC', syscall: 'write' });
      }
      return 'a record';
    });
    expect(entry.folder.startsWith(folder)).toBe(false);
    expect(text(join(entry.folder, 'data'))).toBe('content');
    expect(codes(cache)).toEqual(['warning NAT0007']);
    expect(readdirSync(join(folder, 'v1', 'scratch'))).toEqual([]);
  });
  test('a disk that is full for an entry and for one that it needs', () => {
    const cache = new Cache({ folder });
    const entry = cache.make('programs', 'outer', (draft) => {
      const needed = cache.make('objects', 'inner', (inner) => {
        if (inner.startsWith(folder)) throw Object.assign(new Error('ENOSPC: full'), { code: 'ENOSPC', syscall: 'write' });
        return 'inner';
      });
      if (draft.startsWith(folder)) throw Object.assign(new Error('ENOSPC: full'), { code: 'ENOSPC', syscall: 'write' });
      return `outer and ${needed.record}`;
    });
    expect(entry.record).toBe('outer and inner');
    expect(codes(cache)).toEqual(['warning NAT0007']);
  });
});

describe('entries', () => {
  test('are found by other caches, and not under other keys', () => {
    put(new Cache({ folder }), 'k', 'content');
    const other = new Cache({ folder });
    expect(other.find('objects', 'k')?.record).toBe('a record');
    expect(other.find('objects', 'l')).toBeUndefined();
    expect(codes(other)).toEqual([]);
  });
  test('a record that was cut off or changed is dropped with a warning', () => {
    const cache = new Cache({ folder });
    for (const harm of [(path: string) => truncateSync(path, 20), (path: string) => appendFileSync(path, 'x')]) {
      harm(join(put(cache, 'k', 'content'), 'record'));
      expect(cache.find('objects', 'k')).toBeUndefined();
      expect(codes(cache)).toEqual(['warning NAT0008']);
    }
  });
  test('the process that comes second takes what the first made', () => {
    const [a, b] = [new Cache({ folder }), new Cache({ folder })];
    const entry = a.make('objects', 'k', (draft) => {
      put(b, 'k', 'of b');
      writeFileSync(join(draft, 'data'), 'of a');
      return 'of a';
    });
    expect(entry.record).toBe('a record');
    expect(text(join(entry.folder, 'data'))).toBe('of b');
    expect(codes(a)).toEqual([]);
  });
  test('names that were not used for months are forgotten', () => {
    const cache = new Cache({ folder });
    for (const name of ['old', 'new']) cache.remember(name, 'text');
    const long = new Date(Date.now() - 100 * 24 * 60 * 60 * 1000);
    utimesSync(join(cache.folder, 'names', 'old', 'record'), long, long);
    put(cache, 'k', 'content');
    expect([cache.recall('old'), cache.recall('new')]).toEqual([undefined, 'text']);
  });
  test('those unused for longest go when the limit is passed', () => {
    // each in a process of its own, which uses nothing else
    const cache = (): Cache => new Cache({ folder, limitBytes: 2500 });
    const there = (...keys: string[]): boolean[] => keys.map((key) => cache().find('objects', key) !== undefined);
    const age = (path: string, seconds: number): void => utimesSync(join(path, 'record'), new Date(0), new Date(1e12 + seconds * 1000));
    age(put(cache(), 'old', 'x'.repeat(1000)), 1);
    age(put(cache(), 'new', 'x'.repeat(1000)), 2);
    put(cache(), 'last', 'x'.repeat(1000));
    expect(there('old', 'new', 'last')).toEqual([false, true, true]);
    // one that is too big alone still serves
    put(cache(), 'big', 'x'.repeat(5000));
    expect(there('new', 'last', 'big')).toEqual([false, false, true]);
    // and does not push out what the same program needs beside it
    const one = cache();
    put(one, 'library', 'x'.repeat(10));
    put(one, 'parameters', 'x'.repeat(5000));
    expect(there('big', 'library', 'parameters')).toEqual([false, true, true]);
  });
});
