import {
  elementCount,
  EXP2_DOWN_TABLE,
  EXP2_TABLE,
  expFactor,
  LN2_Q20,
  LOG2_TABLE,
  type OpNode,
  softmaxScale,
} from '../../../../ir/index.ts';
import { at } from '../../../../support/index.ts';
import { type Context, limitIterations, type Region } from '../context.ts';
import { int, LANES, uint } from '../wgsl.ts';
import { tableOf } from './fixed.ts';
import { axisOf } from '../../../cpu/simd/lower/common.ts';
import { around } from '../../axes.ts';
import { broadcastOffset, divisor } from './strided.ts';
import { exp2Functions, log2Functions, QUOTIENT_BITS, ROOT_BITS, ROOTS, WIDE } from './wide.ts';
import { reducedOffsets } from './window.ts';

/** Words that a line leaves for its elements: the greatest of it, and R, which is at most 2^30. */
const LINE_WORDS = 2;

/**
 * Integer softmax with exponentials of base 2 (NUMERICS §1.6): a first kernel finds the greatest of each line and R = floor(2^(30 + B) / s),
 * a second one does the elements.
 */
export const lowerSoftmaxFixed = (ctx: Context, node: OpNode<'softmax_fixed'>): void => {
  const [x, y] = [at(node.operands, 0), at(node.results, 0)];
  const { dtype, shape } = ctx.type(x);
  const { n, inner } = around(shape, axisOf(node.attrs.axis, shape.length));
  const { multiplier, shift, bits, output_zero: zero } = node.attrs;
  limitIterations(2 * n + QUOTIENT_BITS, `a line of ${n} elements`);
  const scale = softmaxScale(n);
  const lines = n === 0 ? 0 : elementCount(shape) / n;
  const [from, to, table] = [ctx.use(x), ctx.use(y), tableOf(ctx, EXP2_TABLE)];
  const found = ctx.scratch(lines * LINE_WORDS * 4);
  const functions = (): string => `${WIDE}${exp2Functions(table)}fn power(distance: i32) -> u32 {
  let t = rshr64(mul64(distance, ${int(multiplier)}), ${uint(shift)});
  return bitcast<u32>(exp2_q16(sub64(vec2<u32>(0u, 0u), t), ${scale}));
}
`;
  ctx.launch({
    invocations: lines,
    reads: [from, table],
    writes: found,
    functions: () => `${functions()}${ROOTS}`,
    body: () => `  let first = id / ${divisor(inner)} * ${uint(n * inner)} + id % ${divisor(inner)};
  var most = -32768;
  for (var k = 0u; k < ${uint(n)}; k++) {
    let i = first + k * ${uint(inner)};
    most = max(most, ${from.load(dtype, 'i')});
  }
  var sum = 0u;
  for (var k = 0u; k < ${uint(n)}; k++) {
    let i = first + k * ${uint(inner)};
    sum += power(most - ${from.load(dtype, 'i')});
  }
  ${found.word(`id * ${LINE_WORDS}u`)} = bitcast<u32>(most);
  ${found.word(`id * ${LINE_WORDS}u + 1u`)} = power_quotient(${30 + scale}u, sum).x;`,
  });
  const text = (): string => `  let line = i / ${divisor(n * inner)} * ${uint(inner)} + i % ${divisor(inner)};
  let e = power(${found.load('i32', `line * ${LINE_WORDS}u`)} - ${from.load(dtype, 'i')});
  let p = rshr64(umul64(e, ${found.word(`line * ${LINE_WORDS}u + 1u`)}), ${30 + scale - bits}u);
  return bitcast<i32>(min(p.x, ${uint(2 ** bits - 1)})) + ${int(zero)};`;
  ctx.elementsAt(to, ctx.type(y).dtype, elementCount(shape), [from, table, found], text, 0, functions);
};

/** Words of a group: R, t and S1. */
const GROUP_WORDS = 3;

/** D, t and R of each group of N consecutive elements (NUMERICS §1.6). */
const launchGroups = (ctx: Context, node: OpNode<'layer_norm_fixed'>, n: number, from: Region, found: Region): void => {
  const { dtype } = ctx.type(at(node.operands, 0));
  const { center, input_zero: zero, epsilon, epsilon_shift: places } = node.attrs;
  ctx.launch({
    invocations: found.slot.bytes / (4 * GROUP_WORDS),
    reads: [from],
    writes: found,
    functions: () => `${WIDE}${ROOTS}`,
    body: () => `  var sum = 0;
  var squares = vec2<u32>(0u, 0u);
  for (var k = 0u; k < ${uint(n)}; k++) {
    let i = id * ${uint(n)} + k;
    let v = ${from.load(dtype, 'i')} - ${int(zero)};
    sum += v;
    squares = add64(squares, bitcast<u32>(v * v), 0u);
  }
  let middle = ${center ? 'sum' : int(0)};
  let more = shl64(vec2<u32>(${uint(epsilon)}, 0u), ${uint(places)});
  var d = add64(sub64(scale64(squares, ${uint(n)}), mul64(middle, middle)), more.x, more.y);
  if (d.x == 0u && d.y == 0u) { d.x = 1u; }
  let length = select(32u - countLeadingZeros(d.x), 64u - countLeadingZeros(d.y), d.y != 0u);
  let t = bitcast<u32>(max(0, (50 - bitcast<i32>(length)) >> 1u));
  let root = isqrt64(shl64(d, 2u * t));
  ${found.word(`id * ${GROUP_WORDS}u`)} = power_quotient(50u, root).x;
  ${found.word(`id * ${GROUP_WORDS}u + 1u`)} = t;
  ${found.word(`id * ${GROUP_WORDS}u + 2u`)} = bitcast<u32>(middle);`,
  });
};

/** Layer, instance, group and RMS normalization: z = rshr((N v - S1) R, 39 - t), then gain and bias. */
export const lowerLayerNorm = (ctx: Context, node: OpNode<'layer_norm_fixed'>): void => {
  const [x, gain, bias, y] = [at(node.operands, 0), at(node.operands, 1), at(node.operands, 2), at(node.results, 0)];
  const { dtype, shape } = ctx.type(x);
  const { groups, input_zero: inputZero, shift, output_zero: zero, lo, hi } = node.attrs;
  const n = elementCount(shape.slice(axisOf(node.attrs.axis, shape.length))) / groups;
  const [from, gains, biases, to] = [ctx.use(x), ctx.use(gain), ctx.use(bias), ctx.use(y)];
  const count = elementCount(shape);
  if (count === 0) return;
  limitIterations(n + ROOT_BITS + QUOTIENT_BITS, `a group of ${n} elements`);
  const found = ctx.scratch((count / n) * GROUP_WORDS * 4);
  launchGroups(ctx, node, n, from, found);
  const word = (k: number): string => found.load('i32', `group * ${GROUP_WORDS}u + ${k}u`);
  const text = (): string => `  let group = i / ${divisor(n)};
  let gi = ${broadcastOffset(ctx.type(gain).shape, shape, 'i')};
  let bi = ${broadcastOffset(ctx.type(bias).shape, shape, 'i')};
  let v = ${from.load(dtype, 'i')} - ${int(inputZero)};
  let z = rshr64(mul64(${int(n)} * v - ${word(2)}, ${word(0)}), bitcast<u32>(39 - ${word(1)}));
  let b = widened(${biases.load('i32', 'bi')});
  let scaled = rshr64(add64(mul64(bitcast<i32>(z.x), ${gains.load('i16', 'gi')}), b.x, b.y), ${uint(shift)});
  let offset = widened(${int(zero)});
  return clamp64(add64(scaled, offset.x, offset.y), ${int(lo)}, ${int(hi)});`;
  ctx.elementsAt(to, ctx.type(y).dtype, count, [from, gains, biases, found], text, 0, WIDE);
};

/** Log 0, what counts as it, the greatest result, and what terms are cut to (NUMERICS §7). */
const LSE = { zero: -(2 ** 30), impossible: -(2 ** 29), most: 2 ** 30, cut: 40 * 65536 } as const;

/** 2^(-t / 65536) in Q23; the table falls. */
const downFunction = (table: Region): string => `fn exp2_down(t: u32) -> u32 {
  let i = (t >> 8u) & 255u;
  let next = i + 1u;
  let low = ${table.load('i32', 'i')};
  let u = low + (((${table.load('i32', 'next')} - low) * bitcast<i32>(t & 255u) + 128) >> 8u);
  return rshr64(vec2<u32>(bitcast<u32>(u), 0u), 7u + (t >> 16u)).x;
}
`;

/** Log-sum-exp of logarithms over axes. */
export const lowerLse = (ctx: Context, node: OpNode<'lse_fixed'>): void => {
  const [x, y] = [at(node.operands, 0), at(node.results, 0)];
  const { count, kept, inner } = reducedOffsets(ctx.type(x).shape, node.attrs.axes);
  const { fraction } = node.attrs;
  limitIterations((2 * count + 1) * LANES.i32, `a sum of ${count} elements`);
  const [from, to] = [ctx.use(x), ctx.use(y)];
  const [powers, logs] = [tableOf(ctx, EXP2_DOWN_TABLE), tableOf(ctx, LOG2_TABLE)];
  const impossible = int(LSE.impossible);
  const terms = (use: string): string => `  for (var k = 0u; k < ${uint(count)}; k++) {
    let e = base + ${inner};
    let a = ${from.load('i32', 'e')};
    ${use}
  }`;
  const text = (): string => `  let base = ${kept};
  var m = ${int(LSE.zero)};
${terms('m = max(m, a);')}
  if (m <= ${impossible}) { return ${int(LSE.zero)}; }
  var s = vec2<u32>(0u, 0u);
${terms(`if (a > ${impossible}) {
      let distance = min(bitcast<u32>(m) - bitcast<u32>(a), ${uint(64 * 2 ** fraction)});
      s = add64(s, exp2_down(min(rshr64(umul64(distance, ${uint(expFactor(fraction))}), 14u).x, ${uint(LSE.cut)})), 0u);
    }`)}
  let zeros = select(32u + countLeadingZeros(s.x), countLeadingZeros(s.y), s.y != 0u);
  let l = bitcast<i32>((40u - zeros) << 24u) + bitcast<i32>(log2_fraction(shl64(s, zeros).y));
  let part = widened(m);
  let sum = add64(rshr64(mul64(l, ${int(LN2_Q20)}), ${44 - fraction}u), part.x, part.y);
  return clamp64(sum, i32(-2147483648), ${int(LSE.most)});`;
  const functions = (): string => `${WIDE}${log2Functions(logs)}${downFunction(powers)}`;
  ctx.elementsAt(to, 'i32', ctx.count(y), [from, powers, logs], text, 2 * count, functions);
};
