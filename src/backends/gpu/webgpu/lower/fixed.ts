import { EXP2_TABLE, expFactor, LOG2_TABLE, type OpNode, phaseFactor, SIN_TABLE } from '../../../../ir/index.ts';
import { at } from '../../../../support/index.ts';
import type { Context, Region } from '../context.ts';
import { int, uint } from '../wgsl.ts';
import { broadcastOffset } from './strided.ts';
import { exp2Functions, log2Functions, ROOT_BITS, ROOTS, sineFunctions, WIDE } from './wide.ts';

/** Words of a table of 32-bit entries as a parameter. */
export const tableOf = (ctx: Context, entries: Int32Array | Uint32Array): Region =>
  ctx.constant(entries.byteLength, () => new Uint8Array(entries.buffer, entries.byteOffset, entries.byteLength));

interface Function {
  readonly tables: readonly Region[];
  readonly functions: () => string;
  /** Statements that return f(v). */
  readonly text: string;
  readonly iterations?: number;
}

const lowerUnary = (ctx: Context, node: OpNode, { tables, functions, text, iterations = 0 }: Function): void => {
  const [x, y] = [at(node.operands, 0), at(node.results, 0)];
  const from = ctx.use(x);
  const body = (): string => `  let v = ${from.load('i32', 'i')};\n  ${text}`;
  ctx.elementsAt(ctx.use(y), 'i32', ctx.count(y), [from, ...tables], body, iterations, () => `${WIDE}${functions()}`);
};

export const lowerExp2 = (ctx: Context, node: OpNode<'exp2_fixed'>): void => {
  const { fraction, result_fraction: bits } = node.attrs;
  const table = tableOf(ctx, EXP2_TABLE);
  const exponent = fraction <= 16 ? `shl64(widened(v), ${16 - fraction}u)` : `rshr64(widened(v), ${fraction - 16}u)`;
  lowerUnary(ctx, node, { tables: [table], functions: () => exp2Functions(table), text: `return exp2_q16(${exponent}, ${bits});` });
};

/** Beyond 64 nats every result is 0 or saturated. */
const EXP_LIMIT = 64;
const EXP_SHIFT = 14;

export const lowerExp = (ctx: Context, node: OpNode<'exp_fixed'>): void => {
  const { fraction, result_fraction: bits } = node.attrs;
  const table = tableOf(ctx, EXP2_TABLE);
  const limit = EXP_LIMIT * 2 ** fraction;
  const exponent = `rshr64(mul64(clamp(v, ${int(-limit)}, ${int(limit)}), ${int(expFactor(fraction))}), ${EXP_SHIFT}u)`;
  lowerUnary(ctx, node, { tables: [table], functions: () => exp2Functions(table), text: `return exp2_q16(${exponent}, ${bits});` });
};

export const lowerLog2 = (ctx: Context, node: OpNode<'log2_fixed'>): void => {
  const table = tableOf(ctx, LOG2_TABLE);
  lowerUnary(ctx, node, { tables: [table], functions: () => log2Functions(table), text: 'return log2_q24(v);' });
};

/** Phase (x K_hi + floor(x K_lo / 2^16)) mod 2^32; the cosine is a quarter turn on. */
export const lowerSine = (ctx: Context, node: OpNode<'sin_fixed'> | OpNode<'cos_fixed'>): void => {
  const table = tableOf(ctx, SIN_TABLE);
  const { high, low } = phaseFactor(node.attrs.fraction);
  const turn = node.op === 'cos_fixed' ? '0x40000000u' : '0u';
  const text = `return sine(bitcast<u32>(v) * ${uint(high)} + shr64(mul64(v, ${int(low)}), 16u).x + ${turn});`;
  lowerUnary(ctx, node, { tables: [table], functions: () => sineFunctions(table), text });
};

export const lowerIsqrt = (ctx: Context, node: OpNode<'isqrt'>): void => {
  const text = `if (v <= 0) { return 0; }
  return bitcast<i32>(isqrt64(shl64(widened(v), ${uint(node.attrs.fraction)})));`;
  lowerUnary(ctx, node, { tables: [], functions: () => ROOTS, text, iterations: ROOT_BITS });
};

/** Of a base of at least 2, the 31st power is beyond int32. */
const MOST_POWERS = 31;

/** Exact powers of whole numbers: |a|^n, at most 2^31. */
const WHOLE_POWER = `fn whole_power(a: u32, n: i32) -> u32 {
  if (a <= 1u) { return a; }
  var r = 1u;
  for (var k = 0; k < n && r < 0x80000000u; k++) {
    let p = umul64(r, a);
    r = select(min(p.x, 0x80000000u), 0x80000000u, p.y != 0u);
  }
  return r;
}
`;

/** a^b, a and the result in Q.F, b in Q.G (NUMERICS §1.4): 2^(b log2 a), its product cut to +-2^52. */
export const lowerPow = (ctx: Context, node: OpNode<'pow_fixed'>): void => {
  const [a, b, y] = [at(node.operands, 0), at(node.operands, 1), at(node.results, 0)];
  const { fraction, exponent_fraction: places } = node.attrs;
  const [powers, logs] = [tableOf(ctx, EXP2_TABLE), tableOf(ctx, LOG2_TABLE)];
  const [ra, rb, { shape }] = [ctx.use(a), ctx.use(b), ctx.type(y)];
  const exact = `if (whole && b > 0) {
    let magnitude = whole_power(bitcast<u32>(abs(a)), n);
    return select(bitcast<i32>(min(magnitude, 0x7fffffffu)), bitcast<i32>(0u - magnitude), negative);
  }`;
  const text = (): string => `  let oa = ${broadcastOffset(ctx.type(a).shape, shape, 'i')};
  let ob = ${broadcastOffset(ctx.type(b).shape, shape, 'i')};
  let a = ${ra.load('i32', 'oa')};
  let b = ${rb.load('i32', 'ob')};
  let whole = (b & ${int(2 ** places - 1)}) == 0;
  if (b == 0) { return ${int(2 ** fraction)}; }
  if (a < 0 && !whole) { return 0; }
  let n = b >> ${uint(places)};
  let negative = a < 0 && (n & 1) != 0;
  ${fraction === 0 ? exact : ''}
  if (a == 0) { return select(2147483647, 0, b > 0); }
  let own = select(log2_q24(abs(a)), ${int(31 * 2 ** 24)}, a == i32(-2147483648));
  var product = mul64(b, own - ${int(fraction * 2 ** 24)});
  let high = bitcast<i32>(product.y);
  if (high >= 1048576) { product = vec2<u32>(0u, 1048576u); }
  if (high < -1048576) { product = vec2<u32>(0u, 0xfff00000u); }
  let magnitude = exp2_q16(rshr64(product, ${8 + places}u), ${fraction});
  return select(magnitude, -magnitude, negative);`;
  const functions = (): string => `${WIDE}${exp2Functions(powers)}${log2Functions(logs, false)}${WHOLE_POWER}`;
  ctx.elementsAt(ctx.use(y), 'i32', ctx.count(y), [ra, rb, powers, logs], text, MOST_POWERS, functions);
};
