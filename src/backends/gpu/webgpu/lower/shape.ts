import { type OpNode, stridesOf } from '../../../../ir/index.ts';
import { at } from '../../../../support/index.ts';
import { type Context, refuse } from '../context.ts';
import { int, uint } from '../wgsl.ts';
import { axisOf } from '../../../cpu/simd/lower/common.ts';
import { around } from '../../axes.ts';
import { broadcastOffset, divisor, stridedOffset } from './strided.ts';

/** The same elements in the same order: nothing to do. */
export const lowerReshape = (ctx: Context, node: OpNode<'reshape'>): void => ctx.alias(at(node.results, 0), at(node.operands, 0));

/** y[i] = x[offset(i)]. */
const gatherBy = (ctx: Context, node: OpNode, offset: string, result = 0): void => {
  const [x, y] = [at(node.operands, 0), at(node.results, result)];
  const [{ dtype }, from] = [ctx.type(x), ctx.use(x)];
  ctx.elements(y, [x], () => `  let at = ${offset};\n  return ${from.load(dtype, 'at')};`);
};

export const lowerTranspose = (ctx: Context, node: OpNode<'transpose'>): void => {
  const strides = stridesOf(ctx.type(at(node.operands, 0)).shape);
  const { shape } = ctx.type(at(node.results, 0));
  gatherBy(
    ctx,
    node,
    stridedOffset(
      shape,
      node.attrs.perm.map((p) => strides[p] ?? 1),
      0,
      'i',
    ),
  );
};

export const lowerSlice = (ctx: Context, node: OpNode<'slice'>): void => {
  const strides = stridesOf(ctx.type(at(node.operands, 0)).shape);
  const { starts, steps } = node.attrs;
  const base = starts.reduce((n, s, d) => n + s * (strides[d] ?? 1), 0);
  const { shape } = ctx.type(at(node.results, 0));
  gatherBy(
    ctx,
    node,
    stridedOffset(
      shape,
      strides.map((s, d) => s * (steps[d] ?? 1)),
      base,
      'i',
    ),
  );
};

export const lowerExpand = (ctx: Context, node: OpNode<'expand'>): void =>
  gatherBy(ctx, node, broadcastOffset(ctx.type(at(node.operands, 0)).shape, ctx.type(at(node.results, 0)).shape, 'i'));

export const lowerSplit = (ctx: Context, node: OpNode<'split'>): void => {
  const { shape } = ctx.type(at(node.operands, 0));
  const { n, inner } = around(shape, axisOf(node.attrs.axis, shape.length));
  let start = 0;
  for (const [k, size] of node.attrs.sizes.entries()) {
    const run = divisor(size * inner);
    gatherBy(ctx, node, `i / ${run} * ${uint(n * inner)} + ${uint(start * inner)} + i % ${run}`, k);
    start += size;
  }
};

export const lowerConcat = (ctx: Context, node: OpNode<'concat'>): void => {
  const y = at(node.results, 0);
  const { dtype, shape } = ctx.type(y);
  const axis = axisOf(node.attrs.axis, shape.length);
  const { n, inner } = around(shape, axis);
  const text = (): string => {
    let start = 0;
    const lines = node.operands.map((v) => {
      const size = ctx.type(v).shape[axis] ?? 0;
      const first = start;
      start += size;
      if (size === 0) return '';
      const from = `(outer * ${uint(size)} + index - ${uint(first)}) * ${uint(inner)} + rest`;
      return `  if (index < ${uint(start)}) { let at = ${from}; return ${ctx.use(v).load(dtype, 'at')}; }\n`;
    });
    return `  let rest = i % ${divisor(inner)};
  let index = i / ${divisor(inner)} % ${divisor(n)};
  let outer = i / ${divisor(inner * n)};
${lines.join('')}  return 0;`;
  };
  ctx.elements(y, node.operands, text);
};

export const lowerPad = (ctx: Context, node: OpNode<'pad'>): void => {
  const [x, y] = [at(node.operands, 0), at(node.results, 0)];
  const [{ dtype, shape }, out] = [ctx.type(x), ctx.type(y).shape];
  const { pads, mode, value } = node.attrs;
  const [strides, outStrides, from] = [stridesOf(shape), stridesOf(out), ctx.use(x)];
  const text = (): string => {
    const lines = shape.map((size, d) => {
      const index = `bitcast<i32>(i / ${divisor(outStrides[d] ?? 1)} % ${divisor(out[d] ?? 1)}) - ${int(pads[d] ?? 0)}`;
      const last = int(size - 1);
      const inside = {
        constant: `  if (p${d} < 0 || p${d} > ${last}) { return ${int(value)}; }`,
        edge: `  p${d} = clamp(p${d}, 0, ${last});`,
        reflect: `  p${d} = ${last} - abs(${last} - abs(p${d}));`,
      }[mode];
      return `  var p${d} = ${index};\n${inside}\n  offset += bitcast<u32>(p${d}) * ${uint(strides[d] ?? 1)};`;
    });
    return `  var offset = 0u;\n${lines.join('\n')}\n  return ${from.load(dtype, 'offset')};`;
  };
  ctx.elements(y, [x], text);
};

/** y[…, k, …] = x[…, indices[k], …], the index clamped into the axis. */
export const lowerGather = (ctx: Context, node: OpNode<'gather'>): void => {
  const [x, indices, y] = [at(node.operands, 0), at(node.operands, 1), at(node.results, 0)];
  const { dtype, shape } = ctx.type(x);
  if (dtype === 'f32') refuse('f32');
  const { n, inner } = around(shape, axisOf(node.attrs.axis, shape.length));
  const [from, by, count] = [ctx.use(x), ctx.use(indices), divisor(ctx.count(indices))];
  const text = (): string => `  let k = i / ${divisor(inner)} % ${count};
  let index = bitcast<u32>(clamp(${by.load('i32', 'k')}, 0, ${int(n - 1)}));
  let offset = (i / ${divisor(inner)} / ${count} * ${uint(n)} + index) * ${uint(inner)} + i % ${divisor(inner)};
  return ${from.load(dtype, 'offset')};`;
  ctx.elements(y, [x, indices], text);
};
