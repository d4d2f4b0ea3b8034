import { spawn, spawnSync } from 'node:child_process';
import { randomInt, randomUUID } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { encodeNpy } from '../frontend/tensors/index.ts';
import type { Tensor } from '../ir/index.ts';
import { runEarly } from './early.ts';
import type { Io } from './io.ts';
import { affinePackage, affineProgram } from './testing/models.ts';
import { cli } from './testing/run.ts';

const f32 = (shape: readonly number[], ...values: number[]): Tensor => ({ dtype: 'f32', shape, data: Float32Array.from(values) });
const i8 = (shape: readonly number[], ...values: number[]): Tensor => ({ dtype: 'i8', shape, data: Int8Array.from(values) });

const top = mkdtempSync(join(tmpdir(), 'cortexc-early-test-'));
afterAll(() => rmSync(top, { recursive: true, force: true }));
let count = 0;

/** A folder with a package that no process has seen, and inputs. */
const newFolder = (): string => {
  const folder = join(top, String(count++));
  mkdirSync(folder);
  writeFileSync(join(folder, 'm.cvm'), affinePackage({ description: randomUUID() }));
  writeFileSync(join(folder, 'x.npy'), encodeNpy(i8([1, 4], 5, -3, 0, 1)));
  writeFileSync(join(folder, 'real.npy'), encodeNpy(f32([2, 4], 1.5, -2.5, -1.1, 1000, 0, 0.24, Number.NaN, -1000)));
  writeFileSync(join(folder, 'labels.txt'), 'a\nb\nc\nd\n');
  return folder;
};

/** What `runEarly` does and says. */
const early = (folder: string, words: readonly string[]) => {
  const streams = { stdout: '', stderr: '' };
  const sink = (name: 'stdout' | 'stderr') => ({ write: (chunk: string | Uint8Array) => void (streams[name] += String(chunk)) });
  let time = 0;
  const io: Io = { stdout: sink('stdout'), stderr: sink('stderr'), cwd: folder, env: {}, now: () => time++, peakBytes: () => 0 };
  return { ...runEarly(words, io), ...streams };
};

/** What differs between two runs of the same: how long they took. */
const timeless = (text: string): string => text.replace(/"ms":[\d.]+|in [\d.]+ m?s/g, '');

describe('a package that was run before', () => {
  const lines = [
    ['x.npy'],
    ['x.npy', '--json'],
    ['real.npy', '--top', '2'],
    ['x.npy', '--input', 'NAME=x.npy'],
    ['x.npy', '--labels', 'labels.txt', '-q'],
    ['x.npy', '-o', 'y.npy'],
    ['real.npy', '--raw', '--out-dir=.', '--json'],
    ['x.npy', '--threads', '2'],
  ].map((words) => [words.join(' '), words] as const);

  test.each(lines)('run m.cvm %s: the same text and files', async (_, rest) => {
    const folder = newFolder();
    const words = ['run', 'm.cvm', ...rest].filter((w) => !w.startsWith('NAME') && w !== '--input');
    expect(early(folder, words)).toMatchObject({ told: [], stdout: '', stderr: '' });
    expect(early(folder, words).exit).toBeUndefined();
    const whole = await cli(words, { cwd: folder });
    const files = () => readdirSync(folder).map((name) => [name, readFileSync(join(folder, name)).toString('hex')]);
    const written = files();
    const again = early(folder, words);
    expect(again.exit).toBe(whole.exit);
    expect(timeless(again.stdout)).toBe(timeless(whole.stdout));
    expect(again.stderr).toBe(whole.stderr);
    expect(files()).toEqual(written);
  });

  test('is known by its bytes, under whatever name; another package is not', async () => {
    const folder = newFolder();
    await cli(['run', 'm.cvm', 'x.npy'], { cwd: folder });
    const bytes = readFileSync(join(folder, 'm.cvm'));
    writeFileSync(join(folder, 'same.cvm'), bytes);
    expect(early(folder, ['run', 'same.cvm', 'x.npy']).exit).toBe(0);
    writeFileSync(join(folder, 'cut.cvm'), bytes.subarray(0, bytes.length - 1));
    expect(early(folder, ['run', 'cut.cvm', 'x.npy']).exit).toBeUndefined();
    bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
    writeFileSync(join(folder, 'm.cvm'), bytes);
    expect(early(folder, ['run', 'm.cvm', 'x.npy']).exit).toBeUndefined();
  });

  test('what asks for more, or is wrong, is left to the whole program, and nothing is said', async () => {
    const folder = newFolder();
    await cli(['run', 'm.cvm', 'x.npy'], { cwd: folder });
    writeFileSync(join(folder, 'wrong.npy'), encodeNpy(i8([3], 1, 2, 3)));
    writeFileSync(join(folder, 'text.npy'), 'no array');
    const left: readonly (readonly string[])[] = [
      ['run', 'm.cvm', 'x.npy', '--verify'],
      ['run', 'm.cvm', 'x.npy', '--profile'],
      ['run', 'm.cvm', 'x.npy', '--batch', '2'],
      ['run', 'm.cvm', '--random-input', '1'],
      ['run', 'm.cvm', 'x.npy', '--mean', '1'],
      ['run', 'm.cvm', 'x.npy', '--top', '1.5'],
      ['run', 'm.cvm', 'x.npy', '--backend', 'native', '--isa', 'portable'],
      ['run', 'm.cvm', 'x.npy', '--backend', 'unknown'],
      ['run', 'm.cvm', 'x.npy', '--threads', '0'],
      ['run', 'm.cvm', 'wrong.npy'],
      ['run', 'm.cvm', 'text.npy'],
      ['run', 'm.cvm', 'missing.npy'],
      ['run', 'm.cvm', 'x.npy', '-o', join('missing', 'y.npy')],
      ['run', 'm.cvm', 'x.npy', '--input', 'z=x.npy'],
      ['run', 'm.cvm'],
      ['run', 'missing.cvm', 'x.npy'],
      ['run'],
      ['inspect', 'm.cvm'],
      [],
    ];
    for (const words of left) expect([words, early(folder, words)]).toMatchObject([words, { told: [], stdout: '', stderr: '' }]);
    for (const words of left) expect([words, early(folder, words).exit]).toEqual([words, undefined]);
  });

  test('is not remembered without the self-test', async () => {
    const folder = newFolder();
    // a program that nobody has tested before
    writeFileSync(join(folder, 'm.cvm'), affinePackage({}, affineProgram(randomInt(4, 2 ** 23))));
    await cli(['run', 'm.cvm', 'x.npy', '--no-self-test'], { cwd: folder });
    expect(early(folder, ['run', 'm.cvm', 'x.npy']).exit).toBeUndefined();
    await cli(['run', 'm.cvm', 'x.npy'], { cwd: folder });
    expect(early(folder, ['run', 'm.cvm', 'x.npy']).exit).toBe(0);
  });
});

const ROOT = join(import.meta.dirname, '..', '..');

describe('the joined file', () => {
  const dist = join(top, 'dist');
  const file = join(dist, 'src', 'cli', 'cortexc.cjs');
  beforeAll(() => {
    const ran = spawnSync(process.execPath, [join(ROOT, 'scripts', 'bundle.mjs'), dist], { encoding: 'utf8' });
    if (ran.status !== 0) throw new Error(ran.stderr);
    writeFileSync(join(dist, 'package.json'), '{"type":"module","version":"0.0.0"}');
  });

  test('runs what was prepared with nothing else of the compiler there', async () => {
    const folder = newFolder();
    const [build = ''] = /[0-9a-f]{64}/.exec(readFileSync(file, 'utf8').split('typeof ').at(-1) ?? '') ?? [];
    const words = ['run', 'm.cvm', 'real.npy', '--json'];
    const start = () => spawnSync(process.execPath, [file, ...words], { cwd: folder, encoding: 'utf8', env: process.env });
    expect(start().stderr).toContain('app.js');
    const whole = await cli(words, { cwd: folder, build });
    const joined = start();
    expect([joined.status, joined.stderr, timeless(joined.stdout)]).toEqual([0, '', timeless(whole.stdout)]);
  });
});

describe('the installed program', () => {
  const program = join(ROOT, 'dist', 'src', 'cli', 'cortexc.cjs');
  const missing = existsSync(program) ? undefined : 'dist/src/cli/cortexc.cjs is not built: this test did not run';
  const environment = (cache: string) => ({ ...process.env, CORTEXC_CACHE: cache });
  const words = [program, 'run', 'm.cvm', 'x.npy', '--json'];
  const digestIn = (stdout: string): unknown => (JSON.parse(stdout) as { outputs: readonly { digest: string }[] }).outputs[0]?.digest;

  test('a damaged entry is told of once, and the results are the same', () => {
    if (missing !== undefined) return console.warn(missing);
    const folder = newFolder();
    const cache = join(folder, 'cache');
    const start = () => spawnSync(process.execPath, words, { cwd: folder, encoding: 'utf8', env: environment(cache) });
    const first = start();
    expect([first.status, first.stderr]).toEqual([0, '']);
    const kept = readdirSync(cache, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('program.cxw'));
    expect(kept.length).toBeGreaterThan(0);
    for (const name of kept) writeFileSync(join(cache, name), readFileSync(join(cache, name)).subarray(1));
    const harmed = start();
    expect([harmed.status, digestIn(harmed.stdout)]).toEqual([0, digestIn(first.stdout)]);
    expect(JSON.parse(harmed.stdout)).toMatchObject({ warnings: [{ code: 'NAT0008', severity: 'warning' }] });
    const after = start();
    expect(timeless(after.stdout)).toBe(timeless(first.stdout));
  }, 60_000);

  test('a cache folder that others can write to is told of once', () => {
    if (missing !== undefined) return console.warn(missing);
    const folder = newFolder();
    const cache = join(folder, 'cache');
    mkdirSync(cache);
    chmodSync(cache, 0o777);
    const ran = spawnSync(process.execPath, words, { cwd: folder, encoding: 'utf8', env: environment(cache) });
    expect([ran.status, JSON.parse(ran.stdout)]).toMatchObject([0, { warnings: [{ code: 'NAT0007' }] }]);
  }, 60_000);

  test('several at the same time on a cache that does not exist yet', async () => {
    if (missing !== undefined) return console.warn(missing);
    const folder = newFolder();
    const outputs = await Promise.all(
      Array.from(
        { length: 4 },
        () =>
          new Promise<string>((resolve) => {
            const child = spawn(process.execPath, words, { cwd: folder, env: environment(join(folder, 'cache')) });
            let text = '';
            child.stdout.on('data', (chunk: Uint8Array) => (text += String(chunk)));
            child.stderr.on('data', (chunk: Uint8Array) => (text += String(chunk)));
            child.on('close', (code) => resolve(`${code} ${timeless(text)}`));
          }),
      ),
    );
    expect(outputs[0]).toMatch(/^0 \{"backend":"wasm"/);
    expect(new Set(outputs).size).toBe(1);
  }, 120_000);
});
