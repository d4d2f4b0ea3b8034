import type { ValueId } from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';
import type { Made } from '../../import-session.ts';
import type { LayerTable } from '../../layer-graph.ts';
import type { LayerNode } from '../../layer-node.ts';
import { one, span, wholeOf } from '../../tf-row.ts';
import { flagOf, someOf } from './util.ts';

/** All inputs, which have one rank: Keras lines others up behind the batch, not at the end. */
const operands = (n: LayerNode): readonly number[] => {
  if (n.inputCount < 2) return n.malformed(`it has ${n.inputCount} inputs`);
  const ranks = new Set(span(0, n.inputCount).map((i) => n.rank(i)));
  return ranks.size === 1 ? span(0, n.inputCount) : n.refuse(`its inputs have ranks ${[...ranks].join(' and ')}`);
};

const folded = (op: 'add' | 'mul' | 'maximum' | 'minimum', n: LayerNode, xs: readonly ValueId[]): ValueId =>
  xs.slice(1).reduce((acc, x) => n.emit(op, [acc, x], {}), at(xs, 0));

const fold =
  (op: 'add' | 'mul' | 'maximum' | 'minimum') =>
  (n: LayerNode): Made =>
    n.pointwise(operands(n), (xs) => folded(op, n, xs));

const subtract = (n: LayerNode): Made =>
  n.inputCount === 2
    ? n.pointwise(operands(n), (xs) => n.emit('sub', [at(xs, 0), at(xs, 1)], {}))
    : n.malformed(`it has ${n.inputCount} inputs`);

const average = (n: LayerNode): Made => n.pointwise(operands(n), (xs) => n.emit('div', [folded('add', n, xs), n.scalar(xs.length)], {}));

const concatenate = (n: LayerNode): Made => {
  const indices = operands(n);
  const axis = n.axis(wholeOf(n, 'axis', -1), n.rank(0));
  const { layout, place } = n.either(0);
  const values = indices.map((i) => n.session.wire(n.input(i), layout));
  return { value: n.emit('concat', values, { axis: place(axis) }), layout };
};

/** x / max(|x|, 1e-6) along an axis: x rsqrt(max(sum x^2, 1e-12)). */
const normalized = (n: LayerNode, x: ValueId, axis: number): ValueId => {
  const squares = n.emit('reduce_sum_square', [x], { axes: [axis], keep: true });
  return n.emit('mul', [x, n.emit('rsqrt', [n.emit('maximum', [squares, n.scalar(1e-12)], {})], {})], {});
};

/** Sums over an axis of each, batch by batch: dimensions of x without its axis, then those of y without batch and axis. */
const dot = (n: LayerNode): Made => {
  if (n.inputCount !== 2) return n.malformed(`it has ${n.inputCount} inputs`);
  const given = someOf(n, 'axes', []);
  const [a, b] = [0, 1].map((i) => n.axis(at(given, given.length === 1 ? 0 : i), n.rank(i), 'axes'));
  if (given.length > 2 || a === undefined || b === undefined || a === 0 || b === 0) return n.refuse(`its axes are [${given.join(', ')}]`);
  const isNormal = flagOf(n, 'normalize');
  const [x, y] = [n.real(0), n.real(1)];
  const operandsOf = isNormal ? [normalized(n, x, a), normalized(n, y, b)] : [x, y];
  const own = span(0, n.rank(0));
  const other = span(0, n.rank(1)).map((d) => (d === 0 ? 0 : d === b ? a : 100 + d));
  const all = [...own, ...other];
  const order = [...new Set(all)];
  const result = [...own.filter((d) => d !== a), ...other.filter((d) => d >= 100)].map((d) => order.indexOf(d));
  const sum = n.emit('einsum', operandsOf, { letters: all.map((d) => order.indexOf(d)), result });
  return result.length === 1 ? n.reshape(sum, [at(n.sizes(sum), 0), 1]) : sum;
};

export const merges = {
  Add: one(fold('add')),
  Subtract: one(subtract),
  Multiply: one(fold('mul')),
  Average: one(average),
  Maximum: one(fold('maximum')),
  Minimum: one(fold('minimum')),
  Concatenate: one(concatenate),
  Dot: one(dot),
} as const satisfies LayerTable;
