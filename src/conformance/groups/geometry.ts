import type { NamedCase } from './named.ts';

interface Geometry {
  readonly n?: number;
  readonly c?: number;
  readonly oc?: number;
  readonly groups?: number;
  readonly size?: readonly [number, number];
  readonly kernel?: readonly [number, number];
  readonly stride?: readonly [number, number];
  readonly dilation?: readonly [number, number];
  readonly pads?: readonly [number, number, number, number];
  readonly zero?: number;
}

const DATA = ['uniform', 'lowest', 'alternating'] as const;

const conv = (name: string, dtype: 'i8' | 'f32', g: Geometry): NamedCase => {
  const {
    n = 1,
    c = 3,
    oc = 4,
    groups = 1,
    size = [6, 7],
    kernel = [3, 3],
    stride = [1, 1],
    dilation = [1, 1],
    pads = [0, 0, 0, 0],
    zero = 0,
  } = g;
  return {
    name: `conv-${dtype}-${name}`,
    op: 'conv',
    operands: [
      `${dtype}[${n},${c},${size.join(',')}]`,
      `${dtype}[${oc},${c / groups},${kernel.join(',')}]`,
      `${dtype === 'i8' ? 'i32' : 'f32'}[${oc}]`,
    ].map((type) => (type.startsWith('i32') ? { type, lo: -100000, hi: 100000 } : type)),
    attrs: { stride, dilation, pads, groups, ...(dtype === 'i8' ? { pad_value: zero } : {}) },
    data: DATA,
  };
};

const both = (name: string, g: Geometry): NamedCase[] => [conv(name, 'i8', g), conv(name, 'f32', { ...g, zero: 0 })];
const CHANNELS = [1, 3, 4, 5, 16, 17];

/** Channel counts in every pair, batches, kernels, strides, dilations and pads in turn. */
const grid: readonly NamedCase[] = [
  ...[0, 1, 2].flatMap((n) => both(`n${n}`, { n, pads: [1, 1, 1, 1], zero: -7 })),
  ...CHANNELS.flatMap((c) => CHANNELS.flatMap((oc) => both(`c${c}-oc${oc}`, { c, oc, size: [4, 5] }))),
  ...[1, 2, 3, 5, 7].flatMap((k) => both(`k${k}`, { kernel: [k, k], size: [8, 9], pads: [0, 1, 1, 0], zero: 3 })),
  ...both('k1x5', { kernel: [1, 5], size: [5, 9] }),
  ...both('k5x2', { kernel: [5, 2], size: [9, 5] }),
  ...[1, 2, 3, 4].flatMap((s) => both(`stride${s}`, { stride: [s, s], kernel: [2, 2], size: [9, 11] })),
  ...both('stride-above-kernel', { stride: [4, 3], kernel: [1, 2], size: [9, 11] }),
  ...[1, 2, 3].flatMap((d) => both(`dilation${d}`, { dilation: [d, d], size: [8, 9] })),
  ...both('dilation-leaves-none', { dilation: [3, 3], size: [5, 5] }),
  ...both('dilation-leaves-one', { dilation: [3, 3], size: [7, 7] }),
  ...both('pads-uneven', { pads: [0, 2, 1, 3], zero: 11 }),
  ...both('pads-above-input', { size: [2, 2], pads: [3, 3, 2, 4], zero: -128 }),
  ...both('kernel-only-in-padding', { size: [1, 1], pads: [4, 4, 4, 4], stride: [2, 2], zero: 127 }),
  ...both('groups2', { c: 4, oc: 6, groups: 2, pads: [1, 1, 1, 1], zero: 5 }),
  ...both('depthwise', { c: 5, oc: 5, groups: 5, pads: [1, 1, 1, 1], zero: -5 }),
  ...both('depthwise-17', { c: 17, oc: 17, groups: 17, stride: [2, 2], pads: [1, 1, 1, 1] }),
  ...both('depthwise-multiplier', { c: 3, oc: 9, groups: 3 }),
  ...both('one-by-one-on-one-by-one', { size: [1, 1], kernel: [1, 1], c: 17, oc: 5 }),
];

const conv1d = (dtype: 'i8' | 'f32'): NamedCase => ({
  name: `conv1d-${dtype}`,
  op: 'conv',
  operands: [`${dtype}[2,3,11]`, `${dtype}[4,3,4]`],
  attrs: { stride: [2], dilation: [2], pads: [3, 1] },
  data: DATA,
});
const conv3d = (dtype: 'i8' | 'f32'): NamedCase => ({
  name: `conv3d-${dtype}`,
  op: 'conv',
  operands: [`${dtype}[1,2,4,5,3]`, `${dtype}[3,2,2,3,1]`],
  attrs: { stride: [1, 2, 1], dilation: [2, 1, 3], pads: [1, 0, 0, 0, 2, 1] },
  data: DATA,
});

const transposed = (name: string, dtype: 'i8' | 'f32', attrs: NamedCase['attrs'], groups = 1): NamedCase => ({
  name: `conv-transpose-${dtype}-${name}`,
  op: 'conv_transpose',
  operands: [`${dtype}[1,4,3,4]`, `${dtype}[4,${6 / groups / 2},2,3]`],
  attrs: { dilation: [1, 1], pads: [0, 0, 0, 0], output_padding: [0, 0], groups, ...attrs },
  data: DATA,
});
const holes: readonly NamedCase[] = (['i8', 'f32'] as const).flatMap((dtype) => [
  transposed('plain', dtype, { stride: [1, 1] }),
  transposed('stride-above-kernel', dtype, { stride: [3, 4] }),
  transposed('output-padding', dtype, { stride: [3, 3], output_padding: [2, 1] }),
  transposed('pads', dtype, { stride: [2, 2], pads: [1, 0, 0, 1] }),
  transposed('dilated', dtype, { stride: [2, 1], dilation: [2, 3] }),
]);

const POOLS = [
  ['same', { kernel: [3, 3], stride: [2, 2], pads: [1, 1, 1, 1] }],
  ['uneven', { kernel: [2, 3], stride: [1, 2], pads: [0, 1, 1, 2] }],
  ['whole', { kernel: [6, 7], stride: [1, 1], pads: [0, 0, 0, 0] }],
  ['gaps', { kernel: [2, 2], stride: [3, 4], pads: [0, 0, 0, 0] }],
  ['ceil', { kernel: [3, 2], stride: [2, 3], pads: [0, 0, 0, 0], ceil: true }],
] as const;
const pools: readonly NamedCase[] = (['i8', 'u8', 'f32'] as const).flatMap((dtype) =>
  ['max_pool', 'average_pool'].flatMap((op) =>
    POOLS.map(
      ([name, attrs]): NamedCase => ({
        name: `${op}-${dtype}-${name}`,
        op,
        operands: [`${dtype}[1,5,6,7]`],
        attrs: { dilation: [1, 1], ...attrs },
        data: DATA,
      }),
    ),
  ),
);

/** D: geometry of windows. */
export const geometry: readonly NamedCase[] = [...grid, conv1d('i8'), conv1d('f32'), conv3d('i8'), conv3d('f32'), ...holes, ...pools];
