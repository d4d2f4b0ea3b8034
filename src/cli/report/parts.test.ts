import { describe, expect, test } from '@jest/globals';
import type { HistogramData } from './data.ts';
import { coordinate, numberText } from './html.ts';
import { barsOf, histogramSvg } from './histogram.ts';
import { latencyText, medianOf, timeRuns } from './latency.ts';
import { chanceNote, compareChoices, wilson } from './statistics.ts';
import { decibelText, profileOf, verdictOf } from './verdict.ts';

describe('Wilson interval', () => {
  // Newcombe, "Two-sided confidence intervals for the single proportion", Statistics in Medicine 17 (1998), table I, method 3
  test.each([
    [81, 263, 0.2553, 0.3662],
    [15, 148, 0.0624, 0.1605],
    [0, 20, 0, 0.1611],
    [1, 29, 0.0061, 0.1718],
  ])('%i of %i', (hits, samples, lo, hi) => {
    const got = wilson(hits, samples);
    expect(got.lo).toBeCloseTo(lo, 4);
    expect(got.hi).toBeCloseTo(hi, 4);
  });

  test('all and nothing stay within 0 and 1', () => {
    expect(wilson(5, 5).hi).toBe(1);
    expect(wilson(0, 5).lo).toBe(0);
    expect(wilson(0, 0)).toEqual({ lo: 0, hi: 1 });
  });
});

describe('choices that changed', () => {
  const guess = (predictions: readonly number[]) => ({ samples: predictions.length, top1: 0, top5: 0, predictions });

  test('lost ones first, then the others in order', () => {
    const compared = compareChoices({ labels: [0, 1, 2, 3, 4], float: guess([0, 9, 8, 3, 4]), integer: guess([0, 1, 7, 5, 4]) });
    expect(compared).toEqual({
      agreement: 0.4,
      lost: 1,
      gained: 1,
      changes: [
        { sample: 3, label: 3, float: 3, integer: 5 },
        { sample: 1, label: 1, float: 9, integer: 1 },
        { sample: 2, label: 2, float: 8, integer: 7 },
      ],
    });
  });

  test('nothing to compare without an integer program', () => {
    expect(compareChoices({ labels: [0], float: guess([0]), integer: undefined })).toBeUndefined();
  });
});

test('numbers in words where they are none, coordinates within the picture', () => {
  const { NaN: none, POSITIVE_INFINITY: most, NEGATIVE_INFINITY: least } = Number;
  expect([numberText(none), numberText(most), numberText(least), numberText(0.1 + 0.2)]).toEqual(['none', 'unbounded', 'unbounded', '0.3']);
  expect([coordinate(none, 9), coordinate(least, 9), coordinate(most, 9), coordinate(1.26, 9)]).toEqual(['0', '0', '9', '1.3']);
});

test('a float program that guesses is told', () => {
  const note = (hits: number, samples: number, classCount?: number) =>
    chanceNote({ float: { samples, top1: hits / samples, top5: 1, predictions: [] }, classCount });
  expect(note(0, 81, 1000)).toBe('float top-1 is no better than chance (0.10 %): check the labels and how the samples are prepared');
  expect(note(60, 500, 10)).toContain('10.00 %');
  expect([note(99, 100, 10), note(70, 500, 10), note(0, 81), note(0, 0, 10)]).toEqual([undefined, undefined, undefined, undefined]);
});

describe('verdict', () => {
  const float = { samples: 2, top1: 1, top5: 1, predictions: [] };
  const layer = (decibels: number) => ({ layer: 'l', decibels });
  const base = { profile: 'INT8', accuracy: undefined, layers: [], random: false };

  test('accuracy and layers, in words', () => {
    const accuracy = { labels: [], float, integer: { ...float, top1: 0.992 } };
    expect(verdictOf({ ...base, accuracy, layers: [layer(24.9), layer(25), layer(60)] })).toBe(
      'INT8: top-1 99.20 % (float 100.00 %), 1 layer below 25 dB',
    );
    expect(verdictOf({ ...base, accuracy, layers: [layer(24), layer(Number.NEGATIVE_INFINITY)] })).toContain('2 layers below 25 dB');
    expect(verdictOf({ ...base, layers: [layer(36.14), layer(Number.POSITIVE_INFINITY)] })).toBe(
      'INT8: accuracy not measured, every layer at 36.1 dB or more',
    );
    const quality = { name: 'PSNR', unit: ' dB', samples: 3, float: 40, integer: 38.5 };
    expect(verdictOf({ ...base, quality })).toBe('INT8: PSNR 38.5 dB (float 40 dB)');
    expect(verdictOf({ ...base, profile: 'float32', quality: { ...quality, integer: undefined } })).toBe('float32: PSNR 40 dB');
    expect(verdictOf({ ...base, random: true })).toBe('INT8: random calibration, so accuracy says nothing');
    expect(verdictOf({ ...base, profile: 'float32', accuracy: { labels: [], float, integer: undefined } })).toBe('float32: top-1 100.00 %');
  });

  test('the profile names the widths of the weights', () => {
    const of = (...widths: (number | undefined)[]) => profileOf(widths.map((weightBits) => ({ weightBits })));
    expect([of(), of(8, undefined, 8), of(6), of(8, 6, 16, 8)]).toEqual(['INT8', 'INT8', 'INT6', 'INT6/8/16 mixed']);
  });

  test('decibels', () => {
    expect([decibelText(12.34), decibelText(Number.POSITIVE_INFINITY), decibelText(Number.NEGATIVE_INFINITY)]).toEqual([
      '12.3 dB',
      'exact',
      'no signal',
    ]);
  });
});

describe('histogram', () => {
  const histogram = (bins: readonly number[], more: Partial<HistogramData> = {}): HistogramData => ({
    min: -1,
    max: 1,
    count: 100,
    zeros: 0,
    width: 0.25,
    first: -4,
    bins,
    ...more,
  });

  test('64 bars at most, and no value is lost', () => {
    const bins = Array.from({ length: 4097 }, (_, i) => i % 7);
    const bars = barsOf(histogram(bins, { width: 2 ** -11, first: -2048 }));
    expect(bars).toHaveLength(64);
    expect(bars.reduce((n, b) => n + b.count, 0)).toBe(bins.reduce((n, c) => n + c, 0));
    expect(bars[0]).toMatchObject({ from: -1, to: -1 + 65 / 2048 });
    bars.slice(1).forEach((b, i) => expect(b.from).toBe(bars[i]?.to));
    expect(barsOf(histogram([1, 2, 3])).map((b) => b.count)).toEqual([1, 2, 3]);
  });

  test('logarithmic heights, the clip where it belongs, the outside shaded', () => {
    const svg = histogramSvg('x', histogram([9, 0, 999, 0, 0, 0, 0, 1]), [-0.5, 0.75], 0.1);
    expect(svg).toContain('<line class="clip" x1="160" x2="160"');
    expect(svg).toContain('<line class="clip" x1="560" x2="560"');
    expect(svg).toContain('<rect class="outside" x="0" width="160"');
    expect(svg).toContain('<rect class="outside" x="560" width="80"');
    // log 10 / log 1000 = 1/3 of the height above the least; nothing is drawn for empty bins
    expect(svg).toContain('d="M0 100V64.7H80V100zM160 100V0H240V100zM560 100V87.3H640V100z"');
  });

  test('one value, no values, a range beyond everything', () => {
    expect(histogramSvg('x', histogram([], { min: 0, max: 0, count: 0 }), [0, 0], 0)).toMatch(/^<p class="note">/);
    expect(histogramSvg('x', histogram([], { min: 0, max: 0, zeros: 100 }), [0, 0], 0)).toContain('100.00 % exact zeros');
    const one = histogramSvg('x', histogram([100], { min: 0.5, max: 0.5, first: 2 }), [-8, 8], 0);
    expect(one).not.toMatch(/NaN|Infinity|outside/);
    expect(one).toContain('<line class="clip" x1="0"');
  });
});

describe('latency', () => {
  test('median', () => {
    expect([medianOf([3, 1, 2]), medianOf([4, 1, 3, 2])]).toEqual([2, 2.5]);
  });

  test('warm-up runs do not count; slow programs run three times, fast ones 25 times', () => {
    const measured = (ms: readonly number[]) => {
      let clock = 0;
      let runs = 0;
      const times = timeRuns(
        () => {
          clock += ms[Math.min(runs++, ms.length - 1)] ?? 0;
        },
        () => clock,
      );
      return { ...times, all: runs };
    };
    expect(measured([900, 900, 5, 10, 15])).toEqual({ median: 10, least: 5, most: 15, runs: 3, all: 5 });
    expect(measured([1])).toMatchObject({ median: 1, runs: 25, all: 27 });
  });

  test('three digits', () => {
    expect([latencyText(0.02519), latencyText(3.2145), latencyText(1234)]).toEqual(['0.0252 ms', '3.21 ms', '1.2 s']);
  });
});
