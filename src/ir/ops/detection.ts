import { attr } from '../attr.ts';
import { range } from '../range.ts';
import { composite, constraint, type Decomposer, primitive, types, violates, type Wire } from '../schema.ts';
import type { Tensor } from '../types.ts';
import { describe, isOneOf, resultCount } from './util.ts';

// bound once: a look-up of the global in every step of an inner loop is slow where globals are proxied (jest)
const { fround, max, min } = Math;

type Format = 'corners' | 'diagonal' | 'center';

/** Least and greatest coordinate along both axes. Integer centres are doubled, so that halves stay whole. */
type Box = readonly [number, number, number, number];

const boxOf = (data: Tensor['data'], at: number, format: Format, float: boolean): Box => {
  const [a, b, c, d] = [data[at]!, data[at + 1]!, data[at + 2]!, data[at + 3]!];
  if (format === 'corners') return [a, b, c, d];
  if (format === 'diagonal') return [min(a, c), min(b, d), max(a, c), max(b, d)];
  if (!float) return [2 * a - c, 2 * b - d, 2 * a + c, 2 * b + d];
  const [w, h] = [fround(c / 2), fround(d / 2)];
  return [fround(a - w), fround(b - h), fround(a + w), fround(b + h)];
};

/** A length; 0 when negative or NaN. */
const positive = (v: number): number => (v > 0 ? v : 0);

const area = (a: number, b: number, c: number, d: number, round: (v: number) => number): number =>
  round(positive(round(c - a)) * positive(round(d - b)));

/** Overlap of two boxes and the area of both together. */
const overlap = (p: Box, q: Box, round: (v: number) => number): { inter: number; union: number } => {
  const inter = area(max(p[0], q[0]), max(p[1], q[1]), min(p[2], q[2]), min(p[3], q[3]), round);
  return { inter, union: round(round(area(...p, round) + area(...q, round)) - inter) };
};

const same = (v: number): number => v;

/** Intersection over union against the threshold: one rounded quotient, or integers multiplied crosswise. */
const suppresses = (p: Box, q: Box, threshold: number, inclusive: boolean, float: boolean): boolean => {
  const { inter, union } = overlap(p, q, float ? fround : same);
  const [left, right] = float ? [inter === 0 ? 0 : fround(inter / union), threshold] : [inter * 65536, threshold * union];
  return inclusive ? left >= right : left > right;
};

/** Boxes of one class in the order (score descending, index ascending), NaN left out. */
const candidates = (scores: Tensor, from: number, count: number, least: number | undefined): number[] => {
  const score = (i: number): number => scores.data[from + i]!;
  const all = Array.from({ length: count }, (_, i) => i).filter((i) => (least === undefined ? score(i) === score(i) : score(i) > least));
  return all.sort((i, j) => (score(i) < score(j) ? 1 : score(i) > score(j) ? -1 : i - j));
};

interface NmsAttrs {
  readonly format: Format;
  readonly inclusive: boolean;
  readonly max_out: number;
}

const suppress = (boxes: Tensor, scores: Tensor, iou: Tensor, least: Tensor | undefined, a: NmsAttrs, out: readonly Tensor[]): void => {
  const [indices, counts] = out;
  const [batch = 0, classes = 0, count = 0] = scores.shape;
  const float = boxes.dtype === 'f32';
  const threshold = float ? iou.data[0]! : max(0, min(iou.data[0]!, 65537));
  indices?.data.fill(-1);
  for (let k = 0; k < batch * classes; k++) {
    const first = Math.floor(k / classes) * count;
    const kept: Box[] = [];
    for (const i of candidates(scores, k * count, count, least?.data[0])) {
      if (kept.length === a.max_out) break;
      const box = boxOf(boxes.data, 4 * (first + i), a.format, float);
      if (kept.some((other) => suppresses(box, other, threshold, a.inclusive, float))) continue;
      if (indices !== undefined) indices.data[k * a.max_out + kept.length] = i;
      kept.push(box);
    }
    if (counts !== undefined) counts.data[k] = kept.length;
  }
};

const formatAttr = attr.oneOf(['corners', 'diagonal', 'center'], { default: 'corners' });
const f32 = (type: string, lo: number, hi: number) => ({ type, lo, hi });

/** One coordinate of boxes [N, 4] as [N, 1] or, of the second operand, [1, N]. */
const column = (b: Decomposer, boxes: Wire, i: number, across: boolean): Wire => {
  const taken = b.emit('slice', [boxes], { starts: [0, i], sizes: [-1, 1], steps: [1, 1] });
  return across ? b.emit('transpose', [taken], { perm: [1, 0] }) : taken;
};

const scalar = (b: Decomposer, value: number): Wire => b.constant({ dtype: 'f32', shape: [] }, [value]);

/** Ops on boxes. */
export const detection = {
  nms: primitive({
    code: 0x140,
    summary: 'Non-maximum suppression: the best boxes that do not overlap a better one too much.',
    doc:
      'boxes [B, N, 4], scores [B, K, N]; for each image and class the boxes are taken in the order (score descending, index ascending; NaN never, and with score_threshold only scores above it), and one is kept unless its overlap with one kept before is above iou_threshold (inclusive: at or above it). ' +
      'indices [B, K, max_out] are the first max_out kept boxes, then -1; counts [B, K] how many they are. ' +
      'Formats: corners (least, least, greatest, greatest; a negative length makes the area 0), diagonal (any two opposite corners), center (centre, centre, length, length); the order of the two axes does not matter. ' +
      'Float, each step rounded: iou = inter / union, union = (area + area) - inter, 0 where inter is 0. Integer: boxes i16, iou_threshold in 65536ths, clamped to [0, 65537]; inter * 65536 is compared with iou_threshold * union, exact in 53 bits; centres are doubled first (NUMERICS §1.5).',
    operands: ['boxes', 'scores', 'iou_threshold', 'score_threshold?'],
    results: ['indices', 'counts'],
    attrs: { format: formatAttr, inclusive: attr.bool({ default: false }), max_out: attr.int({ min: 0, max: 2 ** 20 }) },
    constraints: {
      c1: constraint('boxes are [B, N, 4] with a number N.', ['f32[1,5]', 'f32[1,2,5]', 'f32[]'], { max_out: 3 }),
      c2: constraint('scores are [B, K, N] with the B and N of boxes and a number K.', ['f32[1,5,4]', 'f32[1,2,6]', 'f32[]'], {
        max_out: 3,
      }),
      c3: constraint(
        'All are f32; or boxes i16, scores i8, u8, i16 or i32, iou_threshold i32, score_threshold of the dtype of scores.',
        ['f32[1,5,4]', 'i8[1,2,5]', 'f32[]'],
        { max_out: 3 },
      ),
      c4: constraint('The thresholds have one element.', ['f32[1,5,4]', 'f32[1,2,5]', 'f32[2]'], { max_out: 3 }),
    },
    infer: ([boxes, scores, iou, least], a) => {
      const [batch = 1, count] = boxes.shape;
      if (boxes.shape.length !== 3 || typeof count !== 'number' || boxes.shape[2] !== 4) return violates('c1', describe('boxes', boxes));
      const [images, classes, own] = scores.shape;
      if (scores.shape.length !== 3 || images !== batch || own !== count || typeof classes !== 'number')
        return violates('c2', `${describe('boxes', boxes)} but ${describe('scores', scores)}`);
      const float = [boxes, scores, iou].every((t) => t.dtype === 'f32');
      const whole = boxes.dtype === 'i16' && isOneOf(scores, 'i8', 'u8', 'i16', 'i32') && iou.dtype === 'i32';
      if (!(float || whole) || (least !== undefined && least.dtype !== scores.dtype))
        return violates('c3', `boxes are ${boxes.dtype}, scores ${scores.dtype}, iou_threshold ${iou.dtype}`);
      const single = [iou, ...(least === undefined ? [] : [least])].every((t) => t.shape.every((d) => d === 1));
      if (!single) return violates('c4', `${describe('iou_threshold', iou)}`);
      return types({ dtype: 'i32', shape: [batch, classes, a.max_out] }, { dtype: 'i32', shape: [batch, classes] });
    },
    evaluate: ([boxes, scores, iou, least], a, out) => suppress(boxes, scores, iou, least, a, out),
    range: (_o, a, context) => {
      const count = context.operandTypes[0]?.shape[1] ?? 0;
      return [range(-1, Math.max(-1, count - 1)), range(0, Math.min(count, a.max_out))];
    },
    // every box is compared with every kept one, and sorted among all
    weight: 2,
    cost: ([, scores], a) => {
      const [batch = 0, classes = 0, count = 0] = scores.shape;
      return batch * classes * count * (1 + 16 * Math.min(count, a.max_out) + 32);
    },
    samples: [
      { operands: [f32('f32[2,9,4]', 0, 4), f32('f32[2,2,9]', 0, 1), f32('f32[]', 0.1, 0.3)], attrs: { max_out: 5, format: 'diagonal' } },
      {
        operands: [f32('f32[1,8,4]', 0, 3), f32('f32[1,3,8]', 0, 1), f32('f32[1]', 0.2, 0.2), f32('f32[]', 0.5, 0.5)],
        attrs: { max_out: 8, format: 'center' },
      },
      { operands: ['f32[1,6,4]', 'f32[1,1,6]', f32('f32[]', 0, 0)], attrs: { max_out: 6, inclusive: true } },
      {
        operands: [f32('i16[2,9,4]', -20, 20), f32('i8[2,2,9]', 0, 3), f32('i32[]', 9000, 9000)],
        attrs: { max_out: 4, format: 'diagonal' },
      },
      {
        operands: ['i16[1,9,4]', 'i32[1,1,9]', f32('i32[]', 6000, 6000), 'i32[]'],
        attrs: { max_out: 9, format: 'center', inclusive: true },
      },
      { operands: ['i16[1,9,4]', 'u8[1,2,9]', 'i32[]'], attrs: { max_out: 3 } },
      { operands: ['f32[1,0,4]', 'f32[1,2,0]', 'f32[]'], attrs: { max_out: 2 } },
      { operands: ['f32[1,3,4]', 'f32[1,1,3]', 'f32[]'], attrs: { max_out: 0 } },
    ],
  }),

  box_iou: composite({
    code: 0x141,
    summary: 'Intersection over union of every pair of boxes.',
    doc: 'a [N, 4], b [M, 4] as (least, least, greatest, greatest); y [N, M]: inter / ((area a + area b) - inter), each step rounded, 0 where the boxes do not overlap; negative lengths count as 0.',
    operands: ['a', 'b'],
    attrs: {},
    constraints: {
      c1: constraint('a and b are f32 with two dimensions, the second 4.', ['f32[2,4]', 'f32[3,5]']),
    },
    infer: ([a, b]) => {
      const fits = [a, b].every((t) => t.dtype === 'f32' && t.shape.length === 2 && t.shape[1] === 4);
      return fits
        ? types({ dtype: 'f32', shape: [a.shape[0] ?? 0, b.shape[0] ?? 0] })
        : violates('c1', `${describe('a', a)}, ${describe('b', b)}`);
    },
    decompose: (b, [p, q]) => {
      const sides = [p, q].map((boxes, k) => [0, 1, 2, 3].map((i) => column(b, boxes, i, k === 1)));
      const [first = [], second = []] = sides;
      const zero = scalar(b, 0);
      const length = (from?: Wire, to?: Wire): Wire =>
        from === undefined || to === undefined ? zero : b.emit('maximum', [b.emit('sub', [to, from]), zero]);
      const areaOf = (s: readonly (Wire | undefined)[]): Wire => b.emit('mul', [length(s[0], s[2]), length(s[1], s[3])]);
      const pair = (op: string, i: number): Wire | undefined => {
        const [u, v] = [first[i], second[i]];
        return u === undefined || v === undefined ? undefined : b.emit(op, [u, v]);
      };
      const inter = areaOf([pair('maximum', 0), pair('maximum', 1), pair('minimum', 2), pair('minimum', 3)]);
      const union = b.emit('sub', [b.emit('add', [areaOf(first), areaOf(second)]), inter]);
      const none = b.emit('equal', [inter, zero]);
      return [b.emit('select', [none, zero, b.emit('div', [inter, union])])];
    },
    cost: (_o, _a, results) => 12 * resultCount(results),
    samples: [{ operands: [f32('f32[3,4]', 0, 4), f32('f32[5,4]', 0, 4)] }, { operands: ['f32[1,4]', 'f32[2,4]'] }],
  }),

  box_decode: composite({
    code: 0x142,
    summary: 'Boxes from anchors and regressed deltas.',
    doc:
      'anchors [N, 4] as (x1, y1, x2, y2), deltas [N, 4] as (dx, dy, dw, dh). With w = x2 - x1 and c = x1 + w / 2: centre = dx * w + c, length = exp(min(dw, limit)) * w; y = centre -+ length / 2, the same for y; each step rounded. ' +
      'Deltas are divided by their weights before this. limit is ln(1000 / 16) in Faster R-CNN (arXiv 1506.01497, torchvision BoxCoder).',
    operands: ['deltas', 'anchors'],
    attrs: { limit: attr.f32({ default: 4.135166645050049 }) },
    constraints: {
      c1: constraint('deltas and anchors are f32 [N, 4].', ['f32[2,4]', 'f32[3,4]']),
    },
    infer: ([deltas, anchors]) => {
      const [n, four] = deltas.shape;
      const fits = [deltas, anchors].every((t) => t.dtype === 'f32' && t.shape.length === 2) && four === 4;
      return fits && anchors.shape[0] === n && anchors.shape[1] === 4
        ? types(deltas)
        : violates('c1', `${describe('deltas', deltas)} but ${describe('anchors', anchors)}`);
    },
    decompose: (b, [deltas, anchors], a) => {
      const halves = (t: Wire, from: number): Wire => b.emit('slice', [t], { starts: [0, from], sizes: [-1, 2], steps: [1, 1] });
      const half = scalar(b, 0.5);
      const lengths = b.emit('sub', [halves(anchors, 2), halves(anchors, 0)]);
      const centres = b.emit('add', [halves(anchors, 0), b.emit('mul', [lengths, half])]);
      const moved = b.emit('add', [b.emit('mul', [halves(deltas, 0), lengths]), centres]);
      const grown = b.emit('mul', [b.emit('exp', [b.emit('minimum', [halves(deltas, 2), scalar(b, a.limit)])]), lengths]);
      const reach = b.emit('mul', [grown, half]);
      return [b.emit('concat', [b.emit('sub', [moved, reach]), b.emit('add', [moved, reach])], { axis: 1 })];
    },
    cost: (_o, _a, results) => 8 * resultCount(results),
    samples: [{ operands: ['f32[3,4]', f32('f32[3,4]', 0, 9)] }, { operands: ['f32[2,4]', 'f32[2,4]'], attrs: { limit: 1 } }],
  }),
} as const;
