import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { decodePackage } from '../cvm-bytecode/index.ts';
import { unwrap } from '../support/index.ts';
import { type BudgetArgs, readBudgets } from './pipeline/budgets.ts';
import { bitsRecord } from './pipeline/mixed.ts';
import { frontierOf, paretoHtml, paretoSvg } from './report/pareto.ts';
import { cli, inFolder, type Ran } from './testing/run.ts';

const DIGITS = join(import.meta.dirname, '..', '..', 'examples', 'digits');
const digit = (name: string): string => join(DIGITS, name);
const CALIBRATED = ['compile', digit('model.onnx'), '--calibration', digit('calibration-images.npy'), '--calibration-limit', '32'];
const MIXED = [...CALIBRATED, '--bits', 'mixed', '--method', 'mse', '--equalize', 'off', '-o', 'm.cvm'];
const LABELLED = ['--eval', digit('test-images.npy'), '--eval-labels', digit('test-labels.npy')];

const codes = (ran: Ran): readonly string[] => (JSON.parse(ran.stdout) as { error: { code: string }[] }).error.map((e) => e.code);

const budgets = (args: Partial<BudgetArgs>) => readBudgets({ bits: 'mixed', float: false, ...args });

describe('budgets', () => {
  test.each([
    [{}, { drop: 0.005 }],
    [{ 'max-drop': '0.5%' }, { drop: 0.005 }],
    [
      { 'max-drop': '2 %', 'max-size': '200KB' },
      { drop: 0.02, size: 200_000 },
    ],
    [
      { 'max-drop': '0', 'max-size': '1.2MB' },
      { drop: 0, size: 1_200_000 },
    ],
    [
      { 'max-drop': '100', 'max-size': '150 KiB' },
      { drop: 1, size: 153_600 },
    ],
    [
      { 'max-size': '123456', 'max-endorphin': '24' },
      { drop: 0.005, size: 123_456, endorphin: 24 },
    ],
    [{ 'max-size': '.5kb' }, { drop: 0.005, size: 500 }],
  ])('%j', (args, expected) => {
    const { drop, size, endorphin } = unwrap(budgets(args));
    expect({ drop, size, endorphin }).toEqual({ size: undefined, endorphin: undefined, ...expected });
  });

  test.each(['', '-1', 'abc', '0,5%', '101%', '1e-3', 'NaN', 'Infinity', '5kb', '%', '0.5%%'])('--max-drop %j is nonsense', (text) => {
    expect(budgets({ 'max-drop': text })).toMatchObject({ ok: false, diagnostics: [{ code: 'CLI1003' }] });
  });

  test.each(['', '0', '-5KB', '1TB', '0.2', '12 KB MB', '9999999999999999GB', '1,000', '5%'])('--max-size %j is nonsense', (text) => {
    expect(budgets({ 'max-size': text })).toMatchObject({ ok: false, diagnostics: [{ code: 'CLI1003' }] });
  });

  test.each(['0', '1.5', '2K', 'x'])('--max-endorphin %j is nonsense', (text) => {
    expect(budgets({ 'max-endorphin': text })).toMatchObject({ ok: false, diagnostics: [{ code: 'CLI1003' }] });
  });

  test('all problems at once; budgets belong to mixed', () => {
    const wrong = budgets({ 'max-drop': 'x', 'max-size': 'y', 'max-endorphin': 'z' });
    expect(wrong.ok ? 0 : wrong.diagnostics.length).toBe(3);
    const other = budgets({ bits: '8', 'max-size': '1MB', pareto: 'p.svg' });
    expect(other.ok ? [] : other.diagnostics.map((d) => d.code)).toEqual(['CLI1005', 'CLI1005']);
    expect(budgets({ 'share-weights': 4 })).toMatchObject({ ok: false, diagnostics: [{ code: 'CLI1005' }] });
    expect(budgets({ float: true })).toMatchObject({ ok: false, diagnostics: [{ code: 'CLI1005' }] });
  });
});

test('the record of bits: those of most layers, and the others by name', () => {
  const layer = (name: string, weights: 6 | 8 | 16, activations: 8 | 16 = 8) => ({ layers: [name], bits: { weights, activations } });
  expect(bitsRecord([layer('a', 8), layer('b', 8)])).toEqual({ bits: 8 });
  expect(bitsRecord([layer('a', 6), layer('b', 6), layer('c', 8)])).toEqual({ bits: 6, layers: [['c', 8, 8]] });
  expect(bitsRecord([layer('a', 8), layer('b', 8, 16), layer('c', 6)])).toEqual({
    bits: 8,
    layers: [
      ['b', 8, 16],
      ['c', 6, 8],
    ],
  });
  expect(bitsRecord([])).toEqual({ bits: 8 });
});

interface Summary {
  readonly files: string[];
  readonly packageBytes: number;
  readonly endorphin: number;
  readonly accuracy: { readonly float: { readonly top1: number }; readonly int8: { readonly top1: number } };
  readonly mixed: {
    readonly measure: { readonly kind: string; readonly samples: number };
    readonly chosen: { readonly size: number; readonly drop: number; readonly endorphin: number };
    readonly points: readonly { readonly name: string; readonly size: number; readonly drop: number; readonly chosen: boolean }[];
    readonly layers: readonly { readonly layer: string; readonly weightBits: number; readonly blame: number }[];
  };
}

describe('compile --bits mixed', () => {
  test('digits: the summary is true of the package; inspect tells the bits; the chart needs nothing', () =>
    inFolder(async (folder) => {
      const ran = await cli([...MIXED, ...LABELLED, '--pareto', 'p.html', '--json'], { cwd: folder });
      expect([ran.exit, ran.stderr]).toEqual([0, '']);
      const { mixed, accuracy, files, packageBytes, endorphin } = JSON.parse(ran.stdout) as Summary;
      expect(files).toEqual(['m.cvm', 'p.html']);
      expect(readdirSync(folder).sort()).toEqual(['m.cvm', 'p.html']);
      const bytes = new Uint8Array(readFileSync(join(folder, 'm.cvm')));
      expect([mixed.chosen.size, mixed.chosen.endorphin]).toEqual([bytes.length, endorphin]);
      expect(packageBytes).toBe(bytes.length);
      expect(mixed.chosen.drop).toBeCloseTo(accuracy.float.top1 - accuracy.int8.top1, 12);
      expect(mixed.chosen.drop).toBeLessThanOrEqual(0.005);
      expect(mixed.measure).toMatchObject({ kind: 'top-1', samples: 500 });
      const all8 = mixed.points.find((p) => p.name === 'all W8A8');
      expect(mixed.chosen.size).toBeLessThan(0.9 * (all8?.size ?? 0));
      expect(mixed.layers.map((l) => l.layer)).toEqual(['/conv1/Conv', '/conv2/Conv', '/conv3/Conv', '/classify/Gemm']);

      const { source } = unwrap(decodePackage(bytes)).metadata;
      const others = new Map((source.quantization?.layers ?? []).map(([name, weights]) => [name, weights]));
      for (const l of mixed.layers) expect(others.get(l.layer) ?? source.quantization?.bits).toBe(l.weightBits);
      const shown = await cli(['inspect', 'm.cvm'], { cwd: folder });
      for (const [name, weights] of others) expect(shown.stdout).toMatch(new RegExp(`${name} +${weights} +8`));

      const html = readFileSync(join(folder, 'p.html'), 'utf8');
      expect(html).toContain('/conv1/Conv');
      expect(html).toContain('(chosen)');
      expect(html.replace('http://www.w3.org/2000/svg', '')).not.toMatch(/<script|https?:|src=|@import|url\(/);
    }));

  test('without labels it says that the float model judges', () =>
    inFolder(async (folder) => {
      const ran = await cli([...MIXED, '--max-drop', '5%', '--pareto', 'p.svg'], { cwd: folder });
      expect(ran.exit).toBe(0);
      expect(ran.stdout).toContain("32 calibration samples: share whose first choice is another than the float model's");
      expect(readFileSync(join(folder, 'p.svg'), 'utf8')).toMatch(/^<svg xmlns="http:\/\/www.w3.org\/2000\/svg"/);
    }));

  test('a budget below what the samples can tell is warned of; over budget nothing is written', () =>
    inFolder(async (folder) => {
      const ran = await cli([...MIXED, '--max-drop', '1%', '--max-size', '1KB', '--json'], { cwd: folder });
      expect([ran.exit, codes(ran)]).toEqual([1, ['QNT0101']]);
      expect(existsSync(join(folder, 'm.cvm'))).toBe(false);
      expect(ran.stdout).toContain('--max-size');
      expect(ran.stdout).toContain('is kept in m.cvm.state');
      // the measurements stay: another budget does not measure them again
      expect(readdirSync(join(folder, 'm.cvm.state'))).toEqual(['mixed.jsonl']);
      const again = await cli([...MIXED, '--max-drop', '1%'], { cwd: folder });
      expect([again.exit, again.stderr.includes('warning[QNT0102]')]).toEqual([0, true]);
      expect(existsSync(join(folder, 'm.cvm.state'))).toBe(false);
    }));

  test('a record is used, torn and wrong lines are left out, and the package is the same', () =>
    inFolder(async (folder) => {
      const words = [...MIXED, ...LABELLED, '--state', 's'];
      expect((await cli(words, { cwd: folder })).exit).toBe(0);
      const fresh = new Uint8Array(readFileSync(join(folder, 'm.cvm')));
      const path = join(folder, 's', 'mixed.jsonl');
      const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
      expect(lines.length).toBeGreaterThan(6);

      // cut in the middle of a line, as an interruption leaves it, with rubbish before
      const kept = lines.slice(0, 5);
      writeFileSync(path, `[1]\n${kept.join('\n')}\n{"run":"x","key":"point 1","value":{"drop":"high"}}\n${(lines[5] ?? '').slice(0, 40)}`);
      const ran = await cli(words, { cwd: folder });
      expect([ran.exit, ran.stderr.includes('QNT0103')]).toEqual([0, true]);
      expect(ran.stderr).toContain('lines 1, 7, 8');
      expect(new Uint8Array(readFileSync(join(folder, 'm.cvm')))).toEqual(fresh);
      const after = readFileSync(path, 'utf8').trimEnd().split('\n');
      // torn line closed, missing measurements added, each on a line of its own
      expect(after.slice(8).sort()).toEqual(lines.slice(5).sort());

      const idle = await cli(words, { cwd: folder });
      expect(idle.exit).toBe(0);
      expect(readFileSync(path, 'utf8').trimEnd().split('\n')).toEqual(after);
    }));

  test('a record that lies is found out; a state folder that cannot be made is an error', () =>
    inFolder(async (folder) => {
      const words = [...MIXED, ...LABELLED, '--state', 's'];
      expect((await cli(words, { cwd: folder })).exit).toBe(0);
      const fresh = new Uint8Array(readFileSync(join(folder, 'm.cvm')));
      const path = join(folder, 's', 'mixed.jsonl');
      writeFileSync(path, readFileSync(path, 'utf8').replaceAll(/"size":\d+/g, '"size":77'));
      const ran = await cli(words, { cwd: folder });
      expect([ran.exit, ran.stderr.includes('does not fit what the model gives now')]).toEqual([0, true]);
      expect(new Uint8Array(readFileSync(join(folder, 'm.cvm')))).toEqual(fresh);

      writeFileSync(join(folder, 'file'), 'x');
      const blocked = await cli([...MIXED, '--state', 'file', '--json'], { cwd: folder });
      expect([blocked.exit, codes(blocked)]).toEqual([3, ['CLI2006']]);
      mkdirSync(join(folder, 'deep', 'mixed.jsonl'), { recursive: true });
      const folderInPlace = await cli([...MIXED, '--state', 'deep', '--json'], { cwd: folder });
      expect([folderInPlace.exit, codes(folderInPlace)]).toEqual([3, ['CLI2006']]);
    }));

  test('options of mixed without it', () =>
    inFolder(async (folder) => {
      const ran = await cli([...CALIBRATED, '--max-size', '1MB', '--json'], { cwd: folder });
      expect([ran.exit, codes(ran)]).toEqual([2, ['CLI1005']]);
    }));
});

describe('chart', () => {
  const points = [
    { name: 'a<b', size: 1000, drop: 0.02, endorphin: 1 },
    { name: 'beaten', size: 1500, drop: 0.03, endorphin: 1 },
    { name: 'all W8A8', size: 2000, drop: -0.001, endorphin: 1 },
    { name: 'same', size: 2000, drop: 0.001, endorphin: 1 },
  ];

  test('the frontier is what nothing beats', () => {
    expect(frontierOf(points).map((p) => p.name)).toEqual(['a<b', 'all W8A8']);
    expect(frontierOf([])).toEqual([]);
  });

  test('one circle a point, names escaped, no numbers that are none; the same bytes each time', () => {
    const svg = paretoSvg(points, { chosen: points[0], maxDrop: 0.025, maxSize: 1800 });
    expect(svg.match(/<circle class="(dot|beaten)"/g)).toHaveLength(4);
    expect(svg).toContain('a&lt;b');
    expect(svg).toContain('at most 2.5 %');
    expect(svg).not.toMatch(/NaN|Infinity|undefined/);
    expect(paretoSvg(points, { chosen: points[0], maxDrop: 0.025, maxSize: 1800 })).toBe(svg);
    for (const few of [points.slice(0, 1), [{ name: 'zero', size: 0, drop: 0, endorphin: 0 }]])
      expect(paretoSvg(few, { maxDrop: 1 })).not.toMatch(/NaN|Infinity|undefined/);
    expect(paretoSvg([])).toBe('');
    expect(paretoHtml('t<', points, {}, [])).toContain('<title>t&lt;</title>');
  });
});
