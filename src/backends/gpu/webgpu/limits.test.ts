import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { findChromium } from '../../../../tests/support/chromium.ts';
import { inputsOf } from '../../../../tests/support/emitted-folder.ts';
import { type Program, ProgramBuilder, type Tensor } from '../../../ir/index.ts';
import { lowerProgram } from './lower.ts';
import { BrowserDevice, caseOf } from './testing/browser-device.ts';

const factors = (b: ProgramBuilder) => [
  b.constant({ dtype: 'i32', shape: [1], data: Int32Array.of(20000) }),
  b.constant({ dtype: 'i32', shape: [1], data: Int32Array.of(31) }),
];
const weights = (shape: readonly number[]): Tensor => {
  const data = new Int8Array(shape.reduce((n, d) => n * d, 1));
  return { dtype: 'i8', shape, data: data.map((_, i) => ((i * 37) % 251) - 125) };
};

/** Sums that no invocation may take alone: words of packed channels, single channels (the weights are an input), and a reduction. */
const longSums = (): Program => {
  const b = new ProgramBuilder('long sums');
  const x = b.input('x', { dtype: 'i8', shape: [2, 130_001] });
  const w = b.input('w', { dtype: 'i8', shape: [3, 130_001] });
  const rescale = (sum: ReturnType<typeof b.emit>) => b.emit('rescale', [sum, ...factors(b)], { lo: -128, hi: 127, dtype: 'i8' });
  b.output('packed', rescale(b.emit('dense', [x, b.constant(weights([3, 130_001]))], {})));
  b.output('plain', rescale(b.emit('dense', [x, w], {})));
  b.output('whole', b.emit('reduce_sum', [x], { axes: [1] }));
  return b.finish();
};

/** More words than workgroups have in one direction. */
const manyWords = (): Program => {
  const b = new ProgramBuilder('many words');
  b.output('y', b.emit('clamp', [b.input('x', { dtype: 'i8', shape: [3, 100_001] })], { lo: -50, hi: 60 }));
  return b.finish();
};

test('long sums are cut into kernels, windows that are too large are refused', () => {
  const lowered = lowerProgram(longSums());
  const counts = lowered.ok ? lowered.value.program.steps.map((s) => [s.op, s.kernels.length]) : [];
  // the sums of a word of four results: 32,501 words each, 130,001 channels each, and the rescale behind them
  expect(counts).toEqual([
    ['dense', 3],
    ['dense', 5],
    ['reduce_sum', 3],
  ]);
  const b = new ProgramBuilder('window');
  const window = { kernel: [200, 200], stride: [1, 1], dilation: [1, 1], pads: [0, 0, 0, 0] };
  b.output('y', b.emit('max_pool', [b.input('x', { dtype: 'i8', shape: [1, 1, 200, 200] })], window));
  const refused = lowerProgram(b.finish());
  expect(refused.ok ? [] : refused.diagnostics.map((d) => [d.code, d.message])).toEqual([
    ['BKD0002', 'max_pool: a window of 40000 cells is larger than 16384'],
  ]);
});

const path = findChromium();
(path === undefined ? describe.skip : describe)('in Chromium', () => {
  const device = new BrowserDevice(path ?? '');
  beforeAll(() => device.open(), 60_000);
  afterAll(() => device.close());

  test.each([
    ['long sums', longSums],
    ['more words than a row of workgroups has', manyWords],
  ])(
    '%s',
    async (_, program) => {
      const { wrong } = await device.run(caseOf(program(), inputsOf(program(), 3)));
      expect(wrong).toEqual([]);
    },
    60_000,
  );
});
