import { appendFileSync, cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { Philox, type Program, ProgramBuilder, randomTensor, type StaticType, type Tensor } from '../ir/index.ts';
import { at, unwrap } from '../support/index.ts';
import { Cache } from './cpu/cache/cache.ts';
import { wasmBackend } from './cpu/index.ts';
import { compileProgram as compileNative } from './cpu/native/compile.ts';
import { compileProgram as compileWasm } from './cpu/wasm/compile.ts';
import { keepProgram, keyOf } from './cpu/wasm/kept.ts';
import { openPrepared, type PreparedRequest, preparedWarnings, recallPackage, rememberPackage, rememberPrepared } from './prepared.ts';
import { verdictStore } from './verdicts.ts';

const top = mkdtempSync(join(tmpdir(), 'cortexc-prepared-test-'));
afterAll(() => rmSync(top, { recursive: true, force: true }));
beforeAll(() => wasmBackend.prepare?.());
let count = 0;
let folder = '';
beforeEach(() => {
  folder = join(top, String(count++));
});

const X: StaticType = { dtype: 'i8', shape: [1, 4, 6, 6] };

const program = (): Program => {
  const b = new ProgramBuilder('prepared');
  const x = b.input('x', X);
  const w = b.param('w', randomTensor({ dtype: 'i8', shape: [4, 4, 3, 3] }, new Philox(1)));
  b.output('y', b.emit('conv', [x, w], { stride: [1, 1], dilation: [1, 1], pads: [1, 1, 1, 1], groups: 1, pad_value: 0 }));
  return b.finish();
};

const inputs = (): readonly Tensor[] => [randomTensor(X, new Philox(2))];
const expected = (): readonly number[] => Array.from(at(unwrap(wasmBackend.compile(program())).run(inputs()), 0).data);

const REQUEST: PreparedRequest = { identity: 'a'.repeat(64), backend: 'wasm', threads: 1 };

/** Compiles for a request and remembers it, as a process does. */
const prepareIn = (place: string, request: PreparedRequest, build = 'one'): void => {
  const cache = new Cache({ folder: place });
  const options = { threads: request.threads ?? 1 };
  const executable =
    request.backend === 'native'
      ? unwrap(compileNative(program(), { ...options, cache }))
      : unwrap(compileWasm(program(), options, { keep: (kept) => keepProgram(keyOf(program(), options), kept, cache) }));
  const handle = executable.keep?.();
  executable.close?.();
  if (handle === undefined) throw new Error('nothing was kept');
  rememberPrepared(request, handle, { cache, build });
  expect(preparedWarnings({ cache })).toEqual([]);
};

/** What a later process gets: its results, and the codes of its warnings. */
const open = (request: PreparedRequest, build = 'one', cache = new Cache({ folder })) => {
  const executable = openPrepared(request, { cache, build });
  const results = executable?.run(inputs());
  executable?.close?.();
  return {
    data: results === undefined ? undefined : Array.from(at(results, 0).data),
    warnings: preparedWarnings({ cache }).map((w) => `${w.severity} ${w.code}`),
  };
};

/** Files of the cache by the end of their names. */
const files = (name: string): readonly string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith(name))
    .map((path) => join(folder, path));

/** Another file in the place of this one: the one that was loaded stays as it is, or this process would fall. */
const replace = (path: string, change: (bytes: Uint8Array) => Uint8Array): void => {
  const bytes = new Uint8Array(readFileSync(path));
  rmSync(path);
  writeFileSync(path, change(bytes));
};

const HARM: readonly (readonly [string, (path: string) => void])[] = [
  ['cut', (path) => replace(path, (bytes) => bytes.subarray(0, bytes.length >> 1))],
  ['longer', (path) => replace(path, (bytes) => Uint8Array.from([...bytes, 1]))],
  ['changed', (path) => replace(path, (bytes) => bytes.map((v, i) => (i === bytes.length >> 1 ? v ^ 1 : v)))],
  ['gone', (path) => rmSync(path)],
];

const absent = { data: undefined };

describe.each([
  ['wasm', 'program.cxw'],
  ['native', 'program.so'],
])('a program on %s', (backend, file) => {
  const request = { ...REQUEST, backend };
  const made = join(top, backend);
  // a C compiler takes seconds
  beforeAll(() => prepareIn(made, request));
  const prepare = (): void => cpSync(made, folder, { recursive: true, preserveTimestamps: true });
  test('is opened by another process, with the same bytes', () => {
    prepare();
    expect(open(request)).toEqual({ data: expected(), warnings: [] });
  });
  test('is found under nothing but what it was made for', () => {
    prepare();
    const others: readonly Partial<PreparedRequest>[] = [
      { identity: 'b'.repeat(64) },
      { threads: 2 },
      { isa: 'portable' },
      { backend: backend === 'wasm' ? 'native' : 'wasm' },
      { backend: 'reference' },
    ];
    for (const other of others) expect(open({ ...request, ...other })).toEqual({ ...absent, warnings: [] });
    expect(open(request, 'another build')).toEqual({ ...absent, warnings: [] });
  });
  test.each(HARM)('whose file is %s is not used, and told of; then it is simply not there', (_, harm) => {
    prepare();
    for (const path of files(file)) harm(path);
    expect(open(request)).toEqual({ ...absent, warnings: ['warning NAT0008'] });
    expect(open(request)).toEqual({ ...absent, warnings: [] });
    prepare();
    expect(open(request)).toMatchObject({ data: expected(), warnings: [] });
  });
  test.each(HARM.slice(0, 3))('whose records are %s is not used, and told of', (_, harm) => {
    prepare();
    for (const path of files('record')) harm(path);
    expect(open(request)).toEqual({ ...absent, warnings: ['warning NAT0008'] });
  });
});

test('a package and its note', () => {
  const cache = new Cache({ folder });
  rememberPackage('id', 'first', { cache, build: 'one' });
  rememberPackage('id', 'second', { cache, build: 'one' });
  const other = new Cache({ folder });
  expect(recallPackage('id', { cache: other, build: 'one' })).toBe('second');
  expect(recallPackage('id', { cache: other, build: 'two' })).toBeUndefined();
  expect(recallPackage('other', { cache: other, build: 'one' })).toBeUndefined();
  for (const path of files('record')) appendFileSync(path, ' ');
  expect(recallPackage('id', { cache: other, build: 'one' })).toBeUndefined();
  expect(preparedWarnings({ cache: other })).toMatchObject([{ code: 'NAT0008' }]);
});

test('writers at the same time: what is read is always one of the notes, whole', async () => {
  const caches = Array.from({ length: 4 }, () => new Cache({ folder }));
  const note = (k: number): string => String(k).repeat(5000);
  await Promise.all(
    caches.map(async (cache, k) => {
      for (let i = 0; i < 20; i++) {
        rememberPackage('id', note(k), { cache, build: 'one' });
        await new Promise((resolve) => setImmediate(resolve));
        const read = recallPackage('id', { cache, build: 'one' }) ?? '';
        expect(read).toBe(note(Number(read[0])));
      }
    }),
  );
  expect(caches.flatMap((cache) => preparedWarnings({ cache }))).toEqual([]);
});

describe('a cache that cannot be written', () => {
  test('nor any temporary folder: a warning, once, and nothing else', () => {
    writeFileSync(folder, 'a file where the cache should be');
    const cache = new Cache({ folder, temporary: folder });
    rememberPackage('id', 'note', { cache, build: 'one' });
    rememberPackage('id', 'note', { cache, build: 'one' });
    expect(recallPackage('id', { cache, build: 'one' })).toBeUndefined();
    expect(openPrepared(REQUEST, { cache, build: 'one' })).toBeUndefined();
    verdictStore('wasm', { cache, build: 'one' })?.update(['a'], []);
    expect(preparedWarnings({ cache }).at(-1)).toMatchObject({ code: 'NAT0007', message: expect.stringContaining('nothing can be kept') });
    expect(preparedWarnings({ cache })).toEqual([]);
  });
  test('a full disk: keeping fails, running goes on', () => {
    const cache = new Cache({ folder });
    cache.make = () => {
      throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC', syscall: 'write' });
    };
    const executable = unwrap(compileWasm(program(), {}, { keep: (kept) => keepProgram(keyOf(program(), {}), kept, cache) }));
    expect(executable.keep?.()).toBeUndefined();
    expect(executable.warnings).toMatchObject([
      { code: 'NAT0007', severity: 'warning', message: expect.stringContaining('no space left') },
    ]);
    expect(Array.from(at(executable.run(inputs()), 0).data)).toEqual(expected());
  });
});

describe('verdicts', () => {
  test('are kept for a backend, a build and a compiler', () => {
    const cache = new Cache({ folder });
    verdictStore('native', { cache, build: 'one' })?.update(['a', 'b'], []);
    verdictStore('native', { cache, build: 'one' })?.update(['c'], ['a']);
    const load = (backend: string, build: string): readonly string[] => [
      ...(verdictStore(backend, { cache: new Cache({ folder }), build })?.load() ?? []),
    ];
    expect(load('native', 'one')).toEqual(['b', 'c']);
    expect(load('native', 'two')).toEqual([]);
    expect(load('wasm', 'one')).toEqual([]);
    expect(verdictStore('reference')).toBeUndefined();
    for (const path of files('record')) appendFileSync(path, ' ');
    expect(load('native', 'one')).toEqual([]);
  });
});
