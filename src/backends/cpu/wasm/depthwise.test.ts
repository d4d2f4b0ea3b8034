import { beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Philox, ProgramBuilder, randomTensor, type StaticType } from '../../../ir/index.ts';
import { expectSame } from '../../../../tests/support/same-as-reference.ts';
import { buildShares } from '../../../../tests/support/shares.ts';
import { wasmBackend } from './index.ts';

beforeAll(() => wasmBackend.prepare?.());

test('3 x 3 kernels of one channel each', () => {
  const int = (min: number, max: number) => fc.integer({ min, max });
  const cases = fc.record({
    batch: int(1, 2),
    channels: int(2, 7),
    size: fc.tuple(int(3, 37), int(3, 37)),
    stride: fc.constantFrom(1, 2),
    pads: fc.constantFrom([0, 0, 0, 0], [1, 1, 1, 1], [0, 0, 1, 1], [2, 1, 3, 0]),
    dtype: fc.constantFrom('i8' as const, 'u8' as const),
    to: fc.constantFrom('i32' as const, 'i8' as const, 'u8' as const),
    padValue: int(0, 127),
    seed: int(0, 1e6),
  });
  fc.assert(
    fc.property(cases, (c) => {
      const random = new Philox(c.seed);
      const b = new ProgramBuilder('depthwise');
      const type: StaticType = { dtype: c.dtype, shape: [c.batch, c.channels, ...c.size] };
      const w = b.constant(randomTensor({ dtype: 'i8', shape: [c.channels, 1, 3, 3] }, random));
      const bias = b.constant(randomTensor({ dtype: 'i32', shape: [c.channels] }, random, -9999, 9999));
      const attrs = { stride: [c.stride, c.stride], dilation: [1, 1], pads: [...c.pads], groups: c.channels, pad_value: c.padValue };
      let y = b.emit('conv', [b.input('x', type), w, bias], attrs);
      if (c.to !== 'i32') {
        const factor = (lo: number, hi: number) => b.constant(randomTensor({ dtype: 'i32', shape: [c.channels] }, random, lo, hi));
        const [lo, hi] = c.to === 'i8' ? [-128, 127] : [0, 255];
        const shift = factor(c.seed % 2 === 0 ? 17 : 15, 22);
        y = b.emit('rescale', [y, factor(16384, 32767), shift], { input_zero: -3, output_zero: 9, lo, hi, dtype: c.to });
      }
      b.output('y', y);
      const program = b.finish();
      const { context } = buildShares(program, 1).lowered;
      const kernels = ['i32', 'narrow', 'wide'].map((form) => `depthwise_${c.dtype === 'u8' ? 'u' : 's'}${c.stride}_${form}`);
      expect(kernels.some((name) => context.asm.has(name))).toBe(true);
      expectSame(wasmBackend, program, [randomTensor(type, random)]);
    }),
    { seed: 77, numRuns: 120 },
  );
});
