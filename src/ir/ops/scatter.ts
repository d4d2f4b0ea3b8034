import { attr } from '../attr.ts';
import { hull, type Range, range } from '../range.ts';
import { constraint, primitive, types, violates } from '../schema.ts';
import { elementCount, sameShape, stridesOf, type TensorType } from '../types.ts';
import { describe, isOneOf, resolveAxis, stridedIndex } from './util.ts';

const MODES = ['set', 'add', 'mul', 'max', 'min'] as const;
type Mode = (typeof MODES)[number];
const modeAttr = attr.oneOf(MODES, { default: 'set' });

const combine = (mode: Mode, float: boolean): ((y: number, u: number) => number) => {
  switch (mode) {
    case 'set':
      return (_y, u) => u;
    case 'add':
      return float ? (y, u) => Math.fround(y + u) : (y, u) => (y + u) | 0;
    case 'mul':
      return float ? (y, u) => Math.fround(y * u) : Math.imul;
    case 'max':
      return Math.max;
    case 'min':
      return Math.min;
    default:
      return mode satisfies never;
  }
};

const fitsMode = (x: TensorType, mode: Mode): boolean =>
  mode === 'set' || (mode === 'add' || mode === 'mul' ? isOneOf(x, 'i32', 'f32') : isOneOf(x, 'i8', 'u8', 'i16', 'i32', 'f32'));

/** Interval when up to `hits` updates meet one element. */
const scattered = (mode: Mode, x: Range, u: Range, hits: number): Range => {
  if (mode === 'add') return range(x.lo + Math.min(0, hits * u.lo), x.hi + Math.max(0, hits * u.hi));
  if (mode !== 'mul') return hull([x, u]);
  const factor = Math.max(Math.abs(u.lo), Math.abs(u.hi));
  let bound = Math.max(Math.abs(x.lo), Math.abs(x.hi));
  for (let k = 0; k < hits && factor > 1 && bound > 0 && bound < 2 ** 53; k++) bound *= factor;
  return range(-bound, bound);
};

const small = (type: string) => ({ type, lo: -100, hi: 100 });
const index = (type: string, hi: number) => ({ type, lo: -1, hi });

/** Ops that write elements or slices at places given by an index tensor. */
export const scatter = {
  scatter_elements: primitive({
    code: 0xe2,
    summary: 'Writes single elements along an axis by index.',
    doc: 'y = x; then for each update in row-major order y[i0, …, indices[i0, …], …] becomes the update (set: the last one stays) or the sum, product, max or min of itself and the update. An update whose index is outside the axis is left out. i32 sums and products wrap (proven not to); f32 rounds each time.',
    operands: ['x', 'indices', 'updates'],
    attrs: { axis: attr.int({ min: -8, max: 7, default: 0 }), mode: modeAttr },
    constraints: {
      c1: constraint('axis is within the rank of x.', ['f32[2,3]', 'i32[2,3]', 'f32[2,3]'], { axis: 2 }),
      c2: constraint('indices are i32; updates have the dtype of x.', ['f32[2,3]', 'i32[2,3]', 'i32[2,3]']),
      c3: constraint('indices and updates have one shape, of the rank of x and, but along axis, no size above that of x.', [
        'f32[2,3]',
        'i32[2,4]',
        'f32[2,4]',
      ]),
      c4: constraint('add and mul take i32 and f32; max and min take all dtypes but bool and i6.', ['i8[2]', 'i32[2]', 'i8[2]'], {
        mode: 'add',
      }),
    },
    infer: ([x, indices, updates], a) => {
      const axis = resolveAxis(a.axis, x.shape.length);
      if (axis === undefined) return violates('c1', `axis ${a.axis} for ${describe('x', x)}`);
      if (indices.dtype !== 'i32' || updates.dtype !== x.dtype)
        return violates('c2', `x is ${x.dtype}, indices are ${indices.dtype}, updates are ${updates.dtype}`);
      const fits = indices.shape.every((d, i) => {
        const limit = x.shape[i];
        return i === axis || d === limit || (typeof d === 'number' && typeof limit === 'number' && d <= limit);
      });
      if (indices.shape.length !== x.shape.length || !sameShape(indices.shape, updates.shape) || !fits)
        return violates('c3', `${describe('x', x)}, ${describe('indices', indices)}, ${describe('updates', updates)}`);
      return fitsMode(x, a.mode) ? types(x) : violates('c4', `mode ${a.mode} for ${x.dtype}`);
    },
    evaluate: ([x, indices, updates], a, [y]) => {
      if (y === undefined) return;
      y.data.set(x.data);
      const axis = resolveAxis(a.axis, x.shape.length) ?? 0;
      const strides = stridesOf(x.shape);
      const [n, step] = [x.shape[axis]!, strides[axis]!];
      const base = stridedIndex(
        indices.shape,
        strides.map((s, i) => (i === axis ? 0 : s)),
        0,
      );
      const f = combine(a.mode, y.dtype === 'f32');
      for (let e = 0; e < base.length; e++) {
        const i = indices.data[e]!;
        if (i < 0 || i >= n) continue;
        const to = base[e]! + i * step;
        y.data[to] = f(y.data[to]!, updates.data[e]!);
      }
    },
    range: ([x, , u], a, context) => {
      const shape = context.operandTypes[1]?.shape ?? [];
      return [scattered(a.mode, x, u, shape[resolveAxis(a.axis, shape.length) ?? 0] ?? 0)];
    },
    weight: 12,
    cost: ([x, indices]) => elementCount(x.shape) + elementCount(indices.shape),
    samples: [
      { operands: ['i8[5,3]', index('i32[4,2]', 5), 'i8[4,2]'] },
      { operands: ['f32[2,4]', index('i32[2,6]', 4), 'f32[2,6]'], attrs: { axis: -1, mode: 'add' } },
      { operands: ['f32[2,4]', index('i32[2,6]', 4), 'f32[2,6]'], attrs: { axis: 1, mode: 'mul' } },
      { operands: ['f32[9]', index('i32[20]', 9), 'f32[20]'], attrs: { mode: 'max' } },
      { operands: ['i16[9]', index('i32[20]', 9), 'i16[20]'], attrs: { mode: 'min' } },
      { operands: [small('i32[3,2]'), index('i32[3,2]', 3), small('i32[3,2]')], attrs: { mode: 'add' } },
      { operands: [small('i32[3,2]'), index('i32[3,2]', 3), small('i32[3,2]')], attrs: { mode: 'mul' } },
    ],
  }),
  scatter_nd: primitive({
    code: 0xe3,
    summary: 'Writes slices at index vectors.',
    doc: 'y = x; then for each index vector i of length l (the last dimension of indices), in row-major order, the slice y[i[0], …, i[l - 1], …] becomes its slice of updates (set: the last one stays) or the sum, product, max or min of itself and it. A slice whose vector leaves x is left out. i32 sums and products wrap (proven not to); f32 rounds each time.',
    operands: ['x', 'indices', 'updates'],
    attrs: { mode: modeAttr },
    constraints: {
      c1: constraint('indices are i32; updates have the dtype of x.', ['f32[2,3]', 'i32[2,1]', 'i32[2,3]']),
      c2: constraint('The vectors have a number as length, at most the rank of x.', ['f32[2]', 'i32[2,2]', 'f32[2]']),
      c3: constraint('updates have the shape of indices without the last dimension, then that of a slice.', [
        'f32[2,3]',
        'i32[2,1]',
        'f32[2,2]',
      ]),
      c4: constraint('add and mul take i32 and f32; max and min take all dtypes but bool and i6.', ['i8[2]', 'i32[2,1]', 'i8[2]'], {
        mode: 'add',
      }),
    },
    infer: ([x, indices, updates], a) => {
      if (indices.dtype !== 'i32' || updates.dtype !== x.dtype)
        return violates('c1', `x is ${x.dtype}, indices are ${indices.dtype}, updates are ${updates.dtype}`);
      const length = indices.shape.at(-1);
      if (typeof length !== 'number' || length > x.shape.length)
        return violates('c2', `${describe('x', x)}, ${describe('indices', indices)}`);
      if (!sameShape(updates.shape, [...indices.shape.slice(0, -1), ...x.shape.slice(length)]))
        return violates('c3', `${describe('x', x)}, ${describe('indices', indices)}, ${describe('updates', updates)}`);
      return fitsMode(x, a.mode) ? types(x) : violates('c4', `mode ${a.mode} for ${x.dtype}`);
    },
    evaluate: ([x, indices, updates], a, [y]) => {
      if (y === undefined) return;
      y.data.set(x.data);
      const length = indices.shape.at(-1) ?? 0;
      const inner = elementCount(x.shape.slice(length));
      const strides = stridesOf(x.shape);
      const f = combine(a.mode, y.dtype === 'f32');
      const rows = elementCount(indices.shape.slice(0, -1));
      for (let r = 0; r < rows; r++) {
        let to = 0;
        let inside = true;
        for (let l = 0; l < length; l++) {
          const i = indices.data[r * length + l]!;
          inside &&= i >= 0 && i < x.shape[l]!;
          to += i * strides[l]!;
        }
        if (inside) for (let k = 0; k < inner; k++) y.data[to + k] = f(y.data[to + k]!, updates.data[r * inner + k]!);
      }
    },
    range: ([x, , u], a, context) => [scattered(a.mode, x, u, elementCount((context.operandTypes[1]?.shape ?? []).slice(0, -1)))],
    weight: 12,
    cost: ([x, , updates]) => elementCount(x.shape) + elementCount(updates.shape),
    samples: [
      { operands: ['i8[5,3]', index('i32[4,1]', 5), 'i8[4,3]'] },
      { operands: ['f32[3,4,2]', index('i32[9,2]', 4), 'f32[9,2]'], attrs: { mode: 'add' } },
      { operands: ['f32[3,4]', index('i32[2,9,2]', 4), 'f32[2,9]'], attrs: { mode: 'max' } },
      { operands: ['u8[4,2]', index('i32[9,1]', 4), 'u8[9,2]'], attrs: { mode: 'min' } },
      { operands: [small('i32[4]'), index('i32[3,1]', 4), small('i32[3]')], attrs: { mode: 'mul' } },
    ],
  }),
} as const;
