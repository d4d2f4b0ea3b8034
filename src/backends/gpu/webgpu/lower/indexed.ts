import { elementCount, type OpNode, stridesOf } from '../../../../ir/index.ts';
import { at } from '../../../../support/index.ts';
import { type Context, limitIterations, type Region } from '../context.ts';
import { int, uint } from '../wgsl.ts';
import { axisOf } from '../../../cpu/simd/lower/common.ts';
import { around } from '../../axes.ts';
import { divisor, stridedOffset } from './strided.ts';

/** y[i0, …] = x[i0, …, indices[i0, …], …], the index clamped into the axis. */
export const lowerGatherElements = (ctx: Context, node: OpNode<'gather_elements'>): void => {
  const [x, indices, y] = [at(node.operands, 0), at(node.operands, 1), at(node.results, 0)];
  const { dtype, shape } = ctx.type(x);
  const axis = axisOf(node.attrs.axis, shape.length);
  const strides = stridesOf(shape);
  const [from, by] = [ctx.use(x), ctx.use(indices)];
  const rest = stridedOffset(
    ctx.type(y).shape,
    strides.map((s, d) => (d === axis ? 0 : s)),
    0,
    'i',
  );
  const text = (): string => `  let index = bitcast<u32>(clamp(${by.load('i32', 'i')}, 0, ${int((shape[axis] ?? 1) - 1)}));
  let offset = ${rest} + index * ${uint(strides[axis] ?? 1)};
  return ${from.load(dtype, 'offset')};`;
  ctx.elements(y, [x, indices], text);
};

/** y[b…, j…, …] = x[b…, v[0], …, v[l - 1], …], v = indices[b…, j…], each entry clamped into its dimension. */
export const lowerGatherNd = (ctx: Context, node: OpNode<'gather_nd'>): void => {
  const [x, indices, y] = [at(node.operands, 0), at(node.operands, 1), at(node.results, 0)];
  const { dtype, shape } = ctx.type(x);
  const own = ctx.type(indices).shape;
  const { batch_dims: batch } = node.attrs;
  const length = own.at(-1) ?? 0;
  const inner = elementCount(shape.slice(batch + length));
  const rows = elementCount(own.slice(batch, -1));
  const block = elementCount(shape.slice(batch));
  const strides = stridesOf(shape);
  const [from, by] = [ctx.use(x), ctx.use(indices)];
  const text = (): string => {
    const entries = Array.from({ length }, (_, l) => {
      const [size = 1, stride = 1] = [shape[batch + l], strides[batch + l]];
      return `  let k${l} = row * ${uint(length)} + ${uint(l)};
  offset += bitcast<u32>(clamp(${by.load('i32', `k${l}`)}, 0, ${int(size - 1)})) * ${uint(stride)};`;
    });
    return `  let row = i / ${divisor(inner)};
  var offset = row / ${divisor(rows)} * ${uint(block)} + i % ${divisor(inner)};
${entries.join('\n')}
  return ${from.load(dtype, 'offset')};`;
  };
  ctx.elements(y, [x, indices], text);
};

type Mode = OpNode<'scatter_nd'>['attrs']['mode'];

/** What an update makes of the element; i32 wraps as in the definition. */
const combined: Readonly<Record<Mode, (update: string) => string>> = {
  set: (u) => u,
  add: (u) => `v + ${u}`,
  mul: (u) => `v * ${u}`,
  max: (u) => `max(v, ${u})`,
  min: (u) => `min(v, ${u})`,
};

/** Every result looks for the updates that meet it, in their order, which the last of `set` depends on. */
export const lowerScatterElements = (ctx: Context, node: OpNode<'scatter_elements'>): void => {
  const [x, indices, updates, y] = [at(node.operands, 0), at(node.operands, 1), at(node.operands, 2), at(node.results, 0)];
  const { dtype, shape } = ctx.type(x);
  const given = ctx.type(indices).shape;
  const axis = axisOf(node.attrs.axis, shape.length);
  const [strides, givenStrides] = [stridesOf(shape), stridesOf(given)];
  const count = given[axis] ?? 0;
  const [from, by, update] = [ctx.use(x), ctx.use(indices), ctx.use(updates)];
  const index = (d: number): string => `(i / ${divisor(strides[d] ?? 1)} % ${divisor(shape[d] ?? 1)})`;
  const others = shape.map((_, d) => d).filter((d) => d !== axis);
  const text = (): string => {
    const inside = others.filter((d) => given[d] !== shape[d]).map((d) => `${index(d)} < ${uint(given[d] ?? 0)}`);
    const base = others.map((d) => `${index(d)} * ${uint(givenStrides[d] ?? 1)}`);
    return `  var v = ${from.load(dtype, 'i')};
  let own = bitcast<i32>(${index(axis)});
  let base = ${['0u', ...base].join(' + ')};
  if (${['true', ...inside].join(' && ')}) {
    for (var k = 0u; k < ${uint(count)}; k++) {
      let place = base + k * ${uint(givenStrides[axis] ?? 1)};
      if (${by.load('i32', 'place')} == own) {
        v = ${combined[node.attrs.mode](update.load(dtype, 'place'))};
      }
    }
  }
  return v;`;
  };
  ctx.elements(y, [x, indices, updates], text, count);
};

/** The same with vectors of indices and slices. */
export const lowerScatterNd = (ctx: Context, node: OpNode<'scatter_nd'>): void => {
  const [x, indices, updates, y] = [at(node.operands, 0), at(node.operands, 1), at(node.operands, 2), at(node.results, 0)];
  const { dtype, shape } = ctx.type(x);
  const given = ctx.type(indices).shape;
  const length = given.at(-1) ?? 0;
  const inner = elementCount(shape.slice(length));
  const rows = elementCount(given.slice(0, -1));
  const strides = stridesOf(shape);
  const [from, by, update] = [ctx.use(x), ctx.use(indices), ctx.use(updates)];
  const text = (): string => {
    const same = Array.from({ length }, (_, l) => {
      const own = `bitcast<i32>(i / ${divisor(strides[l] ?? 1)} % ${divisor(shape[l] ?? 1)})`;
      return `(${by.load('i32', `(row * ${uint(length)} + ${uint(l)})`)} == ${own})`;
    });
    return `  var v = ${from.load(dtype, 'i')};
  for (var row = 0u; row < ${uint(rows)}; row++) {
    if (${['true', ...same].join(' && ')}) {
      let place = row * ${uint(inner)} + i % ${divisor(inner)};
      v = ${combined[node.attrs.mode](update.load(dtype, 'place'))};
    }
  }
  return v;`;
  };
  ctx.elements(y, [x, indices, updates], text, rows);
};

/** Running sums: one invocation goes along each line and writes its words. */
export const lowerCumsum = (ctx: Context, node: OpNode<'cumsum'>): void => {
  const [x, y] = [at(node.operands, 0), at(node.results, 0)];
  const { dtype, shape } = ctx.type(x);
  const { n, inner } = around(shape, axisOf(node.attrs.axis, shape.length));
  limitIterations(n, `a line of ${n} elements`);
  const [from, to] = [ctx.use(x), ctx.use(y)];
  const { exclusive, reverse } = node.attrs;
  ctx.launch({
    invocations: n === 0 ? 0 : elementCount(shape) / n,
    reads: [from],
    writes: to,
    functions: () => '',
    body: () => `  let first = id / ${divisor(inner)} * ${uint(n * inner)} + id % ${divisor(inner)};
  var sum = 0;
  for (var k = 0u; k < ${uint(n)}; k++) {
    let i = first + ${reverse ? `(${uint(n - 1)} - k)` : 'k'} * ${uint(inner)};
    let next = sum + ${from.load(dtype, 'i')};
    ${to.word('i')} = bitcast<u32>(${exclusive ? 'sum' : 'next'});
    sum = next;
  }`,
  });
};

/** The place of each element in the order of its line: the number of those that are taken before it. */
const launchRanks = (ctx: Context, node: OpNode<'top_k'>, from: Region, ranks: Region): void => {
  const { dtype, shape } = ctx.type(at(node.operands, 0));
  const { n, inner } = around(shape, axisOf(node.attrs.axis, shape.length));
  const text = (): string => `  let first = i / ${divisor(n * inner)} * ${uint(n * inner)} + i % ${divisor(inner)};
  let own = (i - first) / ${divisor(inner)};
  let v = ${from.load(dtype, 'i')};
  var rank = 0;
  for (var k = 0u; k < ${uint(n)}; k++) {
    let place = first + k * ${uint(inner)};
    let other = ${from.load(dtype, 'place')};
    rank += select(0, 1, other ${node.attrs.largest ? '>' : '<'} v || (other == v && k < own));
  }
  return rank;`;
  ctx.elementsAt(ranks, 'i32', elementCount(shape), [from], text, n);
};

/** Result j of a line is the element of rank j: the order is total, so that there is exactly one. */
export const lowerTopK = (ctx: Context, node: OpNode<'top_k'>): void => {
  const [x, values, indices] = [at(node.operands, 0), at(node.results, 0), at(node.results, 1)];
  const { dtype, shape } = ctx.type(x);
  const { n, inner } = around(shape, axisOf(node.attrs.axis, shape.length));
  const { k } = node.attrs;
  const from = ctx.use(x);
  const ranks = ctx.scratch(elementCount(shape) * 4);
  launchRanks(ctx, node, from, ranks);
  const found = (): string => `  let first = i / ${divisor(k * inner)} * ${uint(n * inner)} + i % ${divisor(inner)};
  let wanted = bitcast<i32>(i / ${divisor(inner)} % ${divisor(k)});
  var index = 0u;
  for (var q = 0u; q < ${uint(n)}; q++) {
    let place = first + q * ${uint(inner)};
    if (${ranks.load('i32', 'place')} == wanted) {
      index = q;
    }
  }
`;
  const [to, places] = [ctx.use(values), ctx.use(indices)];
  const value = (): string => `${found()}  let at = first + index * ${uint(inner)};\n  return ${from.load(dtype, 'at')};`;
  ctx.elementsAt(to, dtype, ctx.count(values), [from, ranks], value, n);
  ctx.elementsAt(places, 'i32', ctx.count(indices), [ranks], () => `${found()}  return bitcast<i32>(index);`, n);
};
