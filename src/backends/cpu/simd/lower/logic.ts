import type { FAMILIES, LoweringTable, OpNode } from '../../../../ir/index.ts';
import type { Context, Emit } from '../context.ts';
import type { Fn } from '../fn.ts';
import type { Ex, Local, Val } from '../lift.ts';
import { accessOf, bytesOf, lowerMap, operand } from './common.ts';

type Test = (f: Fn, a: Local, b: Local) => Ex;

const TESTS: { readonly [K in 'equal' | 'less' | 'less_equal']: { readonly int: Test; readonly float: Test } } = {
  equal: { int: (f, a, b) => f.ops.i32.eq(a, b), float: (f, a, b) => f.ops.f32.eq(a, b) },
  less: { int: (f, a, b) => f.ops.i32.lt_s(a, b), float: (f, a, b) => f.ops.f32.lt(a, b) },
  less_equal: { int: (f, a, b) => f.ops.i32.le_s(a, b), float: (f, a, b) => f.ops.f32.le(a, b) },
};

const lowerComparison =
  (op: keyof typeof TESTS) =>
  (ctx: Context, node: OpNode): Emit => {
    const access = accessOf(ctx.type(operand(node, 0)));
    const test = access === 'f32' ? TESTS[op].float : TESTS[op].int;
    return lowerMap(ctx, node, {
      name: op,
      inputs: [access, access],
      output: 'u8',
      scalar: (f, xs) => test(f, ...(xs as unknown as readonly [Local, Local])),
    });
  };

const lowerNot = (ctx: Context, node: OpNode<'logical_not'>): Emit =>
  lowerMap(ctx, node, { name: 'not', inputs: ['u8'], output: 'u8', scalar: (f, [x]) => f.ops.i32.eqz(x ?? 0) });

const lowerIsNaN = (ctx: Context, node: OpNode<'is_nan'>): Emit =>
  lowerMap(ctx, node, { name: 'is_nan', inputs: ['f32'], output: 'u8', scalar: (f, [x = 0]) => f.ops.f32.ne(x, x) });

const lowerIsInf = (ctx: Context, node: OpNode<'is_inf'>): Emit => {
  const limits = [...(node.attrs.positive ? [Number.POSITIVE_INFINITY] : []), ...(node.attrs.negative ? [Number.NEGATIVE_INFINITY] : [])];
  return lowerMap(ctx, node, {
    name: `is_inf${limits.join('')}`,
    inputs: ['f32'],
    output: 'u8',
    scalar: (f, [x = 0]) => limits.reduce<Val>((acc, limit) => f.ops.i32.or(acc, f.ops.f32.eq(x, limit)), 0),
  });
};

/** Moves bits, so one form per element size does for all dtypes. */
const lowerSelect = (ctx: Context, node: OpNode<'select'>): Emit => {
  const bytes = bytesOf(ctx.type(operand(node, 1)));
  const access = bytes === 1 ? 'u8' : bytes === 2 ? 'i16' : 'i32';
  return lowerMap(ctx, node, {
    name: 'select',
    inputs: ['u8', access, access],
    output: access,
    scalar: (f, [c, a, b]) => f.select(c ?? 0, a ?? 0, b ?? 0),
  });
};

export const logicRows = {
  equal: lowerComparison('equal'),
  less: lowerComparison('less'),
  less_equal: lowerComparison('less_equal'),
  logical_not: lowerNot,
  select: lowerSelect,
  is_nan: lowerIsNaN,
  is_inf: lowerIsInf,
} satisfies LoweringTable<Context, Emit, keyof (typeof FAMILIES)['logic']>;
