import type { ValueId } from '../../../ir/index.ts';
import { elemByCode, type ElemName, elemOf, otherElemName } from '../elem.ts';
import type { OnnxNode } from '../node.ts';
import type { Made } from '../values.ts';
import type { OnnxOps } from './row.ts';
import { floatWire } from './util.ts';

/**
 * Random operators draw from Philox4x32-10 with the seed of one model input, `seed: i32[2]`, that the import adds
 * (ONX3006): a program has no hidden state. The n-th random node of the model, in topological order, has op_id n.
 */
const lane = (n: OnnxNode): { readonly op_id: number; readonly stream: number } => {
  if (n.hasAttr('seed')) n.approximate('attribute seed is of another generator: the draws come from the model input seed');
  n.ignore('seed');
  return { op_id: n.session.nextRandom(), stream: 0 };
};

const elemAttr = (n: OnnxNode, fallback: ElemName): ElemName => {
  if (!n.hasAttr('dtype')) return fallback;
  const code = n.int('dtype');
  return elemByCode(code) ?? n.refuse(`dtype is ${otherElemName(code) ?? code}`);
};

/** The element type of a draw of real numbers. */
const realAttr = (n: OnnxNode, fallback: ElemName): ElemName => {
  const elem = elemAttr(n, fallback);
  return elemOf(elem).kind === 'float' ? elem : n.malformed(`dtype is ${elem}, but the operator makes float types`);
};

const shapeAttr = (n: OnnxNode): readonly number[] => n.ints('shape') ?? n.malformed('attribute shape is missing');

const uniform = (n: OnnxNode, shape: readonly number[], elem: ElemName): Made => {
  const [low, high] = [n.float('low', 0), n.float('high', 1)];
  if (!(low < high && Number.isFinite(Math.fround(high - low)))) return n.refuse(`low is ${low} and high is ${high}`);
  return { value: n.emit('random_uniform', [n.session.seed()], { shape, low, high, ...lane(n) }), elem };
};

const normal = (n: OnnxNode, shape: readonly number[], elem: ElemName): Made => {
  const [mean, scale] = [n.float('mean', 0), n.float('scale', 1)];
  return { value: n.emit('random_normal', [n.session.seed()], { shape, mean, scale, ...lane(n) }), elem };
};

/** A like-operator takes the shape of its input, and its element type unless told another. */
const like = (make: typeof uniform) => (n: OnnxNode) => [make(n, n.staticShape(0), realAttr(n, n.elem(0)))];
const plain = (make: typeof uniform) => (n: OnnxNode) => [make(n, shapeAttr(n), realAttr(n, 'float'))];

const bernoulli = (n: OnnxNode): Made => {
  const shape = n.staticShape(0);
  const elem = elemAttr(n, n.elem(0));
  const p = floatWire(n, 0);
  return { value: n.emit('random_bernoulli', [n.session.seed(), p], { shape, dtype: elemOf(elem).dtype, ...lane(n) }), elem };
};

/** One draw per sample: the greatest of log weight + Gumbel noise, independent noise for each (Gumbel-max). */
const multinomial = (n: OnnxNode): Made => {
  const elem = elemAttr(n, 'int32');
  if (elem !== 'int32' && elem !== 'int64') return n.malformed(`dtype is ${elem}, but the operator makes int32 or int64`);
  const [batch, classes] = n.staticShape(0);
  if (n.rank(0) !== 2 || batch === undefined || classes === undefined) return n.malformed(`input 0 has rank ${n.rank(0)}, not 2`);
  if (classes === 0) return n.refuse('there are no classes');
  const samples = n.int('sample_size', 1);
  if (!(samples >= 1 && samples <= 2 ** 20)) return n.refuse(`sample_size is ${samples}`);
  const logits: ValueId = n.reshape(floatWire(n, 0), [batch, 1, classes]);
  const noise = n.emit('random_gumbel', [n.session.seed()], { shape: [batch, samples, classes], ...lane(n) });
  return { value: n.emit('argmax', [n.emit('add', [logits, noise], {})], { axis: 2, keep: false }), elem };
};

export const random = {
  RandomUniform: { since: [1, 22], import: plain(uniform) },
  RandomUniformLike: { since: [1, 22], import: like(uniform) },
  RandomNormal: { since: [1, 22], import: plain(normal) },
  RandomNormalLike: { since: [1, 22], import: like(normal) },
  Bernoulli: { since: [15, 22], import: (n) => [bernoulli(n)] },
  Multinomial: { since: [7, 22], import: (n) => [multinomial(n)] },
} as const satisfies OnnxOps;
