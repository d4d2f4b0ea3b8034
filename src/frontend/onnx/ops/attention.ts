import { type Dim, DTYPE_INFO, type ValueId } from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';
import type { OnnxNode } from '../node.ts';
import type { Made } from '../values.ts';
import { cache, clampInts, counted } from './cache.ts';
import { linearAttention } from './linear-attention.ts';
import type { OnnxOps } from './row.ts';
import { floatWire, span } from './util.ts';

/** Stages of the scores by qk_matmul_output_mode. */
const STAGES = ['product', 'capped', 'biased', 'probability'] as const;
const PRECISIONS = [1, 10, 11, 16];
const DOUBLE = 11;

/** [batch, tokens, heads * size] as [batch, heads, tokens, size]. */
const splitHeads = (n: OnnxNode, x: ValueId, i: number, heads: number): ValueId => {
  const [batch = 1, tokens = 1, hidden = 0] = n.typeOf(x).shape;
  if (typeof tokens === 'string' || typeof hidden === 'string') return n.unbound([tokens, hidden], ` of input ${i}`);
  if (heads < 1 || hidden % heads !== 0) return n.malformed(`input ${i} has ${hidden} features for ${heads} heads`);
  return n.emit('transpose', [n.reshape(x, [batch, tokens, heads, hidden / heads])], { perm: [0, 2, 1, 3] });
};

/** [batch, heads, tokens, size] as [batch, tokens, heads * size]. */
const joinHeads = (n: OnnxNode, x: ValueId): ValueId => {
  const [batch = 1, heads, tokens = 1, size] = n.typeOf(x).shape;
  return n.reshape(n.emit('transpose', [x], { perm: [0, 2, 1, 3] }), [batch, tokens, Number(heads) * Number(size)]);
};

/** Query, key and value with their heads apart: inputs of rank 3 have them side by side. */
const headsOf = (n: OnnxNode): readonly ValueId[] => {
  const rank = n.rank(0);
  if (![3, 4].includes(rank) || n.rank(1) !== rank || n.rank(2) !== rank)
    return n.malformed(`Q, K and V have ranks ${n.rank(0)}, ${n.rank(1)} and ${n.rank(2)}, but all have rank 3 or all rank 4`);
  const declared = [n.int('q_num_heads', 0), n.int('kv_num_heads', 0), n.int('kv_num_heads', 0)];
  return declared.map((heads, i) => {
    const x = floatWire(n, i);
    if (rank === 3) return splitHeads(n, x, i, heads);
    const own = n.shapeOf(i)[1];
    return heads === 0 || heads === own
      ? x
      : n.malformed(`${i === 0 ? 'q' : 'kv'}_num_heads is ${heads}, but input ${i} has ${String(own)} heads`);
  });
};

/** The cached tokens, then the new ones. */
const withPast = (n: OnnxNode, x: ValueId, i: number): ValueId => {
  if (!n.has(i)) return x;
  return n.rank(i) === 4 ? n.emit('concat', [floatWire(n, i), x], { axis: 2 }) : n.malformed(`input ${i} has rank ${n.rank(i)}, not 4`);
};

interface Sizes {
  readonly batch: Dim;
  readonly queries: number;
  readonly keys: number;
  readonly past: number;
}

const sizesOf = (n: OnnxNode, q: ValueId, key: ValueId): Sizes => {
  const [batch = 1, heads = 1, queries = 1, size = 1] = n.typeOf(q).shape;
  const [, groups = 1, keys = 1] = n.typeOf(key).shape;
  const past = n.has(4) ? at(n.shapeOf(4), 2) : 0;
  if (typeof queries === 'string' || typeof keys === 'string' || typeof past === 'string' || typeof heads === 'string')
    return n.unbound([heads, queries, keys, past]);
  if (typeof groups === 'string' || typeof size === 'string') return n.unbound([groups, size]);
  return { batch, queries, keys, past };
};

const negativeInfinity = (n: OnnxNode): ValueId => n.scalar(Number.NEGATIVE_INFINITY);

/** The mask over all keys. From version 24 on it may be shorter: no query sees the keys beyond it. */
const maskOf = (n: OnnxNode, keys: number): ValueId | undefined => {
  if (!n.has(3)) return undefined;
  const mask = n.wire(3);
  const { dtype, shape } = n.typeOf(mask);
  const own = shape.at(-1);
  if (dtype !== 'bool' && dtype !== 'f32')
    return n.refuse(`the mask (input 3) is ${n.elem(3)}, but only bool and float types are supported`);
  if (own === keys || (n.since < 24 && own === 1)) return mask;
  if (n.since < 24 || typeof own !== 'number' || own > keys)
    return n.malformed(`the mask has ${String(own)} entries in its last dimension, but there are ${keys} keys`);
  const pads = span(0, 2 * shape.length).map((i) => (i === 2 * shape.length - 1 ? keys - own : 0));
  const padded = n.emit('pad', [mask], { pads, value: 0 });
  if (dtype === 'bool') return padded;
  if (!n.session.budget.take(keys)) return n.refuse(`a mask of ${keys} keys is too large`);
  const beyond = DTYPE_INFO.f32.make(keys).fill(Number.NEGATIVE_INFINITY, own);
  return n.emit('add', [padded, n.session.param('beyond', { dtype: 'f32', shape: [keys], data: beyond })], {});
};

/** Keys to the left and right of a query that it may see; -1: all. Causal: none to the right. */
const windowOf = (n: OnnxNode): { readonly left: number; readonly right: number } => {
  const causal = n.int('is_causal', 0) !== 0;
  const [left, right] = n.since < 25 ? [-1, -1] : [n.int('left_window_size', -1), n.int('right_window_size', -1)];
  if (left < -1 || right < -1) return n.malformed(`the window sizes are ${left} and ${right}, but the least is -1`);
  return { left, right: causal ? 0 : right };
};

/**
 * Which keys a query may see where each sample has its own number of valid keys, nonpad_kv_seqlen: key j < nonpad, and
 * within the window around position nonpad - queries + i of query i.
 */
const validKeys = (n: OnnxNode, { batch, queries, keys }: Sizes, left: number, right: number): ValueId => {
  if (n.has(4)) return n.malformed('nonpad_kv_seqlen (input 6) and past_key (input 4) exclude each other');
  if (n.rank(6) !== 1 || n.shapeOf(6)[0] !== batch)
    return n.malformed(`nonpad_kv_seqlen (input 6) has shape [${n.shapeOf(6).join(', ')}], but there are ${batch} samples`);
  const nonpad = clampInts(n, n.reshape(n.wire(6), [batch, 1, 1, 1]), 0, keys);
  const positions = counted(n, 'keys', [keys]);
  const limit = (offset: number): ValueId =>
    n.emit('add', [nonpad, counted(n, 'limits', [queries, 1], Math.max(-keys - queries, Math.min(keys, offset - queries)))], {});
  const tests = [
    n.emit('less', [positions, nonpad], {}),
    ...(right < 0 ? [] : [n.emit('less_equal', [positions, limit(right)], {})]),
    ...(left < 0 ? [] : [n.emit('less_equal', [limit(-left), positions], {})]),
  ];
  return tests.reduce((all, test) => n.emit('logical_and', [all, test], {}));
};

/** Mask and valid keys in one. */
const restricted = (n: OnnxNode, mask: ValueId | undefined, valid: ValueId): ValueId => {
  if (mask === undefined) return valid;
  return n.typeOf(mask).dtype === 'bool'
    ? n.emit('logical_and', [mask, valid], {})
    : n.emit('select', [valid, mask, negativeInfinity(n)], {});
};

const checkPrecision = (n: OnnxNode): void => {
  if (!n.hasAttr('softmax_precision')) return;
  const precision = n.int('softmax_precision');
  if (!PRECISIONS.includes(precision)) n.malformed(`softmax_precision is ${precision}, but it is 1, 10, 11 or 16`);
  if (precision === DOUBLE && n.elem(0) !== 'double') n.approximate('softmax is computed in float32, not double');
};

/** A factor that is stored as it is given: 0 stands for the default. */
const scaleOf = (n: OnnxNode): number => {
  if (!n.hasAttr('scale')) return 0;
  const scale = n.float('scale');
  return scale > 0 ? scale : n.refuse(`scale is ${scale}, but only scales above 0 are supported`);
};

const softcapOf = (n: OnnxNode): number => {
  const cap = n.float('softcap', 0);
  return cap >= 0 && Number.isFinite(cap) ? cap : n.refuse(`softcap is ${cap}`);
};

const importAttention = (n: OnnxNode): readonly Made[] => {
  const [q, k, v] = headsOf(n);
  if (q === undefined || k === undefined || v === undefined) return n.malformed('an input is missing');
  if (n.has(4) !== n.has(5)) return n.malformed('past_key (input 4) and past_value (input 5) need each other');
  if (n.since < 24 && n.inputCount > 6) return n.malformed(`it has ${n.inputCount} inputs, but nonpad_kv_seqlen is one from opset 24 on`);
  const [key, value] = [withPast(n, k, 4), withPast(n, v, 5)];
  const sizes = sizesOf(n, q, key);
  checkPrecision(n);
  const mode = n.int('qk_matmul_output_mode', 0);
  const stage = STAGES[mode] ?? n.malformed(`qk_matmul_output_mode is ${mode}, but it is 0 to 3`);
  const { left, right } = windowOf(n);
  const given = maskOf(n, sizes.keys);
  const padded = n.has(6);
  const mask = padded ? restricted(n, given, validKeys(n, sizes, left, right)) : given;
  const [y, scores] = n.emitAll('attention', [q, key, value, ...(mask === undefined ? [] : [mask])], {
    scale: scaleOf(n),
    softcap: softcapOf(n),
    ...(padded ? {} : { left, right, past: left < 0 && right < 0 ? 0 : sizes.past }),
    scores: n.outputCount > 3 ? stage : 'none',
  });
  if (y === undefined) return n.malformed('it has no result');
  return [n.rank(0) === 3 ? joinHeads(n, y) : y, key, value, ...(scores === undefined ? [] : [scores])];
};

/** Cosines or sines of every token, with a dimension for the heads: [batch, tokens, …] or, behind the heads, [batch, 1, tokens, …]. */
const anglesOf = (n: OnnxNode, i: number, headsFirst: boolean): ValueId => {
  const table = floatWire(n, i);
  if (!n.has(3) && n.rank(i) !== 3) return n.malformed(`input ${i} has rank ${n.rank(i)}, but without position_ids it is 3`);
  if (n.has(3) && (n.rank(i) !== 2 || n.rank(3) !== 2)) return n.malformed(`with position_ids, inputs ${i} and 3 have rank 2`);
  const perToken = n.has(3) ? n.emit('gather', [table, n.wire(3)], { axis: 0 }) : table;
  return n.emit('unsqueeze', [perToken], { axes: [headsFirst ? 1 : 2] });
};

const rotaryEmbedding = (n: OnnxNode): ValueId => {
  const [rank, heads] = [n.rank(0), n.int('num_heads', 0)];
  const [batch = 1, second = 1, third = 0] = n.shapeOf(0);
  if (rank !== 3 && rank !== 4) return n.malformed(`input 0 has rank ${rank}, not 3 or 4`);
  if (rank === 3 && (typeof third === 'string' || heads < 1 || third % heads !== 0))
    return n.malformed(`input 0 has ${third} features for ${heads} heads (num_heads)`);
  const x = floatWire(n, 0);
  const apart = rank === 4 ? x : n.reshape(x, [batch, second, heads, Number(third) / heads]);
  const size = n.typeOf(apart).shape.at(-1);
  const wanted = n.int('rotary_embedding_dim', 0);
  const angles = [1, 2].map((i) => anglesOf(n, i, rank === 4));
  const half = n.shapeOf(1).at(-1);
  if (Number(half) * 2 !== (wanted === 0 ? size : wanted))
    return n.malformed(
      `${wanted === 0 ? `the head size is ${size}` : `rotary_embedding_dim is ${wanted}`}, but cos_cache has ${half} columns`,
    );
  const y = n.emit('rotary_embedding', [apart, ...angles], { interleaved: n.int('interleaved', 0) !== 0 });
  return rank === 4 ? y : n.reshape(y, n.shapeOf(0));
};

export const attention = {
  Attention: { since: [23, 24, 25], import: importAttention },
  RotaryEmbedding: { since: [23], import: (n) => [rotaryEmbedding(n)] },
  ...linearAttention,
  ...cache,
} as const satisfies OnnxOps;
