import { appendFileSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Philox, ProgramBuilder, type Program, randomTensor, type StaticType } from '../../../ir/index.ts';
import { unwrap } from '../../../support/index.ts';
import { Cache } from '../cache/cache.ts';
import { buildModule, compileProgram } from './compile.ts';
import { keepProgram, keyOf, openKept, recallProgram } from './kept.ts';
import { type Kept, readKept, writeKept } from './kept-file.ts';
import { wasmBackend } from './index.ts';

const root = mkdtempSync(join(tmpdir(), 'cortexc-kept-'));
afterAll(() => rmSync(root, { recursive: true }));
beforeAll(() => wasmBackend.prepare?.());

const X: StaticType = { dtype: 'i8', shape: [1, 8, 12, 12] };

/** A convolution whose weights are packed at instantiation. */
const program = ({ seed = 1, name = 'x', origin = 'first' } = {}): Program => {
  const b = new ProgramBuilder('kept');
  const x = b.input(name, X);
  const w = b.param('w', randomTensor({ dtype: 'i8', shape: [16, 8, 3, 3] }, new Philox(seed)));
  const attrs = { stride: [1, 1], dilation: [1, 1], pads: [1, 1, 1, 1], groups: 1, pad_value: 0 };
  b.output('y', b.emit('conv', [x, w], attrs, origin));
  return b.finish();
};

/** Compiles and keeps; what a later process would run. */
const keep = (folder: string, threads: number): { readonly cache: Cache; readonly key: string } => {
  const cache = new Cache({ folder: join(root, folder) });
  let kept: Kept | undefined;
  const options = { threads };
  const executable = unwrap(compileProgram(program(), options, { keep: (k) => ((kept = k), { key: 'k', warnings: [] }) }));
  expect(executable.keep?.()).toBe('k');
  executable.close?.();
  if (kept === undefined) throw new Error('nothing was kept');
  const key = keyOf(program(), options);
  expect(keepProgram(key, kept, cache)).toEqual({ key, warnings: [] });
  return { cache, key };
};

test.each([1, 2])('a kept program gives the same bytes without the compiler, on %i threads', (threads) => {
  const { cache } = keep(`same-${threads}`, threads);
  const x = randomTensor(X, new Philox(3));
  const recalled = recallProgram(program(), { threads }, cache);
  const [y] = recalled?.run([x]) ?? [];
  recalled?.close?.();
  const [want] = unwrap(wasmBackend.compile(program())).run([x]);
  expect(Array.from(y?.data ?? [])).toEqual(Array.from(want?.data ?? []));
  expect(recallProgram(program(), { threads: threads + 1 }, cache)).toBeUndefined();
});

test('the key tells programs, names, places, parameters and options apart', () => {
  const keys = [
    keyOf(program(), {}),
    keyOf(program({ seed: 2 }), {}),
    keyOf(program({ name: 'z' }), {}),
    keyOf(program({ origin: 'second' }), {}),
    keyOf(program(), { threads: 2 }),
  ];
  expect(new Set(keys).size).toBe(keys.length);
  expect(keyOf(program(), {})).toBe(keys[0]);
});

/** Where a file is harmed: in the fixed part, the description, the module, the image. */
const PLACES = [0, 5, 9, 40, 2000, -5000, -1];
const flip = (file: string, at: number): void => {
  const bytes = readFileSync(file);
  const place = at < 0 ? bytes.length + at : at;
  writeFileSync(
    file,
    bytes.map((v, i) => (i === place ? v ^ 1 : v)),
  );
};

test.each([
  ...PLACES.map((at) => [`changed at ${at}`, (file: string) => flip(file, at)] as const),
  ['cut in the image', (file: string) => truncateSync(file, 3000)] as const,
  ['cut in the fixed part', (file: string) => truncateSync(file, 7)] as const,
  ['empty', (file: string) => truncateSync(file, 0)] as const,
  ['longer', (file: string) => appendFileSync(file, 'x')] as const,
  ['removed', (file: string) => rmSync(file)] as const,
])('a file that was %s is not used, and told of once', (how, damage) => {
  const { cache, key } = keep(how, 1);
  damage(join(cache.folder, 'programs', key, 'program.cxw'));
  expect(openKept(key, cache)).toBeUndefined();
  expect(cache.takeWarnings()).toMatchObject([{ code: 'NAT0008', severity: 'warning' }]);
  expect(openKept(key, cache)).toBeUndefined();
  expect(cache.takeWarnings()).toEqual([]);
});

test('the file of a kept program: there and back; a machine without the memory is no damage', () => {
  const { info, binary } = unwrap(buildModule(program()));
  const kept = { info, module: binary, image: new Uint8Array(info.image.bytes).map((_, i) => i * 7) };
  const path = join(root, 'file.cxw');
  const read = readKept(path, writeKept(path, kept));
  if (read === undefined || 'problem' in read) throw new Error('it was not read');
  expect(read.info).toEqual(info);
  expect(read.module).toEqual(binary);
  expect(new Uint8Array(read.memory.buffer, info.image.address, info.image.bytes)).toEqual(kept.image);
  const huge = { ...kept, info: { ...info, pages: 2 ** 20 } };
  expect(readKept(path, writeKept(path, huge))).toBeUndefined();
});
