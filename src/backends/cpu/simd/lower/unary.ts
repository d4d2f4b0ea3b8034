import { type FAMILIES, INT32_MIN, type LoweringTable, type OpNode } from '../../../../ir/index.ts';
import type { Asm } from '../asm.ts';
import type { Context, Emit } from '../context.ts';
import type { Fn } from '../fn.ts';
import { MATH } from '../kernels/math.ts';
import type { Ex, Local } from '../lift.ts';
import { accessOf, lowerMap, operand } from './common.ts';

type Form = (f: Fn, x: Local) => Ex;
interface Forms {
  readonly f32: Form;
  readonly f32x4?: Form;
  readonly i32?: Form;
  readonly i32x4?: Form;
}

/** Lowers a function without attributes. */
const simple =
  (name: string, forms: Forms) =>
  (ctx: Context, node: OpNode): Emit => {
    const float = ctx.type(operand(node, 0)).dtype === 'f32';
    const scalar = float ? forms.f32 : (forms.i32 ?? forms.f32);
    const vector = float ? forms.f32x4 : forms.i32x4;
    const access = float ? 'f32' : 'i32';
    return lowerMap(ctx, node, {
      name,
      inputs: [access],
      output: access,
      scalar: (f, [x]) => (x === undefined ? 0 : scalar(f, x)),
      ...(vector === undefined ? {} : { vector: (f: Fn, [x]: readonly Local[]) => (x === undefined ? f.zero() : vector(f, x)) }),
    });
  };

/** A strict float64 function, rounded once. @param define - adds the function to the module and returns its name */
export const strict =
  (define: (asm: Asm) => string) =>
  (ctx: Context, node: OpNode): Emit => {
    const kernel = define(ctx.asm);
    return simple(kernel, { f32: (f, x) => f.ops.f32.demote(f.call(kernel, [f.ops.f64.promote(x)])) })(ctx, node);
  };

/** The sequence of the definition: f32.nearest would give -0 for -0.5 <= x < 0 where the definition gives +0. */
const round: Form = (f, x) => {
  const { f64, f32, i32 } = f.ops;
  const v = f.let('f64', f64.promote(x));
  const low = f.let('f64', f64.floor(v));
  const rest = f.let('f64', f64.sub(v, low));
  const even = f64.eq(f64.sub(low, f64.mul(2, f64.floor(f64.mul(low, 0.5)))), 0);
  const down = i32.or(f64.lt(rest, 0.5), i32.and(f64.eq(rest, 0.5), even));
  return f32.demote(f.select(down, low, f64.add(low, 1), 'f64'));
};

/** y = x where x > 0 or NaN, else +0: keeps what is not <= 0. */
const reluVector: Form = (f, x) => f.ops.v128.andnot(x, f.ops.f32x4.le(x, f.zero()));
const reluScalar: Form = (f, x) => f.select(f.ops.f32.le(x, 0), f.f32c(0), x, 'f32');

/** pmax and pmin are a < b ? b : a and b < a ? b : a: NaN and the sign of zero stay, as the definition wants. */
const lowerClip = (ctx: Context, node: OpNode<'clip'>): Emit =>
  lowerMap(
    ctx,
    node,
    {
      name: 'clip',
      inputs: ['f32'],
      output: 'f32',
      extra: ['f32', 'f32'],
      scalar: (f, [x = 0], [lo = 0, hi = 0]) => {
        const { f32 } = f.ops;
        return f.select(f32.lt(x, lo), lo, f.select(f32.gt(x, hi), hi, x, 'f32'), 'f32');
      },
      vector: (f, [x = 0], [lo = 0, hi = 0]) => {
        const { f32x4 } = f.ops;
        return f32x4.pmin(f32x4.pmax(x, f32x4.splat(lo)), f32x4.splat(hi));
      },
    },
    (f) => [f.f32c(node.attrs.min), f.f32c(node.attrs.max)],
  );

const lowerLeaky = (ctx: Context, node: OpNode<'leaky_relu'>): Emit =>
  lowerMap(
    ctx,
    node,
    {
      name: 'leaky',
      inputs: ['f32'],
      output: 'f32',
      extra: ['f32'],
      scalar: (f, [x = 0], [alpha = 0]) => f.select(f.ops.f32.lt(x, 0), f.ops.f32.mul(alpha, x), x, 'f32'),
      vector: (f, [x = f.v128(f.zero())], [alpha = 0]) => {
        const { f32x4 } = f.ops;
        return f.bitselect(f32x4.mul(x, f32x4.splat(alpha)), x, f32x4.lt(x, f.zero()));
      },
    },
    (f) => [f.f32c(node.attrs.alpha)],
  );

const lowerShrink = (ctx: Context, node: OpNode<'shrink'>): Emit =>
  lowerMap(
    ctx,
    node,
    {
      name: 'shrink',
      inputs: ['f32'],
      output: 'f32',
      extra: ['f32', 'f32'],
      scalar: (f, [x = 0], [bias = 0, lambd = 0]) => {
        const { f32 } = f.ops;
        const high = f.select(f32.gt(x, lambd), f32.sub(x, bias), f.f32c(0), 'f32');
        return f.select(f32.lt(x, f32.neg(lambd)), f32.add(x, bias), high, 'f32');
      },
      vector: (f, [x = f.v128(f.zero())], [bias = 0, lambd = 0]) => {
        const { f32x4 } = f.ops;
        const high = f.bitselect(f32x4.sub(x, f32x4.splat(bias)), f.zero(), f32x4.gt(x, f32x4.splat(lambd)));
        return f.bitselect(f32x4.add(x, f32x4.splat(bias)), high, f32x4.lt(x, f32x4.neg(f32x4.splat(lambd))));
      },
    },
    (f) => [f.f32c(node.attrs.bias), f.f32c(node.attrs.lambd)],
  );

const lowerElu = (ctx: Context, node: OpNode<'elu'>): Emit => {
  const exp = MATH.exp(ctx.asm);
  return lowerMap(
    ctx,
    node,
    {
      name: 'elu',
      inputs: ['f32'],
      output: 'f32',
      extra: ['f64', 'f64'],
      scalar: (f, [x = 0], [alpha = 0, gamma = 0]) => {
        const { f64, f32 } = f.ops;
        const v = f.let('f64', f64.promote(x));
        const curve = f64.mul(gamma, f64.mul(alpha, f64.sub(f.call(exp, [v]), 1)));
        return f32.demote(f.select(f64.gt(v, 0), f64.mul(gamma, v), curve, 'f64'));
      },
    },
    (f) => [f.f64c(node.attrs.alpha), f.f64c(node.attrs.gamma)],
  );
};

const lowerClamp = (ctx: Context, node: OpNode<'clamp'>): Emit => {
  const access = accessOf(ctx.type(operand(node, 0)));
  return lowerMap(
    ctx,
    node,
    {
      name: 'clamp',
      inputs: [access],
      output: access,
      extra: ['i32', 'i32'],
      scalar: (f, [x = 0], [lo = 0, hi = 0]) => {
        const { i32 } = f.ops;
        return f.select(i32.lt_s(x, lo), lo, f.select(i32.gt_s(x, hi), hi, x));
      },
    },
    () => [node.attrs.lo, node.attrs.hi],
  );
};

/** -1 in the lanes that hold -2^31, whose negation wraps to itself: one less is 2^31 - 1. */
const isLeast = (f: Fn, x: Local): Ex => f.ops.i32x4.eq(x, f.ops.i32x4.splat(INT32_MIN));

export const unaryRows = {
  neg: simple('neg', {
    f32: (f, x) => f.ops.f32.neg(x),
    f32x4: (f, x) => f.ops.f32x4.neg(x),
    i32: (f, x) => f.ops.i32.sub(f.ops.i32.sub(0, x), f.ops.i32.eq(x, INT32_MIN)),
    i32x4: (f, x) => f.ops.i32x4.add(f.ops.i32x4.neg(x), isLeast(f, x)),
  }),
  abs: simple('abs', {
    f32: (f, x) => f.ops.f32.abs(x),
    f32x4: (f, x) => f.ops.f32x4.abs(x),
    i32: (f, x) => f.ops.i32.sub(f.select(f.ops.i32.lt_s(x, 0), f.ops.i32.sub(0, x), x), f.ops.i32.eq(x, INT32_MIN)),
    i32x4: (f, x) => f.ops.i32x4.add(f.ops.i32x4.abs(x), isLeast(f, x)),
  }),
  relu: simple('relu', {
    f32: reluScalar,
    f32x4: reluVector,
    i32: (f, x) => f.select(f.ops.i32.gt_s(x, 0), x, 0),
    i32x4: (f, x) => f.ops.i32x4.max_s(x, f.zero()),
  }),
  clip: lowerClip,
  leaky_relu: lowerLeaky,
  shrink: lowerShrink,
  elu: lowerElu,
  sigmoid: strict(MATH.sigmoid),
  tanh: strict(MATH.tanh),
  erf: strict(MATH.erf),
  exp: strict(MATH.exp),
  log: strict(MATH.log),
  sqrt: simple('sqrt', { f32: (f, x) => f.ops.f32.sqrt(x), f32x4: (f, x) => f.ops.f32x4.sqrt(x) }),
  softplus: strict(MATH.softplus),
  floor: simple('floor', { f32: (f, x) => f.ops.f32.floor(x), f32x4: (f, x) => f.ops.f32x4.floor(x) }),
  ceil: simple('ceil', { f32: (f, x) => f.ops.f32.ceil(x), f32x4: (f, x) => f.ops.f32x4.ceil(x) }),
  round: simple('round', { f32: round }),
  sign: simple('sign', {
    f32: (f, x) => f.select(f.ops.f32.gt(x, 0), f.f32c(1), f.select(f.ops.f32.lt(x, 0), f.f32c(-1), f.ops.f32.add(x, 0), 'f32'), 'f32'),
    i32: (f, x) => f.ops.i32.sub(f.ops.i32.gt_s(x, 0), f.ops.i32.lt_s(x, 0)),
  }),
  trunc: simple('trunc', { f32: (f, x) => f.ops.f32.trunc(x), f32x4: (f, x) => f.ops.f32x4.trunc(x) }),
  clamp: lowerClamp,
} satisfies LoweringTable<Context, Emit, keyof (typeof FAMILIES)['unary']>;
