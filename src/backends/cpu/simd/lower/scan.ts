import { elementCount, type FAMILIES, type LoweringTable, type OpNode } from '../../../../ir/index.ts';
import { at } from '../../../../support/index.ts';
import type { Context, Emit } from '../context.ts';
import { longestFirst, nest } from '../kernels/nest.ts';
import { scanKernel, type ScanOp } from '../kernels/scan.ts';
import { accessOf, axisOf, bytesOf, operand, result } from './common.ts';

const lowerScan =
  (op: ScanOp) =>
  (ctx: Context, node: OpNode<'cumsum' | 'cumprod'>): Emit => {
    const [x, y] = [operand(node, 0), result(node)];
    const [tx, ty] = [ctx.type(x), ctx.type(y)];
    const axis = axisOf(node.attrs.axis, tx.shape.length);
    const n = at(tx.shape, axis);
    const outer = elementCount(tx.shape.slice(0, axis));
    const inner = elementCount(tx.shape.slice(axis + 1));
    const [from, to] = [ctx.use(x), ctx.use(y)];
    const sizes = [bytesOf(ty), bytesOf(tx)];
    const strides = sizes.map((bytes) => [n * inner * bytes, bytes]);
    const steps = sizes.map((bytes) => (node.attrs.reverse ? -inner : inner) * bytes);
    const divided = ctx.divide(ctx.count(x), Math.max(outer, inner));
    const first = node.attrs.reverse ? Math.max(0, n - 1) * inner : 0;
    return (f) => {
      const kernel = scanKernel(ctx.asm, op, accessOf(tx), node.attrs.exclusive);
      const bases = [to.address + first * at(sizes, 0), from.address + first * at(sizes, 1)];
      const axes = longestFirst({ sizes: [outer, inner], strides });
      nest(f, axes, bases, (pointers) => f.do(f.call(kernel, [...pointers, n, ...steps])), divided);
    };
  };

export const scanRows = {
  cumsum: lowerScan('sum'),
  cumprod: lowerScan('prod'),
} satisfies LoweringTable<Context, Emit, keyof (typeof FAMILIES)['scan']>;
