import { elementCount, type FAMILIES, type LoweringTable, type OpNode } from '../../../../ir/index.ts';
import { at } from '../../../../support/index.ts';
import type { Context, Emit, Slot } from '../context.ts';
import type { Fn } from '../fn.ts';
import { emitCopy } from '../kernels/copy.ts';
import { logSoftmaxKernel, lrnKernel, softmaxKernel, softmaxLutKernel } from '../kernels/lines.ts';
import { longestFirst, nest } from '../kernels/nest.ts';
import type { Val } from '../lift.ts';
import { ownPart } from './conv-plan.ts';
import { axisOf, bytesOf, operand, result } from './common.ts';

/** What an element of these ops costs, in elements of a pass over memory: an exponential or a power. */
const WORK_OF_ELEMENT = 16;

/**
 * Runs `line(from, to, count, scratch)` on every line along an axis; lines that do not lie in a row go through buffers. Threads take
 * lines each.
 * @param scratchBytes - memory that a line needs besides
 */
const lowerLines = (
  ctx: Context,
  node: OpNode,
  rawAxis: number,
  line: (f: Fn, from: Val, to: Val, count: number, scratch: Val) => void,
  scratchBytes = 0,
): Emit => {
  const [x, y] = [operand(node, 0), result(node)];
  const type = ctx.type(x);
  const axis = axisOf(rawAxis, type.shape.length);
  const n = at(type.shape, axis);
  const outer = elementCount(type.shape.slice(0, axis));
  const inner = elementCount(type.shape.slice(axis + 1));
  const bytes = bytesOf(type);
  const divided = ctx.divide(ctx.count(x) * WORK_OF_ELEMENT, Math.max(outer, inner));
  const buffer = (size: number): Slot => ctx.temporary(size, { each: divided });
  const buffers = inner === 1 ? [] : [buffer(n * bytes), buffer(n * bytes)];
  const own = scratchBytes === 0 ? [] : [buffer(scratchBytes)];
  const [source, target] = [ctx.use(x), ctx.use(y)];
  const strides = [n * inner * bytes, bytes];
  return (f) => {
    if (ctx.count(x) === 0) return;
    const [a, b] = buffers.map((slot) => ownPart(f, ctx, slot, divided));
    const [scratch = 0] = own.map((slot) => ownPart(f, ctx, slot, divided));
    const axes = { sizes: [outer, inner], strides: [strides, strides] };
    const each = ([to = 0, from = 0]: readonly Val[]): void => {
      if (a === undefined || b === undefined) {
        line(f, from, to, n, scratch);
        return;
      }
      emitCopy(f, ctx.asm, { sizes: [n], strides: [[bytes], [inner * bytes]] }, a, from, bytes);
      line(f, a, b, n, scratch);
      emitCopy(f, ctx.asm, { sizes: [n], strides: [[inner * bytes], [bytes]] }, to, b, bytes);
    };
    nest(f, divided ? longestFirst(axes) : axes, [target.address, source.address], each, divided);
  };
};

const lowerSoftmax = (ctx: Context, node: OpNode<'softmax'>): Emit => {
  const kernel = softmaxKernel(ctx.asm);
  return lowerLines(ctx, node, node.attrs.axis, (f, from, to, n) => f.do(f.call(kernel, [from, to, n])));
};

const lowerLogSoftmax = (ctx: Context, node: OpNode<'log_softmax'>): Emit => {
  const kernel = logSoftmaxKernel(ctx.asm);
  const { shape } = ctx.type(operand(node, 0));
  const bytes = at(shape, axisOf(node.attrs.axis, shape.length)) * 4;
  return lowerLines(ctx, node, node.attrs.axis, (f, from, to, n, scratch) => f.do(f.call(kernel, [from, to, n, scratch])), bytes);
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
