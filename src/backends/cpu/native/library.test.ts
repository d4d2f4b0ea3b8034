import { appendFileSync, mkdtempSync, readFileSync, rmSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from '@jest/globals';
import { unwrap } from '../../../support/index.ts';
import { Cache } from '../cache/cache.ts';
import { storeParameters } from '../cache/parameters.ts';
import { openLibrary } from './host.ts';
import { handleOf, nativeKept } from './kept.ts';
import { buildLibrary } from './library.ts';
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
  test('a program is opened by its handle, whole or not at all', () => {
    const cache = new Cache({ folder });
    const library = unwrap(buildLibrary(handSources(), { cache }));
    const parameters = unwrap(storeParameters(cache, handParameters(), PARAMETER_BYTES));
    const handle = handleOf(library.key, parameters.key);
    const opened = nativeKept.open(handle, { threads: 2 }, new Cache({ folder }));
    expect(opened?.keep?.()).toBe(handle);
    expect(sameBytes(opened?.run([handInput(8)]) ?? [], handOutputs(handInput(8)))).toBe(true);
    expect(nativeKept.open(handleOf(library.key, 'f'.repeat(64)), {}, cache)).toBeUndefined();
    expect(codes(cache)).toEqual([]);
    // of another program: the library says that the file is too short
    expect(nativeKept.open(handleOf(library.key, undefined), {}, cache)).toBeUndefined();
    truncateSync(parameters.path, 10);
    expect(nativeKept.open(handle, {}, cache)).toBeUndefined();
    expect(codes(cache)).toEqual(['warning NAT0008']);
  });
  test('what decides besides the program: instruction set and compiler', () => {
    const here = nativeKept.circumstances({});
    expect(nativeKept.circumstances({ threads: 2 })).toBe(here);
    expect(nativeKept.circumstances({ isa: 'portable' })).not.toBe(here);
    const { CC, CORTEXC_EMULATE_ISA } = process.env;
    process.env['CORTEXC_EMULATE_ISA'] = CORTEXC_EMULATE_ISA === '1' ? '0' : '1';
    expect(nativeKept.circumstances({})).not.toBe(here);
    if (CORTEXC_EMULATE_ISA === undefined) delete process.env['CORTEXC_EMULATE_ISA'];
    else process.env['CORTEXC_EMULATE_ISA'] = CORTEXC_EMULATE_ISA;
    process.env['CC'] = 'no-such-compiler';
    expect(nativeKept.circumstances({})).toBeUndefined();
    if (CC === undefined) delete process.env['CC'];
    else process.env['CC'] = CC;
  });
});
