import { type OpNode, stridesOf, type ValueId } from '../../../../ir/index.ts';
import { at } from '../../../../support/index.ts';
import { type Code, num } from '../code.ts';
import { type Context, MOST_READS, type Store } from '../context.ts';
import { choose, clamp, constant, type Int, single, toPair, toSingle } from '../integers.ts';
import { axisOf } from '../../../cpu/simd/lower/common.ts';
import { around } from '../../axes.ts';
import { broadcastOffset, stridedOffset } from './strided.ts';

/** The same elements in the same order: nothing to do. */
export const lowerReshape = (ctx: Context, node: OpNode<'reshape'>): void => ctx.alias(at(node.results, 0), at(node.operands, 0));

/** y[i] = x[offset(i)]. */
const gatherBy = (ctx: Context, node: OpNode, offset: (code: Code, i: string) => string, result = 0): void => {
  const from = ctx.use(at(node.operands, 0));
  ctx.map(at(node.results, result), (k) => k.read(from, offset(k.code, k.flat())));
};

export const lowerTranspose = (ctx: Context, node: OpNode<'transpose'>): void => {
  const strides = stridesOf(ctx.type(at(node.operands, 0)).shape);
  const steps = node.attrs.perm.map((p) => strides[p] ?? 1);
  const { shape } = ctx.type(at(node.results, 0));
  gatherBy(ctx, node, (code, i) => stridedOffset(code, shape, steps, 0, i));
};

export const lowerSlice = (ctx: Context, node: OpNode<'slice'>): void => {
  const strides = stridesOf(ctx.type(at(node.operands, 0)).shape);
  const { starts, steps } = node.attrs;
  const base = starts.reduce((n, s, d) => n + s * (strides[d] ?? 1), 0);
  const { shape } = ctx.type(at(node.results, 0));
  const strided = strides.map((s, d) => s * (steps[d] ?? 1));
  gatherBy(ctx, node, (code, i) => stridedOffset(code, shape, strided, base, i));
};

export const lowerExpand = (ctx: Context, node: OpNode<'expand'>): void => {
  const [from, to] = [ctx.type(at(node.operands, 0)).shape, ctx.type(at(node.results, 0)).shape];
  gatherBy(ctx, node, (code, i) => broadcastOffset(code, from, to, i));
};

export const lowerSplit = (ctx: Context, node: OpNode<'split'>): void => {
  const { shape } = ctx.type(at(node.operands, 0));
  const { outer, n, inner } = around(shape, axisOf(node.attrs.axis, shape.length));
  let start = 0;
  for (const [part, size] of node.attrs.sizes.entries()) {
    const first = start * inner;
    gatherBy(ctx, node, (code, i) => stridedOffset(code, [outer, size * inner], [n * inner, 1], first, i), part);
    start += size;
  }
};

/** A part of a concatenation: `size` along the axis. */
interface Part {
  readonly store: Store;
  readonly size: number;
}

const joinTo = (ctx: Context, to: Store, parts: readonly Part[], outer: number, inner: number): void => {
  const total = parts.reduce((n, { size }) => n + size, 0);
  ctx.mapTo(to, (k) => {
    const { code } = k;
    const i = k.flat();
    const row = code.quotient(i, total * inner, to.count);
    const rest = code.let(`${i} - ${row} * ${num(total * inner)}`);
    const lo = code.variable('0');
    const hi = to.wide ? code.variable('0') : undefined;
    let start = 0;
    for (const { store, size } of parts) {
      const [first, run] = [start * inner, size * inner];
      start += size;
      if (run === 0) continue;
      // kept inside of the part, since some targets read where the condition does not hold
      const own = code.let(`Math.max(0, Math.min(${rest} - ${num(first)}, ${num(run - 1)}))`);
      const v: Int = k.read(store, code.let(`${own} + ${row} * ${num(run)}`));
      code.block(`if (${rest} >= ${num(first)})`, () => {
        if (hi === undefined) return code.line(`${lo} = ${toSingle(code, v)};`);
        const pair = toPair(code, v);
        code.line(`${lo} = ${pair.lo};`);
        code.line(`${hi} = ${pair.hi};`);
      });
    }
    const { min, max } = to;
    return hi === undefined ? single(lo, min, max) : { lo, hi, min, max };
  });
};

/** Many operands are joined in groups, since a kernel reads few arrays. */
const join = (ctx: Context, to: Store, parts: readonly Part[], outer: number, inner: number): void => {
  if (parts.length <= MOST_READS) return joinTo(ctx, to, parts, outer, inner);
  const groups: Part[] = [];
  for (let first = 0; first < parts.length; first += MOST_READS) {
    const group = parts.slice(first, first + MOST_READS);
    const size = group.reduce((n, p) => n + p.size, 0);
    const min = group.reduce((n, p) => Math.min(n, p.store.min), 0);
    const max = group.reduce((n, p) => Math.max(n, p.store.max), 0);
    const store = ctx.scratch(outer * size * inner, min, max);
    joinTo(ctx, store, group, outer, inner);
    groups.push({ store, size });
  }
  join(ctx, to, groups, outer, inner);
};

export const lowerConcat = (ctx: Context, node: OpNode<'concat'>): void => {
  const y = at(node.results, 0);
  const { shape } = ctx.type(y);
  const axis = axisOf(node.attrs.axis, shape.length);
  const { outer, inner } = around(shape, axis);
  const partOf = (v: ValueId): Part => ({ store: ctx.use(v), size: ctx.type(v).shape[axis] ?? 0 });
  const parts = node.operands.filter((v) => ctx.count(v) > 0).map(partOf);
  if (ctx.count(y) === 0) return void ctx.use(y);
  join(ctx, ctx.use(y), parts, outer, inner);
};

export const lowerPad = (ctx: Context, node: OpNode<'pad'>): void => {
  const [x, y] = [at(node.operands, 0), at(node.results, 0)];
  const from = ctx.use(x);
  const { pads, mode, value } = node.attrs;
  padTo(ctx, ctx.use(y), from, { shape: ctx.type(x).shape, out: ctx.type(y).shape, pads, mode, value });
};

export interface Padding {
  readonly shape: readonly number[];
  readonly out: readonly number[];
  /** How much is added before each axis. */
  readonly pads: readonly number[];
  readonly mode: 'constant' | 'edge' | 'reflect';
  readonly value: number;
}

/** Elements of an image with what is around it. */
export const padTo = (ctx: Context, to: Store, from: Store, { shape, out, pads, mode, value }: Padding): void => {
  const [strides, outStrides] = [stridesOf(shape), stridesOf(out)];
  const axes = shape.map((_, d) => d).filter((d) => out[d] !== 1 || shape[d] !== 1);
  ctx.mapTo(to, (k) => {
    const { code } = k;
    const i = k.flat();
    const conditions: string[] = [];
    const terms = axes.map((d) => {
      const [size, whole, before] = [shape[d] ?? 1, out[d] ?? 1, pads[d] ?? 0];
      const most = Math.ceil(to.count / (outStrides[d] ?? 1));
      const index = code.remainder(code.quotient(i, outStrides[d] ?? 1, to.count), whole, most);
      if (before === 0 && size === whole) return `${index} * ${num(strides[d] ?? 1)}`;
      const moved = code.let(`${index} - ${num(before)}`);
      const last = size - 1;
      if (mode === 'constant') conditions.push(`${moved} < 0`, `${moved} > ${num(last)}`);
      const inside = mode === 'reflect' ? code.let(`${num(last)} - Math.abs(${num(last)} - Math.abs(${moved}))`) : moved;
      return `Math.max(0, Math.min(${inside}, ${num(Math.max(last, 0))})) * ${num(strides[d] ?? 1)}`;
    });
    if (from.count === 0) return single(num(value), value, value);
    const v = k.read(from, code.let(terms.length === 0 ? '0' : terms.join(' + ')));
    if (conditions.length === 0) return v;
    return choose(code, conditions.join(' || '), constant(value), v);
  });
};

/** y[…, k, …] = x[…, indices[k], …], the index clamped into the axis. */
export const lowerGather = (ctx: Context, node: OpNode<'gather'>): void => {
  const [x, indices, y] = [at(node.operands, 0), at(node.operands, 1), at(node.results, 0)];
  const { shape } = ctx.type(x);
  const { n, inner } = around(shape, axisOf(node.attrs.axis, shape.length));
  const [from, by, count, all] = [ctx.use(x), ctx.use(indices), ctx.count(indices), ctx.count(y)];
  ctx.map(y, (k) => {
    const { code } = k;
    const i = k.flat();
    const upper = code.quotient(i, inner, all);
    const rest = code.let(`${i} - ${upper} * ${num(inner)}`);
    const outer = code.quotient(upper, count, Math.ceil(all / inner));
    const place = code.let(`${upper} - ${outer} * ${num(count)}`);
    const index = clamp(code, k.read(by, place), 0, n - 1);
    return k.read(from, code.let(`(${outer} * ${num(n)} + ${toSingle(code, index)}) * ${num(inner)} + ${rest}`));
  });
};
