import type { OpNode } from '../../../../ir/index.ts';
import { at } from '../../../../support/index.ts';
import type { Context } from '../context.ts';
import { int } from '../wgsl.ts';
import { broadcastOffset } from './strided.ts';

/** Ops of two operands of one dtype, element by element with broadcast. */
type BinaryOp =
  | 'add'
  | 'sub'
  | 'mul'
  | 'div'
  | 'maximum'
  | 'minimum'
  | 'mod'
  | 'rem'
  | 'div_floor'
  | 'div_round'
  | 'shift_left'
  | 'shift_right'
  | 'shift_right_logical'
  | 'bitwise_and'
  | 'bitwise_or'
  | 'bitwise_xor'
  | 'equal'
  | 'less'
  | 'less_equal'
  | 'add_saturated';

/** Ends a function that divides where the definition has a value of its own: x / 0 = 0, -2^31 / -1 = 2^31 - 1. */
const GUARD = `if (b == 0) { return 0; }
  if (a == i32(-2147483648) && b == -1) { return 2147483647; }`;
/** q = floor(a / b) and r = a - q b: i32 `/` and `%` truncate. */
const FLOOR = `var q = a / b;
  var r = a % b;
  if (r != 0 && (r < 0) != (b < 0)) {
    q -= 1;
    r += b;
  }`;

/** Logarithms up to this stand for log 0, which is stored as the other; sums end at the third (NUMERICS §7). */
const LOGARITHMS = { impossible: -(2 ** 29), zero: -(2 ** 30), most: 2 ** 30 } as const;

/** Statements that return f(a, b) for a and b of type i32. Storing keeps the low bits; i32 wraps as in the definition. */
const TEXTS: Readonly<Record<BinaryOp, string>> = {
  add: 'return a + b;',
  sub: 'return a - b;',
  mul: 'return a * b;',
  maximum: 'return max(a, b);',
  minimum: 'return min(a, b);',
  div: `${GUARD}\n  return a / b;`,
  rem: `if (b == 0 || b == -1) { return 0; }\n  return a % b;`,
  mod: `if (b == 0 || b == -1) { return 0; }\n  let r = a % b;\n  return select(r, r + b, r != 0 && (r < 0) != (b < 0));`,
  div_floor: `${GUARD}\n  ${FLOOR}\n  return q;`,
  // 0 <= r / b < 1, and half of b is reached where twice |r| is: both fit u32
  div_round: `${GUARD}\n  ${FLOOR}\n  return q + select(0, 1, bitcast<u32>(abs(r)) * 2u >= bitcast<u32>(abs(b)));`,
  shift_left: 'return select(select(a << bitcast<u32>(b & 31), 0, b > 31), a, b < 0);',
  shift_right: 'return a >> bitcast<u32>(clamp(b, 0, 31));',
  shift_right_logical: 'return select(select(bitcast<i32>(bitcast<u32>(a) >> bitcast<u32>(b & 31)), 0, b > 31), a, b < 0);',
  bitwise_and: 'return a & b;',
  bitwise_or: 'return a | b;',
  bitwise_xor: 'return a ^ b;',
  equal: 'return select(0, 1, a == b);',
  less: 'return select(0, 1, a < b);',
  less_equal: 'return select(0, 1, a <= b);',
  add_saturated: `let least = ${int(LOGARITHMS.impossible)};
  if (a <= least || b <= least) { return ${int(LOGARITHMS.zero)}; }
  return select(min(a + b, ${LOGARITHMS.most}), ${LOGARITHMS.most}, a > 0 && b > 2147483647 - a);`,
};

export const lowerBinary = (ctx: Context, node: OpNode<BinaryOp>): void => {
  const [a, b, y] = [at(node.operands, 0), at(node.operands, 1), at(node.results, 0)];
  const [ra, rb, { shape }] = [ctx.use(a), ctx.use(b), ctx.type(y)];
  const [ta, tb] = [ctx.type(a), ctx.type(b)];
  const text = (): string => `  let oa = ${broadcastOffset(ta.shape, shape, 'i')};
  let ob = ${broadcastOffset(tb.shape, shape, 'i')};
  let a = ${ra.load(ta.dtype, 'oa')};
  let b = ${rb.load(tb.dtype, 'ob')};
  ${TEXTS[node.op]}`;
  ctx.elements(y, [a, b], text);
};

/** a where the condition holds, else b. */
export const lowerSelect = (ctx: Context, node: OpNode<'select'>): void => {
  const y = at(node.results, 0);
  const { shape, dtype } = ctx.type(y);
  const loads = node.operands.map((v, k) => {
    const type = ctx.type(v);
    const region = ctx.use(v);
    return (): string =>
      `  let o${k} = ${broadcastOffset(type.shape, shape, 'i')};\n  let v${k} = ${region.load(k === 0 ? 'bool' : dtype, `o${k}`)};`;
  });
  ctx.elements(y, node.operands, () => `${loads.map((load) => load()).join('\n')}\n  return select(v2, v1, v0 != 0);`);
};
