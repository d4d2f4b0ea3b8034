import type { ValueId } from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';
import type { Made } from '../../import-session.ts';
import type { LayerNode } from '../../layer-node.ts';
import { bool, float, int, optionalInt, word } from '../attributes.ts';
import type { MxTable } from './row.ts';
import { converted, dtype, indices, span } from './util.ts';

const kept = (n: LayerNode, value: ValueId): Made => ({ value, layout: 'file', elem: n.elem(0) });

/** Indices outside are clamped, or counted round and round. */
const bounded = (n: LayerNode, i: number, size: number, modes: readonly ('clip' | 'wrap' | 'raise')[]): ValueId => {
  const mode = word(n, 'mode', modes, 'clip');
  if (mode === 'raise') n.approximate('indices outside are clamped and not an error');
  const index = indices(n, i);
  if (mode !== 'wrap') return index;
  return n.emit('mod', [index, n.session.constant('size', { elem: 'int32', shape: [], data: Int32Array.of(size) })], {});
};

const take = (n: LayerNode): Made => {
  const axis = n.axis(int(n, 'axis', 0), n.rank(0));
  const index = bounded(n, 1, at(n.shapeOf(0), axis), ['clip', 'wrap', 'raise']);
  return kept(n, n.emit('gather', [n.x(0), index], { axis }));
};

/** Dimension 0 of the indices runs over the dimensions that they index. */
const gatherNd = (n: LayerNode): Made => {
  const rank = n.rank(1);
  const index = n.emit('transpose', [indices(n, 1)], { perm: [...span(1, rank), 0] });
  return kept(n, n.emit('gather_nd', [n.x(0), index], {}));
};

/** One element along the axis for each place of the others. */
const pick = (n: LayerNode): Made => {
  const shape = n.shapeOf(0);
  const given = optionalInt(n, 'axis');
  if (given === undefined && n.hasAttribute('axis')) return n.refuse('axis is None');
  const axis = n.axis(given ?? -1, shape.length);
  const keep = bool(n, 'keepdims', false);
  const index = bounded(n, 1, at(shape, axis), ['clip', 'wrap']);
  const places = n.reshape(
    index,
    shape.map((d, i) => (i === axis ? 1 : d)),
  );
  const y = n.emit('gather_elements', [n.x(0), places], { axis });
  return kept(n, keep ? y : n.emit('squeeze', [y], { axes: [axis] }));
};

const batchTake = (n: LayerNode): Made => {
  const rows = at(n.shapeOf(0), 0);
  if (n.rank(0) !== 2) return n.malformed(`the input is [${n.shapeOf(0).join(', ')}]`);
  const y = n.emit('gather_elements', [n.x(0), n.reshape(indices(n, 1), [rows, 1])], { axis: 1 });
  return kept(n, n.emit('squeeze', [y], { axes: [1] }));
};

const oneHot = (n: LayerNode): Made => {
  const elem = dtype(n, 'float32');
  const values = n.session.constant('values', {
    elem: 'float32',
    shape: [2],
    data: Float32Array.of(float(n, 'off_value', 0), float(n, 'on_value', 1)),
  });
  const y = n.emit('one_hot', [indices(n, 0), converted(n, values, elem)], { depth: int(n, 'depth'), axis: -1 });
  return { value: y, layout: 'file', elem };
};

const whole = (n: LayerNode): void => {
  if (bool(n, 'use_sequence_length', false)) n.refuse('use_sequence_length is True');
  n.ignore('value');
};

/** Time is dimension 0 unless `axis` says 1. */
const sequenceLast = (n: LayerNode): Made => {
  whole(n);
  const axis = int(n, 'axis', 0);
  const size = at(n.shapeOf(0), n.axis(axis, n.rank(0)));
  const y = n.emit('slice', [n.x(0)], {
    starts: n.shapeOf(0).map((_, d) => (d === axis ? size - 1 : 0)),
    sizes: n.shapeOf(0).map((_, d) => (d === axis ? 1 : -1)),
    steps: n.shapeOf(0).map(() => 1),
  });
  return kept(n, n.emit('squeeze', [y], { axes: [axis] }));
};

const one = (row: (n: LayerNode) => Made) => ({ import: (n: LayerNode) => [row(n)] }) as const;

export const indexing = {
  take: one(take),
  gather_nd: one(gatherNd),
  pick: one(pick),
  batch_take: one(batchTake),
  one_hot: one(oneHot),
  SequenceLast: one(sequenceLast),
  SequenceReverse: one((n) => {
    whole(n);
    return kept(n, n.emit('flip', [n.x(0)], { axes: [int(n, 'axis', 0)] }));
  }),
  SequenceMask: one((n) => {
    whole(n);
    n.ignore('axis');
    return { same: n.input(0) };
  }),
} as const satisfies MxTable;
