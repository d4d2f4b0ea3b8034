import { describe, expect, test } from '@jest/globals';
import { proveProgram, ProgramBuilder } from '../../ir/index.ts';
import { unwrap } from '../../support/index.ts';
import { importOnnx } from './index.ts';
import { c, codesOf, evaluate, ints, type OneNode, oneNode, x } from './testing/build.ts';

type Case = readonly [name: string, node: OneNode, shape: readonly number[], values: readonly number[]];

const image = x([1, 1, 2, 2], [1, 2, 3, 4]);
const opsOf = (one: OneNode): readonly string[] => unwrap(importOnnx(oneNode(one))).program.nodes.map((n) => n.op);
const messageOf = (one: OneNode): string => {
  const result = importOnnx(oneNode(one));
  return result.ok ? 'imported' : result.diagnostics.map((d) => [d.message, ...(d.notes ?? [])].join(' ')).join(' ');
};

describe('sampling', () => {
  const grid = x([1, 1, 2, 2], [-1, -1, 1, -1]);
  test.each<Case>([
    ['GridSample', { op: 'GridSample', opset: 20, operands: [image, grid] }, [1, 1, 1, 2], [0.25, 0.5]],
    [
      'GridSample of version 16',
      { op: 'GridSample', opset: 16, attrs: { mode: 'bilinear', padding_mode: 'border' }, operands: [image, grid] },
      [1, 1, 1, 2],
      [1, 2],
    ],
    [
      'AffineGrid',
      { op: 'AffineGrid', opset: 20, operands: [x([1, 2, 3], [1, 2, 3, 4, 5, 6]), ints(1, 1, 1, 2)] },
      [1, 1, 2, 2],
      [2.5, 4, 3.5, 8],
    ],
    [
      'DeformConv with a mask and no bias',
      {
        op: 'DeformConv',
        opset: 19,
        operands: [image, c([1, 1, 1, 1], [2]), x([1, 2, 2, 2], [0.5, 0, 0, 0, 0.5, 0, 0, 0]), undefined, x([1, 1, 2, 2], [1, 0.5, 0, 1])],
      },
      [1, 1, 2, 2],
      [5, 2, 0, 8],
    ],
    [
      'RoiAlign of version 10 does not shift corners',
      {
        op: 'RoiAlign',
        opset: 10,
        attrs: { sampling_ratio: 1 },
        operands: [image, x([1, 4], [0, 0, 2, 2]), c([1], [0], 'int64')],
      },
      [1, 1, 1, 1],
      [4],
    ],
    [
      'RoiAlign of version 16 does',
      {
        op: 'RoiAlign',
        opset: 16,
        attrs: { sampling_ratio: 1 },
        operands: [image, x([1, 4], [0, 0, 2, 2]), c([1], [0], 'int64')],
      },
      [1, 1, 1, 1],
      [2.5],
    ],
    [
      'MaxRoiPool',
      {
        op: 'MaxRoiPool',
        attrs: { pooled_shape: [1, 2], spatial_scale: 0.5 },
        operands: [x([2, 1, 1, 2], [1, 2, 3, 4]), x([2, 5], [1, 0, 0, 2, 0, 0, 2, 0, 2, 0])],
      },
      [2, 1, 1, 2],
      [3, 4, 2, 2],
    ],
  ])('%s', (_name, one, shape, values) => {
    expect(evaluate(one)).toEqual([[shape, values]]);
  });

  test('what depends on the regions or the mode is refused with the attribute', () => {
    const rois = [image, x([1, 4], [0, 0, 2, 2]), c([1], [0], 'int64')];
    expect(messageOf({ op: 'RoiAlign', opset: 16, operands: rois })).toContain('sampling_ratio is 0');
    expect(messageOf({ op: 'GridSample', opset: 20, attrs: { mode: 'area' }, operands: [image, grid] })).toContain('mode is area');
    expect(
      codesOf(oneNode({ op: 'DeformConv', opset: 19, operands: [x([1, 1, 2], [1, 2]), c([1, 1, 1], [2]), x([1, 1, 2], [0, 0])] })),
    ).toEqual(['ONX2002']);
  });
});

describe('NonMaxSuppression', () => {
  const boxes = [0, 0, 10, 10, 5, 10, 0, 0, 40, 40, 50, 50];
  const rest = [c([1], [3], 'int64'), c([1], [0.25]), c([1], [0])];
  test('known boxes are selected at import: rows of image, class and box', () => {
    const one: OneNode = {
      op: 'NonMaxSuppression',
      operands: [c([1, 3, 4], boxes), c([1, 2, 3], [0.5, 0.5, 1, 0.1, 0.2, -1]), ...rest],
      elem: 'int64',
    };
    expect(evaluate(one)).toEqual([
      [
        [3, 3],
        [0, 0, 2, 0, 0, 0, 0, 1, 1],
      ],
    ]);
  });
  test('without a count nothing is selected', () => {
    expect(evaluate({ op: 'NonMaxSuppression', operands: [c([1, 3, 4], boxes), c([1, 1, 3], [1, 2, 3])], elem: 'int64' })).toEqual([
      [[0, 3], []],
    ]);
  });
  test('boxes of run time are refused with the way out', () => {
    const one: OneNode = { op: 'NonMaxSuppression', operands: [x([1, 3, 4], boxes), x([1, 1, 3], [1, 2, 3]), ...rest], elem: 'int64' };
    expect(codesOf(oneNode(one))).toEqual(['ONX2004']);
    expect(messageOf(one)).toMatch(/boxes .* must be known at import.*op nms/);
  });
});

describe('Resize', () => {
  const row = x([1, 1, 4], [8, 16, 32, 64]);
  const halves = c([3], [1, 1, 0.5]);
  test.each<Case>([
    [
      'antialias',
      { op: 'Resize', opset: 18, attrs: { mode: 'linear', antialias: 1 }, operands: [row, undefined, halves] },
      [1, 1, 2],
      [14, 46],
    ],
    [
      'antialias by a scale that is no ratio of sizes',
      { op: 'Resize', opset: 18, attrs: { mode: 'linear', antialias: 1 }, operands: [x([1, 1, 5], [8, 16, 32, 64, 0]), undefined, halves] },
      [1, 1, 2],
      [14, 38],
    ],
    [
      'tf_crop_and_resize: beyond the input is the extrapolation value',
      {
        op: 'Resize',
        attrs: { mode: 'linear', coordinate_transformation_mode: 'tf_crop_and_resize', extrapolation_value: { float: -1 } },
        operands: [row, c([6], [0, 0, 0.5, 1, 1, 1.5]), undefined, ints(1, 1, 3)],
      },
      [1, 1, 3],
      [24, 64, -1],
    ],
    [
      'not_larger takes the smallest scale for all axes',
      {
        op: 'Resize',
        opset: 18,
        attrs: { keep_aspect_ratio_policy: 'not_larger', axes: [1, 2] },
        operands: [x([1, 2, 4], [1, 2, 3, 4, 5, 6, 7, 8]), undefined, undefined, ints(1, 4)],
      },
      [1, 1, 2],
      [1, 3],
    ],
  ])('%s', (_name, one, shape, values) => {
    expect(evaluate(one)).toEqual([[shape, values]]);
  });
  test('cubic and antialias are ops of their own', () => {
    const doubled = c([3], [1, 1, 2]);
    expect(opsOf({ op: 'Resize', attrs: { mode: 'cubic' }, operands: [row, undefined, doubled] })).toEqual(['cubic_resize']);
    expect(opsOf({ op: 'Resize', opset: 18, attrs: { mode: 'cubic', antialias: 1 }, operands: [row, undefined, halves] })).toEqual([
      'antialias_resize',
    ]);
  });
});

test('the overflow proof of an integer deformable convolution holds up to 4224 |w| a channel and tap', () => {
  const proven = (channels: number): boolean => {
    const b = new ProgramBuilder('f');
    const data = new Int8Array(channels).fill(127);
    const inputs = [
      b.input('x', { dtype: 'i8', shape: [1, channels, 1, 1] }),
      b.param('w', { dtype: 'i8', shape: [1, channels, 1, 1], data }),
    ];
    const offset = b.input('o', { dtype: 'i16', shape: [1, 2, 1, 1] });
    const mask = b.input('m', { dtype: 'i16', shape: [1, 1, 1, 1] });
    const bias = b.param('b', { dtype: 'i32', shape: [1], data: Int32Array.of(0) });
    const attrs = { stride: [1, 1], dilation: [1, 1], pads: [0, 0, 0, 0] };
    b.output('y', b.emit('conv_deformable', [...inputs, offset, bias, mask], attrs));
    return proveProgram(b.finish()).ok;
  };
  expect([proven(4003), proven(4004)]).toEqual([true, false]);
});
