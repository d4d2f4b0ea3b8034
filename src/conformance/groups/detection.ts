import { given, type NamedCase } from './named.ts';

/** Two boxes whose overlap is exactly half of their union, and one apart. */
const BOXES = given('i16[1,3,4]', [0, 0, 10, 10, 0, 0, 10, 5, 20, 20, 30, 30]);
const HALF = given('i32[]', [32768]);

const roi = (op: string, name: string, corners: readonly number[]): NamedCase => ({
  name: `${op}-${name}`,
  op,
  operands: ['i8[1,2,5,6]', given('i32[1,4]', corners), given('i32[1]', [0])],
  attrs: { size: [2, 3], multiplier: op === 'roi_align' ? 256 : 1 },
  data: ['uniform', 'lowest', 'edges'],
});

/** Part of F: what detection adds. Offsets are in sixteenths of a cell, regions in cells. */
export const detectionTies: readonly NamedCase[] = [
  {
    name: 'nms-equal-scores',
    op: 'nms',
    operands: [BOXES, given('i8[1,1,3]', [5, 5, 5]), given('i32[]', [16384])],
    attrs: { max_out: 3 },
    known: [[0, 2, -1], [2]],
  },
  {
    name: 'nms-overlap-at-threshold-stays',
    op: 'nms',
    operands: [BOXES, given('i8[1,1,3]', [5, 4, 3]), HALF],
    attrs: { max_out: 3 },
    known: [[0, 1, 2], [3]],
  },
  {
    name: 'nms-overlap-at-threshold-goes',
    op: 'nms',
    operands: [BOXES, given('i8[1,1,3]', [5, 4, 3]), HALF],
    attrs: { max_out: 3, inclusive: true },
    known: [[0, 2, -1], [2]],
  },
  ...['roi_pool', 'roi_align'].flatMap((op) => [
    roi(op, 'whole', [0, 0, 5, 4]),
    roi(op, 'one-cell', [2, 2, 2, 2]),
    roi(op, 'degenerate', [4, 3, 1, 0]),
    roi(op, 'outside', [100, 100, 120, 110]),
    roi(op, 'before', [-50, -40, -20, -10]),
    roi(op, 'border', [-1, -1, 6, 5]),
  ]),
  ...[
    ['before', -16],
    ['zero', 0],
    ['last', 64],
    ['behind-by-15-sixteenths', 79],
    ['behind', 80],
  ].map(
    ([name, offset]): NamedCase => ({
      name: `deformable-${name}`,
      op: 'conv_deformable',
      operands: ['i8[1,2,5,5]', 'i8[3,2,1,1]', given('i16[1,2,1,1]', [Number(offset)])],
      attrs: { stride: [5, 5], dilation: [1, 1], pads: [0, 0, 0, 0] },
      data: ['uniform', 'lowest'],
    }),
  ),
];
