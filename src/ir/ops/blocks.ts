import { attr } from '../attr.ts';
import { composite, constraint, type Decomposer, types, violates, type Wire } from '../schema.ts';
import { elementCount, formatShape, isSymbolic, type Shape } from '../types.ts';
import { describe, resultCount } from './util.ts';

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
} as const;
