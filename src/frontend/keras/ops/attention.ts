import type { ValueId } from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';
import { ELEMS } from '../../host-tensor.ts';
import type { Made } from '../../import-session.ts';
import type { LayerRow, LayerTable } from '../../layer-graph.ts';
import type { LayerNode } from '../../layer-node.ts';
import { textOf, wholeOf } from '../../tf-row.ts';
import { field } from '../json.ts';
import { flagOf, someOf, weight, weightHost } from './util.ts';

/** The input that an argument of the call is; positional ones come in order. */
const argument = (n: LayerNode, name: string, place: number): number | undefined => {
  const named = field(n.attribute(`call.${name}`), 'tensor');
  if (typeof named === 'number') return named;
  if (named !== undefined) return n.malformed(`${name} is no tensor`);
  // inputs that are named are not counted by place
  const positional =
    n.inputCount -
    ['query', 'value', 'key', 'attention_mask'].filter((k) => field(n.attribute(`call.${k}`), 'tensor') !== undefined).length;
  return place < positional ? place : undefined;
};

/** [batch, tokens, features] through weights [features, heads, size], as [batch, heads, tokens, size]. */
const heads = (n: LayerNode, i: number, part: string, count: number, size: number): ValueId => {
  const [batch = 1, tokens = 1, features = 1] =
    n.rank(i) === 3 ? n.shapeOf(i) : n.refuse(`input ${i} has rank ${n.rank(i)}, but 3 is supported`);
  const w = weight(n, `${part}/kernel`, [features, count, size], 'weight', { as: [features, count * size], perm: [1, 0], fanIn: features });
  const bias = flagOf(n, 'use_bias', true) ? [weight(n, `${part}/bias`, [count, size], 'shift', { as: [count * size] })] : [];
  const y = n.emit('dense', [n.real(i), w, ...bias], {});
  return n.emit('transpose', [n.reshape(y, [batch, tokens, count, size])], { perm: [0, 2, 1, 3] });
};

/** A mask [batch, queries, keys] or [queries, keys], true where a query may look. */
const maskOf = (n: LayerNode, i: number): ValueId => {
  if (ELEMS[n.elem(i)].kind === 'float') return n.refuse('the mask is not of bool');
  const shape = n.shapeOf(i);
  const mask = n.as(n.x(i), 'bool');
  if (shape.length === 3) return n.reshape(mask, [at(shape, 0), 1, at(shape, 1), at(shape, 2)]);
  return shape.length === 2 || shape.length === 4 ? mask : n.refuse(`the mask has rank ${shape.length}`);
};

const multiHead = (n: LayerNode): readonly Made[] => {
  n.ignore('query_shape', 'key_shape', 'value_shape', 'softmax_robust_masking', 'flash_attention');
  if (flagOf(n, 'use_gate')) return n.refuse('use_gate is set');
  const axes = someOf(n, 'attention_axes', [1]);
  if (axes.join() !== '1') return n.refuse(`attention_axes is [${axes.join(', ')}]`);
  const [count, size] = [wholeOf(n, 'num_heads'), wholeOf(n, 'key_dim')];
  const width = wholeOf(n, 'value_dim', size);
  if (count < 1 || size < 1 || width < 1) return n.malformed(`it has ${count} heads of ${size} and ${width} features`);
  const query = argument(n, 'query', 0) ?? n.malformed('query is missing');
  const value = argument(n, 'value', 1) ?? n.malformed('value is missing');
  const key = argument(n, 'key', 2) ?? value;
  const mask = argument(n, 'attention_mask', 3);
  const causal = flagOf(n, 'call.use_causal_mask');
  const scored = flagOf(n, 'call.return_attention_scores');
  const operands = [heads(n, query, 'query', count, size), heads(n, key, 'key', count, size), heads(n, value, 'value', count, width)];
  const [y, scores] = n.emitAll('attention', [...operands, ...(mask === undefined ? [] : [maskOf(n, mask)])], {
    right: causal ? 0 : -1,
    scores: scored ? 'probability' : 'none',
  });
  const joined = y === undefined ? n.malformed('no result') : n.emit('transpose', [y], { perm: [0, 2, 1, 3] });
  const [batch = 1, tokens = 1] = n.shapeOf(query);
  const [outputs = 1, ...more] = someOf(n, 'output_shape', [at(n.shapeOf(query), 2)]);
  if (more.length > 0) return n.refuse(`output_shape is [${[outputs, ...more].join(', ')}]`);
  const w = weight(n, 'output/kernel', [count, width, outputs], 'weight', {
    as: [count * width, outputs],
    perm: [1, 0],
    fanIn: count * width,
  });
  const bias = flagOf(n, 'use_bias', true) ? [weight(n, 'output/bias', [outputs], 'shift')] : [];
  const result = n.emit('dense', [n.reshape(joined, [batch, tokens, count * width]), w, ...bias], {});
  return scores === undefined ? [result] : [result, scores];
};

/** Query, value and key [batch, tokens, features] of the layers that attend without weights. */
const operandsOf = (n: LayerNode): { readonly q: ValueId; readonly v: ValueId; readonly k: ValueId } => {
  if (n.inputCount < 2 || n.inputCount > 3) return n.refuse(`it has ${n.inputCount} inputs; query, value and key are supported`);
  const key = n.inputCount === 3 ? 2 : 1;
  if ([0, 1, key].some((i) => n.rank(i) !== 3)) return n.refuse('its inputs are not all of rank 3');
  return { q: n.real(0), v: n.real(1), k: n.real(key) };
};

const refuseCausal = (n: LayerNode): void => {
  if (flagOf(n, 'causal') || flagOf(n, 'call.use_causal_mask')) n.refuse('a causal mask');
};

const attended = (n: LayerNode, scores: ValueId, v: ValueId): readonly Made[] => {
  const weights = n.emit('softmax', [scores], { axis: 2 });
  const y = n.emit('matmul', [weights, v], {});
  return flagOf(n, 'call.return_attention_scores') ? [y, weights] : [y];
};

/** Luong et al. 2015: softmax(q k^T, times a scale) v; or a scale of tanh(q + k), summed. */
const luong = (n: LayerNode): readonly Made[] => {
  refuseCausal(n);
  const { q, v, k } = operandsOf(n);
  const mode = textOf(n, 'score_mode', 'dot');
  const scaled = flagOf(n, 'use_scale');
  const factor = (key: string): number => weightHost(n, key, [], 'scale').data[0] ?? 1;
  if (mode === 'dot') {
    const product = n.emit('matmul', [q, n.emit('transpose', [k], { perm: [0, 2, 1] })], {});
    return attended(n, scaled ? n.emit('mul', [product, n.scalar(factor('scale'))], {}) : product, v);
  }
  if (mode !== 'concat') return n.refuse(`score_mode is ${mode}`);
  const sum = pairSums(n, q, k);
  const bent = n.emit('tanh', [scaled ? n.emit('mul', [sum, n.scalar(factor('scale'))], {}) : sum], {});
  const score = n.emit('reduce_sum', [bent], { axes: [3], keep: false });
  return attended(n, n.emit('mul', [score, n.scalar(factor('concat_score_weight'))], {}), v);
};

/** q + k for each pair: [batch, queries, keys, features]. */
const pairSums = (n: LayerNode, q: ValueId, k: ValueId): ValueId => {
  const [batch = 1, queries = 1, features = 1] = n.sizes(q);
  const [, keys = 1] = n.sizes(k);
  return n.emit('add', [n.reshape(q, [batch, queries, 1, features]), n.reshape(k, [batch, 1, keys, features])], {});
};

/** Bahdanau et al. 2014: softmax(sum of scale tanh(q + k)) v. */
const bahdanau = (n: LayerNode): readonly Made[] => {
  refuseCausal(n);
  const { q, v, k } = operandsOf(n);
  const bent = n.emit('tanh', [pairSums(n, q, k)], {});
  const features = at(n.sizes(q), 2);
  const scaled = flagOf(n, 'use_scale', true) ? n.emit('mul', [bent, weight(n, 'scale', [features], 'scale')], {}) : bent;
  return attended(n, n.emit('reduce_sum', [scaled], { axes: [3], keep: false }), v);
};

const row = (f: (n: LayerNode) => readonly Made[]): LayerRow => ({ import: f });

export const attentions = {
  MultiHeadAttention: row(multiHead),
  Attention: row(luong),
  AdditiveAttention: row(bahdanau),
} as const satisfies LayerTable;
