import { beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Philox, ProgramBuilder, type Program, randomTensor, type StaticType, type Tensor } from '../../../ir/index.ts';
import { expectSame } from '../../../../tests/support/same-as-reference.ts';
import { buildShares } from '../../../../tests/support/shares.ts';
import { wasmBackend } from './index.ts';

beforeAll(() => wasmBackend.prepare?.());

interface Layer {
  readonly batch: number;
  readonly channels: number;
  readonly outputs: number;
  readonly size: readonly [number, number];
  readonly pads: readonly number[];
  readonly dtype: 'i8' | 'u8';
  /** What the sums become. */
  readonly to: 'i32' | 'i8' | 'u8' | 'i16';
  readonly padValue?: number;
  readonly seed: number;
}

const layer = (l: Layer, weights?: (random: Philox) => Tensor): { readonly program: Program; readonly x: Tensor } => {
  const random = new Philox(l.seed);
  const b = new ProgramBuilder('layer');
  const type: StaticType = { dtype: l.dtype, shape: [l.batch, l.channels, ...l.size] };
  const shape = [l.outputs, l.channels, 3, 3];
  const w = weights?.(random) ?? randomTensor({ dtype: 'i8', shape }, random);
  const bias = randomTensor({ dtype: 'i32', shape: [l.outputs] }, random, -99_999, 99_999);
  const attrs = { stride: [1, 1], dilation: [1, 1], pads: [...l.pads], groups: 1, pad_value: l.padValue ?? 0 };
  let y = b.emit('conv', [b.input('x', type), b.constant(w), b.constant(bias)], attrs);
  if (l.to !== 'i32') {
    const factor = (lo: number, hi: number) => b.constant(randomTensor({ dtype: 'i32', shape: [l.outputs] }, random, lo, hi));
    const [lo, hi] = { i8: [-128, 127], u8: [0, 255], i16: [-32768, 32767] }[l.to] as [number, number];
    const shift = factor(l.seed % 2 === 0 ? 19 : 15, 24);
    y = b.emit('rescale', [y, factor(16384, 32767), shift], {
      input_zero: 7,
      output_zero: l.to === 'i16' ? 0 : 3,
      lo,
      hi,
      dtype: l.to,
      ...(l.to === 'i16' ? { width: 'w21' as const } : {}),
    });
  }
  b.output('y', y);
  return { program: b.finish(), x: randomTensor(type, random) };
};

/** Whether the compiled program has the transforms' functions. */
const isTransformed = (program: Program): boolean => {
  const { lowered } = buildShares(program, 1);
  return lowered.context.asm.has('wino_w');
};

describe('3 x 3 convolutions by exact transforms', () => {
  test('all sizes of planes, batches and results', () => {
    const int = (min: number, max: number) => fc.integer({ min, max });
    const cases = fc.record({
      batch: int(1, 3),
      channels: fc.constantFrom(16, 18, 30),
      outputs: int(13, 29),
      size: fc.tuple(int(4, 19), int(4, 19)),
      pads: fc.constantFrom([0, 0, 0, 0], [1, 1, 1, 1], [2, 1, 0, 1], [0, 2, 2, 0]),
      dtype: fc.constantFrom('i8' as const, 'u8' as const),
      to: fc.constantFrom('i32' as const, 'i8' as const, 'u8' as const, 'i16' as const),
      padValue: int(0, 100),
      seed: int(0, 1e6),
    });
    let transformed = 0;
    fc.assert(
      fc.property(cases, (c) => {
        const [height, width] = c.size;
        const [top = 0, left = 0, bottom = 0, right = 0] = c.pads;
        if (height + top + bottom < 3 || width + left + right < 3) return;
        const { program, x } = layer(c);
        if (isTransformed(program)) transformed++;
        expectSame(wasmBackend, program, [x]);
      }),
      { seed: 77, numRuns: 40 },
    );
    expect(transformed).toBeGreaterThan(20);
  });

  test('many channels in several blocks, and few tiles', () => {
    for (const size of [7, 33] as const) {
      const { program, x } = layer({
        batch: 1,
        channels: 64,
        outputs: 38,
        size: [size, size],
        pads: [1, 1, 1, 1],
        dtype: 'i8',
        to: 'i8',
        seed: size,
      });
      expect(isTransformed(program)).toBe(true);
      expectSame(wasmBackend, program, [x]);
    }
  });

  test('the greatest sums that are certain to fit are exact; weights that could leave the bound are not transformed', () => {
    // 128 * 128 * 9 * C against 2^25: at most 227 channels of the extreme weights
    for (const [channels, wanted] of [
      [226, true],
      [228, false],
    ] as const) {
      const shape = [16, channels, 3, 3];
      const extremes = (): Tensor => ({ dtype: 'i8', shape, data: new Int8Array(16 * channels * 9).fill(-128) });
      const l: Layer = {
        batch: 1,
        channels,
        outputs: 16,
        size: [8, 8],
        pads: [1, 1, 1, 1],
        dtype: 'i8',
        to: 'i32',
        padValue: -128,
        seed: 1,
      };
      const { program, x } = layer(l, extremes);
      expect(isTransformed(program)).toBe(wanted);
      expectSame(wasmBackend, program, [{ ...x, data: new Int8Array(x.data.length).fill(-128) }]);
    }
  });
});
