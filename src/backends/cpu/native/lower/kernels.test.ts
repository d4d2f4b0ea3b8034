import { describe, expect, test } from '@jest/globals';
import { type ConvCase, Layers } from '../../../../../tests/support/layers.ts';
import { type Program, ProgramBuilder, runProgram, type Tensor, tensorBytes } from '../../../../ir/index.ts';
import { at, unwrap } from '../../../../support/index.ts';
import { compileProgram, generateProgram } from '../compile.ts';
import { hostLevels } from '../toolchain-levels.ts';

// Convs and dense layers of a program end in the kernels in C, and give what the reference gives.

const CONVS: readonly ConvCase[] = [
  { name: 'pointwise', x: [2, 20, 9, 9], w: [13, 20, 1, 1] },
  { name: 'first layer', x: [1, 3, 31, 33], w: [16, 3, 7, 7], stride: 2, pad: 3, dtype: 'u8' },
  { name: 'transformed', x: [2, 16, 11, 13], w: [20, 16, 3, 3], pad: 1 },
  { name: 'transformed u8', x: [1, 33, 14, 14], w: [7, 33, 3, 3], dtype: 'u8', end: 'one factor' },
  { name: 'transformed sums', x: [1, 12, 12, 11], w: [6, 12, 3, 3], pad: 1, end: 'sums' },
  { name: 'depthwise', x: [2, 9, 15, 14], w: [9, 1, 3, 3], pad: 1, groups: 9 },
  { name: 'depthwise stride 2', x: [1, 9, 15, 14], w: [9, 1, 3, 3], pad: 1, groups: 9, stride: 2, end: 'one factor' },
  { name: 'depthwise 5x5', x: [1, 4, 15, 14], w: [8, 1, 5, 5], pad: 2, groups: 4, dtype: 'u8', end: 'wide' },
  { name: 'groups', x: [1, 24, 7, 7], w: [30, 8, 3, 3], pad: 1, groups: 3, stride: 2 },
  { name: 'one position', x: [3, 10, 4, 4], w: [11, 10, 4, 4], end: 'narrow' },
  { name: 'long sum', x: [1, 200, 6, 6], w: [9, 200, 3, 3], stride: 2, dilation: 2, pad: 2, end: 'i16' },
  { name: 'one dimension', x: [2, 6, 50], w: [8, 6, 5], stride: 3, pad: 2, end: 'wide' },
  { name: 'three dimensions', x: [1, 4, 5, 6, 7], w: [6, 4, 2, 3, 3], pad: 1, end: 'far zero' },
  { name: 'computed weights', x: [1, 16, 12, 12], w: [8, 16, 3, 3], pad: 1, computed: true },
  // work enough for several threads
  { name: 'shared', x: [1, 40, 21, 21], w: [50, 40, 3, 3], stride: 2, pad: 1 },
  { name: 'shared and transformed', x: [1, 24, 20, 20], w: [30, 24, 3, 3], pad: 1 },
  { name: 'nothing', x: [0, 4, 8, 8], w: [8, 4, 3, 3] },
];

const made = new Layers(12345, {
  extremes: 0,
  narrow: { lo: 1 << 14, hi: (1 << 15) - 1, least: 24, most: 28 },
  padValue: { i8: 7, u8: 7 },
});

const layers = (): { readonly program: Program; readonly inputs: readonly Tensor[] } => {
  const b = new ProgramBuilder('layers');
  const inputs = CONVS.map((c) => made.convAlone(b, c));
  inputs.push(made.denseAlone(b, 'dense', [1], [1003, 37], 'narrow'), made.denseAlone(b, 'dense rows', [13], [64, 10], 'wide'));
  inputs.push(made.denseAlone(b, 'dense sums', [2, 5], [17, 6], 'sums'), made.denseAlone(b, 'dense i16', [3], [40, 9], 'i16'));
  return { program: b.finish(), inputs };
};

const { program, inputs } = layers();
const expected = runProgram(program, inputs);

/** Names of the outputs that differ. */
const differences = (results: readonly Tensor[]): readonly string[] =>
  program.outputs.flatMap(({ name }, i) => (Buffer.compare(tensorBytes(at(results, i)), tensorBytes(at(expected, i))) === 0 ? [] : [name]));

test('every 8-bit layer calls a kernel', () => {
  const { text } = unwrap(generateProgram(program, 2));
  const calls = [...text.matchAll(/CX_OF_LEVEL\((\w+)\)/g)].map((m) => m[1]);
  const count = (name: string): number => calls.filter((c) => c === name).length;
  expect({ conv: count('cx_conv_'), depthwise: count('cx_depthwise_'), dense: count('cx_dense_') }).toEqual({
    conv: 2,
    depthwise: 3,
    dense: 5,
  });
  expect({ grouped: count('cx_grouped_'), weights: count('cx_grouped_weights_') }).toEqual({ grouped: 5, weights: 5 });
  expect({ winograd: count('cx_winograd_'), weights: count('cx_winograd_weights_') }).toEqual({ winograd: 5, weights: 5 });
});

describe.each([1, 2, 5])('with %d threads', (threads) => {
  test('layers give the same bytes as the reference', () => {
    const executable = unwrap(compileProgram(program, { threads }));
    expect(differences(executable.run(inputs))).toEqual([]);
    expect(differences(executable.run(inputs))).toEqual([]);
    executable.close?.();
  });
});

// the levels whose products are of bytes have another path for 3 x 3 kernels
const emulated = hostLevels().includes('avx2') ? 'avxvnni' : undefined;
(emulated === undefined ? test.skip : test)(`${emulated}, forced, gives the same bytes`, () => {
  const executable = unwrap(compileProgram(program, { threads: 2, isa: emulated ?? '', emulate: true }));
  expect(differences(executable.run(inputs))).toEqual([]);
  executable.close?.();
});
