import { DTYPE_INFO, type OpNode } from '../../../../ir/index.ts';
import { at } from '../../../../support/index.ts';
import { type Context, refuse, type Region } from '../context.ts';
import { int } from '../wgsl.ts';
import { broadcastOffset } from './strided.ts';

const ROUNDS = 10;

/** Word e & 3 of block e >> 2 of Philox4x32-10 (NUMERICS §1.8; Salmon et al., SC 2011), as a function of e. */
const wordFunction = (seed: Region, lane: { readonly op_id: number; readonly stream: number }): string => `fn random(e: u32) -> u32 {
  var c = vec4<u32>(e >> 2u, 0u, bitcast<u32>(${int(lane.op_id)}), bitcast<u32>(${int(lane.stream)}));
  var k = vec2<u32>(${seed.word('0u')}, ${seed.word('1u')});
  for (var round = 0u; round < ${ROUNDS}u; round++) {
    c = vec4<u32>(mulhi(0xcd9e8d57u, c.z) ^ c.y ^ k.x, 0xcd9e8d57u * c.z, mulhi(0xd2511f53u, c.x) ^ c.w ^ k.y, 0xd2511f53u * c.x);
    k += vec2<u32>(0x9e3779b9u, 0xbb67ae85u);
  }
  return c[e & 3u];
}
`;

const elements = (ctx: Context, node: OpNode<'random_bits' | 'random_int' | 'random_bernoulli'>, text: () => string): void => {
  const [seed, y] = [at(node.operands, 0), at(node.results, 0)];
  const region = ctx.use(seed);
  const reads = node.operands.map((v) => ctx.use(v));
  ctx.elementsAt(ctx.use(y), ctx.type(y).dtype, ctx.count(y), reads, text, ROUNDS, () => wordFunction(region, node.attrs));
};

/** The top bits of the word that the dtype holds. */
export const lowerRandomBits = (ctx: Context, node: OpNode<'random_bits'>): void => {
  const { dtype } = node.attrs;
  const shift = dtype === 'bool' ? 31 : 32 - 8 * DTYPE_INFO[dtype].bytes;
  elements(ctx, node, () => `  return bitcast<i32>(random(i) >> ${shift}u);`);
};

/** low + floor(w (high - low) / 2^32). */
export const lowerRandomInt = (ctx: Context, node: OpNode<'random_int'>): void => {
  const { low, high } = node.attrs;
  elements(ctx, node, () => `  return ${int(low)} + bitcast<i32>(mulhi(random(i), ${high - low}u));`);
};

/** 1 where the word is below the threshold, whose bits are a u32. */
export const lowerRandomBernoulli = (ctx: Context, node: OpNode<'random_bernoulli'>): void => {
  const p = at(node.operands, 1);
  const [{ dtype, shape }, region] = [ctx.type(p), ctx.use(p)];
  if (dtype === 'f32') refuse('probabilities of f32');
  const { shape: out } = ctx.type(at(node.results, 0));
  elements(ctx, node, () => `  let o = ${broadcastOffset(shape, out, 'i')};\n  return select(0, 1, random(i) < ${region.word('o')});`);
};
