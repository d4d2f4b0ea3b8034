import { attr } from '../attr.ts';
import { composite, constraint, type Decomposer, type InferResult, types, violates, type Wire } from '../schema.ts';
import { elementCount, formatShape, isStaticShape, sameShape, stridesOf, type TensorType } from '../types.ts';
import { inferPool, type PoolAttrs, poolAttrs, poolConstraints, poolSamples } from './pool.ts';
import { describe, isOneOf, resultCount } from './util.ts';
import { spatialOf, type Window, windowOutput, windowProblem, withSpatial } from './window.ts';

/** Windowed ops that are others with indices, masks or powers around them. */

/** Entries of a table that a definition holds as a constant; windows of sensible networks need far fewer. */
export const MAX_ENTRIES = 2 ** 24;

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
const pickAt = <T>(list: readonly T[], i: number, otherwise: T): T => list[i] ?? otherwise;
const i32Constant = (b: Decomposer, shape: readonly number[], data: readonly number[] | Int32Array): Wire =>
  b.constant({ dtype: 'i32', shape }, data);

/** Axes of the taps after each spatial dimension has become (position, tap). */
const tapAxes = (count: number): number[] => range(count).map((d) => 3 + 2 * d);

/** x with spatial dimension d replaced by two: indices[d] has a row of taps for each position. */
const gatherTaps = (b: Decomposer, x: Wire, indices: readonly (readonly (readonly number[])[])[]): Wire =>
  indices.reduce((y, rows, d) => {
    const table = i32Constant(b, [rows.length, rows[0]?.length ?? 0], rows.flat());
    return b.emit('gather', [y, table], { axis: 2 + 2 * d });
  }, x);

/** A shape of 1s but along one (position, tap) pair. */
const besides = (count: number, d: number, pair: readonly [number, number]): number[] => [
  1,
  1,
  ...range(count).flatMap((e) => (e === d ? pair : [1, 1])),
];

/** Bin i of n inputs in m outputs: floor(i n / m) up to ceil((i + 1) n / m). */
const binsOf = (n: number, m: number): readonly (readonly [number, number])[] =>
  range(m).map((i) => [Math.floor((i * n) / m), Math.ceil(((i + 1) * n) / m)] as const);

/** Indices of each bin, the last one repeated up to the size of the largest. */
const binRows = (n: number, m: number): number[][] => {
  const bins = binsOf(n, m);
  const size = Math.max(...bins.map(([from, to]) => to - from));
  return bins.map(([from, to]) => range(size).map((k) => Math.min(from + k, to - 1)));
};

const adaptiveAttrs = { sizes: attr.ints({ min: 1, max: 65536 }) } as const;
const adaptiveConstraints = {
  c1: constraint('x has rank 3 to 5 with numbers of at least 1 as spatial sizes.', ['i8[2,3]'], { sizes: [1] }),
  c2: constraint('sizes has one entry for each spatial dimension.', ['i8[1,2,5,5]'], { sizes: [2] }),
  c3: constraint('x is i8, u8 or f32.', ['bool[1,2,5]'], { sizes: [2] }),
} as const;

const inferAdaptive = (x: TensorType, sizes: readonly number[]): InferResult => {
  const spatial = spatialOf(x.shape);
  if (x.shape.length < 3 || x.shape.length > 5 || spatial === undefined || spatial.includes(0)) return violates('c1', describe('x', x));
  if (sizes.length !== spatial.length) return violates('c2', `sizes ${sizes.join(', ')} for ${describe('x', x)}`);
  if (!isOneOf(x, 'i8', 'u8', 'f32')) return violates('c3', `x is ${x.dtype}`);
  return types({ dtype: x.dtype, shape: withSpatial(x.shape, pickAt(x.shape, 1, 1), sizes) });
};

const adaptiveSamples = (dtype: string) => [
  { operands: [`${dtype}[2,3,7]`], attrs: { sizes: [3] } },
  { operands: [`${dtype}[1,2,6,5]`], attrs: { sizes: [3, 5] } },
  { operands: [`${dtype}[1,2,3,4]`], attrs: { sizes: [5, 3] } },
  { operands: [`${dtype}[1,2,4,3,5]`], attrs: { sizes: [2, 2, 1] } },
];

/** The window of bins of one size; undefined when sizes differ. */
const evenWindow = (spatial: readonly number[], sizes: readonly number[]): Window | undefined => {
  const kernel = spatial.map((n, d) => n / pickAt(sizes, d, 1));
  if (!kernel.every(Number.isInteger)) return undefined;
  return { kernel, stride: kernel, dilation: kernel.map(() => 1), pads: [...kernel, ...kernel].map(() => 0) };
};

/** The quotient of sums by numbers of cells. */
const divided = (b: Decomposer, sum: Wire, counts: readonly number[], shape: readonly number[], like: TensorType): Wire => {
  if (like.dtype === 'f32') return b.emit('div', [sum, b.constant({ dtype: 'f32', shape }, counts)]);
  return b.emit('cast', [b.emit('div_round', [sum, i32Constant(b, shape, counts)])], { dtype: like.dtype });
};

const adaptiveAverage = (b: Decomposer, x: Wire, sizes: readonly number[]): Wire => {
  const spatial = x.type.shape.slice(2).map(Number);
  const even = evenWindow(spatial, sizes);
  if (even !== undefined) return b.emit('average_pool', [x], { ...even });
  const count = spatial.length;
  const bins = spatial.map((n, d) => binsOf(n, pickAt(sizes, d, 1)));
  const rows = spatial.map((n, d) => binRows(n, pickAt(sizes, d, 1)));
  const taps = gatherTaps(b, x, rows);
  const wide = x.type.dtype === 'f32' ? taps : b.emit('cast', [taps], { dtype: 'i32' });
  const zero = b.constant({ dtype: x.type.dtype === 'f32' ? 'f32' : 'i32', shape: [] }, [0]);
  const masked = bins.reduce((y, list, d) => {
    const width = rows[d]?.[0]?.length ?? 0;
    const inside = list.flatMap(([from, to]) => range(width).map((k) => (from + k < to ? 1 : 0)));
    const mask = b.constant({ dtype: 'bool', shape: besides(count, d, [list.length, width]) }, inside);
    return b.emit('select', [mask, y, zero]);
  }, wide);
  const sum = b.emit('reduce_sum', [masked], { axes: tapAxes(count), keep: false });
  const cells = bins.reduce<number[]>((all, list) => all.flatMap((n) => list.map(([from, to]) => n * (to - from))), [1]);
  return divided(b, sum, cells, sizes, x.type);
};

/** For each window, its taps as indices; those in padding read the nearest one inside, which changes no maximum. */
const clampedTaps = (size: number, d: number, count: number, w: Window, positions: number): number[][] => {
  const [kernel, stride, dilation] = [pickAt(w.kernel, d, 1), pickAt(w.stride, d, 1), pickAt(w.dilation, d, 1)];
  const begin = pickAt(w.pads, d, 0);
  return range(positions).map((o) => {
    const places = range(kernel).map((k) => o * stride - begin + k * dilation);
    const inside = places.filter((p) => p >= 0 && p < size);
    const [first = 0, last = 0] = [inside[0], inside.at(-1)];
    return places.map((p) => (p < 0 ? first : p >= size ? last : p));
  });
};

/** Element within its plane for each combination of per-dimension taps: positions outside, taps inside. */
const planeOffsets = (taps: readonly (readonly (readonly number[])[])[], spatial: readonly number[]): Int32Array => {
  const strides = stridesOf(spatial);
  const ends = (d: number, position: readonly (readonly number[])[]): number[] =>
    d === taps.length
      ? position.reduce<number[]>((all, list, e) => all.flatMap((n) => list.map((p) => n + p * pickAt(strides, e, 1))), [0])
      : (taps[d] ?? []).flatMap((list) => ends(d + 1, [...position, list]));
  return Int32Array.from(ends(0, []));
};

const maxIndices = (b: Decomposer, x: Wire, a: PoolAttrs): Wire => {
  const spatial = x.type.shape.slice(2).map(Number);
  const count = spatial.length;
  const output = windowOutput(spatial, a, a.ceil);
  const taps = spatial.map((size, d) => clampedTaps(size, d, count, a, pickAt(output, d, 1)));
  const positions = elementCount(output);
  const width = elementCount(a.kernel);
  const perm = [0, 1, ...range(count).map((d) => 2 + 2 * d), ...tapAxes(count)];
  const windows = b.emit('reshape', [b.emit('transpose', [gatherTaps(b, x, taps)], { perm })], { shape: [0, 0, positions, width] });
  const best = b.emit('argmax', [windows], { axis: 3 });
  const starts = i32Constant(
    b,
    [positions],
    range(positions).map((o) => o * width),
  );
  const offsets = i32Constant(b, [positions * width], planeOffsets(taps, spatial));
  const y = b.emit('gather', [offsets, b.emit('add', [best, starts])], { axis: 0 });
  return b.emit('reshape', [y], { shape: [0, 0, ...output] });
};

/** Padding at the end so that rounding down gives as many windows as `ceil` does. */
const padsForCeil = (spatial: readonly number[], a: PoolAttrs): readonly number[] => {
  const output = windowOutput(spatial, a, true);
  const n = spatial.length;
  const ends = spatial.map((size, d) => {
    const reach = pickAt(a.dilation, d, 1) * (pickAt(a.kernel, d, 1) - 1) + 1;
    return Math.max(0, (pickAt(output, d, 1) - 1) * pickAt(a.stride, d, 1) + reach - size - pickAt(a.pads, d, 0));
  });
  return [...a.pads.slice(0, n), ...ends];
};

const lpPool = (b: Decomposer, x: Wire, a: PoolAttrs & { readonly p: number }): Wire => {
  const [, channels = 1, ...spatial] = x.type.shape.map(Number);
  const scalar = (v: number): Wire => b.constant({ dtype: 'f32', shape: [] }, [Math.fround(v)]);
  const absolute = b.emit('abs', [x]);
  const powers = a.p === 1 ? absolute : a.p === 2 ? b.emit('mul', [x, x]) : b.emit('pow', [absolute, scalar(a.p)]);
  const ones = b.constant({ dtype: 'f32', shape: [channels, 1, ...a.kernel] }, new Float32Array(channels * elementCount(a.kernel)).fill(1));
  const window = { stride: a.stride, dilation: a.dilation, pads: a.ceil ? padsForCeil(spatial, a) : a.pads, groups: channels };
  const sum = b.emit('conv', [powers, ones], window);
  return a.p === 1 ? sum : a.p === 2 ? b.emit('sqrt', [sum]) : b.emit('pow', [sum, scalar(1 / a.p)]);
};

const w2 = { kernel: [2, 2], stride: [2, 2], dilation: [1, 1], pads: [0, 0, 0, 0] };

/** `count` zeros for each of `lines` lines. */
export const zeroLines = (b: Decomposer, dtype: TensorType['dtype'], lines: number, count: number): Wire =>
  b.emit('expand', [b.constant({ dtype, shape: [] }, [0])], { shape: [lines, count] });

export const pooling = {
  adaptive_average_pool: composite({
    code: 0x123,
    summary: 'Mean over bins that divide the input into a given number of parts.',
    doc: 'Bin i of n inputs in m outputs is floor(i n / m) .. ceil((i + 1) n / m) - 1 in each spatial dimension. Bins of one size: average_pool. Else integer: div_round(S, c) (half up), float: fl(S / c), S by F3 over the bin filled up with +0 to the largest one, c its cells. (PyTorch AdaptiveAvgPool.)',
    operands: ['x'],
    attrs: adaptiveAttrs,
    constraints: adaptiveConstraints,
    infer: ([x], a) => inferAdaptive(x, a.sizes),
    decompose: (b, [x], a) => [adaptiveAverage(b, x, a.sizes)],
    cost: ([x]) => 4 * elementCount(x.shape),
    samples: [...adaptiveSamples('i8'), ...adaptiveSamples('f32'), { operands: ['u8[1,2,5]'], attrs: { sizes: [3] } }],
  }),

  adaptive_max_pool: composite({
    code: 0x124,
    summary: 'Maximum over bins that divide the input into a given number of parts.',
    doc: 'The bins of adaptive_average_pool; NaN wins, -0 < +0. (PyTorch AdaptiveMaxPool.)',
    operands: ['x'],
    attrs: adaptiveAttrs,
    constraints: adaptiveConstraints,
    infer: ([x], a) => inferAdaptive(x, a.sizes),
    decompose: (b, [x], a) => {
      const spatial = x.type.shape.slice(2).map(Number);
      const even = evenWindow(spatial, a.sizes);
      if (even !== undefined) return [b.emit('max_pool', [x], { ...even })];
      const rows = spatial.map((n, d) => binRows(n, pickAt(a.sizes, d, 1)));
      return [b.emit('reduce_max', [gatherTaps(b, x, rows)], { axes: tapAxes(spatial.length), keep: false })];
    },
    cost: ([x]) => 2 * elementCount(x.shape),
    samples: [...adaptiveSamples('i8'), ...adaptiveSamples('f32')],
  }),

  lp_pool: composite({
    code: 0x125,
    summary: 'p-norm over windows (float).',
    doc: 'y = (sum of |x|^p over the window)^(1/p), padding counts as 0. The sum is a conv with weights of 1, strict order F2; p = 1: |x|, no root; p = 2: x x, sqrt; else pow. ceil keeps the last partial window.',
    operands: ['x'],
    attrs: { ...poolAttrs, p: attr.int({ min: 1, max: 64, default: 2 }) },
    constraints: {
      c1: constraint('x has rank 3 to 5 with numbers as channel and spatial sizes, 1 to 65536 channels.', ['f32[2,3]'], w2),
      c2: constraint('kernel, stride and dilation have one entry, pads two, for each spatial dimension.', ['f32[1,2,5,5]'], {
        ...w2,
        kernel: [2],
      }),
      c3: constraint('x is f32.', ['i8[1,2,5,5]'], w2),
      c4: constraint(`Channels times taps of the kernel are at most ${MAX_ENTRIES}.`, ['f32[1,2,5,5]'], { ...w2, kernel: [65536, 257] }),
    },
    infer: ([x], a) => {
      const [, channels, ...spatial] = x.shape;
      const known = typeof channels === 'number' && channels >= 1 && channels <= 65536 && isStaticShape(spatial);
      if (x.shape.length < 3 || x.shape.length > 5 || !known) return violates('c1', describe('x', x));
      const problem = windowProblem(spatial.length, a);
      if (problem !== undefined) return violates('c2', problem);
      if (x.dtype !== 'f32') return violates('c3', `x is ${x.dtype}`);
      if (channels * elementCount(a.kernel) > MAX_ENTRIES) return violates('c4', `kernel ${a.kernel.join(', ')} for ${describe('x', x)}`);
      return types({ dtype: 'f32', shape: withSpatial(x.shape, channels, windowOutput(spatial, a, a.ceil)) });
    },
    decompose: (b, [x], a) => [lpPool(b, x, a)],
    cost: (_o, a, results) => 3 * resultCount(results) * elementCount(a.kernel),
    samples: [
      ...poolSamples('f32'),
      ...poolSamples('f32', { p: 1 }),
      { operands: ['f32[1,2,6]'], attrs: { kernel: [3], stride: [2], dilation: [1], pads: [1, 0], p: 3, ceil: true } },
    ],
  }),

  max_pool_indices: composite({
    code: 0x126,
    summary: 'Where in its plane the maximum of each window stands.',
    doc: 'y = row-major index, within the spatial dimensions of x, of the greatest number of the window; the first among equals, the first tap inside where all are NaN. The values are max_pool with the same attributes.',
    operands: ['x'],
    attrs: poolAttrs,
    constraints: {
      ...poolConstraints,
      c5: constraint(`Positions times taps are at most ${MAX_ENTRIES}.`, ['i8[1,1,4096,4096]'], { ...w2, stride: [1, 1] }),
    },
    infer: ([x], a) => {
      const pooled = inferPool(x, a);
      if (!pooled.ok) return pooled;
      const shape = pooled.types[0]?.shape ?? [];
      const entries = elementCount(shape.slice(2).map(Number)) * elementCount(a.kernel);
      return entries > MAX_ENTRIES ? violates('c5', `${entries} taps for ${describe('x', x)}`) : types({ dtype: 'i32', shape });
    },
    decompose: (b, [x], a) => [maxIndices(b, x, a)],
    cost: (_o, a, results) => 2 * resultCount(results) * elementCount(a.kernel),
    samples: [
      ...poolSamples('i8'),
      ...poolSamples('f32'),
      { operands: ['u8[1,2,6]'], attrs: { kernel: [3], stride: [2], dilation: [2], pads: [2, 2] } },
    ],
  }),

  max_unpool: composite({
    code: 0x127,
    summary: 'Puts pooled values back to where they came from.',
    doc: 'y = 0; in each plane, for each element in order, y[indices] = x, indices row-major within the spatial dimensions (max_pool_indices). The last of several stays; an index outside is left out.',
    operands: ['x', 'indices'],
    attrs: { sizes: attr.ints({ min: 1, max: 65536 }) },
    constraints: {
      c1: constraint('x has rank 3 to 5 with numbers of at least 1 as sizes.', ['f32[2,3]', 'i32[2,3]'], { sizes: [4] }),
      c2: constraint('indices are i32 of the shape of x.', ['f32[1,2,2]', 'i32[1,2,3]'], { sizes: [4] }),
      c3: constraint(
        'sizes has one entry for each spatial dimension, and no fewer elements than x has in a plane.',
        ['f32[1,2,5]', 'i32[1,2,5]'],
        {
          sizes: [4],
        },
      ),
    },
    infer: ([x, indices], a) => {
      const { shape } = x;
      if (shape.length < 3 || shape.length > 5 || !isStaticShape(shape) || shape.includes(0)) return violates('c1', describe('x', x));
      if (indices.dtype !== 'i32' || !sameShape(indices.shape, shape))
        return violates('c2', `${describe('x', x)} but ${describe('indices', indices)}`);
      if (a.sizes.length !== shape.length - 2 || elementCount(a.sizes) < elementCount(shape.slice(2)))
        return violates('c3', `sizes ${formatShape(a.sizes)} for ${describe('x', x)}`);
      return types({ dtype: x.dtype, shape: withSpatial(shape, pickAt(shape, 1, 1), a.sizes) });
    },
    decompose: (b, [x, indices], a) => {
      const [n = 1, c = 1, ...spatial] = x.type.shape.map(Number);
      const lines = { shape: [n * c, elementCount(spatial)] };
      const zeros = zeroLines(b, x.type.dtype, n * c, elementCount(a.sizes));
      const [places, values] = [indices, x].map((v) => b.emit('reshape', [v], lines));
      const y = b.emit('scatter_elements', [zeros, places ?? indices, values ?? x], { axis: 1 });
      return [b.emit('reshape', [y], { shape: [n, c, ...a.sizes] })];
    },
    cost: (_o, _a, results) => resultCount(results),
    samples: [
      { operands: ['f32[1,2,2,2]', { type: 'i32[1,2,2,2]', lo: -1, hi: 16 }], attrs: { sizes: [4, 4] } },
      { operands: ['i8[2,1,3]', { type: 'i32[2,1,3]', lo: 0, hi: 6 }], attrs: { sizes: [7] } },
    ],
  }),
} as const;
