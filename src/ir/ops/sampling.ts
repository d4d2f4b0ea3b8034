import { attr } from '../attr.ts';
import { range } from '../range.ts';
import { composite, constraint, primitive, type Sample, types, violates, type Wire } from '../schema.ts';
import { elementCount, formatShape, stridesOf, type Tensor, type TensorType } from '../types.ts';
import { convDeformable } from './deform.ts';
import { axisTaps, combineTaps, fixedTaps, fixedValue, floatTaps, floatValue, type Interpolation } from './interpolation.ts';
import { regions } from './regions.ts';
import { describe, isOneOf, resultCount } from './util.ts';
import { spatialOf } from './window.ts';

const interpolationAttrs = {
  mode: attr.oneOf(['nearest', 'linear', 'cubic'], { default: 'linear' }),
  outside: attr.oneOf(['zeros', 'border', 'reflection'], { default: 'zeros' }),
  align_corners: attr.bool({ default: false }),
} as const;

/** Longest side of an image: positions on it are exact in float32 and, in sixteenths, in int32. */
const MAX_SIDE = 2 ** 20;

/** Channels and 1 to 3 spatial sizes of an image that positions can lie in. */
const imageOf = (x: TensorType): { channels: number; sizes: readonly number[] } | undefined => {
  const sizes = spatialOf(x.shape);
  const channels = x.shape[1];
  if (sizes === undefined || sizes.length < 1 || sizes.length > 3 || typeof channels !== 'number') return undefined;
  return sizes.every((s) => s >= 1 && s <= MAX_SIDE) ? { channels, sizes } : undefined;
};

/** Values of one image at positions; taps are found once per position and used for every channel of its group. */
const interpolate = (x: Tensor, positions: Tensor, y: Tensor, how: Interpolation, zero: number): void => {
  const sizes = x.shape.slice(2);
  const axes = sizes.length;
  const [strides, plane] = [stridesOf(sizes), elementCount(sizes)];
  const [, groups = 1, count = 0] = positions.shape;
  const [batch = 0, channels = 0] = x.shape;
  const perGroup = channels / groups;
  const taps = sizes.map(axisTaps);
  const [offsets, weights] = [new Int32Array(64), new Float64Array(64)];
  for (let n = 0; n < batch; n++)
    for (let g = 0; g < groups; g++)
      for (let p = 0; p < count; p++) {
        const at = ((n * groups + g) * count + p) * axes;
        taps.forEach((t, d) => {
          const position = positions.data[at + d]!;
          if (y.dtype === 'f32') floatTaps(position, sizes[d]!, strides[d]!, how, t);
          else fixedTaps(position, sizes[d]!, strides[d]!, t);
        });
        const used = combineTaps(taps, offsets, weights);
        for (let c = 0; c < perGroup; c++) {
          const channel = n * channels + g * perGroup + c;
          const base = channel * plane;
          y.data[channel * count + p] =
            y.dtype === 'f32'
              ? floatValue(x.data as Float32Array, base, used, offsets, weights)
              : fixedValue(x.data as Int8Array, base, used, offsets, weights, zero, axes);
        }
      }
};

/** Cells that a value is made of. */
const cellsOf = (mode: Interpolation['mode'], axes: number): number => {
  const each = mode === 'nearest' ? 1 : mode === 'linear' ? 2 : 4;
  return elementCount(new Array<number>(axes).fill(each));
};

/** Normalized coordinates along an axis of n cells, evenly spaced from -1 to 1; rationals rounded once. */
const evenly = (n: number, corners: boolean): readonly number[] =>
  Array.from({ length: n }, (_, i) => (corners ? (n === 1 ? 0 : (2 * i - (n - 1)) / (n - 1)) : (2 * i + 1 - n) / n));

const interpolateSamples: readonly Sample[] = [
  { operands: ['f32[2,3,4,5]', { type: 'f32[2,1,9,2]', lo: -2, hi: 6 }] },
  { operands: ['f32[1,4,3,4]', { type: 'f32[1,2,8,2]', lo: -3, hi: 6 }], attrs: { mode: 'cubic' } },
  { operands: ['f32[1,2,4,4]', { type: 'f32[1,1,9,2]', lo: -3, hi: 7 }], attrs: { mode: 'cubic', outside: 'border' } },
  {
    operands: ['f32[1,1,4,1]', { type: 'f32[1,1,9,2]', lo: -5, hi: 9 }],
    attrs: { mode: 'cubic', outside: 'reflection', align_corners: true },
  },
  { operands: ['f32[1,2,3,4]', { type: 'f32[1,1,9,2]', lo: -9, hi: 9 }], attrs: { outside: 'reflection' } },
  { operands: ['f32[1,1,7]', { type: 'f32[1,1,20,1]', lo: -3, hi: 9 }], attrs: { mode: 'nearest' } },
  {
    operands: ['f32[1,2,7]', { type: 'f32[1,2,8,1]', lo: -30, hi: 30 }],
    attrs: { mode: 'nearest', outside: 'reflection', align_corners: true },
  },
  { operands: ['f32[1,2,3,4,2]', { type: 'f32[1,1,6,3]', lo: -1, hi: 4 }], attrs: { outside: 'border', align_corners: true } },
  { operands: ['i8[2,4,3,5]', { type: 'i32[2,2,9,2]', lo: -40, hi: 90 }], attrs: { zero: -7 } },
  { operands: ['u8[1,1,6]', { type: 'i32[1,1,9,1]', lo: -17, hi: 97 }], attrs: { zero: 128 } },
  { operands: ['i8[1,2,2,3,2]', { type: 'i32[1,1,9,3]', lo: -17, hi: 40 }] },
  { operands: ['f32[0,2,3,3]', 'f32[0,1,2,2]'] },
];

/** Ops that read values between cells. */
export const sampling = {
  interpolate: primitive({
    code: 0x130,
    summary: 'Values of an image between its cells, at given positions.',
    doc:
      'y[n, c, p] = x[n, c] at positions[n, g(c), p], a vector with one coordinate per spatial dimension in cells: 0 is the centre of the first cell, n - 1 that of the last. Channels are divided into the groups of positions. ' +
      'Float, each step rounded: nearest first rounds a coordinate to the nearest integer, ties to even. A coordinate outside [lo, hi] = [0, n - 1] (align_corners) or [-1/2, n - 1/2] is clamped to [0, n - 1] (border; NaN to 0), or mirrored at lo and hi (reflection: d = distance to the border, k = trunc(d / (hi - lo)), r = d - k (hi - lo); border + r inwards for k even, the other border - r for odd). ' +
      'Each axis then has 1 (nearest), 2 (linear: 1 - f, f) or 4 (cubic: Keys with a = -0.75) cells from floor(p), f = p - floor(p), and their weights; a cell outside is 0 (zeros), the outer cell (border), or its mirror image (reflection). ' +
      'y = sum, from +0 in row-major order of the cells, of fl(product of the axis weights) * x; a cell that is 0 is left out. ' +
      'Integer (linear, zeros): positions are i32 in sixteenths; i = p >> 4, f = p & 15, weights 16 - f and f; y = rshr(sum of weights * (x - zero), 4 (axes - 1)) in sixteenths, i16 (NUMERICS §1.7, deformable convolution).',
    operands: ['x', 'positions'],
    attrs: { ...interpolationAttrs, zero: attr.int({ min: -128, max: 255, default: 0 }) },
    constraints: {
      c1: constraint('x has rank 3 to 5, a number of channels, and numbers from 1 to 2^20 as spatial sizes.', ['f32[2,3]', 'f32[2,1,4,1]']),
      c2: constraint('positions are [batch of x, groups, count, spatial dimensions of x], and groups divides the channels.', [
        'f32[2,4,5,5]',
        'f32[2,3,7,2]',
      ]),
      c3: constraint('dtypes are f32 and f32, or x i8 or u8 and positions i32.', ['f32[2,4,5,5]', 'i32[2,1,7,2]']),
      c4: constraint(
        'Integers are linear with zeros outside; zero is a value of the dtype of x, 0 for f32.',
        ['i8[2,4,5]', 'i32[2,1,7,1]'],
        {
          mode: 'nearest',
        },
      ),
    },
    infer: ([x, positions], a) => {
      const image = imageOf(x);
      if (image === undefined) return violates('c1', describe('x', x));
      const [n, groups, count, axes] = positions.shape;
      const fits = positions.shape.length === 4 && n === x.shape[0] && axes === image.sizes.length && typeof groups === 'number';
      if (!fits || groups < 1 || image.channels % groups !== 0)
        return violates('c2', `${describe('x', x)} but ${describe('positions', positions)}`);
      const float = x.dtype === 'f32';
      if (!(float ? positions.dtype === 'f32' : isOneOf(x, 'i8', 'u8') && positions.dtype === 'i32'))
        return violates('c3', `x is ${x.dtype}, positions are ${positions.dtype}`);
      const lo = x.dtype === 'i8' ? -128 : 0;
      const plain = float ? a.zero === 0 : a.mode === 'linear' && a.outside === 'zeros' && a.zero >= lo && a.zero <= lo + 255;
      if (!plain) return violates('c4', `${a.mode}, ${a.outside}, zero ${a.zero} for ${x.dtype}`);
      return types({ dtype: float ? 'f32' : 'i16', shape: [n ?? 1, image.channels, count ?? 0] });
    },
    evaluate: ([x, positions], a, [y]) => {
      if (y !== undefined) interpolate(x, positions, y, a, a.zero);
    },
    range: ([x], a) => [range(16 * Math.min(0, x.lo - a.zero), 16 * Math.max(0, x.hi - a.zero))],
    cost: ([x], a, results) => resultCount(results) * cellsOf(a.mode, x.shape.length - 2),
    samples: interpolateSamples,
  }),

  grid_sample: composite({
    code: 0x131,
    summary: 'Values of an image at positions of a grid in normalized coordinates.',
    doc:
      'grid [N, spatial of y…, axes] holds coordinates from -1 to 1, the innermost axis first. p = fl(fl((g + 1) / 2) * (n - 1)) with align_corners, fl(fl(fl(g + 1) * n) - 1) / 2 without; y = interpolate(x, p). ' +
      'As GridSample of ONNX and grid_sample of PyTorch (for cubic with a border or reflection as ONNX has it).',
    operands: ['x', 'grid'],
    attrs: interpolationAttrs,
    constraints: {
      c1: constraint('x is f32 of rank 3 to 5 with a number of channels and numbers from 1 to 2^20 as spatial sizes.', [
        'i8[1,2,3,3]',
        'f32[1,4,4,2]',
      ]),
      c2: constraint('grid is f32, has the batch of x, spatial sizes, and one coordinate per spatial dimension of x.', [
        'f32[1,2,3,3]',
        'f32[1,4,4,3]',
      ]),
    },
    infer: ([x, grid]) => {
      const image = imageOf(x);
      if (image === undefined || x.dtype !== 'f32') return violates('c1', describe('x', x));
      const out = grid.shape.slice(1, -1);
      const fits = grid.dtype === 'f32' && grid.shape.length === x.shape.length && grid.shape[0] === x.shape[0];
      if (!fits || grid.shape.at(-1) !== image.sizes.length || out.some((d) => typeof d !== 'number' || d < 1))
        return violates('c2', `${describe('x', x)} but ${describe('grid', grid)}`);
      return types({ dtype: 'f32', shape: [x.shape[0] ?? 1, image.channels, ...out] });
    },
    decompose: (b, [x, grid], a) => {
      const sizes = x.type.shape.slice(2).map(Number);
      const [channels = 1] = x.type.shape.slice(1).map(Number);
      const axes = sizes.length;
      const out = grid.type.shape.slice(1, -1).map(Number);
      const flat = b.emit('reshape', [grid], { shape: [0, 1, elementCount(out), axes] });
      const [starts, counts, steps] = [
        [0, 0, 0, axes - 1],
        [-1, 1, elementCount(out), axes],
        [1, 1, 1, -1],
      ];
      const turned = b.emit('slice', [flat], { starts, sizes: counts, steps });
      const vector = (values: readonly number[]) => b.constant({ dtype: 'f32', shape: [values.length] }, values);
      const half = vector([0.5]);
      const shifted = b.emit('add', [turned, vector([1])]);
      const positions = a.align_corners
        ? b.emit('mul', [b.emit('mul', [shifted, half]), vector(sizes.map((n) => n - 1))])
        : b.emit('mul', [b.emit('sub', [b.emit('mul', [shifted, vector(sizes)]), vector([1])]), half]);
      const y = b.emit('interpolate', [x, positions], { mode: a.mode, outside: a.outside, align_corners: a.align_corners });
      return [b.emit('reshape', [y], { shape: [0, channels, ...out] })];
    },
    cost: ([x, grid], a, results) => 4 * elementCount(grid.shape) + resultCount(results) * cellsOf(a.mode, x.shape.length - 2),
    samples: [
      { operands: ['f32[2,3,4,5]', { type: 'f32[2,3,2,2]', lo: -1.5, hi: 1.5 }] },
      { operands: ['f32[1,2,5]', { type: 'f32[1,6,1]', lo: -1.2, hi: 1.2 }], attrs: { align_corners: true, mode: 'cubic' } },
      {
        operands: ['f32[1,2,3,4,2]', { type: 'f32[1,2,3,2,3]', lo: -2, hi: 2 }],
        attrs: { outside: 'reflection', mode: 'nearest' },
      },
    ],
  }),

  affine_grid: composite({
    code: 0x132,
    summary: 'Grid for grid_sample from affine matrices.',
    doc:
      'theta [N, d, d + 1]; y[n, o…, i] = (x theta[i, 0] + y theta[i, 1] (+ z theta[i, 2])) + theta[i, d], each step rounded, (x, y, z) the normalized position of o, innermost axis first: along an axis of n positions (2 i + 1 - n) / n, or (2 i - (n - 1)) / (n - 1) with align_corners (0 when n = 1), rounded once. ' +
      'y is [N, size…, d].',
    operands: ['theta'],
    attrs: { size: attr.ints({ min: 1, max: MAX_SIDE }), align_corners: attr.bool({ default: false }) },
    constraints: {
      c1: constraint('theta is f32 [N, 2, 3] or f32 [N, 3, 4].', ['f32[1,2,2]'], { size: [3, 3] }),
      c2: constraint('size has one entry per row of theta.', ['f32[1,2,3]'], { size: [3] }),
    },
    infer: ([theta], a) => {
      const [n = 1, d, homogeneous] = theta.shape;
      if (theta.dtype !== 'f32' || theta.shape.length !== 3 || (d !== 2 && d !== 3) || homogeneous !== d + 1)
        return violates('c1', describe('theta', theta));
      if (a.size.length !== d) return violates('c2', `${describe('theta', theta)} but size ${formatShape(a.size)}`);
      return types({ dtype: 'f32', shape: [n, ...a.size, d] });
    },
    decompose: (b, [theta], a) => {
      const axes = a.size.length;
      const rows = b.emit('reshape', [theta], { shape: [0, ...a.size.map(() => 1), axes, axes + 1] });
      const column = (k: number): Wire => {
        const [starts, sizes, steps] = [
          [...a.size.map(() => 0), 0, 0, k],
          [-1, ...a.size.map(() => 1), axes, 1],
          rows.type.shape.map(() => 1),
        ];
        return b.emit('reshape', [b.emit('slice', [rows], { starts, sizes, steps })], { shape: [0, ...a.size.map(() => 1), axes] });
      };
      // innermost axis first; one vector an axis, spread over the others by broadcasting
      const terms = a.size.map((_, k) => {
        const d = axes - 1 - k;
        const n = a.size[d] ?? 1;
        const line = b.constant({ dtype: 'f32', shape: [n, ...new Array<number>(k + 1).fill(1)] }, evenly(n, a.align_corners));
        return b.emit('mul', [column(k), line]);
      });
      return [[...terms, column(axes)].reduce((sum, term) => b.emit('add', [sum, term]))];
    },
    cost: (_o, a, results) => resultCount(results) * (a.size.length + 1),
    samples: [
      { operands: ['f32[2,2,3]'], attrs: { size: [3, 4] } },
      { operands: ['f32[1,3,4]'], attrs: { size: [2, 1, 3], align_corners: true } },
    ],
  }),

  conv_deformable: convDeformable,
  ...regions,
} as const;
