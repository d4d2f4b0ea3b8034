import { beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  Philox,
  ProgramBuilder,
  type Program,
  randomTensor,
  runProgram,
  type StaticType,
  type Tensor,
  tensorBytes,
} from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';
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

/** The side of the tiles of outputs whose transforms the compiled program has; undefined when it has none. */
const tileSide = (program: Program): number | undefined => {
  const { lowered } = buildShares(program, 1);
  return [2, 4].find((side) => lowered.context.asm.has(`wino_w${side}`));
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
    const sides: (number | undefined)[] = [];
    fc.assert(
      fc.property(cases, (c) => {
        const [height, width] = c.size;
        const [top = 0, left = 0, bottom = 0, right = 0] = c.pads;
        if (height + top + bottom < 3 || width + left + right < 3) return;
        const { program, x } = layer(c);
        sides.push(tileSide(program));
        expectSame(wasmBackend, program, [x]);
      }),
      { seed: 77, numRuns: 40 },
    );
    expect(sides.filter((s) => s === 4).length).toBeGreaterThan(20);
  });

  test('tiles of 2 x 2 outputs for small planes, all results', () => {
    const sizes = [
      [6, 10],
      [10, 6],
      [2, 14],
      [3, 8],
    ] as const;
    for (const dtype of ['i8', 'u8'] as const)
      for (const to of ['i32', 'i8', 'u8', 'i16'] as const)
        for (const [n, size] of sizes.entries()) {
          const common = { batch: 1 + (n % 2), channels: 46, outputs: 61, size, pads: [1, 1, 1, 1], padValue: 77 };
          const { program, x } = layer({ ...common, dtype, to, seed: n });
          expect(tileSide(program)).toBe(2);
          expectSame(wasmBackend, program, [x]);
        }
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
      expect(tileSide(program)).toBe(4);
      expectSame(wasmBackend, program, [x]);
    }
  });

  test.each([
    // 12 groups of tiles in two blocks, images together, 5 groups of which all are shared
    { threads: 2, batch: 1, channels: 64, outputs: 38, size: [35, 37] },
    { threads: 3, batch: 3, channels: 16, outputs: 21, size: [20, 20] },
    { threads: 5, batch: 1, channels: 16, outputs: 33, size: [20, 28] },
  ] as const)('threads share the output channels of a group of tiles: $threads of them', ({ threads, ...sizes }) => {
    const { program, x } = layer({ ...sizes, pads: [1, 1, 1, 1], dtype: 'i8', to: 'i8', seed: threads });
    expect(tileSide(program)).toBe(4);
    const actual = at(buildShares(program, threads).run([x]), 0);
    expect(Buffer.compare(tensorBytes(actual), tensorBytes(at(runProgram(program, [x]), 0)))).toBe(0);
  });

  test('the greatest sums that are certain to fit are exact; weights that could leave the bound are not transformed', () => {
    // 128 * 128 * 9 * C against 2^25: at most 227 channels of the extreme weights; against 2^29 with smaller tiles: 3640
    for (const [channels, side, wanted] of [
      [226, 8, 4],
      [228, 8, 2],
      [3640, 4, 2],
      [3642, 4, undefined],
    ] as const) {
      const shape = [16, channels, 3, 3];
      const extremes = (): Tensor => ({ dtype: 'i8', shape, data: new Int8Array(16 * channels * 9).fill(-128) });
      const l: Layer = {
        batch: 1,
        channels,
        outputs: 16,
        size: [side, side],
        pads: [1, 1, 1, 1],
        dtype: 'i8',
        to: 'i32',
        padValue: -128,
        seed: 1,
      };
      const { program, x } = layer(l, extremes);
      expect(tileSide(program)).toBe(wanted);
      expectSame(wasmBackend, program, [{ ...x, data: new Int8Array(x.data.length).fill(-128) }]);
    }
  });
});
