import type { ValueId } from '../ir/index.ts';
import { at } from '../support/index.ts';
import { einsumLetters } from './einsum-letters.ts';
import type { Made } from './import-session.ts';
import type { LayerTable } from './layer-graph.ts';
import type { LayerNode } from './layer-node.ts';
import { activation } from './tf-conv.ts';
import { checkReal, flagOf, numberOf, one, span, textOf, textsOf } from './tf-row.ts';

/** Input i with its last two dimensions exchanged, if so wished. */
const turned = (n: LayerNode, i: number, turn: boolean): ValueId => {
  const rank = n.rank(i);
  if (rank < 2) return n.malformed(`input ${i} has rank ${rank}`);
  return turn ? n.permuted(i, [...span(0, rank - 2), rank - 1, rank - 2]) : n.x(i);
};

/** a b, with constant matrices b as the weights of `dense`. */
const product = (n: LayerNode, turnA: boolean, turnB: boolean, bias?: number): ValueId => {
  checkReal(n, 0, 1);
  const a = turned(n, 0, turnA);
  if (n.rank(1) !== 2 || n.input(1).host === undefined) {
    const y = n.emit('matmul', [a, turned(n, 1, turnB)], {});
    return bias === undefined ? y : n.emit('add', [y, n.real(bias)], {});
  }
  const w = n.permuted(1, turnB ? [0, 1] : [1, 0]);
  return n.emit('dense', bias === undefined ? [a, w] : [a, w, n.real(bias)], {});
};

const flags = (n: LayerNode): readonly [boolean, boolean] => [flagOf(n, 'transpose_a'), flagOf(n, 'transpose_b')];
const matMul = (n: LayerNode, bias?: number): ValueId => {
  n.ignore('grad_a', 'grad_b');
  if (n.rank(0) !== 2 || n.rank(1) !== 2)
    return n.malformed(`the inputs are [${n.shapeOf(0).join(', ')}] and [${n.shapeOf(1).join(', ')}], but matrices are wanted`);
  return product(n, ...flags(n), bias);
};

const fusedMatMul = (n: LayerNode): Made => {
  n.ignore('num_args', 'epsilon', 'leakyrelu_alpha', 'num_host_args');
  const [head, ...rest] = textsOf(n, 'fused_ops');
  const y = matMul(n, head === 'BiasAdd' ? 2 : undefined);
  const names = head === 'BiasAdd' ? rest : head === undefined ? [] : [head, ...rest];
  return names.reduce((x, name) => {
    if (name !== 'Prelu') return activation(n, name, x);
    return n.emit('prelu', [x, n.real(3)], {});
  }, y);
};

const batchMatMul = (n: LayerNode): Made => {
  n.ignore('grad_x', 'grad_y');
  return product(n, flagOf(n, 'adj_x'), flagOf(n, 'adj_y'));
};

const einsum = (n: LayerNode): Made => {
  n.ignore('N');
  checkReal(n, ...span(0, n.inputCount));
  const inputs = span(0, n.inputCount);
  const equation = textOf(n, 'equation');
  const letters = einsumLetters(
    equation,
    inputs.map((i) => n.rank(i)),
  );
  if (letters === undefined) return n.refuse(`the equation ${equation.slice(0, 80)} does not fit its operands`);
  return n.emit(
    'einsum',
    inputs.map((i) => n.x(i)),
    letters,
  );
};

const softmax =
  (op: 'softmax' | 'log_softmax') =>
  (n: LayerNode): Made => {
    checkReal(n, 0);
    const { value, layout, place } = n.either(0);
    return { value: n.emit(op, [value], { axis: place(n.axis(-1, n.rank(0))) }), layout };
  };

/** Sum of squares / 2. */
const l2Loss = (n: LayerNode): Made => {
  checkReal(n, 0);
  const x = n.x(0);
  const squares = n.emit('mul', [x, x], {});
  return n.emit('mul', [n.emit('reduce_sum', [squares], { axes: span(0, n.rank(0)), keep: false }), n.scalar(0.5)], {});
};

/** x + y + z + … from the left. */
const addN = (n: LayerNode): Made => {
  n.ignore('N');
  return n.pointwise(span(0, n.inputCount), (xs) => xs.slice(1).reduce((acc, x) => n.emit('add', [acc, x], {}), at(xs, 0)));
};

const leakyRelu = (n: LayerNode): Made => {
  const alpha = numberOf(n, 'alpha', 0.2);
  checkReal(n, 0);
  return n.map(0, (x) => n.emit('leaky_relu', [x], { alpha }));
};

export const linearRows = {
  MatMul: one((n) => matMul(n, n.has(2) ? 2 : undefined)),
  _FusedMatMul: one(fusedMatMul),
  BatchMatMul: one(batchMatMul),
  BatchMatMulV2: one(batchMatMul),
  BatchMatMulV3: one(batchMatMul),
  Einsum: one(einsum),
  Softmax: one(softmax('softmax')),
  LogSoftmax: one(softmax('log_softmax')),
  L2Loss: one(l2Loss),
  AddN: one(addN),
  LeakyRelu: one(leakyRelu),
} as const satisfies LayerTable;
