import type { FAMILIES, LoweringTable, OpNode } from '../../../../ir/index.ts';
import type { Context, Emit } from '../context.ts';
import type { Fn } from '../fn.ts';
import { powKernel } from '../kernels/math.ts';
import type { Ex, Local } from '../lift.ts';
import { lowerMap, operand } from './common.ts';

type Pair = (f: Fn, a: Local, b: Local) => Ex;
type BinaryOp = Exclude<keyof (typeof FAMILIES)['arithmetic'], 'pow'>;

/** Scalar and vector forms for both dtypes. */
interface Forms {
  readonly i32: Pair;
  readonly f32: Pair;
  readonly i32x4?: Pair;
  readonly f32x4: Pair;
}

/** NUMERICS §1.4: x / 0 = 0, -2^31 / -1 = 2^31 - 1; the instruction would trap on both. */
const divideInt: Pair = (f, a, b) => {
  const { i32 } = f.ops;
  const q = f.i32(0);
  f.if(
    i32.and(i32.eq(b, -1), i32.eq(a, -(2 ** 31))),
    () => f.set(q, 2 ** 31 - 1),
    () => f.if(b, () => f.set(q, i32.div_s(a, b))),
  );
  return f.ops.i32.add(q, 0);
};

const FORMS: { readonly [K in BinaryOp]: Forms } = {
  add: {
    i32: (f, a, b) => f.ops.i32.add(a, b),
    f32: (f, a, b) => f.ops.f32.add(a, b),
    i32x4: (f, a, b) => f.ops.i32x4.add(a, b),
    f32x4: (f, a, b) => f.ops.f32x4.add(a, b),
  },
  sub: {
    i32: (f, a, b) => f.ops.i32.sub(a, b),
    f32: (f, a, b) => f.ops.f32.sub(a, b),
    i32x4: (f, a, b) => f.ops.i32x4.sub(a, b),
    f32x4: (f, a, b) => f.ops.f32x4.sub(a, b),
  },
  mul: {
    i32: (f, a, b) => f.ops.i32.mul(a, b),
    f32: (f, a, b) => f.ops.f32.mul(a, b),
    i32x4: (f, a, b) => f.ops.i32x4.mul(a, b),
    f32x4: (f, a, b) => f.ops.f32x4.mul(a, b),
  },
  div: { i32: divideInt, f32: (f, a, b) => f.ops.f32.div(a, b), f32x4: (f, a, b) => f.ops.f32x4.div(a, b) },
  maximum: {
    i32: (f, a, b) => f.select(f.ops.i32.gt_s(a, b), a, b),
    f32: (f, a, b) => f.ops.f32.max(a, b),
    i32x4: (f, a, b) => f.ops.i32x4.max_s(a, b),
    f32x4: (f, a, b) => f.ops.f32x4.max(a, b),
  },
  minimum: {
    i32: (f, a, b) => f.select(f.ops.i32.lt_s(a, b), a, b),
    f32: (f, a, b) => f.ops.f32.min(a, b),
    i32x4: (f, a, b) => f.ops.i32x4.min_s(a, b),
    f32x4: (f, a, b) => f.ops.f32x4.min(a, b),
  },
};

type Two = readonly [Local, Local];

const lowerBinary =
  (op: BinaryOp) =>
  (ctx: Context, node: OpNode): Emit => {
    const forms = FORMS[op];
    const float = ctx.type(operand(node, 0)).dtype === 'f32';
    const access = float ? 'f32' : 'i32';
    const vector = float ? forms.f32x4 : forms.i32x4;
    return lowerMap(ctx, node, {
      name: op,
      inputs: [access, access],
      output: access,
      scalar: (f, xs) => (float ? forms.f32 : forms.i32)(f, ...(xs as unknown as Two)),
      ...(vector === undefined ? {} : { vector: (f: Fn, xs: readonly Local[]) => vector(f, ...(xs as unknown as Two)) }),
    });
  };

const lowerPow = (ctx: Context, node: OpNode<'pow'>): Emit => {
  const kernel = powKernel(ctx.asm);
  return lowerMap(ctx, node, {
    name: 'pow',
    inputs: ['f32', 'f32'],
    output: 'f32',
    scalar: (f, [a, b]) => {
      const { f32, f64 } = f.ops;
      return f32.demote(f.call(kernel, [f64.promote(a ?? 0), f64.promote(b ?? 0)]));
    },
  });
};

export const arithmeticRows = {
  add: lowerBinary('add'),
  sub: lowerBinary('sub'),
  mul: lowerBinary('mul'),
  div: lowerBinary('div'),
  maximum: lowerBinary('maximum'),
  minimum: lowerBinary('minimum'),
  pow: lowerPow,
} satisfies LoweringTable<Context, Emit, keyof (typeof FAMILIES)['arithmetic']>;
