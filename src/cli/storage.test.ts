import { statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { cli, inFolder, type Ran } from './testing/run.ts';

const digit = (name: string): string => join(import.meta.dirname, '..', '..', 'examples', 'digits', name);
/** Settled by hand: the search is none of this test's business. */
const COMPILE = ['compile', digit('model.onnx'), '--calibration', digit('calibration-images.npy'), '--calibration-limit', '16'];
const QUICK = ['--method', 'minmax', '--rounding', 'nearest', '--equalize', 'off', '--json'];

interface Stored {
  readonly form: string;
  readonly storedBytes: number;
  readonly decodedBytes: number;
  readonly floatBytes?: number;
  readonly ratioToFloat?: number;
  readonly parameters: readonly {
    readonly encoding: string;
    readonly storedBytes: number;
    readonly decodedBytes: number;
    readonly ratio: number;
  }[];
  readonly floatParameters?: { readonly present: boolean; readonly storedBytes: number; readonly decodedBytes: number };
}
interface Summary {
  readonly modelHash: string;
  readonly identity: string;
  readonly packageBytes: number;
  readonly storage: Stored;
  readonly sharing?: { readonly meanSquaredChange: number; readonly layers: readonly { readonly after: number }[] };
  readonly accuracy?: { readonly int8: { readonly top1: number } };
}
const json = <T>(ran: Ran): T => {
  expect([ran.exit, ran.stderr]).toEqual([0, '']);
  return JSON.parse(ran.stdout) as T;
};

describe('packages in compressed form', () => {
  test('compile --storage: one model hash, fewer bytes; inspect, run and dis read both', () =>
    inFolder(async (folder) => {
      const compile = async (...words: string[]) => json<Summary>(await cli([...COMPILE, ...QUICK, ...words], { cwd: folder }));
      const plain = await compile('-o', 'plain.cvm');
      const small = await compile('-o', 'small.cvm', '--storage', 'compressed');
      expect(small.modelHash).toBe(plain.modelHash);
      expect(small.packageBytes).toBeLessThan(plain.packageBytes);
      expect(plain.storage.form).toBe('plain');
      expect(small.storage.form).toBe('compressed');
      expect(small.storage.decodedBytes).toBe(plain.storage.storedBytes);
      expect(small.storage.floatBytes).toBe(77_992);
      expect(small.storage.ratioToFloat).toBeLessThan(0.25);

      const shown = json<{ storage: Stored }>(await cli(['inspect', 'small.cvm', '--json'], { cwd: folder })).storage;
      expect(shown.parameters).toEqual(small.storage.parameters);
      expect(new Set(shown.parameters.map((p) => p.encoding))).toEqual(new Set(['plain', 'huffman', 'codebook']));
      for (const p of shown.parameters) expect(p.ratio).toBeCloseTo(p.storedBytes / p.decodedBytes, 12);
      const text = (await cli(['inspect', 'small.cvm'], { cwd: folder })).stdout;
      expect(text).toMatch(/storage +compressed, parameters [\d.]+ KB \(0\.\d+x of plain/);
      expect(text).toMatch(/p\d+ +i8\[10, 512\] +huffman +[\d,]+ +5,120 +\d+\.\d+ %/);

      const digest = async (file: string) =>
        json<{ outputs: { digest: string }[] }>(await cli(['run', file, digit('test-images.npy'), '--json'], { cwd: folder })).outputs[0]
          ?.digest;
      expect(await digest('small.cvm')).toBe(await digest('plain.cvm'));
      const dis = async (file: string) => (await cli(['dis', file], { cwd: folder })).stdout;
      expect(await dis('small.cvm')).toBe(await dis('plain.cvm'));
    }));

  test('compile --keep-float: in the file, and in the model hash', () =>
    inFolder(async (folder) => {
      const compile = async (...words: string[]) => json<Summary>(await cli([...COMPILE, ...QUICK, ...words], { cwd: folder }));
      const plain = await compile('-o', 'plain.cvm');
      const kept = await compile('-o', 'kept.cvm', '--keep-float');
      expect(kept.modelHash).not.toBe(plain.modelHash);
      expect(kept.identity).toBe(plain.identity);
      expect(kept.storage.floatParameters).toMatchObject({ present: true, decodedBytes: 77_992 });
      const stored = kept.storage.floatParameters?.storedBytes ?? 0;
      expect(stored).toBeLessThan(0.9 * 77_992);
      expect(statSync(join(folder, 'kept.cvm')).size).toBeGreaterThan(plain.packageBytes + stored);
      expect((await cli(['inspect', 'kept.cvm'], { cwd: folder })).stdout).toMatch(/float32 +20 original parameters/);
    }));

  test('compile --share-weights: few values a layer, the loss is told', () =>
    inFolder(async (folder) => {
      const data = ['--eval', digit('test-images.npy'), '--eval-labels', digit('test-labels.npy')];
      const words = [...COMPILE, ...QUICK, '-o', 's.cvm', '--storage', 'compressed', '--share-weights', '4', ...data];
      const shared = json<Summary>(await cli(words, { cwd: folder }));
      expect(shared.storage.ratioToFloat).toBeLessThan(0.13);
      expect(shared.sharing?.layers.map((l) => l.after)).toEqual([16, 16, 16, 16]);
      expect(shared.sharing?.meanSquaredChange).toBeGreaterThan(1);
      expect(shared.accuracy?.int8.top1).toBeGreaterThan(0.97);
      const text = await cli(['inspect', 's.cvm'], { cwd: folder });
      expect(text.stdout).toContain('weights shared to 4 bits');
      const both = await cli(['compile', digit('model.onnx'), '--float', '--share-weights', '4'], { cwd: folder });
      expect(both.exit).toBe(2);
      expect(both.stderr).toContain('--share-weights changes quantized weights');
    }));
});
