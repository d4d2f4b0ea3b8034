import { attr } from '../attr.ts';
import { composite, constraint, primitive, types, violates } from '../schema.ts';
import { type Dim, elementCount, formatShape, isStaticShape, sameShape, stridesOf } from '../types.ts';
import { describe, movedRange, resolveAxis, stridedIndex } from './util.ts';

const clampIndex = (i: number, n: number): number => Math.min(Math.max(i, 0), n - 1);
const within = (d: Dim, limit: Dim | undefined): boolean =>
  d === limit || (typeof d === 'number' && typeof limit === 'number' && d <= limit);
const hasElements = (d: Dim | undefined): boolean => typeof d === 'number' && d > 0;

/** Ops that read elements or slices at places given by an index tensor. */
export const indexing = {
  gather_elements: primitive({
    code: 0xe0,
    summary: 'Takes single elements along an axis by index.',
    doc: 'y[i0, …] = x[i0, …, indices[i0, …], …], the index standing at axis; an index outside [0, n - 1] is clamped to it.',
    operands: ['x', 'indices'],
    attrs: { axis: attr.int({ min: -8, max: 7, default: 0 }) },
    constraints: {
      c1: constraint('axis is within the rank of x, and x has a number there, at least 1.', ['f32[2,3]', 'i32[2,3]'], { axis: 2 }),
      c2: constraint('indices are i32.', ['f32[2,3]', 'f32[2,3]']),
      c3: constraint('indices have the rank of x and, but along axis, no size above that of x.', ['f32[2,3]', 'i32[2,4]']),
    },
    infer: ([x, indices], a) => {
      const axis = resolveAxis(a.axis, x.shape.length);
      if (axis === undefined || !hasElements(x.shape[axis])) return violates('c1', `axis ${a.axis} for ${describe('x', x)}`);
      if (indices.dtype !== 'i32') return violates('c2', `indices are ${indices.dtype}`);
      if (indices.shape.length !== x.shape.length || !indices.shape.every((d, i) => i === axis || within(d, x.shape[i])))
        return violates('c3', `${describe('x', x)} but ${describe('indices', indices)}`);
      return types({ dtype: x.dtype, shape: indices.shape });
    },
    evaluate: ([x, indices], a, [y]) => {
      if (y === undefined) return;
      const axis = resolveAxis(a.axis, x.shape.length) ?? 0;
      const strides = stridesOf(x.shape);
      const [n, step] = [x.shape[axis]!, strides[axis]!];
      const base = stridedIndex(
        indices.shape,
        strides.map((s, i) => (i === axis ? 0 : s)),
        0,
      );
      for (let e = 0; e < base.length; e++) y.data[e] = x.data[base[e]! + clampIndex(indices.data[e]!, n) * step]!;
    },
    range: ([x]) => [movedRange(x)],
    weight: 8,
    cost: (_o, _a, [y]) => elementCount(y?.shape ?? []),
    samples: [
      { operands: ['i8[5,3]', { type: 'i32[2,3]', lo: -1, hi: 6 }] },
      { operands: ['f32[2,4,3]', { type: 'i32[2,6,2]', lo: 0, hi: 3 }], attrs: { axis: 1 } },
      { operands: ['i16[4]', { type: 'i32[0]', lo: 0, hi: 3 }], attrs: { axis: -1 } },
    ],
  }),
  gather_nd: primitive({
    code: 0xe1,
    summary: 'Takes slices by index vectors.',
    doc: 'The last dimension of indices holds vectors i of length l; y[b…, j…, …] = x[b…, i[0], …, i[l - 1], …] with i = indices[b…, j…], b… the batch_dims leading indices that x and indices share. Each entry is clamped to its dimension.',
    operands: ['x', 'indices'],
    attrs: { batch_dims: attr.int({ min: 0, max: 7, default: 0 }) },
    constraints: {
      c1: constraint('indices are i32 and have more than batch_dims dimensions.', ['f32[2,3]', 'i32[2]'], { batch_dims: 1 }),
      c2: constraint('The leading batch_dims dimensions of x and indices are equal.', ['f32[2,3]', 'i32[3,1]'], { batch_dims: 1 }),
      c3: constraint('The vectors have a number as length, and x as many dimensions after the batch, each a number, at least 1.', [
        'f32[2,3]',
        'i32[4,3]',
      ]),
    },
    infer: ([x, indices], a) => {
      const b = a.batch_dims;
      if (indices.dtype !== 'i32' || indices.shape.length <= b) return violates('c1', `batch_dims ${b}, ${describe('indices', indices)}`);
      const batch = x.shape.slice(0, b);
      if (batch.length < b || batch.some((d, i) => d !== indices.shape[i]))
        return violates('c2', `batch_dims ${b}, ${describe('x', x)} but ${describe('indices', indices)}`);
      const length = indices.shape.at(-1);
      const indexed = typeof length === 'number' ? x.shape.slice(b, b + length) : [];
      if (indexed.length !== length || !indexed.every(hasElements))
        return violates('c3', `${describe('x', x)} but ${describe('indices', indices)}`);
      return types({ dtype: x.dtype, shape: [...indices.shape.slice(0, -1), ...x.shape.slice(b + length)] });
    },
    evaluate: ([x, indices], a, [y]) => {
      if (y === undefined) return;
      const length = indices.shape.at(-1) ?? 0;
      const inner = elementCount(x.shape.slice(a.batch_dims + length));
      const batches = elementCount(x.shape.slice(0, a.batch_dims));
      const rows = elementCount(indices.shape.slice(a.batch_dims, -1));
      const block = elementCount(x.shape.slice(a.batch_dims));
      const strides = stridesOf(x.shape);
      for (let r = 0; r < batches * rows; r++) {
        let from = Math.floor(r / rows) * block;
        for (let l = 0; l < length; l++)
          from += clampIndex(indices.data[r * length + l]!, x.shape[a.batch_dims + l]!) * strides[a.batch_dims + l]!;
        y.data.set(x.data.subarray(from, from + inner), r * inner);
      }
    },
    range: ([x]) => [movedRange(x)],
    weight: 30,
    cost: (_o, _a, [y]) => elementCount(y?.shape ?? []),
    samples: [
      { operands: ['f32[3,4,2]', { type: 'i32[5,2]', lo: -1, hi: 4 }] },
      { operands: ['i8[2,3,4]', { type: 'i32[2,2,1]', lo: 0, hi: 2 }], attrs: { batch_dims: 1 } },
      { operands: ['i32[3,4]', { type: 'i32[2,2]', lo: -1, hi: 5 }] },
      { operands: ['u8[2,3]', { type: 'i32[0,1]', lo: 0, hi: 1 }] },
    ],
  }),

  one_hot: composite({
    code: 0x11e,
    summary: 'A vector for each index: one value at its place, another elsewhere.',
    doc: 'The new dimension of size depth stands at axis of y; y is values[1] where its index there equals the index of that place, else values[0]. An index outside [0, depth - 1] gives values[0] everywhere.',
    operands: ['indices', 'values'],
    attrs: { axis: attr.int({ min: -8, max: 7, default: -1 }), depth: attr.int({ min: 1, max: 2 ** 24 }) },
    constraints: {
      c1: constraint('indices are i32.', ['i8[2]', 'f32[2]'], { depth: 3 }),
      c2: constraint('axis is within the rank of the result.', ['i32[2]', 'f32[2]'], { axis: 2, depth: 3 }),
      c3: constraint('values are two: elsewhere, at the place.', ['i32[2]', 'f32[3]'], { depth: 3 }),
    },
    infer: ([indices, values], a) => {
      if (indices.dtype !== 'i32') return violates('c1', describe('indices', indices));
      const axis = resolveAxis(a.axis, indices.shape.length + 1);
      if (axis === undefined) return violates('c2', `axis ${a.axis} for ${describe('indices', indices)}`);
      if (!sameShape(values.shape, [2])) return violates('c3', `values have shape ${formatShape(values.shape)}`);
      return types({ dtype: values.dtype, shape: indices.shape.toSpliced(axis, 0, a.depth) });
    },
    decompose: (b, [indices, values], a) => {
      const rank = indices.type.shape.length + 1;
      const axis = resolveAxis(a.axis, rank) ?? 0;
      const places = Int32Array.from({ length: a.depth }, (_, i) => i);
      const line = b.constant({ dtype: 'i32', shape: [a.depth, ...new Array<number>(rank - axis - 1).fill(1)] }, places);
      const [off = values, on = values] = b
        .emitAll('split', [values], { axis: 0, sizes: [1, 1] })
        .map((v) => b.emit('reshape', [v], { shape: [] }));
      return [b.emit('select', [b.emit('equal', [b.emit('unsqueeze', [indices], { axes: [axis] }), line]), on, off])];
    },
    cost: (_o, _a, [y]) => elementCount(y?.shape ?? []),
    samples: [
      { operands: [{ type: 'i32[2,3]', lo: -1, hi: 4 }, 'i8[2]'], attrs: { depth: 4 } },
      { operands: [{ type: 'i32[2,3]', lo: 0, hi: 4 }, 'f32[2]'], attrs: { axis: 0, depth: 5 } },
      { operands: [{ type: 'i32[]', lo: 0, hi: 2 }, 'bool[2]'], attrs: { depth: 3 } },
    ],
  }),
  embedding: composite({
    code: 0x121,
    summary: 'Rows of a table by index.',
    doc: 'y[i…] = w[indices[i…]], w [rows, width]: gather on axis 0; an index outside is clamped.',
    operands: ['w', 'indices'],
    attrs: {},
    constraints: {
      c1: constraint('w has rank 2, with a number of at least 1 as rows.', ['f32[2,3,4]', 'i32[2]']),
      c2: constraint('indices are i32.', ['f32[2,3]', 'i8[2]']),
    },
    infer: ([w, indices]) => {
      if (w.shape.length !== 2 || !isStaticShape(w.shape) || !hasElements(w.shape[0])) return violates('c1', describe('w', w));
      if (indices.dtype !== 'i32') return violates('c2', describe('indices', indices));
      return types({ dtype: w.dtype, shape: [...indices.shape, ...w.shape.slice(1)] });
    },
    decompose: (b, [w, indices]) => [b.emit('gather', [w, indices], { axis: 0 })],
    cost: (_o, _a, [y]) => elementCount(y?.shape ?? []),
    samples: [{ operands: ['f32[5,3]', { type: 'i32[2,4]', lo: -1, hi: 6 }] }, { operands: ['i8[7,2]', { type: 'i32[]', lo: 0, hi: 6 }] }],
  }),
} as const;
