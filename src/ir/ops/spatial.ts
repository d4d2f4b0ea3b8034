import { attr } from '../attr.ts';
import { composite, constraint, type Decomposer, types, violates, type Wire } from '../schema.ts';
import { elementCount, formatShape, sameShape, type Shape } from '../types.ts';
import { describe, holds, productDType, resultCount } from './util.ts';
import { spatialOf, windowAttrs } from './window.ts';

interface TransposeAttrs {
  readonly stride: readonly number[];
  readonly dilation: readonly number[];
  readonly pads: readonly number[];
  readonly output_padding: readonly number[];
}

/** Output sizes (I - 1) s + d (k - 1) + 1 - pb - pe + output_padding. */
const transposedSizes = (input: readonly number[], kernel: readonly number[], a: TransposeAttrs): number[] =>
  input.map((size, i) => {
    const reach = (a.dilation[i] ?? 1) * ((kernel[i] ?? 1) - 1) + 1;
    return (size - 1) * (a.stride[i] ?? 1) + reach - (a.pads[i] ?? 0) - (a.pads[input.length + i] ?? 0) + (a.output_padding[i] ?? 0);
  });

/** A reshape target with the batch copied, which may be a symbol, and the other sizes as numbers. */
const keepBatch = (shape: Shape): number[] => shape.map((d, i) => (i === 0 ? 0 : Number(d)));

/** Puts stride - 1 cells of `fill` between neighbours along each spatial dimension. */
const spread = (b: Decomposer, x: Wire, stride: readonly number[], fill: number): Wire => {
  let y = x;
  stride.forEach((s, i) => {
    if (s === 1) return;
    const shape = keepBatch(y.type.shape);
    const axis = i + 2;
    const size = shape[axis] ?? 1;
    const open = [...shape.slice(0, axis + 1), 1, ...shape.slice(axis + 1)];
    const pads = new Array<number>(2 * open.length).fill(0);
    pads[open.length + axis + 1] = s - 1;
    const padded = b.emit('pad', [b.emit('reshape', [y], { shape: open })], { pads, value: fill });
    const joined = b.emit('reshape', [padded], { shape: shape.map((d, k) => (k === axis ? size * s : d)) });
    const sizes = shape.map((_, k) => (k === axis ? (size - 1) * s + 1 : -1));
    y = b.emit('slice', [joined], { starts: shape.map(() => 0), sizes, steps: shape.map(() => 1) });
  });
  return y;
};

/** Weights [C, OC/g, k…] of a transposed convolution as weights [OC, C/g, k… mirrored] of a convolution. */
const mirrored = (b: Decomposer, w: Wire, groups: number): Wire => {
  const [channels = 1, perGroup = 1, ...kernel] = w.type.shape.map(Number);
  const spatial = kernel.map((_, i) => i + 3);
  const grouped = b.emit('reshape', [w], { shape: [groups, channels / groups, perGroup, ...kernel] });
  const swapped = b.emit('reshape', [b.emit('transpose', [grouped], { perm: [0, 2, 1, ...spatial] })], {
    shape: [groups * perGroup, channels / groups, ...kernel],
  });
  return b.emit('slice', [swapped], {
    starts: [0, 0, ...kernel.map((k) => k - 1)],
    sizes: [groups * perGroup, channels / groups, ...kernel],
    steps: [1, 1, ...kernel.map(() => -1)],
  });
};

/** Pads by positive amounts and crops by negative ones. */
const padOrCrop = (b: Decomposer, x: Wire, begin: readonly number[], end: readonly number[], fill: number): Wire => {
  const { shape } = x.type;
  const at = (list: readonly number[], k: number): number => (k < 2 ? 0 : (list[k - 2] ?? 0));
  let y = x;
  if ([...begin, ...end].some((p) => p > 0)) {
    y = b.emit('pad', [y], {
      pads: [...shape.map((_, k) => Math.max(0, at(begin, k))), ...shape.map((_, k) => Math.max(0, at(end, k)))],
      value: fill,
    });
  }
  if ([...begin, ...end].some((p) => p < 0)) {
    const grown = y.type.shape;
    const starts = grown.map((_, k) => Math.max(0, -at(begin, k)));
    const sizes = grown.map((d, k) => (k < 2 ? -1 : Number(d) - (starts[k] ?? 0) - Math.max(0, -at(end, k))));
    y = b.emit('slice', [y], { starts, sizes, steps: grown.map(() => 1) });
  }
  return y;
};

/** One index and one weight pair per output position of an axis. */
interface AxisMap {
  readonly low: readonly number[];
  readonly high: readonly number[];
  /** Weight of `high`, a rational rounded once to float32. */
  readonly weight: readonly number[];
}

/** Coordinates are rationals p / q: input position of output o (ONNX Resize; TOSA RESIZE form). */
const coordinate = (mode: string, o: number, input: number, output: number): readonly [number, number] => {
  switch (mode) {
    case 'align_corners':
      return output === 1 ? [0, 1] : [o * (input - 1), output - 1];
    case 'asymmetric':
      return [o * input, output];
    case 'pytorch_half_pixel':
      return output === 1 ? [0, 1] : [(2 * o + 1) * input - output, 2 * output];
    default:
      return [(2 * o + 1) * input - output, 2 * output];
  }
};

const nearestIndex = (rounding: string, p: number, q: number): number => {
  const i = Math.floor(p / q);
  const r = p - i * q;
  switch (rounding) {
    case 'floor':
      return i;
    case 'ceil':
      return i + (r > 0 ? 1 : 0);
    case 'round_prefer_ceil':
      return i + (2 * r >= q ? 1 : 0);
    default:
      return i + (2 * r > q ? 1 : 0);
  }
};

const axisMap = (input: number, output: number, a: { mode: string; coordinates: string; rounding: string }): AxisMap => {
  const low: number[] = [];
  const high: number[] = [];
  const weight: number[] = [];
  const inside = (i: number): number => Math.min(Math.max(i, 0), input - 1);
  for (let o = 0; o < output; o++) {
    const [p, q] = coordinate(a.coordinates, o, input, output);
    const i = a.mode === 'nearest' ? nearestIndex(a.rounding, p, q) : Math.floor(p / q);
    low.push(inside(i));
    high.push(inside(i + 1));
    weight.push(Math.fround((p - i * q) / q));
  }
  return { low, high, weight };
};

/** Repeats each element of a spatial axis n times, one after another. */
const repeatEach = (b: Decomposer, x: Wire, axis: number, n: number): Wire => {
  const kept = x.type.shape.slice(0, axis).map(() => 0);
  const [size = 1, ...rest] = x.type.shape.slice(axis).map(Number);
  const split = b.emit('reshape', [x], { shape: [...kept, size, 1, ...rest] });
  return b.emit('reshape', [b.emit('expand', [split], { shape: [n, ...rest] })], { shape: [...kept, size * n, ...rest] });
};

const resizeAxis = (b: Decomposer, x: Wire, axis: number, map: AxisMap, linear: boolean): Wire => {
  const size = map.low.length;
  const take = (index: readonly number[]): Wire => b.emit('gather', [x, b.constant({ dtype: 'i32', shape: [size] }, index)], { axis });
  const times = size / Number(x.type.shape[axis]);
  if (!linear)
    return map.low.every((v, o) => v === Math.floor(o / times)) && Number.isInteger(times) ? repeatEach(b, x, axis, times) : take(map.low);
  const shape = [size, ...new Array<number>(x.type.shape.length - axis - 1).fill(1)];
  const weights = (w: readonly number[]): Wire => b.constant({ dtype: 'f32', shape }, w);
  const low = b.emit('mul', [take(map.low), weights(map.weight.map((w) => Math.fround(1 - w)))]);
  return b.emit('add', [low, b.emit('mul', [take(map.high), weights(map.weight)])]);
};

const w1 = { stride: [1, 1], dilation: [1, 1], pads: [0, 0, 0, 0], output_padding: [0, 0] };

export const spatial = {
  conv_transpose: composite({
    code: 0xb0,
    summary: 'Transposed convolution over 1 to 3 spatial dimensions.',
    doc:
      'y[n, oc, i stride - pads_begin + k dilation] += w[ic, oc, k] * x[n, ic, i], plus bias. Weights [C, OC / groups, kernel…]. Defined as conv over x with stride - 1 cells of pad_value between neighbours, with mirrored weights; ' +
      'size (I - 1) stride + dilation (k - 1) + 1 - pads + output_padding.',
    operands: ['x', 'w', 'bias?'],
    attrs: {
      ...windowAttrs,
      output_padding: attr.ints({ min: 0, max: 4096 }),
      groups: attr.int({ min: 1, max: 65536, default: 1 }),
      pad_value: attr.int({ min: -128, max: 255, default: 0 }),
    },
    constraints: {
      c1: constraint('x has rank 3 to 5 and numbers of at least 1 as channel and spatial sizes.', ['f32[2,3]', 'f32[3,4]'], {
        stride: [],
        dilation: [],
        pads: [],
        output_padding: [],
      }),
      c2: constraint(
        'w has the rank of x and sizes of at least 1; the first is the channels of x, which groups divides.',
        ['f32[1,3,5,5]', 'f32[4,3,3,3]'],
        w1,
      ),
      c3: constraint(
        'stride, dilation and output_padding have one entry, pads two, for each spatial dimension.',
        ['f32[1,3,5,5]', 'f32[3,4,3,3]'],
        { ...w1, stride: [1] },
      ),
      c4: constraint('Every output size is at least 1.', ['f32[1,3,2,2]', 'f32[3,4,1,1]'], { ...w1, pads: [1, 1, 1, 1] }),
      c5: constraint('x, w and bias have dtypes that conv takes.', ['f32[1,3,2,2]', 'i8[3,4,1,1]'], w1),
      c6: constraint('bias has one entry per output channel.', ['f32[1,3,2,2]', 'f32[3,4,1,1]', 'f32[3]'], w1),
      c7: constraint('pad_value is a value of the dtype of x; 0 for f32.', ['f32[1,3,2,2]', 'f32[3,4,1,1]'], { ...w1, pad_value: 1 }),
    },
    infer: ([x, w, bias], a) => {
      const input = spatialOf(x.shape);
      const [n = 1, channels] = x.shape;
      const numbers = input !== undefined && typeof channels === 'number' && [channels, ...input].every((d) => d >= 1);
      if (!numbers || x.shape.length < 3 || x.shape.length > 5) return violates('c1', describe('x', x));
      const kernel = spatialOf(w.shape);
      const perGroup = Number(w.shape[1]);
      if (
        w.shape.length !== x.shape.length ||
        kernel === undefined ||
        w.shape[0] !== channels ||
        channels % a.groups !== 0 ||
        ![perGroup, ...kernel].every((d) => d >= 1)
      ) {
        return violates('c2', `${describe('x', x)} but ${describe('w', w)} in ${a.groups} groups`);
      }
      const m = input.length;
      if (a.stride.length !== m || a.dilation.length !== m || a.output_padding.length !== m || a.pads.length !== 2 * m) {
        return violates(
          'c3',
          `${m} spatial dimensions, entries ${a.stride.length}, ${a.dilation.length}, ${a.output_padding.length}, ${a.pads.length}`,
        );
      }
      const sizes = transposedSizes(input, kernel, a);
      if (sizes.some((s) => s < 1)) return violates('c4', `output sizes are ${formatShape(sizes)}`);
      const dtype = productDType(x, w, bias);
      if (dtype === undefined) return violates('c5', `x is ${x.dtype}, w is ${w.dtype}`);
      if (bias !== undefined && !sameShape(bias.shape, [perGroup * a.groups]))
        return violates('c6', `${describe('bias', bias)} but there are ${perGroup * a.groups} output channels`);
      if (x.dtype === 'f32' ? a.pad_value !== 0 : !holds(x.dtype, a.pad_value))
        return violates('c7', `pad_value ${a.pad_value} for ${x.dtype}`);
      return types({ dtype, shape: [n, perGroup * a.groups, ...sizes] });
    },
    decompose: (b, [x, w, bias], a) => {
      const kernel = w.type.shape.slice(2).map(Number);
      const reach = kernel.map((k, i) => (a.dilation[i] ?? 1) * (k - 1));
      const begin = reach.map((r, i) => r - (a.pads[i] ?? 0));
      const end = reach.map((r, i) => r - (a.pads[reach.length + i] ?? 0) + (a.output_padding[i] ?? 0));
      const padded = padOrCrop(b, spread(b, x, a.stride, a.pad_value), begin, end, a.pad_value);
      const ones = kernel.map(() => 1);
      const attrs = {
        stride: ones,
        dilation: a.dilation,
        pads: [...kernel, ...kernel].map(() => 0),
        groups: a.groups,
        pad_value: a.pad_value,
      };
      return [b.emit('conv', bias === undefined ? [padded, mirrored(b, w, a.groups)] : [padded, mirrored(b, w, a.groups), bias], attrs)];
    },
    cost: ([, w], a, results) => resultCount(results) * ((w.shape[0] ?? 1) / a.groups) * elementCount(w.shape.slice(2)),
    samples: [
      {
        operands: ['f32[1,2,3,4]', 'f32[2,3,3,2]', 'f32[3]'],
        attrs: { ...w1, stride: [2, 1], pads: [1, 0, 0, 1], output_padding: [1, 0] },
      },
      { operands: ['f32[2,4,5]', 'f32[4,1,3]'], attrs: { stride: [3], dilation: [2], pads: [4, 1], output_padding: [2], groups: 2 } },
      { operands: ['i8[1,3,4,4]', 'i8[3,5,2,2]', 'i32[5]'], attrs: { ...w1, stride: [2, 2], pad_value: -7 } },
      {
        operands: ['f32[1,1,2,2,2]', 'f32[1,2,2,2,2]'],
        attrs: { stride: [1, 2, 1], dilation: [1, 1, 1], pads: [0, 1, 0, 0, 0, 0], output_padding: [0, 0, 0] },
      },
      { operands: ['f32[1,1,3,3]', 'f32[1,1,1,1]'], attrs: { ...w1, pads: [1, 1, 1, 1] } },
      { operands: ['f32[2,1,3,4]', 'f32[1,2,2,2]'], attrs: { ...w1, stride: [3, 2], pads: [0, 2, 1, 0] } },
    ],
  }),

  resize: composite({
    code: 0xb1,
    summary: 'Resamples spatial dimensions: nearest or linear.',
    doc:
      'Per axis, output o reads input position p / q, an exact rational: half_pixel ((2 o + 1) I - O) / (2 O), align_corners o (I - 1) / (O - 1), asymmetric o I / O, pytorch_half_pixel = half_pixel but 0 when O = 1. ' +
      'nearest rounds it as `rounding` says and clamps; linear mixes the two neighbours with weights rounded to float32, axis after axis from the first.',
    operands: ['x'],
    attrs: {
      sizes: attr.ints({ min: 1, max: 2 ** 20 }),
      mode: attr.oneOf(['nearest', 'linear'], { default: 'nearest' }),
      coordinates: attr.oneOf(['half_pixel', 'align_corners', 'asymmetric', 'pytorch_half_pixel'], { default: 'half_pixel' }),
      rounding: attr.oneOf(['round_prefer_floor', 'round_prefer_ceil', 'floor', 'ceil'], { default: 'round_prefer_floor' }),
    },
    constraints: {
      c1: constraint('x has rank 3 to 5 with numbers of at least 1 as spatial sizes.', ['f32[2,3]'], { sizes: [] }),
      c2: constraint('sizes has one entry per spatial dimension.', ['f32[1,2,3,3]'], { sizes: [6] }),
      c3: constraint('linear takes f32.', ['i8[1,2,3,3]'], { sizes: [6, 6], mode: 'linear' }),
    },
    infer: ([x], a) => {
      const input = spatialOf(x.shape);
      if (input === undefined || x.shape.length < 3 || x.shape.length > 5 || input.some((d) => d < 1))
        return violates('c1', describe('x', x));
      if (a.sizes.length !== input.length) return violates('c2', `${describe('x', x)} but sizes ${formatShape(a.sizes)}`);
      if (a.mode === 'linear' && x.dtype !== 'f32') return violates('c3', `x is ${x.dtype}`);
      return types({ dtype: x.dtype, shape: [...x.shape.slice(0, 2), ...a.sizes] });
    },
    decompose: (b, [x], a) => {
      let y = x;
      a.sizes.forEach((size, i) => {
        const input = Number(x.type.shape[i + 2]);
        // an axis that keeps its size reads every position as it is, in every mode
        if (input !== size) y = resizeAxis(b, y, i + 2, axisMap(input, size, a), a.mode === 'linear');
      });
      return [y === x ? b.emit('reshape', [x], { shape: x.type.shape.map(() => 0) }) : y];
    },
    cost: (_o, a, results) => (a.mode === 'linear' ? 3 * a.sizes.length : 1) * resultCount(results),
    samples: [
      { operands: ['i8[1,2,3,5]'], attrs: { sizes: [6, 7], rounding: 'floor', coordinates: 'asymmetric' } },
      { operands: ['f32[1,2,5]'], attrs: { sizes: [3] } },
      { operands: ['i8[2,2,3,2]'], attrs: { sizes: [6, 6] } },
      { operands: ['f32[1,1,3,4]'], attrs: { sizes: [5, 8], mode: 'linear' } },
      { operands: ['f32[1,1,4,4]'], attrs: { sizes: [1, 7], mode: 'linear', coordinates: 'align_corners' } },
      { operands: ['f32[1,2,2,2]'], attrs: { sizes: [2, 2] } },
    ],
  }),
} as const;
