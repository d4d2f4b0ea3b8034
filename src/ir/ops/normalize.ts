import { attr } from '../attr.ts';
import { composite, constraint, type Decomposer, types, violates, type Wire } from '../schema.ts';
import { elementCount, type Shape, sameShape } from '../types.ts';
import { describe, resolveAxis, resultCount } from './util.ts';

/** Normalizations by the statistics of the input itself (float), defined by reductions and arithmetic. */

const scalar = (b: Decomposer, v: number): Wire => b.constant({ dtype: 'f32', shape: [] }, [Math.fround(v)]);

/** fl(fl(x - mean) / fl(sqrt(fl(variance + epsilon)))) over axes, variance = mean of squares of the centred values. */
const standardize = (b: Decomposer, x: Wire, axes: readonly number[], epsilon: number): Wire => {
  const centred = b.emit('sub', [x, b.emit('reduce_mean', [x], { axes, keep: true })]);
  const variance = b.emit('reduce_mean', [b.emit('mul', [centred, centred])], { axes, keep: true });
  return b.emit('div', [centred, b.emit('sqrt', [b.emit('add', [variance, scalar(b, epsilon)])])]);
};

const affine = (b: Decomposer, x: Wire, scale: Wire | undefined, bias: Wire | undefined): Wire => {
  const scaled = scale === undefined ? x : b.emit('mul', [x, scale]);
  return bias === undefined ? scaled : b.emit('add', [scaled, bias]);
};

const epsilon = attr.f32({ default: 0.000009999999747378752 });
const axesFrom = (axis: number, rank: number): number[] => Array.from({ length: rank - axis }, (_, i) => axis + i);
const perChannel = (b: Decomposer, v: Wire, rank: number): Wire =>
  b.emit('reshape', [v], { shape: [-1, ...new Array<number>(rank - 2).fill(1)] });
const fitsTail = (scale: Shape | undefined, x: Shape): boolean =>
  scale === undefined || (scale.length <= x.length && scale.every((d, i) => d === 1 || d === x[x.length - scale.length + i]));

export const normalize = {
  layer_norm: composite({
    code: 0xa0,
    summary: 'Normalization over the dimensions from an axis on (float).',
    doc: 'm = mean, v = mean of fl(x - m)^2 over dimensions axis..; y = fl(fl(x - m) / fl(sqrt(fl(v + epsilon)))) * scale + bias, each step rounded; scale and bias broadcast.',
    operands: ['x', 'scale?', 'bias?'],
    attrs: { axis: attr.int({ min: -8, max: 7, default: -1 }), epsilon },
    constraints: {
      c1: constraint('x is f32 and axis within its rank.', ['f32[2,3]'], { axis: 2 }),
      c2: constraint('scale and bias are f32 and broadcast to x.', ['f32[2,3]', 'f32[2]']),
    },
    infer: ([x, ...rest], a) => {
      if (x.dtype !== 'f32' || resolveAxis(a.axis, x.shape.length) === undefined)
        return violates('c1', `axis ${a.axis} for ${describe('x', x)}`);
      const bad = rest.find((r) => r !== undefined && (r.dtype !== 'f32' || !fitsTail(r.shape, x.shape)));
      return bad === undefined ? types(x) : violates('c2', `${describe('x', x)} but ${describe('a factor', bad)}`);
    },
    decompose: (b, [x, scale, bias], a) => {
      const rank = x.type.shape.length;
      return [affine(b, standardize(b, x, axesFrom(resolveAxis(a.axis, rank) ?? 0, rank), a.epsilon), scale, bias)];
    },
    cost: (_o, _a, results) => 8 * resultCount(results),
    samples: [
      { operands: ['f32[3,19]', 'f32[19]', 'f32[19]'] },
      { operands: ['f32[2,3,4]', 'f32[3,4]'], attrs: { axis: 1 } },
      { operands: ['f32[5]'] },
    ],
  }),

  rms_norm: composite({
    code: 0xa1,
    summary: 'Normalization by the root mean square over the dimensions from an axis on (float).',
    doc: 'y = fl(x / fl(sqrt(fl(mean(x^2) + epsilon)))) * scale over dimensions axis.., each step rounded.',
    operands: ['x', 'scale?'],
    attrs: { axis: attr.int({ min: -8, max: 7, default: -1 }), epsilon },
    constraints: {
      c1: constraint('x is f32 and axis within its rank.', ['f32[2,3]'], { axis: 2 }),
      c2: constraint('scale is f32 and broadcasts to x.', ['f32[2,3]', 'f32[2]']),
    },
    infer: ([x, scale], a) => {
      if (x.dtype !== 'f32' || resolveAxis(a.axis, x.shape.length) === undefined)
        return violates('c1', `axis ${a.axis} for ${describe('x', x)}`);
      const bad = scale !== undefined && (scale.dtype !== 'f32' || !fitsTail(scale.shape, x.shape));
      return bad ? violates('c2', `${describe('x', x)} but ${describe('scale', scale)}`) : types(x);
    },
    decompose: (b, [x, scale], a) => {
      const rank = x.type.shape.length;
      const square = b.emit('reduce_mean', [b.emit('mul', [x, x])], { axes: axesFrom(resolveAxis(a.axis, rank) ?? 0, rank), keep: true });
      return [affine(b, b.emit('div', [x, b.emit('sqrt', [b.emit('add', [square, scalar(b, a.epsilon)])])]), scale, undefined)];
    },
    cost: (_o, _a, results) => 6 * resultCount(results),
    samples: [{ operands: ['f32[3,19]', 'f32[19]'] }, { operands: ['f32[2,3,4]'], attrs: { axis: 1 } }],
  }),

  instance_norm: composite({
    code: 0xa2,
    summary: 'Normalization per sample and channel over the spatial dimensions (float).',
    doc: 'As layer_norm over the spatial dimensions, then scale and bias per channel of axis 1.',
    operands: ['x', 'scale', 'bias'],
    attrs: { epsilon },
    constraints: {
      c1: constraint('x is f32 of rank 3 or more.', ['f32[2,3]', 'f32[3]', 'f32[3]']),
      c2: constraint('scale and bias are f32 with one entry per channel.', ['f32[2,3,4]', 'f32[3]', 'f32[2]']),
    },
    infer: ([x, scale, bias]) => {
      if (x.dtype !== 'f32' || x.shape.length < 3) return violates('c1', describe('x', x));
      const bad = [scale, bias].find((s) => s.dtype !== 'f32' || !sameShape(s.shape, [x.shape[1] ?? 1]));
      return bad === undefined ? types(x) : violates('c2', `${describe('x', x)} but ${describe('a factor', bad)}`);
    },
    decompose: (b, [x, scale, bias], a) => {
      const rank = x.type.shape.length;
      return [affine(b, standardize(b, x, axesFrom(2, rank), a.epsilon), perChannel(b, scale, rank), perChannel(b, bias, rank))];
    },
    cost: (_o, _a, results) => 8 * resultCount(results),
    samples: [{ operands: ['f32[2,3,4,5]', 'f32[3]', 'f32[3]'] }, { operands: ['f32[1,2,7]', 'f32[2]', 'f32[2]'] }],
  }),

  group_norm: composite({
    code: 0xa3,
    summary: 'Normalization per sample and group of channels (float).',
    doc: 'Channels are cut into groups; as layer_norm over the channels of a group and the spatial dimensions, then scale and bias per channel.',
    operands: ['x', 'scale', 'bias'],
    attrs: { groups: attr.int({ min: 1, max: 65536 }), epsilon },
    constraints: {
      c1: constraint(
        'x is f32 of rank 3 or more with numbers of at least 1 as channels and spatial sizes, and groups divides the channels.',
        ['f32[2,3,4]', 'f32[3]', 'f32[3]'],
        {
          groups: 2,
        },
      ),
      c2: constraint('scale and bias are f32 with one entry per channel.', ['f32[2,4,4]', 'f32[4]', 'f32[2]'], { groups: 2 }),
    },
    infer: ([x, scale, bias], a) => {
      const sizes = x.shape.slice(1);
      const [channels] = sizes;
      const fits =
        x.dtype === 'f32' &&
        x.shape.length >= 3 &&
        sizes.every((d) => typeof d === 'number' && d >= 1) &&
        Number(channels) % a.groups === 0;
      if (!fits) return violates('c1', `${describe('x', x)} in ${a.groups} groups`);
      const bad = [scale, bias].find((s) => s.dtype !== 'f32' || !sameShape(s.shape, [channels ?? 1]));
      return bad === undefined ? types(x) : violates('c2', `${describe('x', x)} but ${describe('a factor', bad)}`);
    },
    decompose: (b, [x, scale, bias], a) => {
      const rank = x.type.shape.length;
      const sizes = x.type.shape.slice(1).map(Number);
      const grouped = b.emit('reshape', [x], { shape: [0, a.groups, elementCount(sizes) / a.groups] });
      const normal = b.emit('reshape', [standardize(b, grouped, [2], a.epsilon)], { shape: [0, ...sizes] });
      return [affine(b, normal, perChannel(b, scale, rank), perChannel(b, bias, rank))];
    },
    cost: (_o, _a, results) => 8 * resultCount(results),
    samples: [{ operands: ['f32[2,4,3,3]', 'f32[4]', 'f32[4]'], attrs: { groups: 2 } }],
  }),
} as const;
