import type { OpNode } from '../../../../ir/index.ts';
import { at } from '../../../../support/index.ts';
import { type Context, refuse, type Region } from '../context.ts';
import { MOST_ITERATIONS, uint } from '../wgsl.ts';
import { WIDE } from './wide.ts';

type Nms = OpNode<'nms'>;

/** Least and greatest coordinates; centres are doubled, so that halves stay whole. */
const CORNERS: Readonly<Record<Nms['attrs']['format'], string>> = {
  corners: 'return v;',
  diagonal: 'return vec4<i32>(min(v.xy, v.zw), max(v.xy, v.zw));',
  center: 'return vec4<i32>(2 * v.xy - v.zw, 2 * v.xy + v.zw);',
};

/** Whether two boxes overlap too much: inter 2^16 against threshold times union, in 64 bits (NUMERICS §1.5). */
const overlapFunctions = (
  boxes: Region,
  threshold: Region,
  { format, inclusive }: Nms['attrs'],
): string => `${WIDE}fn box(index: u32) -> vec4<i32> {
  let a = index * 4u;
  let b = a + 1u;
  let c = a + 2u;
  let d = a + 3u;
  let v = vec4<i32>(${['a', 'b', 'c', 'd'].map((i) => boxes.load('i16', i)).join(', ')});
  ${CORNERS[format]}
}
fn area(b: vec4<i32>) -> vec2<u32> { return mul64(max(b.z - b.x, 0), max(b.w - b.y, 0)); }
fn suppresses(p: vec4<i32>, q: vec4<i32>) -> bool {
  let inter = area(vec4<i32>(max(p.xy, q.xy), min(p.zw, q.zw)));
  let second = area(q);
  let both = sub64(add64(area(p), second.x, second.y), inter);
  let limit = bitcast<u32>(clamp(${threshold.load('i32', '0u')}, 0, 65537));
  let left = shl64(inter, 16u);
  let right = scale64(both, limit);
  return ${inclusive ? '!less64(left, right)' : 'less64(right, left)'};
}
`;

/** The candidates of each class in their order (score descending, index ascending), -1 behind the last. */
const launchOrder = (ctx: Context, node: Nms, scores: Region, least: Region | undefined, order: Region): void => {
  const { dtype, shape } = ctx.type(at(node.operands, 1));
  const n = shape[2] ?? 0;
  const count = ctx.count(at(node.operands, 1));
  const above = (v: string): string => (least === undefined ? 'true' : `${v} > ${least.load(dtype, '0u')}`);
  const reads = least === undefined ? [scores] : [scores, least];
  const ranks = ctx.scratch(count * 4);
  const rank = (): string => `  let first = i / ${uint(n)} * ${uint(n)};
  let v = ${scores.load(dtype, 'i')};
  if (!(${above('v')})) { return -1; }
  var before = 0;
  for (var place = first; place < first + ${uint(n)}; place++) {
    let other = ${scores.load(dtype, 'place')};
    before += select(0, 1, other > v || (other == v && place < i));
  }
  return before;`;
  ctx.elementsAt(ranks, 'i32', count, reads, rank, n);
  const find = (): string => `  let first = i / ${uint(n)} * ${uint(n)};
  var found = -1;
  for (var k = 0u; k < ${uint(n)}; k++) {
    let place = first + k;
    if (${ranks.load('i32', 'place')} == bitcast<i32>(i - first)) { found = bitcast<i32>(k); }
  }
  return found;`;
  ctx.elementsAt(order, 'i32', count, [ranks], find, n);
};

/**
 * Non-maximum suppression: what is kept is compared with what was kept before, in the order of the candidates, by one invocation for each
 * class; long lists in several kernels, which go on where those before them ended.
 */
export const lowerNms = (ctx: Context, node: Nms): void => {
  const [boxes, scores, iou, least] = [at(node.operands, 0), at(node.operands, 1), at(node.operands, 2), node.operands[3]];
  const [indices, counts] = [at(node.results, 0), at(node.results, 1)];
  if (ctx.type(boxes).dtype === 'f32') refuse('f32');
  const { max_out: most } = node.attrs;
  const [, classes = 0, n = 0] = ctx.type(scores).shape;
  const [rb, rs, ri, to, kept] = [ctx.use(boxes), ctx.use(scores), ctx.use(iou), ctx.use(indices), ctx.use(counts)];
  const limit = least === undefined ? undefined : ctx.use(least);
  if (Math.min(most, n) >= MOST_ITERATIONS) refuse(`${most} boxes are kept, more than ${MOST_ITERATIONS}`);
  ctx.elementsAt(to, 'i32', ctx.count(indices), [], () => '  return -1;');
  ctx.elementsAt(kept, 'i32', ctx.count(counts), [], () => '  return 0;');
  if (n === 0 || most === 0) return;
  const order = ctx.scratch(ctx.count(scores) * 4);
  launchOrder(ctx, node, rs, limit, order);
  const part = Math.max(1, Math.floor(MOST_ITERATIONS / (Math.min(most, n) + 1)));
  for (let first = 0; first < n; first += part) {
    const last = Math.min(first + part, n);
    ctx.launch({
      invocations: ctx.count(counts),
      reads: [rb, ri, order, to],
      writes: kept,
      functions: () => overlapFunctions(rb, ri, node.attrs),
      body: () => `  let boxes = id / ${uint(classes)} * ${uint(n)};
  var count = ${kept.word('id')};
  for (var k = ${uint(first)}; k < ${uint(last)} && count < ${uint(most)}; k++) {
    let place = id * ${uint(n)} + k;
    let candidate = ${order.load('i32', 'place')};
    if (candidate < 0) { break; }
    let own = box(boxes + bitcast<u32>(candidate));
    var free = true;
    for (var q = 0u; q < count && free; q++) {
      let earlier = id * ${uint(most)} + q;
      free = !suppresses(own, box(boxes + ${to.word('earlier')}));
    }
    if (free) {
      let next = id * ${uint(most)} + count;
      ${to.word('next')} = bitcast<u32>(candidate);
      count++;
    }
  }
  ${kept.word('id')} = count;`,
    });
  }
};
