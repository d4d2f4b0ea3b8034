import { describe, expect, test } from '@jest/globals';
import type { ReportData } from './data.ts';
import { reportHtml } from './report.ts';
import { BARE, FULL, LAYER, structureProblems } from './testing/report.ts';

/** The part of the page that belongs to one section. */
const section = (data: ReportData, id: string): string => {
  const html = reportHtml(data);
  const start = html.indexOf(`<section id="${id}"`);
  return start < 0 ? '' : html.slice(start, html.indexOf('</section>', start));
};

const HOSTILE = `</li><script>alert(1)</script>"' onload='x' &amp; \u202Enoitpircsed\u0007`;

describe('the page', () => {
  test('tags match, ids are unique, links lead somewhere, with everything and with nothing', () => {
    expect(structureProblems(reportHtml(FULL))).toEqual([]);
    expect(structureProblems(reportHtml(BARE))).toEqual([]);
    expect(structureProblems('<p><b></p></b>')).not.toEqual([]); // the check itself sees a mismatch
  });

  test('no script, nothing from elsewhere, a policy that forbids both', () => {
    const html = reportHtml(FULL);
    expect(html).toContain(`content="default-src 'none'; style-src 'unsafe-inline'"`);
    expect(html).toContain('width=device-width');
    expect(html).not.toMatch(/<script|<link|<img|<iframe|\ssrc=|\son\w+=|https?:|url\(|@import|javascript:/i);
    for (const [, target] of html.matchAll(/href="([^"]*)"/g)) expect(target).toMatch(/^#/);
  });

  test('the same data gives the same bytes; another latency changes its section alone', () => {
    const slow = { ...FULL, latency: { ...FULL.latency!, program: { median: 77, least: 70, most: 80, runs: 3 } } };
    expect(reportHtml(FULL)).toBe(reportHtml(structuredClone(FULL)));
    const without = (data: ReportData): string => reportHtml(data).replace(section(data, 'latency'), '');
    expect(reportHtml(slow)).not.toBe(reportHtml(FULL));
    expect(without(slow)).toBe(without(FULL));
    expect(section(FULL, 'latency')).toContain('measurement of this machine');
  });

  test('sections without data are left out, the others are in order and in the index', () => {
    const ids = (data: ReportData) => [...reportHtml(data).matchAll(/<section id="(\w+)"/g)].map(([, id]) => id);
    expect(ids(FULL)).toEqual(['accuracy', 'source', 'layers', 'headroom', 'search', 'mixed', 'storage', 'latency', 'diagnostics']);
    expect(ids(BARE)).toEqual(['accuracy', 'headroom', 'storage', 'diagnostics']);
    for (const id of ids(FULL)) expect(reportHtml(FULL)).toContain(`<a href="#${id}">`);
  });

  test('what is no number is told in words, and no picture has a coordinate that is none', () => {
    const broken = {
      ...LAYER,
      scale: Number.NaN,
      worst: Number.POSITIVE_INFINITY,
      decibels: Number.NaN,
      range: [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY] as const,
    };
    const html = reportHtml({
      ...FULL,
      layers: [broken],
      latency: { ...FULL.latency!, program: { median: 0, least: 0, most: 0, runs: 3 } },
    });
    expect(html).not.toMatch(/NaN|Infinity|undefined|null|\[object/);
    expect(structureProblems(html)).toEqual([]);
    for (const [, d = ''] of reportHtml(FULL).matchAll(/<path class="bar" d="([^"]*)"/g))
      expect(d).toMatch(/^(M[\d.]+ 100V[\d.]+H[\d.]+V100z)+$/);
  });

  test('names are shown, never obeyed', () => {
    const h = HOSTILE;
    const data: ReportData = {
      ...FULL,
      title: h,
      verdict: h,
      facts: [[h, h]],
      accuracy: { ...FULL.accuracy!, classes: [h, h, h, h] },
      quality: { name: h, unit: h, samples: 1, float: 1, integer: 2 },
      layers: FULL.layers.map((l) => ({ ...l, layer: h, op: h, method: h })),
      headroom: [{ layer: h, bound: 1, freeBits: 30 }],
      search: { kept: [[h, h]], trials: [{ name: h, decibels: 1 }] },
      mixed: { facts: [[h, h]], chart: undefined },
      storage: { facts: [[h, h]], parameters: [{ name: h, type: h, encoding: h, storedBytes: 1, decodedBytes: 1 }] },
      latency: { ...FULL.latency!, backend: h, machine: [[h, h]] },
      given: {
        ...FULL.given!,
        facts: [[h, h]],
        outputs: [{ name: h, maxSteps: 1, meanSteps: 1, sameArgmax: 1 }],
        changed: [{ layer: h, reason: h }],
      },
      diagnostics: [{ severity: h, code: h, message: h, where: h, notes: [h] }],
    };
    const html = reportHtml(data);
    expect(structureProblems(html)).toEqual([]);
    for (const text of ['<script', "onload='", '\u202E', '\u0007']) expect(html).not.toContain(text);
    expect(html).toContain('&lt;script&gt;alert(1)&lt;/script&gt;');
    expect(html).toContain('\\u202e');
  });
});

describe('sections', () => {
  test('head: verdict, facts, how many warnings', () => {
    const html = reportHtml(FULL);
    expect(html).toContain(`<p class="verdict">${FULL.verdict}</p>`);
    expect(html).toContain('<dt>package</dt><dd>26.7 KB</dd>');
    expect(html).toContain('<a href="#diagnostics">1 warning</a>');
    expect(reportHtml(BARE)).not.toContain('1 warning');
  });

  test('accuracy: shares with intervals, agreement, changed samples, measures of the task', () => {
    const html = section(FULL, 'accuracy');
    for (const text of [
      'On 4 labelled samples',
      '75.00 % (30.06 to 95.44)',
      '100.00 % (51.01 to 100.00)',
      '3 three',
      '1 one',
      'lost',
      'PSNR',
      '4.5 dB',
      '4.75 dB',
      '0.25 dB',
    ])
      expect(html).toContain(text);
    expect(html).toContain('1 right in float and wrong in integers, 0 the other way round, 0 wrong in both');
    expect(section(BARE, 'accuracy')).toContain('Not measured');
    const alone = section({ ...BARE, quality: { ...FULL.quality!, integer: undefined } }, 'accuracy');
    expect(alone).toContain('4.5 dB');
    expect(alone).not.toMatch(/Not measured|integer/);
    const guessing = { ...FULL.accuracy!, classCount: 2, float: { ...FULL.accuracy!.float, top1: 0.5 } };
    expect(section({ ...FULL, accuracy: guessing }, 'accuracy')).toContain('no better than chance (50.00 %)');
  });

  test('accuracy: ten changed samples at most', () => {
    const n = 30;
    const labels = Array.from({ length: n }, () => 0);
    const guess = (choice: number) => ({ samples: n, top1: 0, top5: 0, predictions: labels.map(() => choice) });
    const html = section({ ...FULL, accuracy: { labels, float: guess(1), integer: guess(2) } }, 'accuracy');
    expect(html.match(/wrong in both<\/td>/g)).toHaveLength(10);
    expect(html).toContain('The first 10 of 30');
    const same = section({ ...FULL, accuracy: { labels, float: guess(1), integer: guess(1) } }, 'accuracy');
    expect(same).toContain('Both programs choose the same class for every sample.');
  });

  test('layers: program order, lowest five first, bits, range, clip, blame, histogram in a fold', () => {
    const html = section(FULL, 'layers');
    const names = [...html.matchAll(/<span class="name">(\w+)<\/span><span class="value">([^<]*)</g)].map(
      ([, name, db]) => `${name} ${db}`,
    );
    expect(names).toEqual([
      'conv1 41.3 dB',
      'relu1 exact',
      'conv2 18.5 dB',
      'conv3 33.0 dB',
      'conv4 29.0 dB',
      'conv5 34.0 dB',
      'conv6 no signal',
    ]);
    const worst = [...html.matchAll(/<a href="#layer-(\d)">(\w+)<\/a>/g)].map(([, i, name]) => `${i} ${name}`);
    expect(worst).toEqual(['6 conv6', '2 conv2', '4 conv4', '3 conv3', '5 conv5']);
    expect(html).toContain('conv · 6/16 bits · mse · 1.250 % clipped');
    expect(html).toContain('relu · -/8 bits');
    expect(html).toContain('conv · 8/8 bits · mse · 1.250 % clipped · blame 62.50 %');
    for (const text of [
      '<dt>scale</dt><dd>0.03125</dd>',
      '<dt>zero point</dt><dd>-7</dd>',
      '<dt>range</dt><dd>-1 to 3 (mse)</dd>',
      '<dt>greatest error</dt><dd>0.5</dd>',
    ])
      expect(html).toContain(text);
    expect(html.match(/<details>/g)).toHaveLength(7);
    expect(html.match(/<svg class="histogram"/g)).toHaveLength(6);
    expect(html).toContain('class="poor" width="30.8"'); // 18.5 of 60 dB
    expect(html).toContain('class="good" width="100"');
  });

  test('headroom: tightest first, bound, bits, limit; many are folded', () => {
    const html = section(FULL, 'headroom');
    expect(html.indexOf('dense1')).toBeLessThan(html.indexOf('conv1'));
    for (const text of [
      '31 of 31 bits',
      '17 of 31 bits',
      '≤ 2,000,000,000',
      '≤ 113,056',
      '2,147,483,647',
      'class="fair" width="100"',
      'class="bar" width="54.8"',
    ])
      expect(html).toContain(text);
    const many = Array.from({ length: 25 }, (_, i) => ({ layer: `l${i}`, bound: 1, freeBits: 30 }));
    expect(section({ ...FULL, headroom: many }, 'headroom')).toContain('<summary>15 more</summary>');
    expect(section(BARE, 'headroom')).toContain('no int32 accumulators');
  });

  test('ways that were tried, and the chart of mixed precision', () => {
    expect(section(FULL, 'search')).toContain('<td>ranges minmax</td><td class="number">38.49</td>');
    expect(section(FULL, 'search')).toContain('<dt>ranges</dt><dd>entropy</dd>');
    expect(section({ ...FULL, search: { kept: [], trials: [] } }, 'search')).toContain('nothing was tried');
    expect(section(FULL, 'mixed')).toContain('<svg class="pareto"');
    expect(section(FULL, 'mixed')).toContain('six of ten');
  });

  test('storage: the twenty largest and the sum of the others', () => {
    const html = section(FULL, 'storage');
    expect(html.match(/<tr><td>/g)).toHaveLength(21);
    expect(html.indexOf('p22,')).toBeLessThan(html.indexOf('p21,'));
    expect(html).toContain(
      '<td>p22, i8[10]</td><td>huffman</td><td class="number">122</td><td class="number">200</td><td class="number">61.00 %</td>',
    );
    expect(html).toContain('<td>3 others</td><td></td><td class="number">303</td><td class="number">600</td>');
  });

  test('latency: both programs, warm-up, runs, machine', () => {
    const html = section(FULL, 'latency');
    for (const text of ['0.0252 ms', '0.0504 ms', '<td class="number">25</td>', '2.00 times', 'wasm', '2 runs before', 'some processor'])
      expect(html).toContain(text);
  });

  test('models that were quantized already, and diagnostics', () => {
    const given = section(FULL, 'source');
    for (const text of ['16 random samples', 'logits', '2 steps', '0.125 steps', '97.50 %', '3 of -128 became -127'])
      expect(given).toContain(text);
    const html = section(FULL, 'diagnostics');
    for (const text of [
      'diagnostic warning',
      'warning CLI1007',
      'the activation ranges are random',
      'model.onnx',
      'Give data.',
      'note IR0008',
    ])
      expect(html).toContain(text);
    expect(section(BARE, 'diagnostics')).toContain('None.');
  });

  test('every picture says in words what it shows', () => {
    const html = reportHtml(FULL);
    for (const [tag] of html.replace(FULL.mixed!.chart!, '').matchAll(/<svg[^>]*>/g)) {
      expect(tag).toContain('role="img"');
      expect(tag).toMatch(/aria-label="[^"]{8,}"/);
    }
    expect(html).toContain(
      'aria-label="Histogram of conv1: 1,000 values from -2 to 4, 25.00 % exact zeros. Range -1 to 3, 1.250 % clipped."',
    );
  });
});
