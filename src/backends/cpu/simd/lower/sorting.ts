import { elementCount, type FAMILIES, type LoweringTable, type OpNode } from '../../../../ir/index.ts';
import { at } from '../../../../support/index.ts';
import type { Context, Emit } from '../context.ts';
import { nest } from '../kernels/nest.ts';
import { mergeSortKernel, sortKeysKernel, takeSortedKernel } from '../kernels/sort.ts';
import { accessOf, axisOf, bytesOf, operand, result } from './common.ts';

/** Sorts each line whole: a stable merge sort of indices by integer keys. */
const lowerTopK = (ctx: Context, node: OpNode<'top_k'>): Emit => {
  const [x, values, indices] = [operand(node, 0), result(node), result(node, 1)];
  const type = ctx.type(x);
  const { k, largest } = node.attrs;
  const axis = axisOf(node.attrs.axis, type.shape.length);
  const n = at(type.shape, axis);
  const outer = elementCount(type.shape.slice(0, axis));
  const inner = elementCount(type.shape.slice(axis + 1));
  const bytes = bytesOf(type);
  const [from, toValues, toIndices] = [ctx.use(x), ctx.use(values), ctx.use(indices)];
  const [keys, order, spare] = [ctx.temporary(4 * n), ctx.temporary(4 * n), ctx.temporary(4 * n)];
  const strides = [
    [k * inner * bytes, bytes],
    [k * inner * 4, 4],
    [n * inner * bytes, bytes],
  ];
  return (f) => {
    if (k === 0) return;
    const access = accessOf(type);
    const [fill, sort, take] = [sortKeysKernel(ctx.asm, access, largest), mergeSortKernel(ctx.asm), takeSortedKernel(ctx.asm, access)];
    const bases = [toValues.address, toIndices.address, from.address];
    nest(f, { sizes: [outer, inner], strides }, bases, ([v = 0, i = 0, source = 0]) => {
      f.do(f.call(fill, [keys.address, order.address, source, n, inner * bytes]));
      const sorted = f.i32(f.call(sort, [keys.address, order.address, spare.address, n]));
      f.do(f.call(take, [v, i, sorted, source, k, inner * bytes, inner * bytes, inner * 4]));
    });
  };
};

export const sortingRows = {
  top_k: lowerTopK,
} satisfies LoweringTable<Context, Emit, keyof (typeof FAMILIES)['sorting']>;
