import { elementCount } from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';
import type { Term } from '../graph.ts';
import { isNonNegative } from './activations.ts';
import type { Arena, Draft, Rule } from './arena.ts';
import { scaled } from './arithmetic.ts';
import { sameSizes, shapeOf } from './shapes.ts';

interface Pool {
  readonly kernel: readonly number[];
  readonly stride: readonly number[];
  readonly dilation: readonly number[];
  readonly pads: readonly number[];
  readonly ceil: boolean;
  readonly include_pad?: boolean;
}

const poolOf = (d: { readonly attrs: unknown }): Pool => d.attrs as Pool;

/** The pads at the end that the windows reach: ceil is more of them, and what no window reads is none. */
const reachedPads = (d: Draft): number[] => {
  const { kernel, stride, dilation, pads } = poolOf(d);
  const rank = kernel.length;
  const [x, out] = [shapeOf(at(d.operands, 0)).slice(2), shapeOf(d).slice(2)];
  return kernel
    .map((k, i) => {
      const reach = (at(out, i) - 1) * at(stride, i) + (k - 1) * at(dilation, i) + 1;
      return Math.max(0, reach - at(x, i) - at(pads, i));
    })
    .map((p, i) => (p === 0 ? 0 : poolOf(d).ceil ? p : Math.min(p, at(pads, rank + i))));
};

const plainPool = (arena: Arena, d: Draft): Term | undefined => {
  const { kernel, stride, dilation, pads, ceil, include_pad: includesPad } = poolOf(d);
  const rank = kernel.length;
  const out = shapeOf(d).slice(2);
  const plain = {
    dilation: dilation.map((v, i) => (kernel[i] === 1 ? 1 : v)),
    stride: stride.map((v, i) => (out[i] === 1 ? 1 : v)),
  };
  const ends = reachedPads({ ...d, attrs: { ...d.attrs, ...plain } });
  // a mean over padding counts it, up to where the model says that the padding ends
  const counts = d.op === 'average_pool' && includesPad === true && pads.some((p) => p > 0);
  const nextPads = counts && ceil ? pads : [...pads.slice(0, rank), ...ends];
  const attrs = {
    ...d.attrs,
    ...plain,
    pads: nextPads,
    ceil: counts ? ceil : false,
    ...(d.op === 'average_pool' ? { include_pad: counts && nextPads.some((p) => p > 0) } : {}),
  };
  const before = JSON.stringify(d.attrs);
  const sorted = Object.fromEntries(Object.keys(d.attrs).map((k) => [k, (attrs as Record<string, unknown>)[k]]));
  if (JSON.stringify(sorted) === before) return undefined;
  const built = arena.tryEmit(d.op === 'max_pool' ? 'max_pool' : 'average_pool', d.operands, attrs, d.origin);
  return built !== undefined && sameSizes(shapeOf(built), shapeOf(d)) ? built : undefined;
};

/** A pool over everything is a reduction. */
const wholePool = (arena: Arena, d: Draft): Term | undefined => {
  const { kernel, pads, dilation } = poolOf(d);
  const x = at(d.operands, 0);
  const fits = sameSizes(shapeOf(x).slice(2), kernel) && pads.every((p) => p === 0) && dilation.every((v) => v === 1);
  if (!fits || d.type.dtype !== 'f32' || elementCount(shapeOf(d).slice(2)) !== 1) return undefined;
  const axes = kernel.map((_, i) => i + 2);
  return arena.emit(d.op === 'max_pool' ? 'reduce_max' : 'reduce_mean', [x], { axes, keep: true }, d.origin);
};

/** Padding with 0 is none at all to a maximum of what is never below 0. */
const padIntoMaxPool = (arena: Arena, d: Draft): Term | undefined => {
  const pad = at(d.operands, 0);
  if (pad.op !== 'pad') return undefined;
  const x = at(pad.operands, 0);
  const { pads, mode, value } = pad.attrs as { readonly pads: readonly number[]; readonly mode: string; readonly value: number };
  const rank = pads.length / 2;
  const least = value === Number.NEGATIVE_INFINITY || value <= -3.4e38 || (value === 0 && isNonNegative(x));
  if (mode !== 'constant' || !least || [0, 1, rank, rank + 1].some((i) => pads[i] !== 0)) return undefined;
  const added = [...pads.slice(2, rank), ...pads.slice(rank + 2)];
  const pool = poolOf(d);
  return arena.tryEmit('max_pool', [x], { ...d.attrs, pads: pool.pads.map((p, i) => p + at(added, i)) }, d.origin);
};

/** Means keep factors, and maxima positive ones. */
const factorOut = (arena: Arena, d: Draft): Term | undefined => {
  const { base, factor } = scaled(at(d.operands, 0));
  if (factor === 1 || d.type.dtype !== 'f32' || (factor < 0 && d.op !== 'average_pool' && d.op !== 'reduce_sum')) return undefined;
  const inner = arena.build({ ...d, operands: [base] });
  return arena.product([inner, arena.scalar(factor)], shapeOf(d), d.origin);
};

interface Reduce {
  readonly axes: readonly number[];
  readonly keep: boolean;
}

/** Axes from 0, in order, without those of size 1, and not kept. */
const plainReduce = (arena: Arena, d: Draft): Term | undefined => {
  const x = at(d.operands, 0);
  const rank = x.type.shape.length;
  const { axes, keep } = d.attrs as unknown as Reduce;
  const all = axes.length === 0 ? x.type.shape.map((_, i) => i) : axes.map((a) => (a + rank) % rank);
  const plain = [...new Set(all)].sort((a, b) => a - b).filter((a) => x.type.shape[a] !== 1);
  if (plain.length === 0) return d.op === 'reduce_sum' || d.op.startsWith('reduce_m') ? arena.reshape(x, shapeOf(d), d.origin) : undefined;
  if (!keep && sameSizes(plain, axes)) return undefined;
  const op = d.op as 'reduce_sum';
  return arena.reshape(arena.emit(op, [x], { axes: plain, keep: false }, d.origin), shapeOf(d), d.origin);
};

const mean = (arena: Arena, d: Draft): Term | undefined => {
  if (d.type.dtype !== 'f32') return undefined;
  const x = at(d.operands, 0);
  const count = elementCount(shapeOf(x)) / Math.max(1, elementCount(shapeOf(d)));
  const sum = arena.emit('reduce_sum', [x], d.attrs, d.origin);
  return arena.product([sum, arena.scalar(1 / count)], shapeOf(d), d.origin);
};

interface Slice {
  readonly starts: readonly number[];
  readonly sizes: readonly number[];
  readonly steps: readonly number[];
}

const wholeSlice = (d: { readonly attrs: unknown }): Slice => d.attrs as Slice;

const slices = (arena: Arena, d: Draft): Term | undefined => {
  const x = at(d.operands, 0);
  const shape = shapeOf(x);
  const { starts, sizes, steps } = wholeSlice(d);
  const spelled = sizes.map((s, i) => (s === -1 ? at(shape, i) : s));
  if (sameSizes(spelled, shape) && starts.every((s) => s === 0)) return x;
  if (!sameSizes(spelled, sizes)) return arena.build({ ...d, attrs: { starts, sizes: spelled, steps } });
  if (x.op === 'slice') {
    const inner = wholeSlice(x);
    const attrs = {
      starts: starts.map((s, i) => at(inner.starts, i) + s * at(inner.steps, i)),
      sizes,
      steps: steps.map((s, i) => s * at(inner.steps, i)),
    };
    return arena.emit('slice', x.operands, attrs, d.origin);
  }
  return x.op === 'concat' ? sliceOfConcat(arena, d, x) : undefined;
};

/** A slice of a join that lies in one part is a slice of the part. */
const sliceOfConcat = (arena: Arena, d: Draft, x: Term): Term | undefined => {
  const axis = (x.attrs as { readonly axis: number }).axis;
  const { starts, sizes, steps } = wholeSlice(d);
  let offset = 0;
  for (const part of x.operands) {
    const size = at(shapeOf(part), axis);
    const [start, length] = [at(starts, axis) - offset, at(sizes, axis)];
    if (steps[axis] === 1 && start >= 0 && start + length <= size) {
      return arena.emit('slice', [part], { starts: starts.map((s, i) => (i === axis ? start : s)), sizes, steps }, d.origin);
    }
    offset += size;
  }
  return undefined;
};

/** Joins are flat, and parts of one value that stand together again are one part. */
const joins = (arena: Arena, d: Draft): Term | undefined => {
  const rank = d.type.shape.length;
  const { axis } = d.attrs as { readonly axis: number };
  if (axis < 0) return arena.build({ ...d, attrs: { axis: axis + rank } });
  const axisOf = (t: Term): number => (t.attrs as { readonly axis: number }).axis;
  const [only] = d.operands;
  if (d.operands.length === 1 && only !== undefined) return only;
  if (d.operands.some((o) => o.op === 'concat' && axisOf(o) === axis)) {
    return arena.build({ ...d, operands: d.operands.flatMap((o) => (o.op === 'concat' && axisOf(o) === axis ? o.operands : [o])) });
  }
  for (let i = 0; i + 1 < d.operands.length; i++) {
    const [a, b] = [at(d.operands, i), at(d.operands, i + 1)];
    if (a.op !== 'slice' || b.op !== 'slice' || a.operands[0] !== b.operands[0]) continue;
    const [p, q] = [wholeSlice(a), wholeSlice(b)];
    const follows = q.starts.every((s, k) => (k === axis ? s === at(p.starts, k) + at(p.sizes, k) : s === p.starts[k]));
    if (!follows || p.steps[axis] !== 1 || !sameSizes(p.steps, q.steps)) continue;
    const sizes = p.sizes.map((s, k) => (k === axis ? s + at(q.sizes, k) : s));
    const joined = arena.emit('slice', a.operands, { ...a.attrs, sizes }, a.origin);
    return arena.build({ ...d, operands: [...d.operands.slice(0, i), joined, ...d.operands.slice(i + 2)] });
  }
  return undefined;
};

const padAttrs = (d: { readonly attrs: unknown }): { readonly pads: readonly number[]; readonly mode: string; readonly value: number } =>
  d.attrs as { readonly pads: readonly number[]; readonly mode: string; readonly value: number };

const pads = (arena: Arena, d: Draft): Term | undefined => {
  const x = at(d.operands, 0);
  const own = padAttrs(d);
  if (own.pads.every((p) => p === 0)) return x;
  if (x.op !== 'pad' || own.mode !== 'constant' || padAttrs(x).mode !== 'constant' || own.value !== padAttrs(x).value) return undefined;
  return arena.emit('pad', x.operands, { ...own, pads: own.pads.map((p, i) => p + at(padAttrs(x).pads, i)) }, d.origin);
};

const sameType = (_: Arena, d: Draft): Term | undefined => {
  const x = at(d.operands, 0);
  return x.type.dtype === d.type.dtype && sameSizes(shapeOf(x), shapeOf(d)) ? x : undefined;
};

const softmaxAxis = (arena: Arena, d: Draft): Term | undefined => {
  const { axis } = d.attrs as { readonly axis: number };
  return axis < 0 ? arena.build({ ...d, attrs: { axis: axis + d.type.shape.length } }) : undefined;
};

/** Pools, reductions, joins, slices and pads: one spelling each. */
export const STRUCTURE: readonly Rule[] = [
  { name: 'pad with 0 folds into max pool', exactness: 'EXACT', ops: ['max_pool'], apply: padIntoMaxPool },
  { name: 'unused stride, dilation and padding go', exactness: 'EXACT', ops: ['max_pool', 'average_pool'], apply: plainPool },
  { name: 'pool over everything is a reduction', exactness: 'REAL', ops: ['max_pool', 'average_pool'], apply: wholePool },
  { name: 'mean is a sum over the count', exactness: 'REAL', ops: ['reduce_mean'], apply: mean },
  {
    name: 'axes in order, not kept',
    exactness: 'EXACT',
    ops: ['reduce_sum', 'reduce_max', 'reduce_min', 'reduce_prod'],
    apply: plainReduce,
  },
  {
    name: 'factors leave pools and sums',
    exactness: 'REAL',
    ops: ['max_pool', 'average_pool', 'reduce_sum', 'reduce_max'],
    apply: factorOut,
  },
  { name: 'slices merge', exactness: 'EXACT', ops: ['slice'], apply: slices },
  { name: 'joins flatten', exactness: 'EXACT', ops: ['concat'], apply: joins },
  { name: 'pads merge', exactness: 'EXACT', ops: ['pad'], apply: pads },
  { name: 'axis counts from 0', exactness: 'EXACT', ops: ['softmax'], apply: softmaxAxis },
  { name: 'no-ops go', exactness: 'EXACT', ops: ['cast', 'expand'], apply: sameType },
];
