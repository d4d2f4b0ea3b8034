import { elementCount, type FAMILIES, type LoweringTable, type OpNode } from '../../../../ir/index.ts';
import { at } from '../../../../support/index.ts';
import type { Context, Emit } from '../context.ts';
import { longestFirst, nest } from '../kernels/nest.ts';
import { mergeSortKernel, sortKeysKernel, takeSortedKernel } from '../kernels/sort.ts';
import type { Val } from '../lift.ts';
import { ownPart } from './conv-plan.ts';
import { accessOf, axisOf, bytesOf, operand, result } from './common.ts';

/** What an element of a line costs that is sorted, in elements of a pass over memory. */
const WORK_OF_ELEMENT = 16;

/** Sorts each line whole: a stable merge sort of indices by integer keys. Threads take lines each. */
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
  const divided = ctx.divide(ctx.count(x) * WORK_OF_ELEMENT, Math.max(outer, inner));
  const places = [0, 1, 2].map(() => ctx.temporary(4 * n, { each: divided }));
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
    const [keys = 0, order = 0, spare = 0] = places.map((place) => ownPart(f, ctx, place, divided));
    const each = ([v = 0, i = 0, source = 0]: readonly Val[]): void => {
      f.do(f.call(fill, [keys, order, source, n, inner * bytes]));
      const sorted = f.i32(f.call(sort, [keys, order, spare, n]));
      f.do(f.call(take, [v, i, sorted, source, k, inner * bytes, inner * bytes, inner * 4]));
    };
    nest(f, longestFirst({ sizes: [outer, inner], strides }), bases, each, divided);
  };
};

export const sortingRows = {
  top_k: lowerTopK,
} satisfies LoweringTable<Context, Emit, keyof (typeof FAMILIES)['sorting']>;
