import { beforeAll, describe, expect, test } from '@jest/globals';
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
import { buildShares } from '../../../../tests/support/shares.ts';
import { wasmBackend } from './index.ts';

beforeAll(() => wasmBackend.prepare?.());

interface Layer {
  readonly batch: number;
  readonly channels: number;
  readonly outputs: number;
  readonly size: readonly number[];
  readonly dtype: 'i8' | 'u8';
  readonly to: 'i32' | 'i8' | 'u8' | 'i16';
  /** Of the shifts of a rescale: 17 and more are done in int32. */
  readonly least: 15 | 17;
  readonly stride?: readonly number[];
  /** All weights; random ones if absent. */
  readonly weight?: number;
}

const RANGES = { i8: [-128, 127], u8: [0, 255], i16: [-32768, 32767] } as const;

const layer = (l: Layer): { readonly program: Program; readonly type: StaticType } => {
  const random = new Philox(l.channels + l.outputs + at(l.size, 0));
  const b = new ProgramBuilder('layer');
  const type: StaticType = { dtype: l.dtype, shape: [l.batch, l.channels, ...l.size] };
  const w = randomTensor({ dtype: 'i8', shape: [l.outputs, l.channels, ...l.size.map(() => 1)] }, random);
  if (l.weight !== undefined) (w.data as Int8Array).fill(l.weight);
  const bias = randomTensor({ dtype: 'i32', shape: [l.outputs] }, random, -99_999, 99_999);
  const ones = l.size.map(() => 1);
  const attrs = { stride: [...(l.stride ?? ones)], dilation: ones, pads: [...ones, ...ones].map(() => 0), groups: 1 };
  let y = b.emit('conv', [b.input('x', type), b.constant(w), b.constant(bias)], attrs);
  if (l.to !== 'i32') {
    const factor = (lo: number, hi: number) => b.constant(randomTensor({ dtype: 'i32', shape: [l.outputs] }, random, lo, hi));
    const [lo, hi] = RANGES[l.to];
    const width = l.to === 'i16' ? { width: 'w21' as const } : {};
    y = b.emit('rescale', [y, factor(16384, 32767), factor(l.least, 24)], { input_zero: 7, output_zero: 3, lo, hi, dtype: l.to, ...width });
  }
  b.output('y', y);
  return { program: b.finish(), type };
};

/** Compares all shares of `threads` threads with the reference; tells whether the product was made of quarters. */
const expectSame = (program: Program, x: Tensor, threads: number): boolean => {
  const built = buildShares(program, threads);
  const [expected, actual] = [at(runProgram(program, [x]), 0), at(built.run([x]), 0)];
  const wrong = tensorBytes(actual).findIndex((b, i) => b !== tensorBytes(expected)[i]);
  expect(wrong).toBe(-1);
  return built.lowered.context.asm.has('strassen_w');
};

describe('1 x 1 convolutions by products of quarters', () => {
  test.each<[string, Layer, number]>([
    ['int32 sums', { batch: 1, channels: 128, outputs: 16, size: [8, 16], dtype: 'i8', to: 'i32', least: 17 }, 1],
    ['bytes', { batch: 1, channels: 132, outputs: 8, size: [11, 13], dtype: 'i8', to: 'i8', least: 17 }, 1],
    ['unsigned bytes, two images', { batch: 2, channels: 128, outputs: 24, size: [14, 14], dtype: 'u8', to: 'u8', least: 17 }, 1],
    ['small shifts', { batch: 1, channels: 128, outputs: 16, size: [1, 131], dtype: 'u8', to: 'i8', least: 15 }, 1],
    ['i16', { batch: 1, channels: 136, outputs: 16, size: [10, 13], dtype: 'i8', to: 'i16', least: 15 }, 1],
    ['several blocks', { batch: 1, channels: 1024, outputs: 16, size: [14, 14], dtype: 'i8', to: 'i8', least: 17 }, 1],
    ['two threads', { batch: 2, channels: 128, outputs: 16, size: [14, 15], dtype: 'i8', to: 'i8', least: 17 }, 2],
    ['three threads', { batch: 1, channels: 512, outputs: 8, size: [17, 19], dtype: 'u8', to: 'i8', least: 17 }, 3],
    ['two threads share tiles', { batch: 1, channels: 1024, outputs: 72, size: [14, 14], dtype: 'i8', to: 'i8', least: 17 }, 2],
    ['five threads share tiles', { batch: 1, channels: 128, outputs: 40, size: [21, 23], dtype: 'i8', to: 'i16', least: 17 }, 5],
    ['stride 2', { batch: 2, channels: 128, outputs: 16, size: [25, 24], dtype: 'i8', to: 'i8', least: 17, stride: [2, 2] }, 1],
    ['three dimensions', { batch: 1, channels: 128, outputs: 8, size: [5, 9, 17], dtype: 'i8', to: 'i8', least: 17, stride: [2, 1, 2] }, 1],
    [
      'strides 1 and 3, two threads',
      { batch: 1, channels: 132, outputs: 8, size: [17, 40], dtype: 'u8', to: 'i8', least: 17, stride: [1, 3] },
      2,
    ],
  ])('%s', (_, l, threads) => {
    const { program, type } = layer(l);
    expect(expectSame(program, randomTensor(type, new Philox(l.channels)), threads)).toBe(true);
  });

  test('the ends of all ranges', () => {
    for (const dtype of ['i8', 'u8'] as const)
      for (const weight of [-128, 127]) {
        const { program, type } = layer({ batch: 1, channels: 128, outputs: 8, size: [8, 16], dtype, to: 'i32', least: 17, weight });
        const x = randomTensor(type, new Philox(1));
        const [lo, hi] = RANGES[dtype];
        x.data.forEach((v, i) => (x.data[i] = Number(v) < (lo + hi) / 2 ? lo : hi));
        expect(expectSame(program, x, 1)).toBe(true);
      }
  });

  test('not where a direction has no halves, or few pixels', () => {
    const common = { batch: 1, dtype: 'i8', to: 'i8', least: 17 } as const;
    for (const sizes of [
      { channels: 130, outputs: 16, size: [12, 12] },
      { channels: 128, outputs: 12, size: [12, 12] },
      { channels: 64, outputs: 16, size: [12, 12] },
      { channels: 128, outputs: 16, size: [7, 7] },
    ] as const) {
      const { program, type } = layer({ ...common, ...sizes });
      expect(expectSame(program, randomTensor(type, new Philox(3)), 1)).toBe(false);
    }
  });
});
