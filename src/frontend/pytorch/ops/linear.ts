import { elementCount, type ValueId } from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';
import { einsumLetters } from '../../einsum-letters.ts';
import type { Made } from '../../import-session.ts';
import type { LayerTable } from '../../layer-graph.ts';
import type { LayerNode } from '../../layer-node.ts';
import { flag, like, maybeNumber, maybeReal, maybeTensor, number, one, real, span, tensor, tensors, text, whole } from '../args.ts';

/** A matrix of parameters as [outputs, inputs]. */
const linear = (n: LayerNode): Made => n.emit('dense', [real(n, 'input'), real(n, 'weight'), ...maybeReal(n, 'bias')], {});

/** Matrix b [k, n] that is known as the weights of `dense`; vectors get a dimension that is taken off again. */
const product = (n: LayerNode, a: number, b: number, bias: readonly ValueId[] = []): ValueId => {
  const [rankA, rankB] = [n.rank(a), n.rank(b)];
  if (rankA === 0 || rankB === 0) return n.malformed('an operand has no dimensions');
  n.real(a);
  n.real(b);
  if (rankB === 2 && n.input(b).host !== undefined) return n.emit('dense', [n.x(a), n.permuted(b, [1, 0]), ...bias], {});
  const left = rankA === 1 ? n.reshape(n.x(a), [1, ...n.shapeOf(a)]) : n.x(a);
  const right = rankB === 1 ? n.reshape(n.x(b), [...n.shapeOf(b), 1]) : n.x(b);
  const y = n.emit('matmul', [left, right], {});
  const sizes = n.sizes(y);
  const kept = [
    ...sizes.slice(0, -2),
    ...(rankA > 1 ? [at(sizes, sizes.length - 2)] : []),
    ...(rankB > 1 ? [at(sizes, sizes.length - 1)] : []),
  ];
  const flat = kept.length === sizes.length ? y : n.reshape(y, kept);
  return bias.reduce((sum, c) => n.emit('add', [sum, c], {}), flat);
};

const scaled = (n: LayerNode, x: ValueId, factor: number): ValueId => (factor === 1 ? x : n.emit('mul', [x, n.scalar(factor)], {}));

/** beta self + alpha a b; a bias for each output goes into `dense`. */
const addProduct = (n: LayerNode, left: string, right: string): Made => {
  const [alpha, beta] = [number(n, 'alpha', 1), number(n, 'beta', 1)];
  const [self, a, b] = [tensor(n, 'self'), tensor(n, left), tensor(n, right)];
  const outputs = n.shapeOf(b).at(-1);
  const isBias = alpha === 1 && beta === 1 && n.rank(self) === 1 && n.shapeOf(self)[0] === outputs && n.rank(b) === 2;
  if (isBias && n.input(b).host !== undefined) return product(n, a, b, [n.real(self)]);
  const y = scaled(n, product(n, a, b), alpha);
  return beta === 0 ? y : n.emit('add', [y, scaled(n, n.real(self), beta)], {});
};

const einsum = (n: LayerNode): Made => {
  n.ignore('path');
  const inputs = tensors(n, 'tensors');
  const equation = text(n, 'equation');
  const letters = einsumLetters(
    equation,
    inputs.map((i) => n.rank(i)),
  );
  if (letters === undefined) return n.refuse(`the equation ${equation.slice(0, 80)} does not fit its operands`);
  return n.emit(
    'einsum',
    inputs.map((i) => n.real(i)),
    letters,
  );
};

/** Operands of rank 4; leading dimensions that are more or less become one batch. */
const attention = (n: LayerNode): Made => {
  n.ignore('enable_gqa', 'return_debug_mask');
  if (number(n, 'dropout_p', 0) !== 0) return n.refuse('dropout_p is not 0', ['Export the model for inference: model.eval().']);
  const [q, k, v] = [tensor(n, 'query'), tensor(n, 'key'), tensor(n, 'value')];
  const rank = n.rank(q);
  if (rank < 2 || n.rank(k) !== rank || n.rank(v) !== rank)
    return n.malformed(`query, key and value have ranks ${rank}, ${n.rank(k)}, ${n.rank(v)}`);
  const four = (i: number): ValueId => {
    const shape = n.shapeOf(i);
    const lead = shape.slice(0, -3);
    const tail = rank === 2 ? [1, ...shape] : shape.slice(-3);
    return rank === 4 ? n.real(i) : n.reshape(n.real(i), [elementCount(lead), ...tail]);
  };
  const mask = maybeTensor(n, 'attn_mask');
  if (mask !== undefined && rank > 4) return n.refuse('a mask where queries have more than 4 dimensions');
  const bias = mask === undefined ? [] : [n.rank(mask) === 3 && rank === 3 ? n.reshape(n.x(mask), [1, ...n.shapeOf(mask)]) : n.x(mask)];
  const y = n.emit('attention', [four(q), four(k), four(v), ...bias], {
    scale: Math.fround(maybeNumber(n, 'scale') ?? 0),
    right: flag(n, 'is_causal') ? 0 : -1,
  });
  return rank === 4 ? y : n.reshape(y, [...n.shapeOf(q).slice(0, -1), n.shapeOf(v).at(-1) ?? 0]);
};

const embedding = (n: LayerNode): Made => {
  // gradients alone know of them
  n.ignore('padding_idx', 'scale_grad_by_freq', 'sparse');
  const table = tensor(n, 'weight');
  return like(n, n.emit('gather', [n.x(table), n.as(n.x(tensor(n, 'indices')), 'i32')], { axis: 0 }), table);
};

const softmax =
  (op: 'softmax' | 'log_softmax') =>
  (n: LayerNode): Made => {
    n.ignore('half_to_float', 'dtype');
    const x = tensor(n, 'self');
    return n.emit(op, [n.real(x)], { axis: n.axis(whole(n, 'dim'), n.rank(x), 'dim') });
  };

/** a times the gate that the other half is. */
const glu = (n: LayerNode): Made => {
  const x = tensor(n, 'self');
  const axis = n.axis(whole(n, 'dim', -1), n.rank(x), 'dim');
  const size = at(n.shapeOf(x), axis);
  if (size % 2 !== 0) return n.malformed(`dimension ${axis} is ${size}`);
  const halves = n.emitAll('split', [n.real(x)], { axis, sizes: [size / 2, size / 2] });
  return n.emit('mul', [at(halves, 0), n.emit('sigmoid', [at(halves, 1)], {})], {});
};

/** Every product of an element of one vector and one of another. */
const outer = (n: LayerNode): Made => {
  const [a, b] = [tensor(n, 'self'), tensor(n, 'vec2')];
  return n.emit('mul', [n.reshape(n.real(a), [...n.shapeOf(a), 1]), n.real(b)], {});
};

/** Weights by their direction and length: v g / |v|, the length over all dimensions but one. */
const weightNorm = (n: LayerNode): Made => {
  const [v, g] = [tensor(n, 'v'), tensor(n, 'g')];
  const rank = n.rank(v);
  const kept = n.axis(whole(n, 'dim', 0), rank, 'dim');
  const axes = span(0, rank).filter((a) => a !== kept);
  const length = n.emit('reduce_l2', [n.real(v)], { axes, keep: true });
  return n.emit('mul', [n.real(v), n.emit('div', [n.real(g), length], {})], {});
};

/** Of each pair of rows along a dimension: x y / (max(|x|, eps) max(|y|, eps)). */
const cosine = (n: LayerNode): Made => {
  const [x, y] = [real(n, 'x1'), real(n, 'x2')];
  const axes = [n.axis(whole(n, 'dim', 1), n.rank(tensor(n, 'x1')), 'dim')];
  const least = n.scalar(number(n, 'eps', 1e-8));
  const length = (v: ValueId): ValueId => n.emit('maximum', [n.emit('reduce_l2', [v], { axes, keep: false }), least], {});
  const product = n.emit('reduce_sum', [n.emit('mul', [x, y], {})], { axes, keep: false });
  return n.emit('div', [product, n.emit('mul', [length(x), length(y)], {})], {});
};

export const linearRows = {
  'aten.linear': one(linear),
  'aten.addmm': one((n) => addProduct(n, 'mat1', 'mat2')),
  'aten.baddbmm': one((n) => addProduct(n, 'batch1', 'batch2')),
  'aten.addmv': one((n) => addProduct(n, 'mat', 'vec')),
  'aten.mm': one((n) => product(n, tensor(n, 'self'), tensor(n, 'mat2'))),
  'aten.bmm': one((n) => product(n, tensor(n, 'self'), tensor(n, 'mat2'))),
  'aten.mv': one((n) => product(n, tensor(n, 'self'), tensor(n, 'vec'))),
  'aten.dot': one((n) => product(n, tensor(n, 'self'), tensor(n, 'tensor'))),
  'aten.matmul': one((n) => product(n, tensor(n, 'self'), tensor(n, 'other'))),
  'aten.outer': one(outer),
  'aten.einsum': one(einsum),
  'aten.scaled_dot_product_attention': one(attention),
  'aten._scaled_dot_product_flash_attention_for_cpu': one(attention),
  'aten.embedding': one(embedding),
  'aten._weight_norm': one(weightNorm),
  'aten._weight_norm_interface': one(weightNorm),
  'aten.cosine_similarity': one(cosine),
  'aten.softmax': one(softmax('softmax')),
  'aten._softmax': one(softmax('softmax')),
  'aten.log_softmax': one(softmax('log_softmax')),
  'aten._log_softmax': one(softmax('log_softmax')),
  'aten.glu': one(glu),
} as const satisfies LayerTable;
