import { appendFileSync, mkdtempSync, readFileSync, rmSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from '@jest/globals';
import { unwrap } from '../../../support/index.ts';
import { Cache } from '../cache/cache.ts';
import { storeParameters } from '../cache/parameters.ts';
import { openLibrary } from './host.ts';
import { buildLibrary, preparedName, recallPrepared, rememberPrepared } from './library.ts';
import { openPrepared } from './library-prepared.ts';
import { handInput, handOutputs, handParameters, handSources, PARAMETER_BYTES, sameBytes } from './testing/hand-program.ts';

const top = mkdtempSync(join(tmpdir(), 'cortexc-library-test-'));
afterAll(() => rmSync(top, { recursive: true, force: true }));
let count = 0;
let folder = '';
beforeEach(() => {
  folder = join(top, String(count++));
});

const codes = (cache: Cache): readonly string[] => cache.takeWarnings().map((w) => `${w.severity} ${w.code}`);

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
