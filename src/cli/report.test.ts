import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { structureProblems } from './report/testing/report.ts';
import { onnxModel } from './testing/onnx.ts';
import { cli, inFolder } from './testing/run.ts';

const DIGITS = join(import.meta.dirname, '..', '..', 'examples', 'digits');
const digit = (name: string): string => join(DIGITS, name);
const COMPILE = [
  'compile',
  digit('model.onnx'),
  '--calibration-limit',
  '48',
  '--calibration',
  digit('calibration-images.npy'),
  '--labels',
  digit('labels.txt'),
];
const EVAL = ['--eval', digit('test-images.npy'), '--eval-labels', digit('test-labels.npy')];

const withoutLatency = (html: string): string => html.replace(/<section id="latency"[^]*?<\/section>/, '');

interface Summary {
  readonly verdict: string;
  readonly profile: string;
  readonly search: {
    readonly ranges: string;
    readonly rounding: string;
    readonly equalized: boolean;
    readonly trials: readonly { name: string; decibels: number }[];
  };
  readonly accuracy: {
    readonly float: { readonly top1: number; readonly top1Interval: readonly [number, number] };
    readonly int8: { readonly top1: number };
    readonly agreement: number;
    readonly lost: number;
    readonly gained: number;
    readonly changes: readonly { readonly sample: number }[];
  };
  readonly layers: readonly {
    readonly layer: string;
    readonly method: string;
    readonly weightBits?: number;
    readonly bits: number;
    readonly range: readonly [number, number];
  }[];
  readonly headroom: readonly { readonly layer: string; readonly bound: number; readonly freeBits: number }[];
  readonly latency: {
    readonly package: { readonly medianMs: number; readonly runs: number };
    readonly float: { readonly medianMs: number };
    readonly backend: string;
  };
}

describe('compile --report', () => {
  test('digits: page, text and JSON tell the same; two compilations differ in latency alone', () =>
    inFolder(async (folder) => {
      const words = [...COMPILE, ...EVAL, '--equalize', 'off', '--rounding', 'nearest', '-o', 'a.cvm', '--report'];
      const first = await cli([...words, 'a.html', '--json'], { cwd: folder });
      expect([first.exit, first.stderr]).toEqual([0, '']);
      const json = JSON.parse(first.stdout) as Summary;
      const { float, int8, agreement, lost, gained, changes } = json.accuracy;
      expect(json.verdict).toBe(`INT8: top-1 ${(100 * int8.top1).toFixed(2)} % (float 99.20 %), ${json.verdict.split(', ')[1] ?? ''}`);
      expect(json.profile).toBe('INT8');
      expect(float.top1Interval[0]).toBeCloseTo(0.9796, 4);
      expect(float.top1Interval[1]).toBeCloseTo(0.9969, 4);
      expect(changes).toHaveLength(Math.round((1 - agreement) * 500));
      expect(Math.round(500 * (float.top1 - int8.top1))).toBe(lost - gained);
      expect(json.search.trials.map((t) => t.name)).toEqual([
        'at first',
        'ranges minmax',
        'ranges percentile',
        'ranges entropy',
        'ranges mse',
        'ranges by layer',
      ]);
      expect(json.search).toMatchObject({ rounding: 'nearest', equalized: false });
      expect(json.layers[0]).toMatchObject({ layer: '/conv1/Conv', weightBits: 8, bits: 8, range: [0, expect.any(Number)] });
      expect(json.layers.find((l) => l.layer === '/pool/MaxPool')).not.toHaveProperty('weightBits');
      expect(json.headroom[0]?.layer).toBe('/classify/Gemm (dense)');
      expect(json.latency.package.runs).toBeGreaterThanOrEqual(3);
      expect(json.latency.float.medianMs).toBeGreaterThan(0);

      const html = readFileSync(join(folder, 'a.html'), 'utf8');
      expect(structureProblems(html)).toEqual([]);
      expect(html).not.toMatch(/NaN|Infinity|undefined/);
      expect(html).toContain(`<p class="verdict">${json.verdict}</p>`);
      expect(html.match(/<svg class="histogram"/g)).toHaveLength(json.layers.length);
      for (const name of ['/conv1/Conv w, i8[16, 1, 3, 3]', '/classify/Gemm bias, i32[10]', '/conv3/Conv multiplier', '/conv2/Conv shift'])
        expect(html).toContain(name);
      expect(html).toContain('<dt>source</dt><dd>model.onnx, sha256 ');
      expect(html).toContain(`<dt>output logits</dt><dd>i16[1, 10] = `);

      const second = await cli([...words, 'b.html', '--quiet'], { cwd: folder });
      expect(second.exit).toBe(0);
      expect(withoutLatency(readFileSync(join(folder, 'b.html'), 'utf8'))).toBe(withoutLatency(html));
      expect(withoutLatency(html)).not.toBe(html);
      for (const text of [
        `${json.verdict}\n`,
        'layer           op        bits',
        'ranges by layer',
        'same choice',
        'median of ',
        'top-1 99.20 % (97.96 to 99.69)',
      ])
        expect(second.stdout).toContain(text);
    }));

  test('6 bits and 16 bits: the verdict and the layers say so; without labels the report says how to measure', () =>
    inFolder(async (folder) => {
      for (const [bits, cell] of [
        ['6', '6/8'],
        ['16', '16/16'],
      ] as const) {
        const words = [...COMPILE, '--method', 'minmax', '--equalize', 'off', '--rounding', 'nearest', '--bits', bits, '-o', `${bits}.cvm`];
        const ran = await cli([...words, '--report', `${bits}.html`], { cwd: folder });
        expect(ran.exit).toBe(0);
        expect(ran.stdout).toContain(`INT${bits}: accuracy not measured`);
        const html = readFileSync(join(folder, `${bits}.html`), 'utf8');
        expect(html).toContain(`${cell} bits`);
        expect(html).toContain('no labelled samples were given');
        expect(html).toContain('nothing was tried');
        expect(structureProblems(html)).toEqual([]);
      }
    }));

  test('--pot: tells whether every rescale is a shift', () =>
    inFolder(async (folder) => {
      const words = [...COMPILE, '--method', 'minmax', '--equalize', 'off', '--rounding', 'nearest', '-o', 'a.cvm'];
      const told = async (...more: readonly string[]): Promise<string | undefined> =>
        /^rescales +(.*)$/m.exec((await cli([...words, ...more], { cwd: folder })).stdout)?.[1];
      expect(await told('--pot')).toBe('all are shifts');
      expect(await told()).toBeUndefined();
    }));

  test('mixed precision: the chart, what was chosen, and the blame of each layer', () =>
    inFolder(async (folder) => {
      const words = [...COMPILE, '--method', 'minmax', '--equalize', 'off', '--bits', 'mixed', '--max-drop', '1%', '-o', 'm.cvm'];
      const ran = await cli([...words, '--report', 'm.html', '--json'], { cwd: folder });
      expect(ran.exit).toBe(0);
      const json = JSON.parse(ran.stdout) as Summary & { readonly mixed: { readonly layers: readonly { layer: string; blame: number }[] } };
      const html = readFileSync(join(folder, 'm.html'), 'utf8');
      expect(structureProblems(html)).toEqual([]);
      expect(html).toContain('<section id="mixed"');
      expect(html).toContain('class="pareto"');
      expect(html).toContain('<dt>mixed</dt>');
      const blames = [...html.matchAll(/blame ([\d.]+ %)/g)].map(([, blame]) => blame);
      expect(blames).toEqual(json.mixed.layers.map((l) => `${(100 * l.blame).toFixed(2)} %`));
      expect(blames).toHaveLength(4);
    }));

  test('--float: a page without layers; names of a hostile model stay text', () =>
    inFolder(async (folder) => {
      const name = '</li><script>alert(1)</script>"';
      const relu = { op: 'Relu', name, inputs: ['x'], outputs: ['y'] };
      writeFileSync(join(folder, 'm.onnx'), onnxModel([relu], { x: [1, 4] }, { y: [1, 4] }));
      const float = await cli(['compile', 'm.onnx', '--float', '-o', 'f.cvm', '--report', 'f.html', '--name', 'a <b> & c'], {
        cwd: folder,
      });
      expect([float.exit, float.stderr]).toEqual([0, '']);
      const page = readFileSync(join(folder, 'f.html'), 'utf8');
      expect(structureProblems(page)).toEqual([]);
      expect(page).toContain('float32: accuracy not measured');
      expect(page).not.toContain('id="layers"');
      const hostile = await cli(['compile', 'm.onnx', '--random-calibration', '2', '-o', 'h.cvm', '--report', 'h.html'], { cwd: folder });
      expect(hostile.exit).toBe(0);
      const html = readFileSync(join(folder, 'h.html'), 'utf8');
      expect(structureProblems(html)).toEqual([]);
      expect(html).not.toContain('<script');
      expect(html).toContain('&lt;script&gt;');
      expect(html).toContain('INT8: random calibration, so accuracy says nothing');
      expect(html).toContain('warning CLI1007');
    }));
});
