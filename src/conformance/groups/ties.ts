import { detectionTies } from './detection.ts';
import { filled, given, type NamedCase, within } from './named.ts';

const arg = (op: string, name: string, x: readonly number[], known: number, attrs: NamedCase['attrs'] = {}): NamedCase => ({
  name: `${op}-${name}`,
  op,
  operands: [given(`i8[${x.length}]`, x)],
  attrs: { axis: 0, ...attrs },
  known: [[known]],
});

const topK = (name: string, x: readonly number[], k: number, values: readonly number[], indices: readonly number[]): NamedCase => ({
  name: `top-k-${name}`,
  op: 'top_k',
  operands: [given(`i8[${x.length}]`, x)],
  attrs: { axis: 0, k },
  known: [values, indices],
});
const DUPLICATES = [3, 7, 3, 7, 1, 7];

const nearest = (from: number, to: number, rounding: string, coordinates: string): NamedCase => ({
  name: `nearest-${from}to${to}-${rounding}-${coordinates}`,
  op: 'resize',
  operands: [
    given(
      `i8[1,1,${from}]`,
      filled(from, (i) => 10 * i),
    ),
  ],
  attrs: { sizes: [to], rounding, coordinates },
});

/** Sums that lie half way between two integers, below and above zero: c elements a window. */
const averages: readonly NamedCase[] = [
  [1, 2],
  [2, 2],
  [3, 3],
  [7, 7],
].flatMap(([h = 1, w = 1]) => {
  const c = h * w;
  return [-3, -1, 1, 3].map((half): NamedCase => {
    // the sum is the whole part of c * half / 2, spread one by one
    const sum = Math.floor((c * half) / 2);
    const base = Math.floor(sum / c);
    return {
      name: `average-c${c}-half${half}`,
      op: 'average_pool',
      operands: [
        given(
          `i8[1,1,${h},${w}]`,
          filled(c, (i) => base + (i < sum - base * c ? 1 : 0)),
        ),
      ],
      attrs: { kernel: [h, w], stride: [1, 1], dilation: [1, 1], pads: [0, 0, 0, 0] },
      known: [[Math.floor((2 * sum + c) / (2 * c))]],
    };
  });
});

/** F: ties. */
export const ties: readonly NamedCase[] = [
  arg('argmax', 'all-equal', [5, 5, 5], 0),
  arg('argmax', 'first-last-equal', [9, 1, 9], 0),
  arg('argmax', 'last-wins', [9, 1, 9], 2, { last: true }),
  arg('argmin', 'all-equal', [5, 5, 5], 0),
  arg('argmin', 'first-last-equal', [-9, 1, -9], 0),
  topK('k0', DUPLICATES, 0, [], []),
  topK('k1', DUPLICATES, 1, [7], [1]),
  topK('kn', DUPLICATES, 6, [7, 7, 7, 3, 3, 1], [1, 3, 5, 0, 2, 4]),
  { name: 'sort-duplicates', op: 'sort', operands: [given('i8[6]', DUPLICATES)], attrs: { axis: 0 }, known: [[1, 3, 3, 7, 7, 7]] },
  { name: 'argsort-duplicates', op: 'argsort', operands: [given('i8[6]', DUPLICATES)], attrs: { axis: 0 }, known: [[4, 0, 2, 1, 3, 5]] },
  {
    name: 'argsort-descending-duplicates',
    op: 'argsort',
    operands: [given('i8[6]', DUPLICATES)],
    attrs: { axis: 0, descending: true },
    known: [[1, 3, 5, 0, 2, 4]],
  },
  {
    name: 'max-pool-equal',
    op: 'max_pool',
    operands: [given('i8[1,1,3,3]', [-128])],
    attrs: { kernel: [2, 2], stride: [1, 1], dilation: [1, 1], pads: [1, 1, 1, 1] },
    known: [filled(16, () => -128)],
  },
  ...[
    [3, 5],
    [5, 3],
    [4, 8],
    [2, 4],
    [4, 6],
  ].flatMap(([from = 1, to = 1]) =>
    ['round_prefer_floor', 'round_prefer_ceil', 'floor', 'ceil'].flatMap((rounding) =>
      ['half_pixel', 'align_corners', 'asymmetric', 'pytorch_half_pixel'].map((c) => nearest(from, to, rounding, c)),
    ),
  ),
  ...[
    [3, 5],
    [5, 3],
    [4, 8],
  ].map(
    ([from = 1, to = 1]): NamedCase => ({
      name: `linear-${from}to${to}`,
      op: 'resize',
      operands: [within(`f32[1,1,${from}]`, -4, 4)],
      attrs: { sizes: [to], mode: 'linear' },
      data: ['uniform', 'ties', 'edges'],
    }),
  ),
  ...averages,
  {
    name: 'round-halves',
    op: 'round',
    operands: [given('f32[8]', [-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 0.49999997, 8388609])],
    known: [[-2, -2, 0, 0, 2, 2, 0, 8388609]],
  },
  {
    name: 'quantize-halves',
    op: 'quantize',
    operands: [given('f32[6]', [-2.5, -1.5, -0.5, 0.5, 1.5, Number.NaN])],
    attrs: { inverse_scale: 1, zero: 3 },
    known: [[1, 2, 3, 4, 5, 3]],
  },
  {
    name: 'scatter-duplicates-last-wins',
    op: 'scatter_elements',
    operands: [given('i8[3]', [1, 2, 3]), given('i32[3]', [1, 1, 1]), given('i8[3]', [7, 8, 9])],
    known: [[1, 9, 3]],
  },
  ...detectionTies,
];
