import { attr } from '../attr.ts';
import { POW2 } from '../numeric/index.ts';
import { composite, constraint, type Decomposer, type InferResult, types, violates, type Wire } from '../schema.ts';
import { type Dim, DTYPE_INFO, elementCount, formatShape, MAX_ELEMENTS, type StaticType, type TensorType } from '../types.ts';
import { type AxisMap, axisMap, denominator, fixedWeights, type ResizeAttrs, sumBounds } from './resize-axis.ts';
import { describe, isOneOf, resultCount } from './util.ts';
import { spatialOf } from './window.ts';

const { ceil, floor, fround, max } = Math;

/** Repeats each element of a spatial axis n times, one after another. */
const repeatEach = (b: Decomposer, x: Wire, axis: number, n: number): Wire => {
  const kept = x.type.shape.slice(0, axis).map(() => 0);
  const [size = 1, ...rest] = x.type.shape.slice(axis).map(Number);
  const split = b.emit('reshape', [x], { shape: [...kept, size, 1, ...rest] });
  return b.emit('reshape', [b.emit('expand', [split], { shape: [n, ...rest] })], { shape: [...kept, size * n, ...rest] });
};

const everyNth = (list: readonly number[], step: number, from: number): number[] => list.filter((_, i) => i % step === from);

const takeAxis = (b: Decomposer, x: Wire, axis: number, index: readonly number[]): Wire =>
  b.emit('gather', [x, b.constant({ dtype: 'i32', shape: [index.length] }, index)], { axis });

const nearestAxis = (b: Decomposer, x: Wire, axis: number, map: AxisMap): Wire => {
  const times = map.index.length / Number(x.type.shape[axis]);
  const repeats = Number.isInteger(times) && map.index.every((v, o) => v === floor(o / times));
  return repeats ? repeatEach(b, x, axis, times) : takeAxis(b, x, axis, map.index);
};

/** Weighted sum over the taps of an axis, from the first: one product and one sum a tap. */
const weightedAxis = (b: Decomposer, x: Wire, axis: number, map: AxisMap, weights: readonly number[]): Wire => {
  const { taps } = map;
  const dtype = x.type.dtype === 'f32' ? 'f32' : 'i32';
  const shape = [map.index.length / taps, ...new Array<number>(x.type.shape.length - axis - 1).fill(1)];
  const terms = Array.from({ length: taps }, (_, k) =>
    b.emit('mul', [takeAxis(b, x, axis, everyNth(map.index, taps, k)), b.constant({ dtype, shape }, everyNth(weights, taps, k))]),
  );
  return terms.reduce((sum, term) => b.emit('add', [sum, term]));
};

/** The same for many taps: all cells side by side, then one reduction. */
const reducedAxis = (b: Decomposer, x: Wire, axis: number, map: AxisMap): Wire => {
  const { taps } = map;
  const size = map.index.length / taps;
  const index = b.constant({ dtype: 'i32', shape: [size, taps] }, map.index);
  const shape = [size, taps, ...new Array<number>(x.type.shape.length - axis - 1).fill(1)];
  const weights = b.constant({ dtype: 'f32', shape }, map.weight.map(fround));
  return b.emit('reduce_sum', [b.emit('mul', [b.emit('gather', [x, index], { axis }), weights])], { axes: [axis + 1] });
};

/** An axis that changes its size. */
interface Step {
  readonly axis: number;
  readonly map: AxisMap;
}

const scalar = (b: Decomposer, value: number): Wire => b.constant({ dtype: 'i32', shape: [] }, [value]);

/** acc = sum of v times whole weights over all axes; y = rdiv(acc, product of the divisors) (NUMERICS §1.7). */
const linearInteger = (b: Decomposer, x: Wire, steps: readonly Step[]): Wire => {
  const { lo, hi } = DTYPE_INFO[x.type.dtype];
  let acc = b.emit('cast', [x], { dtype: 'i32' });
  let total = 1;
  for (const { axis, map } of steps) {
    total *= map.divisor;
    acc = weightedAxis(
      b,
      acc,
      axis,
      map,
      map.weight.map((w) => floor(w * map.divisor + 0.5)),
    );
    // the weights of an output sum to the divisor: no value changes, and the overflow proof sees it
    acc = b.emit('clamp', [acc], { lo: lo * total, hi: hi * total });
  }
  const doubled = b.emit('add', [b.emit('mul', [acc, scalar(b, 2)]), scalar(b, total)]);
  return b.emit('cast', [b.emit('div_floor', [doubled, scalar(b, 2 * total)])], { dtype: x.type.dtype });
};

/** The last axis first; a value between two axes has 7 fractional bits; each axis ends with one rounding shift. */
const cubicInteger = (b: Decomposer, x: Wire, steps: readonly Step[]): Wire => {
  let { lo, hi }: { lo: number; hi: number } = DTYPE_INFO[x.type.dtype];
  let y = b.emit('cast', [x], { dtype: 'i32' });
  [...steps].reverse().forEach(({ axis, map }, k) => {
    const shift = 14 - (k < steps.length - 1 ? 7 : 0) + (k > 0 ? 7 : 0);
    const weights = fixedWeights(map);
    const half = POW2[shift - 1] ?? 1;
    const sum = b.emit('add', [weightedAxis(b, y, axis, map, weights), scalar(b, half)]);
    const [least, greatest] = sumBounds(weights, map.taps, lo, hi).map((v) => floor((v + half) / (2 * half)));
    [lo, hi] = [least ?? 0, greatest ?? 0];
    y = b.emit('clamp', [b.emit('shift_right', [sum, scalar(b, shift)])], { lo, hi });
  });
  return b.emit('cast', [y], { dtype: x.type.dtype });
};

const sizeAttrs = {
  sizes: attr.ints({ min: 1, max: 2 ** 20 }),
  coordinates: attr.oneOf(['half_pixel', 'align_corners', 'asymmetric', 'pytorch_half_pixel'], { default: 'half_pixel' }),
} as const;
const kernelAttrs = { cubic_a: attr.f32({ default: -0.75 }), exclude_outside: attr.bool({ default: false }) } as const;

const plain = { rounding: 'floor', cubic_a: -0.75, exclude_outside: false, antialias: false } as const;

const POSITIONS =
  'Per axis, output o reads input position p / q, an exact rational: half_pixel ((2 o + 1) I - O) / (2 O), align_corners o (I - 1) / (O - 1), asymmetric o I / O, pytorch_half_pixel = half_pixel but 0 when O = 1. ';
const EDGES =
  'Cells outside read the nearest cell, or get weight 0 with exclude_outside (the others then sum to 1). An axis that keeps its size is copied. ';

const constraints = {
  c1: constraint('x has rank 3 to 5 with numbers of at least 1 as spatial sizes.', ['f32[2,3]'], { sizes: [] }),
  c2: constraint(
    'sizes has one entry per spatial dimension, and no step from axis to axis has more than 2^31 - 1 elements.',
    ['f32[1,2,3,3]'],
    {
      sizes: [6],
    },
  ),
} as const;

/** Elements of the largest tensor that resizing axis after axis makes; `cells` says how many stand side by side for one output. */
const largestStep = (x: TensorType, sizes: readonly number[], reverse: boolean, cells: (input: number, size: number) => number): number => {
  const now = x.shape.map((d) => (typeof d === 'number' ? max(d, 1) : 1));
  let largest = 0;
  const order = sizes.map((_, i) => i);
  for (const i of reverse ? order.reverse() : order) {
    const [input, size] = [now[i + 2] ?? 1, sizes[i] ?? 1];
    now[i + 2] = size;
    if (input !== size) largest = max(largest, elementCount(now) * cells(input, size));
  }
  return largest;
};

const inferSizes = (
  x: TensorType,
  sizes: readonly number[],
  reverse = false,
  cells: (input: number, size: number) => number = () => 1,
): InferResult => {
  const input = spatialOf(x.shape);
  if (input === undefined || x.shape.length < 3 || x.shape.length > 5 || input.some((d) => d < 1)) return violates('c1', describe('x', x));
  const fits = sizes.length === input.length && largestStep(x, sizes, reverse, cells) <= MAX_ELEMENTS;
  if (!fits) return violates('c2', `${describe('x', x)} but sizes ${formatShape(sizes)}`);
  return types({ dtype: x.dtype, shape: [...x.shape.slice(0, 2), ...sizes] });
};

/** An axis that keeps its size reads every position as it is, in every mode. */
const stepsOf = (x: Wire, sizes: readonly number[], a: ResizeAttrs): readonly Step[] =>
  sizes.flatMap((size, i): readonly Step[] => {
    const input = Number(x.type.shape[i + 2]);
    return input === size ? [] : [{ axis: i + 2, map: axisMap(input, size, a) }];
  });

const copied = (b: Decomposer, x: Wire): Wire => b.emit('reshape', [x], { shape: x.type.shape.map(() => 0) });

const weightedFloat = (b: Decomposer, x: Wire, steps: readonly Step[]): Wire =>
  steps.reduce(
    (y, { axis, map }) => (map.taps > 4 ? reducedAxis(b, y, axis, map) : weightedAxis(b, y, axis, map, map.weight.map(fround))),
    x,
  );

/** Products and sums, each axis over what the one before made; an axis may shrink after another has grown. */
const costOf = (x: StaticType, sizes: readonly number[], taps: number, antialias: boolean): number => {
  const input = x.shape.slice(2);
  const largest = elementCount([...x.shape.slice(0, 2), ...sizes.map((size, i) => max(size, input[i] ?? 1))]);
  return sizes.reduce((sum, size, i) => sum + 2 * largest * taps * (antialias ? ceil(max(1, (input[i] ?? 1) / size)) : 1), 0);
};

/** Product of the denominators of the axes that change. */
const denominators = (input: readonly Dim[], sizes: readonly number[], coordinates: string): number =>
  input.reduce<number>((n, d, i) => n * (d === sizes[i] ? 1 : denominator(coordinates, Number(d), sizes[i] ?? 1)), 1);

export const resizing = {
  resize: composite({
    code: 0xb1,
    summary: 'Resamples spatial dimensions: nearest or linear.',
    doc: `${POSITIONS}nearest rounds it as \`rounding\` says and clamps; linear mixes the two neighbours with weights 1 - f and f. An axis that keeps its size is copied. Float: f is rounded to float32, then 1 - f; axis after axis from the first. Integer linear: weights in units of 1 / n, n the denominator of the positions of an axis; y = rdiv(sum over all axes, product of the n), one rounding (NUMERICS §1.7).`,
    operands: ['x'],
    attrs: {
      ...sizeAttrs,
      mode: attr.oneOf(['nearest', 'linear'], { default: 'nearest' }),
      rounding: attr.oneOf(['round_prefer_floor', 'round_prefer_ceil', 'floor', 'ceil'], { default: 'round_prefer_floor' }),
    },
    constraints: {
      ...constraints,
      c3: constraint('linear takes f32, i8 and u8.', ['i32[1,2,3,3]'], { sizes: [6, 6], mode: 'linear' }),
      c4: constraint('Integer linear: the product of the denominators of all axes is at most 2^22.', ['i8[1,1,2047,2047]'], {
        sizes: [2049, 2049],
        mode: 'linear',
      }),
    },
    infer: ([x], a) => {
      const result = inferSizes(x, a.sizes);
      if (!result.ok || a.mode === 'nearest' || x.dtype === 'f32') return result;
      if (!isOneOf(x, 'i8', 'u8')) return violates('c3', `x is ${x.dtype}`);
      const input = x.shape.slice(2);
      const total = denominators(input, a.sizes, a.coordinates);
      return total > 2 ** 22 ? violates('c4', `${formatShape(input)} to ${formatShape(a.sizes)} has ${total}`) : result;
    },
    decompose: (b, [x], a) => {
      const steps = stepsOf(x, a.sizes, { ...plain, ...a });
      if (steps.length === 0) return [copied(b, x)];
      if (a.mode === 'nearest') return [steps.reduce((y, { axis, map }) => nearestAxis(b, y, axis, map), x)];
      return [x.type.dtype === 'f32' ? weightedFloat(b, x, steps) : linearInteger(b, x, steps)];
    },
    weight: 3,
    cost: ([x], a, results) => (a.mode === 'nearest' ? resultCount(results) : costOf(x, a.sizes, 2, false)),
    samples: [
      { operands: ['i8[1,2,3,5]'], attrs: { sizes: [6, 7], rounding: 'floor', coordinates: 'asymmetric' } },
      { operands: ['f32[1,2,5]'], attrs: { sizes: [3] } },
      { operands: ['i8[2,2,3,2]'], attrs: { sizes: [6, 6] } },
      { operands: ['f32[1,1,3,4]'], attrs: { sizes: [5, 8], mode: 'linear' } },
      { operands: ['f32[1,1,4,4]'], attrs: { sizes: [1, 7], mode: 'linear', coordinates: 'align_corners' } },
      { operands: ['f32[1,2,2,2]'], attrs: { sizes: [2, 2] } },
      { operands: ['i8[2,2,3,5]'], attrs: { sizes: [5, 3], mode: 'linear' } },
      { operands: ['u8[1,1,4,2,3]'], attrs: { sizes: [8, 3, 3], mode: 'linear', coordinates: 'align_corners' } },
    ],
  }),

  cubic_resize: composite({
    code: 0x148,
    summary: 'Resamples spatial dimensions by cubic convolution.',
    doc: `${POSITIONS}The cells floor - 1 … floor + 2 have the weights of Keys' kernel with a = cubic_a. ${EDGES}Float: weights rounded once; axis after axis from the first, products and sums from the first cell. Integer: weights in Q14 that sum to 2^14 (what rounding leaves goes to the greatest, the first among equals); the last axis first, 7 fractional bits between axes, one rshr at the end of each (NUMERICS §1.7), saturated at the end.`,
    operands: ['x'],
    attrs: { ...sizeAttrs, ...kernelAttrs },
    constraints: {
      ...constraints,
      c3: constraint('x is f32, i8 or u8.', ['i32[1,2,3,3]'], { sizes: [6, 6] }),
      c4: constraint('For integers cubic_a lies in [-1, 0].', ['i8[1,1,3,3]'], { sizes: [6, 6], cubic_a: 0.5 }),
    },
    infer: ([x], a) => {
      const result = inferSizes(x, a.sizes, x.dtype !== 'f32');
      if (!result.ok) return result;
      if (!isOneOf(x, 'f32', 'i8', 'u8')) return violates('c3', `x is ${x.dtype}`);
      return x.dtype !== 'f32' && (a.cubic_a < -1 || a.cubic_a > 0) ? violates('c4', `cubic_a is ${a.cubic_a}`) : result;
    },
    decompose: (b, [x], a) => {
      const steps = stepsOf(x, a.sizes, { ...plain, ...a, mode: 'cubic' });
      if (steps.length === 0) return [copied(b, x)];
      return [x.type.dtype === 'f32' ? weightedFloat(b, x, steps) : cubicInteger(b, x, steps)];
    },
    weight: 3,
    cost: ([x], a) => costOf(x, a.sizes, 4, false),
    samples: [
      { operands: ['f32[1,2,3,4]'], attrs: { sizes: [5, 7] } },
      { operands: ['f32[2,1,6]'], attrs: { sizes: [4], exclude_outside: true, cubic_a: -0.5 } },
      { operands: ['i8[1,2,4,5]'], attrs: { sizes: [7, 3] } },
      { operands: ['u8[1,1,3,2,3]'], attrs: { sizes: [5, 4, 6], coordinates: 'asymmetric', exclude_outside: true } },
      { operands: ['u8[2,1,5]'], attrs: { sizes: [8], cubic_a: -1 } },
      { operands: ['i8[1,2,2,2]'], attrs: { sizes: [2, 2] } },
    ],
  }),

  antialias_resize: composite({
    code: 0x149,
    summary: 'Resamples spatial dimensions with a kernel that is stretched where the image shrinks.',
    doc: `${POSITIONS}An axis that shrinks has its kernel, linear (1 - |t|) or cubic (Keys, a = cubic_a), stretched by I / O; the weights of an output are divided by their sum. ${EDGES}Weights are rounded once; axis after axis from the first: up to 4 cells by products and sums from the first, more by reduce_sum (F3). exclude_outside is what PyTorch and Pillow do.`,
    operands: ['x'],
    attrs: { ...sizeAttrs, ...kernelAttrs, mode: attr.oneOf(['linear', 'cubic'], { default: 'linear' }) },
    constraints: {
      ...constraints,
      c3: constraint('x is f32.', ['i8[1,2,6,6]'], { sizes: [3, 3] }),
      c4: constraint('Spatial sizes of x are at most 2^20: all of an axis may be weighed for one output.', ['f32[1,1,1048577]'], {
        sizes: [3],
      }),
    },
    infer: ([x], a) => {
      const result = inferSizes(x, a.sizes, false, (input, size) => (a.mode === 'cubic' ? 4 : 2) * ceil(max(1, input / size)));
      if (!result.ok) return result;
      if (x.dtype !== 'f32') return violates('c3', `x is ${x.dtype}`);
      return x.shape.slice(2).some((d) => Number(d) > 2 ** 20) ? violates('c4', describe('x', x)) : result;
    },
    decompose: (b, [x], a) => {
      const steps = stepsOf(x, a.sizes, { ...plain, ...a, antialias: true });
      return [steps.length === 0 ? copied(b, x) : weightedFloat(b, x, steps)];
    },
    weight: 3,
    cost: ([x], a) => costOf(x, a.sizes, a.mode === 'cubic' ? 4 : 2, true),
    samples: [
      { operands: ['f32[1,2,9,7]'], attrs: { sizes: [4, 3], mode: 'cubic' } },
      { operands: ['f32[1,1,8,5]'], attrs: { sizes: [3, 9], exclude_outside: true } },
      { operands: ['f32[2,1,7]'], attrs: { sizes: [2], coordinates: 'align_corners' } },
      { operands: ['f32[1,1,2]'], attrs: { sizes: [2] } },
    ],
  }),
} as const;
