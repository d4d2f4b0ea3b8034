import { elementCount, type FAMILIES, type LoweringTable, type OpNode } from '../../../../ir/index.ts';
import { at } from '../../../../support/index.ts';
import type { Context, Emit } from '../context.ts';
import type { Fn } from '../fn.ts';
import { emitCopy } from '../kernels/copy.ts';
import { logSoftmaxKernel, lrnKernel, softmaxKernel, softmaxLutKernel } from '../kernels/lines.ts';
import { nest } from '../kernels/nest.ts';
import type { Val } from '../lift.ts';
import { axisOf, bytesOf, operand, result } from './common.ts';

/** Runs `line(from, to, count)` on every line along an axis; lines that do not lie in a row go through buffers. */
const lowerLines = (ctx: Context, node: OpNode, rawAxis: number, line: (f: Fn, from: Val, to: Val, count: number) => void): Emit => {
  const [x, y] = [operand(node, 0), result(node)];
  const type = ctx.type(x);
  const axis = axisOf(rawAxis, type.shape.length);
  const n = at(type.shape, axis);
  const outer = elementCount(type.shape.slice(0, axis));
  const inner = elementCount(type.shape.slice(axis + 1));
  const bytes = bytesOf(type);
  const buffers = inner === 1 ? undefined : [ctx.temporary(n * bytes), ctx.temporary(n * bytes)];
  const [source, target] = [ctx.use(x), ctx.use(y)];
  const strides = [n * inner * bytes, bytes];
  return (f) => {
    if (ctx.count(x) === 0) return;
    nest(f, { sizes: [outer, inner], strides: [strides, strides] }, [target.address, source.address], ([to = 0, from = 0]) => {
      const [a, b] = buffers ?? [];
      if (a === undefined || b === undefined) {
        line(f, from, to, n);
        return;
      }
      emitCopy(f, ctx.asm, { sizes: [n], strides: [[bytes], [inner * bytes]] }, a.address, from, bytes);
      line(f, a.address, b.address, n);
      emitCopy(f, ctx.asm, { sizes: [n], strides: [[inner * bytes], [bytes]] }, to, b.address, bytes);
    });
  };
};

const lowerSoftmax = (ctx: Context, node: OpNode<'softmax'>): Emit => {
  const kernel = softmaxKernel(ctx.asm);
  return lowerLines(ctx, node, node.attrs.axis, (f, from, to, n) => f.do(f.call(kernel, [from, to, n])));
};

const lowerLogSoftmax = (ctx: Context, node: OpNode<'log_softmax'>): Emit => {
  const kernel = logSoftmaxKernel(ctx.asm);
  const { shape } = ctx.type(operand(node, 0));
  const scratch = ctx.temporary(at(shape, axisOf(node.attrs.axis, shape.length)) * 4);
  return lowerLines(ctx, node, node.attrs.axis, (f, from, to, n) => f.do(f.call(kernel, [from, to, n, scratch.address])));
};

const lowerSoftmaxLut = (ctx: Context, node: OpNode<'softmax_lut'>): Emit => {
  const kernel = softmaxLutKernel(ctx.asm);
  const table = ctx.use(operand(node, 1));
  return lowerLines(ctx, node, node.attrs.axis, (f, from, to, n) => f.do(f.call(kernel, [from, to, n, table.address])));
};

const lowerLrn = (ctx: Context, node: OpNode<'lrn'>): Emit => {
  const kernel = lrnKernel(ctx.asm);
  const { size, alpha, beta, bias } = node.attrs;
  const before = Math.floor((size - 1) / 2);
  return lowerLines(ctx, node, 1, (f, from, to, n) =>
    f.do(f.call(kernel, [from, to, n, before, size, f.f64c(alpha / size), f.f64c(-beta), f.f64c(bias)])),
  );
};

export const normRows = {
  softmax: lowerSoftmax,
  log_softmax: lowerLogSoftmax,
  softmax_lut: lowerSoftmaxLut,
  lrn: lowerLrn,
} satisfies LoweringTable<Context, Emit, keyof (typeof FAMILIES)['norm']>;
