import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Philox, ProgramBuilder, type Program, randomTensor, type StaticType } from '../../../ir/index.ts';
import { unwrap } from '../../../support/index.ts';
import { Cache } from '../cache/cache.ts';
import { buildModule, compileProgram } from './compile.ts';
import { decodeKept, encodeKept, findKept, type Kept, keepProgram, keyOf, recallProgram } from './kept.ts';
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

test.each([
  [
    'changed',
    (file: string) =>
      writeFileSync(
        file,
        readFileSync(file).map((v, i) => (i === 5000 ? v ^ 1 : v)),
      ),
  ],
  ['cut', (file: string) => truncateSync(file, 3000)],
  ['removed', (file: string) => rmSync(file)],
])('a file that was %s is not used, and told of once', (how, damage) => {
  const { cache, key } = keep(how, 1);
  damage(join(cache.folder, 'programs', key, 'program.cxw'));
  expect(findKept(key, cache)).toBeUndefined();
  expect(cache.takeWarnings()).toMatchObject([{ code: 'NAT0008', severity: 'warning' }]);
  expect(findKept(key, cache)).toBeUndefined();
  expect(cache.takeWarnings()).toEqual([]);
});

test('the file of a kept program: there and back, and other files are refused', () => {
  const { info, binary } = unwrap(buildModule(program()));
  const kept = { info, module: binary, image: new Uint8Array(info.image.bytes).fill(7) };
  expect(decodeKept(encodeKept(kept))).toEqual(kept);
  const file = encodeKept(kept);
  expect([new Uint8Array(3), file.subarray(1), file.subarray(0, file.length - 1)].map(decodeKept)).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
});
