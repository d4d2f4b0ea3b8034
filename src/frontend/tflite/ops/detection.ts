import type { ValueId } from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';
import type { TfliteNode } from '../node.ts';
import type { Made } from '../values.ts';
import type { TfliteOp, TfliteOps } from './row.ts';

/**
 * The best boxes that do not overlap a better one: boxes [N, 4], scores [N], greatest number, overlap from which a box goes, score
 * that it has to exceed. Results have the greatest number of entries; those behind the count are 0.
 */
const nonMaxSuppression = (n: TfliteNode): { readonly indices: Made; readonly scores: Made; readonly count: Made } => {
  const size = n.hostInt(2, 'the greatest number of boxes');
  const [boxCount = 0, sides] = n.shapeOf(0);
  if (n.rank(0) !== 2 || sides !== 4 || n.rank(1) !== 1 || n.shapeOf(1)[0] !== boxCount || size < 1)
    return n.malformed(`boxes are [${n.shapeOf(0).join(', ')}], scores [${n.shapeOf(1).join(', ')}], at most ${size} are wanted`);
  const scores = n.real(1);
  const threshold = (i: number): number => n.hostNumber(i, 'a threshold');
  // no score exceeds an infinite one, and every score exceeds the least
  const least = Math.max(-3.4028234663852886e38, Math.min(3.4028234663852886e38, threshold(4)));
  const results = n.emitAll(
    'nms',
    [n.reshape(n.real(0), [1, boxCount, 4]), n.reshape(scores, [1, 1, boxCount]), n.scalar(threshold(3)), n.scalar(least)],
    { max_out: size, format: 'diagonal', inclusive: true },
  );
  const indices = n.reshape(at(results, 0), [size]);
  const kept = n.emit('less_equal', [n.ints('zero', [], [0]), indices], {});
  const filled = n.emit('maximum', [indices, n.ints('zero', [], [0])], {});
  const chosen = n.emit('select', [kept, n.emit('gather', [scores, filled], { axis: 0 }), n.scalar(0)], {});
  return { indices: filled, scores: chosen, count: n.reshape(at(results, 1), []) };
};

export const detection = {
  NON_MAX_SUPPRESSION_V4: {
    import: (n) => {
      const { indices, count } = nonMaxSuppression(n);
      return [indices, count];
    },
  },
  NON_MAX_SUPPRESSION_V5: {
    import: (n) => {
      const sigma = n.hostNumber(5, 'sigma');
      if (sigma !== 0) return n.refuse(`sigma is ${sigma}: soft suppression is not supported`);
      const { indices, scores, count } = nonMaxSuppression(n);
      return [indices, scores, count];
    },
  },
} as const satisfies TfliteOps;

const OPTIONS = [
  'max_detections',
  'max_classes_per_detection',
  'detections_per_class',
  'use_regular_nms',
  'nms_score_threshold',
  'nms_iou_threshold',
  'num_classes',
  'y_scale',
  'x_scale',
  'h_scale',
  'w_scale',
  // of the converter
  '_output_quantized',
  '_support_output_type_float_in_quantized_op',
] as const;

/** The greatest float32 below a number above 0: a score has to reach the threshold, the op wants it exceeded. */
const below = (v: number): number => {
  const word = new DataView(new ArrayBuffer(4));
  word.setFloat32(0, v);
  word.setUint32(0, word.getUint32(0) - 1);
  return v > 0 ? word.getFloat32(0) : Math.fround(v - 1e-30);
};

/** Corners [N, 4] of boxes coded against anchors, both as centre and size (y, x, h, w) with scales (Liu et al. 2016, SSD). */
const decodedBoxes = (n: TfliteNode, option: (name: (typeof OPTIONS)[number]) => number): ValueId => {
  const count = at(n.shapeOf(0), 1);
  const columns = (x: ValueId): readonly ValueId[] => n.emitAll('split', [x], { axis: 1, sizes: [1, 1, 1, 1] });
  const coded = columns(n.reshape(n.real(0), [count, 4]));
  const anchors = columns(n.real(2));
  const scaled = (['y_scale', 'x_scale', 'h_scale', 'w_scale'] as const).map((s, i) =>
    n.emit('div', [at(coded, i), n.scalar(option(s))], {}),
  );
  const corners = [0, 1].map((k) => {
    const [size, centre] = [at(anchors, k + 2), at(anchors, k)];
    const middle = n.emit('add', [n.emit('mul', [at(scaled, k), size], {}), centre], {});
    const half = n.emit('mul', [n.emit('mul', [n.emit('exp', [at(scaled, k + 2)], {}), size], {}), n.scalar(0.5)], {});
    return [n.emit('sub', [middle, half], {}), n.emit('add', [middle, half], {})] as const;
  });
  return n.emit(
    'concat',
    [0, 1].flatMap((side) => corners.map((c) => at(c, side))),
    { axis: 1 },
  );
};

/** Scores [classes, N] without the background, which comes first where there is one more score than classes. */
const classScores = (n: TfliteNode, classes: number): ValueId => {
  const [, count = 0, all = 0] = n.shapeOf(1);
  if (all !== classes && all !== classes + 1) return n.malformed(`there are ${all} scores a box for ${classes} classes`);
  const scores = n.emit('slice', [n.reshape(n.real(1), [count, all])], {
    starts: [0, all - classes],
    sizes: [count, classes],
    steps: [1, 1],
  });
  return n.emit('transpose', [scores], { perm: [1, 0] });
};

const NONE = -3.4028234663852886e38;

/**
 * TFLite_Detection_PostProcess: decodes boxes, suppresses those that overlap better ones, gives the best of all classes (or, in the
 * fast form, of each box with its best class). Results: boxes, classes, scores, count; places behind the count are 0.
 */
const postProcess = (n: TfliteNode): readonly Made[] => {
  const map = n.customOptions(OPTIONS);
  const option = (name: (typeof OPTIONS)[number]): number => map.get(name) ?? n.malformed(`option ${name} is missing`);
  const [most, classes] = [option('max_detections'), option('num_classes')];
  const regular = (map.get('use_regular_nms') ?? 0) !== 0;
  const count = n.shapeOf(0)[1] ?? 0;
  if (n.rank(0) !== 3 || n.shapeOf(0)[2] !== 4 || n.rank(1) !== 3 || n.rank(2) !== 2 || n.shapeOf(0)[0] !== 1 || count < 1)
    return n.refuse(
      `boxes are [${n.shapeOf(0).join(', ')}], scores [${n.shapeOf(1).join(', ')}]: one image with 4 numbers a box is supported`,
    );
  if (!regular && option('max_classes_per_detection') !== 1) return n.refuse('max_classes_per_detection is not 1');
  if (!(most >= 1 && most <= 65_536 && classes >= 1)) return n.malformed(`max_detections is ${most}, num_classes ${classes}`);
  const boxes = decodedBoxes(n, option);
  const all = classScores(n, classes);
  const best = n.emit('argmax', [all], { axis: 0 });
  const rows = regular ? classes : 1;
  const scores = regular ? all : n.emit('reduce_max', [all], { axes: [0], keep: true });
  const perRow = regular ? Math.min(map.get('detections_per_class') ?? 100, most) : most;
  const thresholds = [n.scalar(option('nms_iou_threshold')), n.scalar(below(option('nms_score_threshold')))];
  const found = n.emitAll('nms', [n.reshape(boxes, [1, count, 4]), n.reshape(scores, [1, rows, count]), ...thresholds], {
    max_out: perRow,
    format: 'diagonal',
    inclusive: false,
  });
  const zero = n.ints('zero', [], [0]);
  const indices = n.reshape(at(found, 0), [rows, perRow]);
  const taken = n.emit('less_equal', [zero, indices], {});
  const places = n.emit('maximum', [indices, zero], {});
  const values = n.emit('select', [taken, n.emit('gather_elements', [scores, places], { axis: 1 }), n.scalar(NONE)], {});
  const total = rows * perRow;
  const missing = Math.max(0, most - total);
  const flat = n.emit('pad', [n.reshape(values, [total])], { pads: [0, missing], value: NONE });
  const sorted = n.emitAll('top_k', [flat], { k: most });
  return results(n, {
    boxes,
    most,
    flatPlaces: n.emit('pad', [n.reshape(places, [total])], { pads: [0, missing] }),
    kept: at(sorted, 0),
    order: at(sorted, 1),
    classOf: (box, place) =>
      regular ? n.emit('div_floor', [place, n.ints('row', [], [perRow])], {}) : n.emit('gather', [best, box], { axis: 0 }),
  });
};

interface Chosen {
  readonly boxes: ValueId;
  readonly most: number;
  readonly flatPlaces: ValueId;
  readonly kept: ValueId;
  readonly order: ValueId;
  readonly classOf: (box: ValueId, place: ValueId) => ValueId;
}

const results = (n: TfliteNode, { boxes, most, flatPlaces, kept, order, classOf }: Chosen): readonly Made[] => {
  const real = n.emit('less', [n.scalar(NONE), kept], {});
  const box = n.emit('gather', [flatPlaces, order], { axis: 0 });
  const zero = n.scalar(0);
  const chosen = n.emit('select', [n.reshape(real, [most, 1]), n.emit('gather', [boxes, box], { axis: 0 }), zero], {});
  const kind = n.emit('select', [real, n.as(classOf(box, order), 'f32'), zero], {});
  const score = n.emit('select', [real, kept, zero], {});
  const count = n.emit('reduce_sum', [n.as(real, 'f32')], { axes: [0], keep: true });
  return [n.reshape(chosen, [1, most, 4]), n.reshape(kind, [1, most]), n.reshape(score, [1, most]), count];
};

export const detectionPostProcess: TfliteOp = { import: postProcess };
