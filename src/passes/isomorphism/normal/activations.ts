import { at } from '../../../support/index.ts';
import type { Term, TermOp } from '../graph.ts';
import type { Arena, Draft, Rule } from './arena.ts';
import { partsOf, scaled, uniformOf } from './arithmetic.ts';
import { isLayer } from '../graph.ts';
import { sameSizes, shapeOf } from './shapes.ts';

interface Bounds {
  readonly lo: number;
  readonly hi: number;
}

const boundsOf = (term: Term): Bounds | undefined => {
  if (term.op === 'relu') return { lo: 0, hi: Number.POSITIVE_INFINITY };
  if (term.op !== 'bounded') return undefined;
  const [lo, hi] = [uniformOf(term.operands[1]?.constant), uniformOf(term.operands[2]?.constant)];
  return lo === undefined || hi === undefined ? undefined : { lo, hi };
};

/** x between two numbers; relu where the numbers are 0 and none. */
const bounded = (arena: Arena, x: Term, { lo, hi }: Bounds, origin: string): Term => {
  if (lo === Number.NEGATIVE_INFINITY && hi === Number.POSITIVE_INFINITY) return x;
  const type = x.type;
  if (lo === 0 && hi === Number.POSITIVE_INFINITY) return arena.build({ op: 'relu', attrs: {}, operands: [x], type, origin });
  return arena.build({ op: 'bounded', attrs: {}, operands: [x, arena.scalar(lo), arena.scalar(hi)], type, origin });
};

const draftBounds = (d: Draft): Bounds | undefined => boundsOf({ ...d, id: 0, result: 0 });

/** The largest finite float32 and above are no bound. */
const HUGE = 3.4e38;
const bound = (v: number): number => (Math.abs(v) >= HUGE ? Math.sign(v) * Number.POSITIVE_INFINITY : v);

const fromClip = (arena: Arena, d: Draft): Term | undefined => {
  const { min, max } = d.attrs as { readonly min: number; readonly max: number };
  return d.type.dtype === 'f32' ? bounded(arena, at(d.operands, 0), { lo: bound(min), hi: bound(max) }, d.origin) : undefined;
};

const fromExtremum = (arena: Arena, d: Draft): Term | undefined => {
  const { terms, constant } = partsOf(d.operands);
  const [x, k] = [terms[0], uniformOf(constant)];
  if (d.type.dtype !== 'f32' || x === undefined || k === undefined || !sameSizes(shapeOf(x), shapeOf(d))) return undefined;
  const [lo, hi] = d.op === 'maximum' ? [k, Number.POSITIVE_INFINITY] : [Number.NEGATIVE_INFINITY, k];
  return bounded(arena, x, { lo, hi }, d.origin);
};

const mergedBounds = (arena: Arena, d: Draft): Term | undefined => {
  const x = at(d.operands, 0);
  const [outer, inner] = [draftBounds(d), boundsOf(x)];
  if (outer === undefined || inner === undefined) return undefined;
  const through = (v: number): number => Math.min(Math.max(v, outer.lo), outer.hi);
  return bounded(arena, at(x.operands, 0), { lo: through(inner.lo), hi: through(inner.hi) }, d.origin);
};

/** bounded(k x) == k bounded(x / k) for k > 0; relu keeps positive factors too. */
const factorOut = (arena: Arena, d: Draft): Term | undefined => {
  const bounds = draftBounds(d);
  const { base, factor } = scaled(at(d.operands, 0));
  if (bounds === undefined || factor === 1 || factor <= 0) return undefined;
  const inner = bounded(arena, base, { lo: bounds.lo / factor, hi: bounds.hi / factor }, d.origin);
  return arena.product([inner, arena.scalar(factor)], shapeOf(d), d.origin);
};

/** bounded(x + c) == bounded(x) + c, with bounds less c. */
const summandOut = (arena: Arena, d: Draft): Term | undefined => {
  const x = at(d.operands, 0);
  const bounds = draftBounds(d);
  if (bounds === undefined || d.op === 'relu' || x.op !== 'sum' || x.operands.some(isLayer)) return undefined;
  const { terms, constant } = partsOf(x.operands);
  const c = uniformOf(constant);
  if (c === undefined || terms.length === 0) return undefined;
  const inner = bounded(arena, arena.sum(terms, shapeOf(x), x.origin), { lo: bounds.lo - c, hi: bounds.hi - c }, d.origin);
  return arena.sum([inner, arena.scalar(c)], shapeOf(d), d.origin);
};

/** Bounds pass maxima and joins: they look at one element, and are monotone. */
const boundsInside = (arena: Arena, d: Draft): Term | undefined => {
  const x = at(d.operands, 0);
  const bounds = draftBounds(d);
  if (bounds === undefined || (x.op !== 'max_pool' && x.op !== 'concat')) return undefined;
  return arena.emit(
    x.op,
    x.operands.map((o) => bounded(arena, o, bounds, d.origin)),
    x.attrs,
    x.origin,
  );
};

const leaky = (arena: Arena, x: Term, alpha: number, origin: string): Term =>
  arena.form('slope', [x, arena.scalar(alpha)], shapeOf(x), origin);

/** max(x, k x) with 0 < k < 1. */
const leakyMaximum = (arena: Arena, d: Draft): Term | undefined => {
  const [a, b] = d.operands.map(scaled);
  if (a === undefined || b === undefined || a.base !== b.base || d.type.dtype !== 'f32') return undefined;
  const [k, one] = a.factor < b.factor ? [a.factor, b.factor] : [b.factor, a.factor];
  return one === 1 && k > 0 && k < 1 ? leaky(arena, a.base, k, d.origin) : undefined;
};

/** 1 / (1 + e^-x). */
const sigmoid = (arena: Arena, d: Draft): Term | undefined => {
  const [x, e] = d.operands;
  if (x?.op !== 'sum' || uniformOf(e?.constant) !== -1) return undefined;
  const { terms, constant } = partsOf(x.operands);
  const exp = terms[0];
  if (terms.length !== 1 || exp?.op !== 'exp' || uniformOf(constant) !== 1) return undefined;
  const { base, factor } = scaled(at(exp.operands, 0));
  const inner = factor === -1 ? base : arena.product([at(exp.operands, 0), arena.scalar(-1)], shapeOf(d), d.origin);
  return arena.emit('sigmoid', [inner], {}, d.origin);
};

/** e^x over its sum along one axis, with or without the maximum taken off first. */
const softmax = (arena: Arena, d: Draft): Term | undefined => {
  const exp = d.operands.find((o) => o.op === 'exp');
  const inverse = d.operands.find((o) => o.op === 'power' && uniformOf(o.operands[1]?.constant) === -1);
  if (d.operands.length !== 2 || exp === undefined || inverse === undefined) return undefined;
  const kept = at(inverse.operands, 0);
  const sum = kept.op === 'move' ? at(kept.operands, 0) : kept;
  if (sum.op !== 'reduce_sum' || at(sum.operands, 0) !== exp) return undefined;
  const { axes } = sum.attrs as { readonly axes: readonly number[] };
  if (axes.length !== 1 || kept.type.shape.length !== exp.type.shape.length) return undefined;
  return arena.emit('softmax', [withoutMaximum(arena, at(exp.operands, 0), at(axes, 0), d.origin)], { axis: at(axes, 0) }, d.origin);
};

const withoutMaximum = (arena: Arena, x: Term, axis: number, origin: string): Term => {
  if (x.op !== 'sum') return x;
  const isMaximum = (t: Term): boolean => {
    const { base, factor } = scaled(t);
    const inner = base.op === 'move' ? at(base.operands, 0) : base;
    const axes = (inner.attrs as { readonly axes?: readonly number[] }).axes ?? [];
    return factor === -1 && inner.op === 'reduce_max' && axes.length === 1 && axes[0] === axis;
  };
  const rest = x.operands.filter((o) => !isMaximum(o));
  return rest.length === x.operands.length - 1 ? arena.sum(rest, shapeOf(x), origin) : x;
};

/** log(1 + e^x). */
const softplus = (arena: Arena, d: Draft): Term | undefined => {
  const x = at(d.operands, 0);
  const { terms, constant } = partsOf(x.operands);
  const exp = terms[0];
  return x.op === 'sum' && terms.length === 1 && exp?.op === 'exp' && uniformOf(constant) === 1
    ? arena.emit('softplus', [at(exp.operands, 0)], {}, d.origin)
    : undefined;
};

/** Activation functions; those that have a definition by others are expanded to it, so that every spelling meets. */
export const ACTIVATIONS: readonly Rule[] = [
  { name: 'clip is bounds', exactness: 'EXACT', ops: ['clip'], apply: fromClip },
  { name: 'max(x, k x) is leaky relu', exactness: 'EXACT', ops: ['maximum'], apply: leakyMaximum },
  { name: 'extremum with a number is bounds', exactness: 'EXACT', ops: ['maximum', 'minimum'], apply: fromExtremum },
  {
    name: 'leaky relu is a slope',
    exactness: 'EXACT',
    ops: ['leaky_relu'],
    apply: (n, d) => leaky(n, at(d.operands, 0), (d.attrs as { readonly alpha: number }).alpha, d.origin),
  },
  { name: 'bounds merge', exactness: 'EXACT', ops: ['relu', 'bounded'], apply: mergedBounds },
  { name: 'bounds go before max pool and concat', exactness: 'EXACT', ops: ['relu', 'bounded'], apply: boundsInside },
  { name: 'factors leave bounds', exactness: 'REAL', ops: ['relu', 'bounded'], apply: factorOut },
  { name: 'summands leave bounds', exactness: 'REAL', ops: ['bounded'], apply: summandOut },
  { name: '1 / (1 + exp(-x)) is sigmoid', exactness: 'REAL', ops: ['power'], apply: sigmoid },
  { name: 'exp(x) / sum exp(x) is softmax', exactness: 'REAL', ops: ['product'], apply: softmax },
  { name: 'log(1 + exp(x)) is softplus', exactness: 'REAL', ops: ['log'], apply: softplus },
  {
    name: 'log softmax is log of softmax',
    exactness: 'REAL',
    ops: ['log_softmax'],
    apply: (n, d) => n.emit('log', [n.emit('softmax', d.operands, d.attrs, d.origin)], {}, d.origin),
  },
];

const KEEPS_SIGN: ReadonlySet<TermOp> = new Set<TermOp>([
  'move',
  'max_pool',
  'average_pool',
  'concat',
  'slice',
  'reduce_sum',
  'reduce_max',
]);
const MOST_STEPS = 64;

/** Values that are never below 0, as far as a few ops before them tell. */
export const isNonNegative = (term: Term): boolean => {
  const open = [term];
  for (let step = 0; step < MOST_STEPS; step++) {
    const next = open.pop();
    if (next === undefined) return true;
    if ((boundsOf(next)?.lo ?? -1) >= 0 || next.op === 'sigmoid' || next.op === 'softmax') continue;
    const { base, factor } = scaled(next);
    if (base !== next && factor > 0) open.push(base);
    else if (KEEPS_SIGN.has(next.op)) open.push(...next.operands);
    else return false;
  }
  return false;
};
