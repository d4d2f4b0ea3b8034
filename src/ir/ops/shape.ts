import { attr } from '../attr.ts';
import { hull, widen } from '../range.ts';
import { constraint, type InferResult, primitive, types, violates } from '../schema.ts';
import { type Dim, elementCount, formatShape, isSymbolic, stridesOf, type Tensor, type TensorType } from '../types.ts';
import { broadcast, broadcastIndex, describe, holds, movedRange, resolveAxes, resolveAxis, splitAt, stridedIndex } from './util.ts';

const noCost = (): number => 0;
const copyIndexed = (x: Tensor, y: Tensor | undefined, index: Int32Array): void => {
  if (y !== undefined) for (let i = 0; i < index.length; i++) y.data[i] = x.data[index[i]!]!;
};

/** The target shape with one -1 resolved; symbols cancel against equal ones. */
const reshapeTo = (shape: readonly Dim[], target: readonly number[]): Dim[] | undefined => {
  const out: Dim[] = [];
  for (const [i, d] of target.entries()) {
    const kept = shape[i];
    if (d === 0 && kept === undefined) return undefined;
    out.push(d === 0 ? (kept ?? 0) : d);
  }
  const inferAt = out.indexOf(-1);
  const symbolsLeft = shape.filter(isSymbolic);
  let need = elementCount(shape.filter((d) => !isSymbolic(d)));
  for (const d of out) {
    if (isSymbolic(d)) {
      const at = symbolsLeft.indexOf(d);
      if (at < 0) return undefined;
      symbolsLeft.splice(at, 1);
    }
  }
  const have = elementCount(out.filter((d): d is number => !isSymbolic(d) && d !== -1));
  if (inferAt < 0) return symbolsLeft.length === 0 && have === need ? out : undefined;
  if (out.lastIndexOf(-1) !== inferAt) return undefined;
  const [symbol, ...more] = symbolsLeft;
  if (more.length > 0) return undefined;
  if (symbol !== undefined) {
    out[inferAt] = symbol;
    return have === need ? out : undefined;
  }
  if (have === 0) return undefined;
  need /= have;
  if (!Number.isInteger(need)) return undefined;
  out[inferAt] = need;
  return out;
};

const moved = { movement: true } as const;

const inferPad = (x: TensorType, pads: readonly number[], mode: string): InferResult => {
  const rank = x.shape.length;
  if (pads.length !== 2 * rank) return violates('c1', `pads has ${pads.length} entries but x has rank ${rank}`);
  const shape: Dim[] = [];
  for (let i = 0; i < rank; i++) {
    const begin = pads[i] ?? 0;
    const end = pads[rank + i] ?? 0;
    const d = x.shape[i] ?? 1;
    if (isSymbolic(d)) {
      if (begin !== 0 || end !== 0) return violates('c2', `dimension ${i} of x is the symbol ${d} but is padded by ${begin} and ${end}`);
      shape.push(d);
      continue;
    }
    const reach =
      mode === 'reflect' ? d - 1 : mode === 'edge' && d > 0 ? Number.POSITIVE_INFINITY : mode === 'edge' ? 0 : Number.POSITIVE_INFINITY;
    if (begin > reach || end > reach)
      return violates('c3', `dimension ${i} has size ${d} but is padded by ${begin} and ${end} in mode ${mode}`);
    shape.push(d + begin + end);
  }
  return types({ dtype: x.dtype, shape });
};

interface SliceAttrs {
  readonly starts: readonly number[];
  readonly sizes: readonly number[];
  readonly steps: readonly number[];
}

export const shape = {
  reshape: primitive({
    code: 0x70,
    summary: 'Same elements, another shape.',
    doc: 'y has the elements of x in row-major order. In the target, -1 (once) is inferred and 0 copies the dimension of x at that place.',
    operands: ['x'],
    attrs: { shape: attr.ints({ min: -1, max: 2 ** 31 - 1 }) },
    constraints: {
      c1: constraint('The target has as many elements as x, at most one -1, and 0 only where x has a dimension.', ['f32[2,3]'], {
        shape: [4],
      }),
    },
    traits: moved,
    infer: ([x], a) => {
      const shape = reshapeTo(x.shape, a.shape);
      return shape === undefined
        ? violates('c1', `x has shape ${formatShape(x.shape)} but the target is ${formatShape(a.shape)}`)
        : types({ dtype: x.dtype, shape });
    },
    evaluate: ([x], _a, [y]) => y?.data.set(x.data),
    range: ([x]) => [movedRange(x)],
    cost: noCost,
    samples: [
      { operands: ['i8[2,3,4]'], attrs: { shape: [0, -1] } },
      { operands: ['f32[6]'], attrs: { shape: [3, 2] } },
      { operands: ['i32[1]'], attrs: { shape: [] } },
    ],
  }),
  transpose: primitive({
    code: 0x71,
    summary: 'Permutes dimensions.',
    doc: 'Dimension i of y is dimension perm[i] of x.',
    operands: ['x'],
    attrs: { perm: attr.ints({ min: 0, max: 7 }) },
    constraints: { c1: constraint('perm is a permutation of the dimensions of x.', ['f32[2,3]'], { perm: [0, 0] }) },
    traits: moved,
    infer: ([x], a) => {
      const axes = resolveAxes(a.perm, x.shape.length);
      if (axes === undefined || axes.length !== x.shape.length)
        return violates('c1', `perm is ${a.perm.join(', ')} but x has rank ${x.shape.length}`);
      return types({ dtype: x.dtype, shape: a.perm.map((p) => x.shape[p] ?? 1) });
    },
    evaluate: ([x], a, [y]) => {
      const strides = stridesOf(x.shape);
      copyIndexed(
        x,
        y,
        stridedIndex(
          y?.shape ?? [],
          a.perm.map((p) => strides[p] ?? 1),
          0,
        ),
      );
    },
    range: ([x]) => [movedRange(x)],
    weight: 3,
    cost: (_o, _a, [y]) => elementCount(y?.shape ?? []),
    samples: [
      { operands: ['i8[2,3,4]'], attrs: { perm: [2, 0, 1] } },
      { operands: ['f32[5,3]'], attrs: { perm: [1, 0] } },
      { operands: ['i32[4]'], attrs: { perm: [0] } },
    ],
  }),
  concat: primitive({
    code: 0x72,
    summary: 'Joins tensors along an axis.',
    doc: 'y holds the operands one after another along axis.',
    operands: ['...xs'],
    attrs: { axis: attr.int({ min: -8, max: 7 }) },
    constraints: {
      c1: constraint('axis is within the rank.', ['f32[2,3]', 'f32[2,3]'], { axis: 2 }),
      c2: constraint('All operands have the same dtype.', ['f32[2,3]', 'i32[2,3]'], { axis: 0 }),
      c3: constraint('All operands have the same shape but along axis, where sizes are numbers.', ['f32[2,3]', 'f32[3,4]'], { axis: 0 }),
    },
    traits: moved,
    infer: (xs, a) => {
      const [first] = xs;
      if (first === undefined) return violates('c1', 'there are no operands');
      const axis = resolveAxis(a.axis, first.shape.length);
      if (axis === undefined) return violates('c1', `axis ${a.axis} for ${describe('x', first)}`);
      let total = 0;
      for (const x of xs) {
        if (x.dtype !== first.dtype) return violates('c2', `${first.dtype} and ${x.dtype}`);
        const size = x.shape[axis];
        const fits = x.shape.length === first.shape.length && x.shape.every((d, i) => i === axis || d === first.shape[i]);
        if (!fits || typeof size !== 'number')
          return violates('c3', `axis ${axis}, shapes ${formatShape(first.shape)} and ${formatShape(x.shape)}`);
        total += size;
      }
      return types({ dtype: first.dtype, shape: first.shape.map((d, i) => (i === axis ? total : d)) });
    },
    evaluate: (xs, a, [y]) => {
      if (y === undefined) return;
      const { outer, n, inner } = splitAt(y.shape, resolveAxis(a.axis, y.shape.length) ?? 0);
      let start = 0;
      for (const x of xs) {
        const run = outer === 0 ? 0 : x.data.length / outer;
        for (let o = 0; o < outer; o++) y.data.set(x.data.subarray(o * run, (o + 1) * run), o * n * inner + start);
        start += run;
      }
    },
    range: (xs) => [hull(xs)],
    cost: (_o, _a, [y]) => elementCount(y?.shape ?? []),
    samples: [
      { operands: ['i8[2,3,2]', 'i8[2,1,2]', 'i8[2,0,2]'], attrs: { axis: 1 } },
      { operands: ['f32[4]', 'f32[3]'], attrs: { axis: -1 } },
    ],
  }),
  split: primitive({
    code: 0x73,
    summary: 'Cuts a tensor into parts along an axis.',
    doc: 'Result i holds sizes[i] indices along axis, one after another.',
    operands: ['x'],
    results: ['...ys'],
    attrs: { axis: attr.int({ min: -8, max: 7 }), sizes: attr.ints({ min: 0, max: 2 ** 31 - 1 }) },
    constraints: {
      c1: constraint('axis is within the rank of x.', ['f32[2,3]'], { axis: 2, sizes: [1, 2] }),
      c2: constraint('sizes has at least one entry and sums to the size of x along axis.', ['f32[2,3]'], { axis: 1, sizes: [1, 1] }),
    },
    traits: moved,
    infer: ([x], a) => {
      const axis = resolveAxis(a.axis, x.shape.length);
      if (axis === undefined) return violates('c1', `axis ${a.axis} for ${describe('x', x)}`);
      const total = a.sizes.reduce((n, s) => n + s, 0);
      if (a.sizes.length === 0 || total !== x.shape[axis])
        return violates('c2', `sizes ${a.sizes.join(', ')} sum to ${total} but x has ${String(x.shape[axis])} along axis ${axis}`);
      // Not through types(...): a spread of very many sizes overflows the stack.
      return { ok: true, types: a.sizes.map((s) => ({ dtype: x.dtype, shape: x.shape.map((d, i) => (i === axis ? s : d)) })) };
    },
    evaluate: ([x], a, ys) => {
      const { outer, n, inner } = splitAt(x.shape, resolveAxis(a.axis, x.shape.length) ?? 0);
      let start = 0;
      for (const [i, y] of ys.entries()) {
        const run = (a.sizes[i] ?? 0) * inner;
        for (let o = 0; o < outer; o++) y.data.set(x.data.subarray(o * n * inner + start, o * n * inner + start + run), o * run);
        start += run;
      }
    },
    range: ([x], a) => a.sizes.map(() => movedRange(x)),
    cost: ([x]) => elementCount(x.shape),
    samples: [
      { operands: ['i8[2,6,2]'], attrs: { axis: 1, sizes: [1, 3, 2] } },
      { operands: ['f32[5]'], attrs: { axis: 0, sizes: [5, 0] } },
    ],
  }),
  pad: primitive({
    code: 0x74,
    summary: 'Extends a tensor at both ends of each dimension.',
    doc: 'pads holds begin of each dimension, then end of each. constant writes value (rounded to the dtype by the importer); reflect mirrors without the edge; edge repeats it.',
    operands: ['x'],
    attrs: {
      pads: attr.ints({ min: 0, max: 2 ** 20 }),
      mode: attr.oneOf(['constant', 'reflect', 'edge'], { default: 'constant' }),
      value: attr.f32({ default: 0 }),
    },
    constraints: {
      c1: constraint('pads has two entries per dimension.', ['f32[2,3]'], { pads: [1, 1] }),
      c2: constraint('Symbolic dimensions are not padded.', ['f32[N,3]'], { pads: [1, 0, 0, 0] }),
      c3: constraint('reflect pads less than the size; edge needs at least one element.', ['f32[2,3]'], {
        pads: [2, 0, 0, 0],
        mode: 'reflect',
      }),
      c4: constraint('For integer dtypes value is an integer in the range of the dtype.', ['i8[2,3]'], { pads: [1, 0, 0, 0], value: 0.5 }),
    },
    infer: ([x], a) => {
      if (x.dtype !== 'f32' && !holds(x.dtype, a.value)) {
        return violates('c4', `value is ${a.value} but x is ${x.dtype}`);
      }
      return inferPad(x, a.pads, a.mode);
    },
    evaluate: ([x], a, [y]) => {
      if (y === undefined) return;
      const rank = x.shape.length;
      const strides = stridesOf(x.shape);
      const index = new Array<number>(rank).fill(0);
      for (let e = 0; e < y.data.length; e++) {
        let offset = 0;
        for (let d = 0; d < rank; d++) {
          const size = x.shape[d]!;
          let i = index[d]! - a.pads[d]!;
          if (i < 0 || i >= size) {
            if (a.mode === 'constant') {
              offset = -1;
              break;
            }
            i = a.mode === 'edge' ? (i < 0 ? 0 : size - 1) : i < 0 ? -i : 2 * (size - 1) - i;
          }
          offset += i * strides[d]!;
        }
        y.data[e] = offset < 0 ? a.value : x.data[offset]!;
        for (let d = rank - 1; d >= 0; d--) {
          if (++index[d]! < y.shape[d]!) break;
          index[d] = 0;
        }
      }
    },
    range: ([x], a) => [a.mode === 'constant' && a.pads.some((p) => p > 0) ? widen(movedRange(x), a.value) : movedRange(x)],
    cost: (_o, _a, [y]) => elementCount(y?.shape ?? []),
    samples: [
      { operands: ['i8[2,3]'], attrs: { pads: [1, 0, 0, 2], value: -5 } },
      { operands: ['f32[1,2,3,4]'], attrs: { pads: [0, 0, 2, 1, 0, 0, 1, 3], mode: 'reflect' } },
      { operands: ['f32[2,3]'], attrs: { pads: [0, 4, 1, 5], mode: 'edge' } },
      { operands: ['f32[0,3]'], attrs: { pads: [1, 0, 1, 0], value: 1.5 } },
    ],
  }),
  slice: primitive({
    code: 0x75,
    summary: 'A strided box of a tensor.',
    doc: 'y[i…] = x[starts + i * steps …], sizes[d] indices along each dimension; size -1 keeps a dimension whole (start 0, step 1). Steps may be negative.',
    operands: ['x'],
    attrs: { starts: attr.ints({ min: 0 }), sizes: attr.ints({ min: -1 }), steps: attr.ints() },
    constraints: {
      c1: constraint('starts, sizes and steps have one entry per dimension.', ['f32[2,3]'], { starts: [0], sizes: [1], steps: [1] }),
      c2: constraint('Every index read lies inside x, and no step is 0.', ['f32[2,3]'], { starts: [0, 2], sizes: [2, 2], steps: [1, 1] }),
      c3: constraint('Symbolic dimensions are kept whole.', ['f32[N,3]'], { starts: [0, 0], sizes: [1, 3], steps: [1, 1] }),
    },
    traits: moved,
    infer: ([x], a) => inferSlice(x, a),
    evaluate: ([x], a, [y]) => {
      const strides = stridesOf(x.shape);
      const base = a.starts.reduce((n, s, i) => n + s * (strides[i] ?? 1), 0);
      copyIndexed(
        x,
        y,
        stridedIndex(
          y?.shape ?? [],
          strides.map((s, i) => s * (a.steps[i] ?? 1)),
          base,
        ),
      );
    },
    range: ([x]) => [movedRange(x)],
    weight: 2,
    cost: (_o, _a, [y]) => elementCount(y?.shape ?? []),
    samples: [
      { operands: ['i8[4,5]'], attrs: { starts: [1, 4], sizes: [2, 3], steps: [2, -2] } },
      { operands: ['f32[3,6]'], attrs: { starts: [0, 1], sizes: [-1, 2], steps: [1, 3] } },
      { operands: ['i32[3]'], attrs: { starts: [0], sizes: [0], steps: [1] } },
    ],
  }),
  expand: primitive({
    code: 0x76,
    summary: 'Broadcasts to a given shape.',
    doc: 'y has the broadcast of the shape of x with the target; 1 in the target keeps the size of x.',
    operands: ['x'],
    attrs: { shape: attr.ints({ min: 0, max: 2 ** 31 - 1 }) },
    constraints: { c1: constraint('The shape of x broadcasts with the target.', ['f32[2,3]'], { shape: [4, 3] }) },
    traits: moved,
    infer: ([x], a) => {
      const shape = broadcast(x.shape, a.shape);
      return shape === undefined
        ? violates('c1', `x has shape ${formatShape(x.shape)} but the target is ${formatShape(a.shape)}`)
        : types({ dtype: x.dtype, shape });
    },
    evaluate: ([x], _a, [y]) => copyIndexed(x, y, broadcastIndex(x.shape, y?.shape ?? [])),
    range: ([x]) => [movedRange(x)],
    cost: (_o, _a, [y]) => elementCount(y?.shape ?? []),
    samples: [
      { operands: ['i8[2,1]'], attrs: { shape: [3, 1, 4] } },
      { operands: ['f32[]'], attrs: { shape: [2, 2] } },
    ],
  }),
  gather: primitive({
    code: 0x77,
    summary: 'Takes slices along an axis by index.',
    doc: 'y[…, i…, …] = x[…, indices[i…], …]; an index outside [0, n - 1] is clamped to it. Embedding is gather on axis 0.',
    operands: ['x', 'indices'],
    attrs: { axis: attr.int({ min: -8, max: 7, default: 0 }) },
    constraints: {
      c1: constraint('axis is within the rank of x, and x has a number there, at least 1.', ['f32[2,3]', 'i32[2]'], { axis: 2 }),
      c2: constraint('indices are i32.', ['f32[2,3]', 'f32[2]']),
    },
    infer: ([x, indices], a) => {
      const axis = resolveAxis(a.axis, x.shape.length);
      const size = axis === undefined ? undefined : x.shape[axis];
      if (axis === undefined || typeof size !== 'number' || size < 1) return violates('c1', `axis ${a.axis} for ${describe('x', x)}`);
      if (indices.dtype !== 'i32') return violates('c2', `indices are ${indices.dtype}`);
      return types({ dtype: x.dtype, shape: [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)] });
    },
    evaluate: ([x, indices], a, [y]) => {
      if (y === undefined) return;
      const { outer, n, inner } = splitAt(x.shape, resolveAxis(a.axis, x.shape.length) ?? 0);
      const count = indices.data.length;
      for (let o = 0; o < outer; o++)
        for (let i = 0; i < count; i++) {
          const at = Math.min(Math.max(indices.data[i]!, 0), n - 1);
          const from = (o * n + at) * inner;
          y.data.set(x.data.subarray(from, from + inner), (o * count + i) * inner);
        }
    },
    range: ([x]) => [movedRange(x)],
    cost: (_o, _a, [y]) => elementCount(y?.shape ?? []),
    samples: [
      { operands: ['i8[5,3]', { type: 'i32[2,2]', lo: -1, hi: 6 }] },
      { operands: ['f32[2,4,3]', { type: 'i32[3]', lo: 0, hi: 3 }], attrs: { axis: 1 } },
      { operands: ['f32[4]', { type: 'i32[]', lo: 0, hi: 3 }] },
    ],
  }),
} as const;

const inferSlice = (x: TensorType, a: SliceAttrs): InferResult => {
  const rank = x.shape.length;
  if (a.starts.length !== rank || a.sizes.length !== rank || a.steps.length !== rank) {
    return violates(
      'c1',
      `x has rank ${rank} but starts, sizes, steps have ${a.starts.length}, ${a.sizes.length}, ${a.steps.length} entries`,
    );
  }
  const shape: Dim[] = [];
  for (let i = 0; i < rank; i++) {
    const d = x.shape[i] ?? 1;
    const start = a.starts[i] ?? 0;
    const size = a.sizes[i] ?? 0;
    const step = a.steps[i] ?? 1;
    if (size === -1) {
      if (start !== 0 || step !== 1) return violates('c2', `dimension ${i} is kept whole but starts at ${start} with step ${step}`);
      shape.push(d);
      continue;
    }
    if (isSymbolic(d)) return violates('c3', `dimension ${i} is the symbol ${d} but ${size} indices are taken`);
    const last = start + (size - 1) * step;
    if (step === 0 || (size > 0 && (start >= d || last < 0 || last >= d)))
      return violates('c2', `dimension ${i} has size ${d} but ${size} indices from ${start} by ${step} are taken`);
    shape.push(size);
  }
  return types({ dtype: x.dtype, shape });
};
