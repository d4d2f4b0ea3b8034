import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { decodeNpy, encodeNpy, encodeNpz } from '../frontend/tensors/index.ts';
import type { Tensor } from '../ir/index.ts';
import { sha256Hex, unwrap } from '../support/index.ts';
import { affinePackage } from './testing/models.ts';
import { cli, inFolder, type Ran } from './testing/run.ts';

const f32 = (shape: readonly number[], ...values: number[]): Tensor => ({ dtype: 'f32', shape, data: Float32Array.from(values) });
const i8 = (shape: readonly number[], ...values: number[]): Tensor => ({ dtype: 'i8', shape, data: Int8Array.from(values) });

interface RunJson {
  readonly outputs: readonly {
    dtype: string;
    shape: number[];
    digest: string;
    top: { index: number; label?: string; score: number }[][];
  }[];
}

const withModel = (use: (folder: string, run: (...words: string[]) => Promise<Ran>) => Promise<void>): Promise<void> =>
  inFolder(async (folder) => {
    writeFileSync(join(folder, 'm.cvm'), affinePackage());
    await use(folder, (...words) => cli(['run', 'm.cvm', ...words], { cwd: folder }));
  });

const codes = (ran: Ran): readonly string[] => (JSON.parse(ran.stdout) as { error: { code: string }[] }).error.map((e) => e.code);

describe('run', () => {
  test('integers are taken as they are; digest, ranking and labels', () =>
    withModel(async (folder, run) => {
      writeFileSync(join(folder, 'x.npy'), encodeNpy(i8([1, 4], 5, -3, 0, 1)));
      const ran = await run('x.npy', '--backend', 'reference', '--json', '--top', '2');
      expect(ran.exit).toBe(0);
      const [output] = (JSON.parse(ran.stdout) as RunJson).outputs;
      expect(output).toMatchObject({ dtype: 'i32', shape: [1, 4] });
      expect(output?.digest).toBe(sha256Hex(new Uint8Array(Int32Array.of(15, 1, 20, 33).buffer)));
      expect(output?.top).toEqual([
        [
          { index: 3, label: 'dog', score: 8.25 },
          { index: 2, label: 'cat', score: 5 },
        ],
      ]);
    }));

  test('real numbers are quantized with the scale of the package, also without the batch axis', () =>
    withModel(async (folder, run) => {
      // q = floor(x / 0.5 + 0.5) + 2, clamped to i8
      writeFileSync(join(folder, 'x.npy'), encodeNpy(f32([4], 1.5, -2.5, -1.1, 1000)));
      expect((await run('x.npy', '--backend', 'reference', '-o', 'y.npy', '--raw')).exit).toBe(0);
      const y = unwrap(decodeNpy(new Uint8Array(readFileSync(join(folder, 'y.npy')))));
      expect([y.dtype, ...y.data]).toEqual(['i32', 15, 1, 20, 411]);
      expect((await run('x.npy', '--backend', 'reference', '-o', 'y.npy')).exit).toBe(0);
      const real = unwrap(decodeNpy(new Uint8Array(readFileSync(join(folder, 'y.npy')))));
      expect([real.dtype, ...real.data]).toEqual(['f32', 3.75, 0.25, 5, 102.75]);
    }));

  test('many samples in one file: results behind each other', () =>
    withModel(async (folder, run) => {
      writeFileSync(join(folder, 'x.npy'), encodeNpy(i8([3, 4], 0, 0, 0, 0, 1, 1, 1, 1, 100, 0, 0, 0)));
      const ran = await run('x.npy', '--backend', 'reference', '--json', '--top', '1');
      const { outputs } = JSON.parse(ran.stdout) as RunJson;
      expect(outputs[0]?.shape).toEqual([3, 4]);
      expect(outputs[0]?.top.map((t) => t[0]?.index)).toEqual([3, 3, 0]);
    }));

  test('wasm gives the bytes of the reference, and --verify says so', () =>
    withModel(async (_folder, run) => {
      const ran = await run('--random-input', '7', '--verify');
      expect([ran.exit, ran.stderr]).toEqual([0, '']);
      expect(ran.stdout).toContain('every byte equal to the reference');
    }));

  test('a .npz names its inputs; --input names a file', () =>
    withModel(async (folder, run) => {
      writeFileSync(join(folder, 'x.npz'), encodeNpz(new Map([['x', i8([1, 4], 5, -3, 0, 1)]])));
      writeFileSync(join(folder, 'x.npy'), encodeNpy(i8([1, 4], 5, -3, 0, 1)));
      const a = await run('x.npz', '--json', '--backend', 'reference');
      const b = await run('--input', 'x=x.npy', '--json', '--backend', 'reference');
      const digest = (ran: Ran): string | undefined => (JSON.parse(ran.stdout) as RunJson).outputs[0]?.digest;
      expect(digest(a)).toBe(digest(b));
      expect(codes(await run('--input', 'y=x.npy', '--json'))).toEqual(['CLI2011']);
    }));

  test('what does not fit is told with both shapes or counts', () =>
    withModel(async (folder, run) => {
      writeFileSync(join(folder, 'bad.npy'), encodeNpy(f32([1, 5], 1, 2, 3, 4, 5)));
      writeFileSync(join(folder, 'x.npy'), encodeNpy(i8([1, 4], 5, -3, 0, 1)));
      writeFileSync(join(folder, 'labels.txt'), 'a\n\nb\n');
      const bad = await run('bad.npy');
      expect([bad.exit, bad.stdout]).toEqual([3, '']);
      expect(bad.stderr).toContain('the array has shape [1, 5], but the input takes [1, 4]');
      expect(codes(await run('--json'))).toEqual(['CLI2011']);
      expect(codes(await run('x.npy', 'missing.npy', '--json'))).toEqual(['CLI2001']);
      expect(codes(await run('x.npy', '--labels', 'labels.txt', '--json'))).toEqual(['CLI2012']);
      expect((await run('x.npy', '--backend', 'wsam')).exit).toBe(2);
      expect(codes(await run('x.npy', '--random-input', '1', '--json'))).toEqual(['CLI1005']);
      expect(codes(await run('x.npy', '--top', 'x', '--json'))).toEqual(['CLI1003']);
      expect(codes(await run('x.npy', '--mean', '1,2', '--json'))).toEqual(['CLI1003']);
    }));
});

describe('bad model files', () => {
  test.each([
    ['cut package', (p: Uint8Array) => p.subarray(0, p.length - 7), 3],
    ['changed package', (p: Uint8Array) => p.map((b, i) => (i === p.length - 1 ? b ^ 1 : b)), 3],
    ['zip', () => Uint8Array.of(0x50, 0x4b, 3, 4, 0), 3],
    ['text', () => new TextEncoder().encode('hello, this is no model'), 3],
  ])('%s: coded diagnostic, exit %#', (_name, change, exit) =>
    inFolder(async (folder) => {
      writeFileSync(join(folder, 'm.bin'), change(affinePackage()));
      const ran = await cli(['inspect', 'm.bin'], { cwd: folder });
      expect([ran.exit, ran.stdout]).toEqual([exit, '']);
      expect(ran.stderr).toMatch(/error\[(CVM|CLI)\d+\]/);
    }),
  );
});

describe('inspect and dis', () => {
  test('a package: metadata, ports, hashes, cost, proof', () =>
    inFolder(async (folder) => {
      writeFileSync(join(folder, 'm.cvm'), affinePackage({ description: 'bell \\u0007 is not here' }));
      const text = await cli(['inspect', 'm.cvm'], { cwd: folder });
      expect(text.exit).toBe(0);
      for (const part of ['affine', 'CC0-1.0', 'i8[1, 4]', 'real = 0.5 * (q - 2)', 'Endorphin', 'Overflow proof: holds'])
        expect(text.stdout).toContain(part);
      const { stdout } = await cli(['inspect', 'm.cvm', '--json'], { cwd: folder });
      expect(JSON.parse(stdout)).toMatchObject({
        kind: 'package',
        nodes: 3,
        parameters: 2,
        endorphin: 1,
        headroom: [{ op: 'add', bound: 411 }, {}, {}],
      });
    }));

  test('dis prints every section; a model that is not compiled is refused', () =>
    inFolder(async (folder) => {
      writeFileSync(join(folder, 'm.cvm'), affinePackage());
      writeFileSync(join(folder, 'm.mrl'), '// text\n');
      const { exit, stdout } = await cli(['dis', 'm.cvm'], { cwd: folder });
      expect(exit).toBe(0);
      for (const section of ['types', 'parameters', 'code', 'exports', 'bounds']) expect(stdout).toContain(section);
      const refused = await cli(['dis', 'm.mrl'], { cwd: folder });
      expect([refused.exit, refused.stderr.includes('CLI2013')]).toEqual([3, true]);
    }));
});
