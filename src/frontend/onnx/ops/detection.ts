import { evaluateNode, type StaticType, type Tensor } from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';
import { type HostTensor, makeHost } from '../elem.ts';
import type { OnnxNode } from '../node.ts';
import type { OnnxOps } from './row.ts';

/** Comparisons of boxes that an import may cost. */
const MAX_COMPARISONS = 2 ** 27;

const PADDED = [
  'How many boxes are selected depends on the data, and a program has fixed shapes.',
  'Cut the model before this node and use the op nms in .mrl: its result has max_out places, filled up with -1, and a count.',
];

/** Boxes or scores, when the model or the import options fix them. */
const known = (n: OnnxNode, i: number, what: string): Tensor => {
  const { host, name } = n.input(i);
  if (host === undefined) return n.unknown(`${what} (input ${i}, ${name})`, PADDED);
  if (host.elem !== 'float' || host.shape.length !== 3)
    return n.malformed(`${what} (input ${i}) are ${host.elem}[${host.shape.join(', ')}]`);
  return { dtype: 'f32', shape: host.shape, data: Float32Array.from(host.data) };
};

const threshold = (n: OnnxNode, i: number, what: string): Tensor => ({
  dtype: 'f32',
  shape: [],
  data: Float32Array.of(n.has(i) ? n.hostScalar(i, what) : 0),
});

/** One row (image, class, box) for each selected box. */
const rowsOf = (indices: Tensor, counts: Tensor): HostTensor => {
  const [, classes = 1, places = 0] = indices.shape;
  const total = Array.from(counts.data).reduce((sum, c) => sum + c, 0);
  const data = makeHost('int64', 3 * total);
  let row = 0;
  counts.data.forEach((count, k) => {
    for (let j = 0; j < count; j++, row++) data.set([Math.floor(k / classes), k % classes, at(indices.data, k * places + j)], 3 * row);
  });
  return { elem: 'int64', shape: [total, 3], data };
};

/** The result has as many rows as boxes are selected, so it is known only when boxes and scores are: then it is computed here. */
const nonMaxSuppression = (n: OnnxNode): HostTensor => {
  const format = n.int('center_point_box', 0) === 0 ? 'diagonal' : 'center';
  const [boxes, scores] = [known(n, 0, 'boxes'), known(n, 1, 'scores')];
  const [batch = 0, classes = 0, count = 0] = scores.shape;
  if (boxes.shape[0] !== batch || boxes.shape[1] !== count || boxes.shape[2] !== 4)
    return n.malformed(`boxes are [${boxes.shape.join(', ')}] but scores are [${scores.shape.join(', ')}]`);
  const wanted = n.has(2) ? n.hostScalar(2, 'max_output_boxes_per_class') : 0;
  const most = Math.min(Math.max(wanted, 0), count);
  const comparisons = batch * classes * count * most;
  if (comparisons > MAX_COMPARISONS) return n.refuse(`${comparisons} comparisons of boxes at import, more than ${MAX_COMPARISONS}`);
  const operands = [boxes, scores, threshold(n, 3, 'iou_threshold'), ...(n.has(4) ? [threshold(n, 4, 'score_threshold')] : [])];
  const types: readonly StaticType[] = [
    { dtype: 'i32', shape: [batch, classes, most] },
    { dtype: 'i32', shape: [batch, classes] },
  ];
  const [indices, counts] = evaluateNode('nms', operands, { format, inclusive: false, max_out: most }, types);
  return indices === undefined || counts === undefined ? n.malformed('it has no results') : rowsOf(indices, counts);
};

export const detection = {
  NonMaxSuppression: { since: [10, 11], import: (n) => [{ host: nonMaxSuppression(n) }] },
} as const satisfies OnnxOps;
