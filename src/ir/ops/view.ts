import { attr } from '../attr.ts';
import { composite, constraint, types, violates } from '../schema.ts';
import { type Dim, elementCount, isSymbolic } from '../types.ts';
import { describe, resolveAxes } from './util.ts';

const noCost = (): number => 0;
const moved = { movement: true } as const;

const joined = (dims: readonly Dim[]): Dim | undefined => {
  const symbols = dims.filter(isSymbolic);
  const size = elementCount(dims.filter((d) => !isSymbolic(d)));
  if (symbols.length === 0) return size;
  return symbols.length === 1 && size === 1 ? symbols[0] : undefined;
};

/** A reshape attribute for a shape: the one symbol becomes -1. */
const reshapeTarget = (dims: readonly Dim[]): number[] => dims.map((d) => (isSymbolic(d) ? -1 : d));

const unsqueezed = (dims: readonly Dim[], axes: readonly number[]): Dim[] => {
  const rest = [...dims];
  return Array.from({ length: dims.length + axes.length }, (_, i) => (axes.includes(i) ? 1 : (rest.shift() ?? 1)));
};

/** Ops that are a reshape with a target derived from the shape of x. */
export const view = {
  flatten: composite({
    code: 0x78,
    summary: 'Joins the dimensions before and from an axis on.',
    doc: 'y has shape [product of dimensions before axis, product of the rest].',
    operands: ['x'],
    attrs: { axis: attr.int({ min: -8, max: 8, default: 1 }) },
    constraints: {
      c1: constraint('axis is from -rank to rank.', ['f32[2,3]'], { axis: 3 }),
      c2: constraint('A symbolic dimension stands alone on its side of axis.', ['f32[N,3,2]'], { axis: 2 }),
    },
    traits: moved,
    infer: ([x], a) => {
      const axis = a.axis < 0 ? a.axis + x.shape.length : a.axis;
      if (axis < 0 || axis > x.shape.length) return violates('c1', `axis ${a.axis} for ${describe('x', x)}`);
      const sides = [x.shape.slice(0, axis), x.shape.slice(axis)].map(joined);
      const [rows, columns] = sides;
      if (rows === undefined || columns === undefined) return violates('c2', `axis ${a.axis} for ${describe('x', x)}`);
      return types({ dtype: x.dtype, shape: [rows, columns] });
    },
    decompose: (b, [x], a) => {
      const axis = a.axis < 0 ? a.axis + x.type.shape.length : a.axis;
      const [rows = 1, columns = 1] = [x.type.shape.slice(0, axis), x.type.shape.slice(axis)].map(joined);
      const target = isSymbolic(rows) ? [-1, Number(columns)] : [rows, isSymbolic(columns) ? -1 : columns];
      return [b.emit('reshape', [x], { shape: target })];
    },
    cost: noCost,
    samples: [{ operands: ['i8[2,3,4]'] }, { operands: ['f32[2,3,4]'], attrs: { axis: 2 } }],
  }),

  squeeze: composite({
    code: 0x79,
    summary: 'Drops dimensions of size 1.',
    doc: 'Drops the dimensions named by axes.',
    operands: ['x'],
    attrs: { axes: attr.ints({ min: -8, max: 7 }) },
    constraints: { c1: constraint('Each axis is within the rank, named once, and has size 1.', ['f32[2,3]'], { axes: [0] }) },
    traits: moved,
    infer: ([x], a) => {
      const axes = resolveAxes(a.axes, x.shape.length);
      if (axes === undefined || axes.some((i) => x.shape[i] !== 1))
        return violates('c1', `axes ${a.axes.join(', ')} for ${describe('x', x)}`);
      return types({ dtype: x.dtype, shape: x.shape.filter((_, i) => !axes.includes(i)) });
    },
    decompose: (b, [x], a) => {
      const axes = resolveAxes(a.axes, x.type.shape.length) ?? [];
      return [b.emit('reshape', [x], { shape: reshapeTarget(x.type.shape.filter((_, i) => !axes.includes(i))) })];
    },
    cost: noCost,
    samples: [{ operands: ['i8[1,3,1]'], attrs: { axes: [-1, 0] } }],
  }),

  unsqueeze: composite({
    code: 0x7a,
    summary: 'Adds dimensions of size 1.',
    doc: 'Adds dimensions of size 1 so that they stand at axes of the result.',
    operands: ['x'],
    attrs: { axes: attr.ints({ min: -8, max: 7 }) },
    constraints: { c1: constraint('Each axis is within the rank of the result and named once.', ['f32[2,3]'], { axes: [4] }) },
    traits: moved,
    infer: ([x], a) => {
      const axes = resolveAxes(a.axes, x.shape.length + a.axes.length);
      if (axes === undefined) return violates('c1', `axes ${a.axes.join(', ')} for ${describe('x', x)}`);
      return types({ dtype: x.dtype, shape: unsqueezed(x.shape, axes) });
    },
    decompose: (b, [x], a) => [
      b.emit('reshape', [x], {
        shape: reshapeTarget(unsqueezed(x.type.shape, resolveAxes(a.axes, x.type.shape.length + a.axes.length) ?? [])),
      }),
    ],
    cost: noCost,
    samples: [{ operands: ['i8[3,2]'], attrs: { axes: [0, -1] } }],
  }),
} as const;
