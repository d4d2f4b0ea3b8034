import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from '@jest/globals';
import { unwrap } from '../../../support/index.ts';
import { Cache, cacheFolder } from './cache.ts';
import { storeParameters } from './cache-parameters.ts';
import { openLibrary } from './host.ts';
import { buildLibrary, preparedName, recallPrepared, rememberPrepared } from './library.ts';
import { openPrepared } from './library-prepared.ts';
import { handInput, handOutputs, handParameters, handSources, PARAMETER_BYTES, sameBytes } from './testing/hand-program.ts';

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
    expect(cacheFolder({ env: { XDG_CACHE_HOME: '/x', HOME: '/h' } })).toBe('/x/cortexc/native');
    expect(cacheFolder({ env: { XDG_CACHE_HOME: 'relative', HOME: '/h' } })).toBe('/h/.cache/cortexc/native');
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
    expect(shared.takeWarnings()[0]).toMatchObject({ code: 'NAT0007', message: expect.stringContaining('others can write') });
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

describe('libraries and parameter files', () => {
  const runs = (library: string, parameters: string): boolean => {
    const native = unwrap(openLibrary(library, parameters));
    const right = sameBytes(native.run([handInput(7)]), handOutputs(handInput(7)));
    native.close();
    return right;
  };
  test('a library is compiled once; one that was changed or cut off is compiled again', () => {
    const cache = new Cache({ folder });
    const parameters = unwrap(storeParameters(cache, handParameters(), PARAMETER_BYTES)).path;
    const build = (): string => unwrap(buildLibrary(handSources(), { cache })).path;
    const path = build();
    const before = readFileSync(path);
    expect(build()).toBe(path);
    expect(codes(cache)).toEqual([]);
    for (const harm of [() => truncateSync(path, 100), () => appendFileSync(path, 'x'), () => rmSync(path)]) {
      harm();
      expect(build()).toBe(path);
      expect(codes(cache)).toEqual(['warning NAT0008']);
      expect(readFileSync(path).equals(before)).toBe(true);
    }
    expect(runs(path, parameters)).toBe(true);
  });
  test('other code, another level and other flags are other libraries', () => {
    const cache = new Cache({ folder });
    const key = (options: Parameters<typeof handSources>[0], level?: string): string =>
      unwrap(buildLibrary(handSources(options), { cache, level })).key;
    expect(new Set([key({}), key({ maxThreads: 3 }), key({}, 'portable')]).size).toBe(3);
  });
  test('a parameter file is written once; a changed one is written again, a touched one only read', () => {
    const cache = new Cache({ folder });
    let asked = 0;
    const counted = handParameters().map((p) => ({ ...p, chunks: () => (asked++, p.chunks()) }));
    const store = (): string => unwrap(storeParameters(cache, counted, PARAMETER_BYTES)).path;
    const path = store();
    store();
    utimesSync(path, new Date(0), new Date(0));
    expect(store()).toBe(path);
    expect([asked, codes(cache)]).toEqual([3, []]);
    const bytes = readFileSync(path);
    expect(bytes.length).toBe(PARAMETER_BYTES);
    bytes[5] = (bytes[5] ?? 0) ^ 1;
    writeFileSync(path, bytes);
    store();
    expect([asked, codes(cache)]).toEqual([6, ['warning NAT0008']]);
    truncateSync(path, 10);
    store();
    expect([asked, codes(cache)]).toEqual([9, ['warning NAT0008']]);
  });
  test('a prepared program is recalled by a cheap name, whole or not at all', () => {
    const cache = new Cache({ folder });
    const library = unwrap(buildLibrary(handSources(), { cache }));
    const parameters = unwrap(storeParameters(cache, handParameters(), PARAMETER_BYTES));
    const name = preparedName({ identity: 'id', version: '1', options: '' }) ?? '';
    expect(recallPrepared(cache, name)).toBeUndefined();
    rememberPrepared(cache, name, { library, parameters, note: 'my note' });
    const found = recallPrepared(new Cache({ folder }), name);
    expect(found).toEqual({ library, parameters, note: 'my note' });
    const opened = openPrepared({ identity: 'id', version: '1', options: '', cache, threads: 2 });
    expect(opened).toMatchObject({ note: 'my note', program: { threads: 2 } });
    expect(sameBytes(opened?.program.run([handInput(8)]) ?? [], handOutputs(handInput(8)))).toBe(true);
    expect(openPrepared({ identity: 'other', version: '1', options: '', cache, threads: 2 })).toBeUndefined();
    truncateSync(parameters.path, 10);
    expect(recallPrepared(cache, name)).toBeUndefined();
    expect(codes(cache)).toEqual(['warning NAT0008']);
    expect(preparedName({ identity: 'other', version: '1', options: '' })).not.toBe(name);
    expect(preparedName({ identity: 'id', version: '1', options: '', level: 'portable' })).not.toBe(name);
    expect(preparedName({ identity: 'id', version: '1', options: '', env: { PATH: '' } })).toBeUndefined();
  });
});
