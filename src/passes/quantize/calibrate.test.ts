import { describe, expect, test } from '@jest/globals';
import { type AnyNode, Philox, type Program, ProgramBuilder, randomTensor, runProgram, type Tensor, type ValueId } from '../../ir/index.ts';
import { at, diagnostic, MrlError, silentProgress, unwrap } from '../../support/index.ts';
import { calibrate, type CalibrateOptions, type Compile } from './calibrate.ts';
import { addTally, centreOf, Counter, finishTally, HALF, type Histogram, histogramOf, newTally } from './histogram.ts';
import { Collector } from './collector.ts';
import { CHUNK, chunkCount, Observer, type ObserveRequest, watchedProgram } from './observation.ts';
import { arraySource, type CalibrationSample, type SampleSource } from './sample-source.ts';

const compile: Compile = (program) => (inputs) => runProgram(program, inputs);

const values = (seed: number, count: number, scale: number): Float32Array => {
  const random = new Philox(seed);
  return Float32Array.from({ length: count }, (_, i) => (i % 5 === 0 ? 0 : (random.unit() - 0.3) * scale));
};

const addAll = (parts: readonly Float32Array[]): Histogram => {
  const counter = new Counter(true);
  for (const part of parts) expect(counter.add(part)).toBe(true);
  return finishTally(counter.flush());
};

describe('a histogram', () => {
  const parts = [1e-6, 1e6, 3, 1e-40, 0.25, 700].map((scale, i) => values(i, 101, scale));
  const whole = addAll(parts);

  test('is the same in any order and any division', () => {
    expect(addAll([...parts].reverse())).toEqual(whole);
    expect(addAll(parts.flatMap((p) => [p.subarray(60), p.subarray(0, 7), p.subarray(7, 60)]))).toEqual(whole);
    for (const order of [parts, [...parts].reverse()]) {
      const tally = newTally(true);
      for (const part of order) {
        const counter = new Counter(true);
        counter.add(part);
        addTally(tally, counter.flush());
      }
      expect(finishTally(tally)).toEqual(whole);
    }
  });

  test('counts by the definition: floor(v / width), zeros apart', () => {
    const counts = new Float64Array(whole.bins.length);
    let zeros = 0;
    for (const v of parts.flatMap((p) => [...p]))
      if (v === 0) zeros++;
      else counts[Math.floor(v / whole.width) - whole.first]! += 1;
    expect(whole.bins).toEqual(counts);
    expect([whole.zeros, whole.count]).toEqual([zeros, 606]);
    expect([whole.min, whole.max]).toEqual([Math.min(...parts.flatMap((p) => [...p])), Math.max(...parts.flatMap((p) => [...p]))]);
  });

  test('has 2048 bins or more from 0 to the greatest magnitude, and the values lie in the bins around them', () => {
    for (const magnitude of [1, 0.999999, 1.000001, 4096, 2 ** -149, 3.4e38, 6]) {
      for (const sign of [1, -1]) {
        const h = histogramOf(Float32Array.of(sign * magnitude, 0));
        const inBins = Math.abs(sign * Math.fround(magnitude)) / h.width;
        expect(inBins).toBeGreaterThanOrEqual(HALF / 2);
        if (sign > 0) expect(inBins).toBeLessThan(HALF);
        else expect(inBins).toBeLessThanOrEqual(HALF);
        expect(Math.abs(centreOf(h, sign > 0 ? h.bins.length - 1 : 0) - sign * Math.fround(magnitude))).toBeLessThanOrEqual(h.width / 2);
      }
    }
  });

  test('has no bins without values, and says which values are not finite', () => {
    expect(histogramOf(new Float32Array(0))).toMatchObject({ min: 0, max: 0, count: 0 });
    expect(histogramOf(new Float32Array(3))).toMatchObject({ min: 0, max: 0, zeros: 3, bins: new Float64Array(0) });
    for (const bad of [Number.NaN, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY])
      for (const withBins of [true, false]) expect(new Counter(withBins).add(Float32Array.of(1, 2, 0, 1, 2, bad, 1))).toBe(false);
  });
});

const convAttrs = { stride: [2, 1], dilation: [1, 2], pads: [1, 0, 0, 2], groups: 2 };

/** A grouped conv, a relu and a dense layer over rows of pixels. */
const network = (): Program => {
  const b = new ProgramBuilder('net');
  const constant = (shape: readonly number[], seed: number): ValueId =>
    b.constant(randomTensor({ dtype: 'f32', shape }, new Philox(seed), -1, 1));
  const x = b.input('x', { dtype: 'f32', shape: [2, 4, 7, 9] });
  const y = b.emit('relu', [b.emit('conv', [x, constant([6, 2, 3, 3], 1)], convAttrs)], {});
  b.output('y', b.emit('dense', [y, constant([5, 7], 2)], {}));
  return b.finish();
};
const program = network();
const nodes = program.nodes as readonly AnyNode[];
const [conv, relu, dense] = [0, 1, 2].map((i) => at(at(nodes, i).results, 0)) as [ValueId, ValueId, ValueId];
const input = at(program.inputs, 0).value;

const samples = Array.from(
  { length: 11 },
  (_, i): CalibrationSample => [randomTensor({ dtype: 'f32', shape: [2, 4, 7, 9] }, new Philox(7, i), -1, 1)],
);

const options: Omit<CalibrateOptions, 'samples'> = {
  compile,
  progress: silentProgress,
  histograms: true,
  means: new Map([
    [input, 1],
    [relu, 3],
  ]),
  maxima: new Map([[relu, 1]]),
  patches: new Map([
    [conv, 100],
    [dense, 1000],
  ]),
  nameOf: (v) => `value ${v}`,
};

const observeInChunks = (order: readonly number[], request: ObserveRequest, workers: number): Collector => {
  const source = arraySource(samples);
  const run = compile(watchedProgram(program, request));
  const observers = Array.from({ length: workers }, () => new Observer(program, request, source, run));
  const collector = new Collector(program, request, source.count);
  order.forEach((chunk, i) => at(observers, i % workers).chunk(chunk));
  for (const o of [...observers].reverse()) collector.add(o.take());
  return collector;
};

describe('calibrate', () => {
  const request: ObserveRequest = {
    sites: [input, conv, relu, dense],
    histograms: true,
    means: [
      { value: input, axis: 1 },
      { value: relu, axis: 3 },
    ],
    maxima: [{ value: relu, axis: 1 }],
    patches: [
      { node: 0, rows: 100 },
      { node: 2, rows: 1000 },
    ],
  };

  test('gives the same however chunks are divided and ordered', () => {
    const inOrder = observeInChunks([0, 1, 2], request, 1).finish();
    expect(chunkCount(samples.length)).toBe(Math.ceil(11 / CHUNK));
    expect(observeInChunks([2, 0, 1], request, 1).finish()).toEqual(inOrder);
    expect(observeInChunks([1, 2, 0], request, 2).finish()).toEqual(inOrder);
    expect(observeInChunks([2, 1, 0], request, 3).finish()).toEqual(inOrder);
    const seen = unwrap(calibrate(program, request.sites, { ...options, samples }));
    expect([seen.histograms, [...seen.means.values()], [...(seen.patches?.values() ?? [])]]).toEqual([
      inOrder.histograms,
      inOrder.means,
      inOrder.patches,
    ]);
  });

  test('means and maxima are those of all samples', () => {
    const seen = unwrap(calibrate(program, [], { ...options, samples }));
    const [sums, most] = [new Float64Array(4), new Float64Array(6)];
    for (const sample of samples) {
      at(sample, 0).data.forEach((v, i) => (sums[Math.floor(i / 63) % 4]! += v));
      const result = at(compile({ ...program, outputs: [{ name: 'r', value: relu }] })(sample), 0);
      const plane = at(result.shape, 2) * at(result.shape, 3);
      result.data.forEach((v, i) => (most[Math.floor(i / plane) % 6] = Math.max(most[Math.floor(i / plane) % 6]!, v)));
    }
    seen.means.get(input)?.forEach((m, c) => expect(m).toBeCloseTo(sums[c]! / (11 * 126), 12));
    expect(seen.maxima?.get(relu)).toEqual(most);
  });

  test('a row of patches times the weights is an element of the result', () => {
    const seen = unwrap(calibrate(program, [], { ...options, samples }));
    const check = (layer: ValueId, x: ValueId, groups: number, axis: number): void => {
      const patches = seen.patches?.get(layer);
      const node = nodes.find((n) => n.results.includes(layer));
      const w = program.params.find((p) => p.value === node?.operands[1])?.tensor.data ?? [];
      const { rows, width, data } = patches ?? { rows: 0, width: 1, data: new Float32Array() };
      const outputs = Math.round((w.length * groups) / width);
      const results = samples.map((s) => at(compile({ ...program, outputs: [{ name: 'l', value: layer }] })(s), 0));
      // every column of outputs that occurs, by its first element
      const columns = new Map<number, number[]>();
      for (const { data: y, shape } of results) {
        const inner = shape.slice(axis + 1).reduce((n, d) => n * d, 1);
        for (let p = 0; p < y.length / outputs; p++) {
          const from = Math.floor(p / inner) * outputs * inner + (p % inner);
          columns.set(
            y[from]!,
            Array.from({ length: outputs }, (_, o) => y[from + o * inner]!),
          );
        }
      }
      expect(x).toBe(node?.operands[0]);
      for (let r = 0; r < rows; r++) {
        const column = Array.from({ length: outputs }, (_, o) => {
          const per = width / groups;
          const group = Math.floor((o * groups) / outputs);
          let sum = 0;
          for (let k = 0; k < per; k++) sum = Math.fround(sum + Math.fround(data[r * width + group * per + k]! * w[o * per + k]!));
          return sum;
        });
        expect(columns.get(column[0]!)).toEqual(column);
      }
    };
    expect(seen.patches?.get(conv)).toMatchObject({ rows: 100, width: 36 });
    // 2 x 6 x 3 rows a sample: fewer than asked for
    expect(seen.patches?.get(dense)).toMatchObject({ rows: 11 * 36, width: 7 });
    check(conv, input, 2, 1);
    check(dense, relu, 1, 3);
  });

  test('lists every sample that does not fit or cannot be read', () => {
    const wrong: Tensor = { dtype: 'f32', shape: [1], data: new Float32Array(1) };
    const source: SampleSource = {
      count: 11,
      read: (i) => {
        if (i === 9) throw new MrlError([diagnostic('IO2002', 'the file ends early', { where: 'nine.npy' })]);
        return i === 2 || i === 5 ? [wrong] : at(samples, i);
      },
    };
    const seen = calibrate(program, [conv], { ...options, samples: source });
    expect(seen.ok ? [] : seen.diagnostics.map((d) => [d.code, d.where])).toEqual([
      ['QNT0003', 'calibration sample 2'],
      ['QNT0003', 'calibration sample 5'],
      ['IO2002', 'nine.npy'],
    ]);
    const empty = calibrate(program, [conv], { ...options, samples: arraySource([]) });
    expect(empty.ok ? [] : empty.diagnostics.map((d) => d.code)).toEqual(['QNT0002']);
  });

  test('names a value that is not finite and the first sample that shows it', () => {
    const huge = { dtype: 'f32', shape: [2, 4, 7, 9], data: new Float32Array(504).fill(3e38) } as const;
    const seen = calibrate(program, [input, conv], { ...options, samples: [...samples.slice(0, 6), [huge], [huge]] });
    expect(seen.ok ? [] : seen.diagnostics.map((d) => [d.code, d.where])).toEqual([['QNT0004', `value ${conv}`]]);
    expect(seen.ok ? '' : at(seen.diagnostics, 0).message).toContain('calibration sample 6');
  });
});
