import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { differences, readSnapshot, snapshotText } from './pipeline/estimate/snapshot.ts';
import { cli as cliIn, inFolder, type Ran } from './testing/run.ts';

const cli = (cwd: string, ...words: readonly string[]): Promise<Ran> => cliIn(words, { cwd });

const MODEL = (channels: number): string => `mrl 1;
model m {
  input x: i8[1, 400];
  input w: i8[400, ${channels}];
  output y = matmul(x, w);
}
`;

describe('estimate', () => {
  test('prices a package by layer, and its way onto a chain', () =>
    inFolder(async (folder) => {
      writeFileSync(join(folder, 'm.mrl'), MODEL(100));
      expect((await cli(folder, 'compile', 'm.mrl', '-o', 'm.cvm')).exit).toBe(0);
      const shown = await cli(folder, 'estimate', 'm.cvm', '--fee', '7', '--json');
      expect(shown.exit).toBe(0);
      const { models } = JSON.parse(shown.stdout) as { models: readonly Record<string, unknown>[] };
      // 40,000 products
      expect(models).toMatchObject([
        { name: 'm.cvm', endorphin: 2, operations: 40_000, gas: 9, exact: true, uploadCalls: 1, quotaBlocks: 1 },
      ]);
      expect(models[0]?.['layers']).toMatchObject([{ op: 'matmul', operations: 40_000, bytes: 400 + 40_000 + 400 }]);
      expect(models[0]?.['registrationGas']).toBeGreaterThan(100_000);
      const text = (await cli(folder, 'estimate', 'm.cvm', 'm.mrl', '--gas-price', '1')).stdout;
      expect(text).toMatch(/a run +2 Endorphin \(40,000 operations\)/);
      expect(text).toMatch(/matmul +40,000 +100\.0 %/);
    }));

  test('keeps watch over prices', () =>
    inFolder(async (folder) => {
      writeFileSync(join(folder, 'a.mrl'), MODEL(100));
      writeFileSync(join(folder, 'b.mrl'), MODEL(500));
      const given = ['estimate', 'b.mrl', 'a.mrl'];
      expect((await cli(folder, ...given, '--check')).exit).toBe(3);
      expect((await cli(folder, ...given, '--snapshot')).stdout).toBe('a.mrl (endorphin: 2)\nb.mrl (endorphin: 10)\n');
      expect((await cli(folder, ...given, '--check')).exit).toBe(0);
      writeFileSync(join(folder, 'b.mrl'), MODEL(550));
      const differs = await cli(folder, ...given, '--check');
      expect([differs.exit, differs.stdout]).toEqual([1, expect.stringMatching(/b\.mrl +10 +11 +\+10\.00 %\noverall \+1 Endorphin/)]);
      expect((await cli(folder, ...given, '--check', '--tolerance', '10')).exit).toBe(0);
      expect((await cli(folder, ...given, '--diff')).exit).toBe(0);
      const missing = await cli(folder, 'estimate', 'a.mrl', '--check', '--json');
      expect([missing.exit, JSON.parse(missing.stdout)]).toMatchObject([1, { differences: [{ name: 'b.mrl', before: 10 }], overall: -10 }]);
      expect((await cli(folder, ...given, '--check', '--snapshot')).exit).toBe(2);
    }));

  test('tells every model that has no price', () =>
    inFolder(async (folder) => {
      writeFileSync(join(folder, 'n.mrl'), 'mrl 1;\nmodel m<n> {\n  input x: f32[n, 3];\n  output y = relu(x);\n}\n');
      writeFileSync(join(folder, 'bad.mrl'), 'mrl 1;\nmodel m {\n');
      const shown = await cli(folder, 'estimate', 'n.mrl', 'bad.mrl');
      expect(shown.exit).toBe(3);
      expect(shown.stderr).toContain('bad.mrl');
    }));
});

describe('a file of prices', () => {
  test('is what was written, in the order of names', () => {
    const prices = new Map([['z b', 3], ['a (endorphin: 1)', 2]]); // biome-ignore format: short
    const text = snapshotText(prices);
    expect(text).toBe('a (endorphin: 1) (endorphin: 2)\nz b (endorphin: 3)\n');
    const read = readSnapshot(text, 'f');
    expect(read.ok && [...read.value]).toEqual([...prices].reverse());
  });

  test('has every bad line told', () => {
    const read = readSnapshot('a (endorphin: 1)\nb\na (endorphin: 2)\nc (endorphin: 0)\n', 'f');
    expect(read.ok ? [] : read.diagnostics.map((d) => [d.code, d.where])).toEqual([
      ['CLI2016', 'f:2'],
      ['CLI2016', 'f:3'],
      ['CLI2016', 'f:4'],
    ]);
  });

  test('differs beyond the tolerance, up or down, or where one is missing', () => {
    const [was, now] = [new Map([['a', 100], ['b', 100], ['c', 1]]), new Map([['a', 101], ['b', 98], ['d', 1]])]; // biome-ignore format: short
    expect(differences(was, now, 1).map((d) => [d.name, d.percent])).toEqual([['b', -2], ['c', undefined], ['d', undefined]]); // biome-ignore format: short
  });
});
