import { attr } from '../attr.ts';
import { composite, constraint, type Decomposer, types, violates, type Wire } from '../schema.ts';
import { type Dim, elementCount, formatShape, isSymbolic, sameType, type Shape } from '../types.ts';
import { describe, resolveAxes, resolveAxis, resultCount } from './util.ts';

/** Channels, height and width where x has rank 4 and they are numbers of at least 1; else empty. */
const imageOf = (shape: Shape): number[] => {
  const sizes = shape.slice(1).filter((d) => typeof d === 'number' && d >= 1);
  return shape.length === 4 && sizes.length === 3 ? sizes.map(Number) : [];
};

/** Repeats all of an axis n times; by expand, since a concat would have n operands, but where a size is not a number of at least 1. */
const repeatBlock = (b: Decomposer, x: Wire, axis: number, n: number): Wire => {
  const { shape } = x.type;
  if (shape.some((d) => isSymbolic(d) || d < 1)) return b.emit('concat', new Array<Wire>(n).fill(x), { axis });
  const sizes = shape.map(Number);
  const [before, block] = [elementCount(sizes.slice(0, axis)), elementCount(sizes.slice(axis))];
  const wide = b.emit('expand', [b.emit('reshape', [x], { shape: [before, 1, block] })], { shape: [n, block] });
  return b.emit('reshape', [wide], { shape: sizes.map((d, k) => (k === axis ? d * n : d)) });
};

/** x with other indices along an axis. */
const pick = (b: Decomposer, x: Wire, axis: number, indices: readonly number[]): Wire =>
  b.emit('gather', [x, b.constant({ dtype: 'i32', shape: [indices.length] }, indices)], { axis });

const hasElements = (d: Dim | undefined): d is number => typeof d === 'number' && d > 0;
const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

/** Ops that move or repeat blocks of elements. */
export const blocks = {
  depth_to_space: composite({
    code: 0x7b,
    summary: 'Moves channels into spatial blocks (pixel shuffle).',
    doc: 'x [N, C, H, W] to [N, C / b^2, H b, W b]. DCR: channel order (block row, block column, channel); CRD: (channel, block row, block column).',
    operands: ['x'],
    attrs: { block: attr.int({ min: 1, max: 64 }), mode: attr.oneOf(['DCR', 'CRD'], { default: 'DCR' }) },
    constraints: {
      c1: constraint(
        'x has rank 4, numbers of at least 1 as channel and spatial sizes, and block^2 divides the channels.',
        ['f32[1,3,2,2]'],
        {
          block: 2,
        },
      ),
    },
    traits: { movement: true },
    infer: ([x], a) => {
      const [c = 0, h = 0, w = 0] = imageOf(x.shape);
      return c > 0 && c % (a.block * a.block) === 0
        ? types({ dtype: x.dtype, shape: [x.shape[0] ?? 1, c / (a.block * a.block), h * a.block, w * a.block] })
        : violates('c1', `${describe('x', x)} with block ${a.block}`);
    },
    decompose: (b, [x], a) => {
      const [, c = 0, h = 0, w = 0] = x.type.shape.map(Number);
      const out = c / (a.block * a.block);
      const split = a.mode === 'DCR' ? [a.block, a.block, out, h, w] : [out, a.block, a.block, h, w];
      const perm = a.mode === 'DCR' ? [0, 3, 4, 1, 5, 2] : [0, 1, 4, 2, 5, 3];
      const six = b.emit('reshape', [x], { shape: [0, ...split] });
      return [b.emit('reshape', [b.emit('transpose', [six], { perm })], { shape: [0, out, h * a.block, w * a.block] })];
    },
    cost: (_o, _a, [y]) => elementCount(y?.shape ?? []),
    samples: [
      { operands: ['i8[2,8,2,3]'], attrs: { block: 2 } },
      { operands: ['f32[1,9,2,2]'], attrs: { block: 3, mode: 'CRD' } },
    ],
  }),

  space_to_depth: composite({
    code: 0xb2,
    summary: 'Moves spatial blocks into channels.',
    doc: 'x [N, C, H, W] to [N, b^2 C, H / b, W / b], channel order (block row, block column, channel).',
    operands: ['x'],
    attrs: { block: attr.int({ min: 1, max: 64 }) },
    constraints: {
      c1: constraint(
        'x has rank 4, numbers of at least 1 as channel and spatial sizes, and block divides height and width.',
        ['f32[1,3,3,2]'],
        {
          block: 2,
        },
      ),
    },
    traits: { movement: true },
    infer: ([x], a) => {
      const [c = 0, h = 0, w = 0] = imageOf(x.shape);
      return c > 0 && h % a.block === 0 && w % a.block === 0
        ? types({ dtype: x.dtype, shape: [x.shape[0] ?? 1, c * a.block * a.block, h / a.block, w / a.block] })
        : violates('c1', `${describe('x', x)} with block ${a.block}`);
    },
    decompose: (b, [x], a) => {
      const [, c = 0, h = 0, w = 0] = x.type.shape.map(Number);
      const six = b.emit('reshape', [x], { shape: [0, c, h / a.block, a.block, w / a.block, a.block] });
      const turned = b.emit('transpose', [six], { perm: [0, 3, 5, 1, 2, 4] });
      return [b.emit('reshape', [turned], { shape: [0, c * a.block * a.block, h / a.block, w / a.block] })];
    },
    cost: (_o, _a, results) => resultCount(results),
    samples: [{ operands: ['i8[2,3,4,6]'], attrs: { block: 2 } }],
  }),

  tile: composite({
    code: 0xb3,
    summary: 'Repeats a tensor along each dimension.',
    doc: 'Dimension i of y is dimension i of x, repeats[i] times one after another.',
    operands: ['x'],
    attrs: { repeats: attr.ints({ min: 1, max: 65536 }) },
    constraints: {
      c1: constraint('repeats has one entry per dimension of x; symbolic dimensions repeat once.', ['f32[2,3]'], { repeats: [2] }),
    },
    traits: { movement: true },
    infer: ([x], a) => {
      const fits = a.repeats.length === x.shape.length && x.shape.every((d, i) => !isSymbolic(d) || a.repeats[i] === 1);
      if (!fits) return violates('c1', `${describe('x', x)} but repeats ${formatShape(a.repeats)}`);
      return types({ dtype: x.dtype, shape: x.shape.map((d, i) => (isSymbolic(d) ? d : d * (a.repeats[i] ?? 1))) });
    },
    decompose: (b, [x], a) => {
      let y = x;
      a.repeats.forEach((n, axis) => {
        if (n > 1) y = repeatBlock(b, y, axis, n);
      });
      return [y === x ? b.emit('reshape', [x], { shape: x.type.shape.map(() => 0) }) : y];
    },
    cost: (_o, _a, results) => resultCount(results),
    samples: [
      { operands: ['i8[2,3]'], attrs: { repeats: [2, 3] } },
      { operands: ['f32[2]'], attrs: { repeats: [1] } },
    ],
  }),

  stack: composite({
    code: 0x11f,
    summary: 'Joins tensors along a new axis.',
    doc: 'Index i of the new dimension, which stands at axis of the result, holds operand i.',
    operands: ['...xs'],
    attrs: { axis: attr.int({ min: -8, max: 7, default: 0 }) },
    constraints: {
      c1: constraint('axis is within the rank of the result.', ['f32[2]', 'f32[2]'], { axis: 2 }),
      c2: constraint('All operands have the same type.', ['f32[2]', 'f32[3]']),
    },
    traits: { movement: true },
    infer: (xs, a) => {
      const [first] = xs;
      const axis = first === undefined ? undefined : resolveAxis(a.axis, first.shape.length + 1);
      if (first === undefined || axis === undefined) return violates('c1', `axis ${a.axis}`);
      const other = xs.find((x) => !sameType(x, first));
      if (other !== undefined) return violates('c2', `${describe('the first', first)} but ${describe('another', other)}`);
      return types({ dtype: first.dtype, shape: first.shape.toSpliced(axis, 0, xs.length) });
    },
    decompose: (b, xs, a) => {
      const parts = xs.map((x) => b.emit('unsqueeze', [x], { axes: [a.axis] }));
      return [b.emit('concat', parts, { axis: a.axis })];
    },
    cost: (_o, _a, results) => resultCount(results),
    samples: [
      { operands: ['i8[2,3]', 'i8[2,3]', 'i8[2,3]'], attrs: { axis: 1 } },
      { operands: ['f32[4]', 'f32[4]'], attrs: { axis: -1 } },
      { operands: ['i32[]'] },
    ],
  }),

  repeat: composite({
    code: 0x120,
    summary: 'Repeats each index along an axis.',
    doc: 'Indices i repeats to (i + 1) repeats - 1 of y along axis hold index i of x (torch.repeat_interleave); tile repeats the whole instead.',
    operands: ['x'],
    attrs: { axis: attr.int({ min: -8, max: 7 }), repeats: attr.int({ min: 1, max: 65536 }) },
    constraints: {
      c1: constraint('axis is within the rank of x, which has a number of at least 1 there.', ['f32[2,3]'], { axis: 2, repeats: 2 }),
    },
    infer: ([x], a) => {
      const axis = resolveAxis(a.axis, x.shape.length);
      const size = axis === undefined ? undefined : x.shape[axis];
      if (axis === undefined || !hasElements(size)) return violates('c1', `axis ${a.axis} for ${describe('x', x)}`);
      return types({ dtype: x.dtype, shape: x.shape.with(axis, size * a.repeats) });
    },
    decompose: (b, [x], a) => {
      const axis = resolveAxis(a.axis, x.type.shape.length) ?? 0;
      const indices = range(Number(x.type.shape[axis]) * a.repeats).map((i) => Math.floor(i / a.repeats));
      return [pick(b, x, axis, indices)];
    },
    cost: (_o, _a, results) => resultCount(results),
    samples: [
      { operands: ['i8[2,3,2]'], attrs: { axis: 1, repeats: 2 } },
      { operands: ['f32[4]'], attrs: { axis: -1, repeats: 3 } },
    ],
  }),

  flip: composite({
    code: 0x122,
    summary: 'Reverses dimensions.',
    doc: 'Index i of y along each of axes is index n - 1 - i of x.',
    operands: ['x'],
    attrs: { axes: attr.ints({ min: -8, max: 7 }) },
    constraints: {
      c1: constraint('axes are within the rank of x, named once, and x has numbers there.', ['f32[2,3]'], { axes: [0, -2] }),
    },
    traits: { movement: true },
    infer: ([x], a) => {
      const axes = resolveAxes(a.axes, x.shape.length);
      return axes === undefined || axes.some((i) => isSymbolic(x.shape[i] ?? 1))
        ? violates('c1', `axes ${a.axes.join(', ')} for ${describe('x', x)}`)
        : types(x);
    },
    decompose: (b, [x], a) => {
      const axes = resolveAxes(a.axes, x.type.shape.length) ?? [];
      // a dimension of size 0 or 1 is its own mirror image
      const mirrored = x.type.shape.map((d, i) => (axes.includes(i) && typeof d === 'number' && d > 1 ? d : undefined));
      return [
        b.emit('slice', [x], {
          starts: mirrored.map((d) => (d === undefined ? 0 : d - 1)),
          sizes: mirrored.map((d) => d ?? -1),
          steps: mirrored.map((d) => (d === undefined ? 1 : -1)),
        }),
      ];
    },
    cost: (_o, _a, results) => resultCount(results),
    samples: [
      { operands: ['i8[2,3,4]'], attrs: { axes: [0, -1] } },
      { operands: ['f32[5,1,0]'], attrs: { axes: [0, 1, 2] } },
      { operands: ['i32[3]'], attrs: { axes: [] } },
    ],
  }),

  pad_wrap: composite({
    code: 0x12e,
    summary: 'Extends a tensor periodically at both ends of each dimension.',
    doc: 'y[i, …] = x[(i - begin) mod n, …] along each dimension (numpy.pad wrap, circular padding). pads holds begin of each dimension, then end of each; they may be longer than the dimension.',
    operands: ['x'],
    attrs: { pads: attr.ints({ min: 0, max: 2 ** 20 }) },
    constraints: {
      c1: constraint('pads has two entries per dimension.', ['f32[2,3]'], { pads: [1, 1] }),
      c2: constraint('Dimensions that are padded are numbers of at least 1.', ['f32[N,3]'], { pads: [1, 0, 0, 0] }),
    },
    infer: ([x], a) => {
      const rank = x.shape.length;
      if (a.pads.length !== 2 * rank) return violates('c1', `pads has ${a.pads.length} entries but x has rank ${rank}`);
      const added = x.shape.map((_, i) => (a.pads[i] ?? 0) + (a.pads[rank + i] ?? 0));
      const bad = x.shape.findIndex((d, i) => (added[i] ?? 0) > 0 && !hasElements(d));
      if (bad >= 0) return violates('c2', `dimension ${bad} of ${describe('x', x)} is padded by ${added[bad] ?? 0}`);
      return types({ dtype: x.dtype, shape: x.shape.map((d, i) => (isSymbolic(d) ? d : d + (added[i] ?? 0))) });
    },
    decompose: (b, [x], a) => {
      const { shape } = x.type;
      let y = b.emit('reshape', [x], { shape: shape.map(() => 0) });
      for (const [i, d] of shape.entries()) {
        const [begin = 0, end = 0] = [a.pads[i], a.pads[shape.length + i]];
        if (begin + end === 0 || isSymbolic(d)) continue;
        const indices = range(begin + d + end).map((k) => (((k - begin) % d) + d) % d);
        y = pick(b, y, i, indices);
      }
      return [y];
    },
    cost: (_o, _a, results) => resultCount(results),
    samples: [
      { operands: ['i8[2,3]'], attrs: { pads: [0, 1, 0, 2] } },
      { operands: ['f32[2,3]'], attrs: { pads: [5, 0, 3, 0] } },
      { operands: ['i32[4]'], attrs: { pads: [0, 0] } },
    ],
  }),
} as const;
