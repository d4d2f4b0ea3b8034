import {
  elementCount,
  EXP2_DOWN_TABLE,
  expFactor,
  type FAMILIES,
  IMPOSSIBLE,
  LOG2_TABLE,
  LOG_MAX,
  type LoweringTable,
  NEG_INF,
  type OpNode,
  stridesOf,
} from '../../../../ir/index.ts';
import { at } from '../../../../support/index.ts';
import type { Context, Emit } from '../context.ts';
import { emitCopy } from '../kernels/copy.ts';
import { lseKernel } from '../kernels/log-domain.ts';
import { collapse, longestFirst, nest } from '../kernels/nest.ts';
import type { Val } from '../lift.ts';
import { ownPart } from './conv-plan.ts';
import { axisOf, lowerMap, operand, result } from './common.ts';

const BYTES = 4;
/** What an element of a sum costs, in elements of a pass over memory: an exponential. */
const WORK_OF_ELEMENT = 16;

const lowerAdd = (ctx: Context, node: OpNode<'add_saturated'>): Emit =>
  lowerMap(ctx, node, {
    name: 'add_saturated',
    inputs: ['i32', 'i32'],
    output: 'i32',
    scalar: (f, [a = 0, b = 0]) => {
      const { i32, i64 } = f.ops;
      const sum = f.let('i64', i64.add(i64.extend_s(a), i64.extend_s(b)));
      const saturated = f.select(i64.gt_s(sum, LOG_MAX), LOG_MAX, i32.wrap(sum));
      return f.select(i32.or(i32.le_s(a, IMPOSSIBLE), i32.le_s(b, IMPOSSIBLE)), NEG_INF, saturated);
    },
  });

/** The kernel reads consecutive words: a line that is scattered in memory is copied first. Threads take results each. */
const lowerLse = (ctx: Context, node: OpNode<'lse_fixed'>): Emit => {
  const [x, y] = [operand(node, 0), result(node)];
  const { shape } = ctx.type(x);
  const summed = new Set(node.attrs.axes.map((a) => axisOf(a, shape.length)));
  const strides = stridesOf(shape).map((s) => s * BYTES);
  const pick = (inside: boolean): { sizes: number[]; strides: number[] } => {
    const dims = shape.map((_, d) => d).filter((d) => summed.has(d) === inside);
    return { sizes: dims.map((d) => at(shape, d)), strides: dims.map((d) => at(strides, d)) };
  };
  const packed = (sizes: readonly number[]): number[] => stridesOf(sizes).map((s) => s * BYTES);
  const [kept, inner] = [pick(false), pick(true)];
  const count = elementCount(inner.sizes);
  const walk = collapse({ sizes: inner.sizes, strides: [packed(inner.sizes), inner.strides] });
  const adjacent = walk.sizes.length === 0 || (walk.sizes.length === 1 && walk.strides[1]?.[0] === BYTES);
  const outer = longestFirst(collapse({ sizes: kept.sizes, strides: [packed(kept.sizes), kept.strides] }));
  const divided = ctx.divide(ctx.count(x) * WORK_OF_ELEMENT, outer.sizes[0] ?? 1);
  const buffer = adjacent || count === 0 ? undefined : ctx.temporary(count * BYTES, { each: divided });
  const [table, logs] = [ctx.table(EXP2_DOWN_TABLE), ctx.table(LOG2_TABLE)];
  const [from, to] = [ctx.use(x), ctx.use(y)];
  const { fraction } = node.attrs;
  return (f) => {
    const kernel = lseKernel(ctx.asm);
    const own = buffer === undefined ? undefined : ownPart(f, ctx, buffer, divided);
    const each = ([target = 0, source = 0]: readonly Val[]): void => {
      if (own !== undefined) emitCopy(f, ctx.asm, walk, own, source, BYTES);
      f.store('i32', target, f.call(kernel, [own ?? source, count, fraction, expFactor(fraction), table.address, logs.address]));
    };
    nest(f, outer, [to.address, from.address], each, divided);
  };
};

export const probabilityRows = {
  add_saturated: lowerAdd,
  lse_fixed: lowerLse,
} satisfies LoweringTable<Context, Emit, keyof (typeof FAMILIES)['probability']>;
