import { attr } from '../attr.ts';
import { composite, constraint, type Decomposer, types, violates, type Wire } from '../schema.ts';
import { elementCount, formatShape, sameShape, type Shape } from '../types.ts';
import { resizing } from './resize.ts';
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

  ...resizing,
} as const;
