import type { ValueId } from '../../../ir/index.ts';
import { at, type Diagnostic } from '../../../support/index.ts';
import { stop } from '../../import-problems.ts';
import type { Made, Role } from '../../import-session.ts';
import type { LayerTable } from '../../layer-graph.ts';
import type { LayerNode } from '../../layer-node.ts';
import { biasOf, borderOf, flagOf, listOf, numberOf, ones, padded, pairsOf, span, wholeOf } from './util.ts';

const product = (sizes: readonly number[]): number => sizes.reduce((a, b) => a * b, 1);

/** Some dimensions in a new form: 0 keeps one, -1 is what is left. */
const reshape = (n: LayerNode): ValueId => {
  const shape = n.shapeOf(0);
  const dims = listOf(n, 'shape');
  const start = wholeOf(n, 'axis_start', 0);
  const count = wholeOf(n, 'axis_count', -1);
  const end = count === -1 ? shape.length : start + count;
  if (start < 0 || count < -1 || end > shape.length) return n.malformed(`axis_start is ${start}, axis_count is ${count}`);
  const kept = dims.map((d, i) => (d === 0 ? (shape[start + i] ?? n.malformed(`dimension ${start + i} is kept, but there is none`)) : d));
  const whole = product(shape.slice(start, end));
  const rest = product(kept.filter((d) => d !== -1));
  const sizes = kept.map((d) => (d === -1 ? whole / rest : d));
  if (kept.filter((d) => d === -1).length > 1 || sizes.some((d) => !Number.isInteger(d) || d < 0) || product(sizes) !== whole)
    return n.malformed(`[${shape.slice(start, end).join(', ')}] cannot become [${dims.join(', ')}]`);
  return n.reshape(n.x(0), [...shape.slice(0, start), ...sizes, ...shape.slice(end)]);
};

/** Axes that are not named follow in their order. */
const transpose = (n: LayerNode): ValueId => {
  const axes = n.axes(listOf(n, 'axes'), n.rank(0));
  if (axes.length !== listOf(n, 'axes').length) return n.malformed(`axes are [${axes.join(', ')}]`);
  return n.emit('transpose', [n.x(0)], { perm: [...axes, ...span(0, n.rank(0)).filter((d) => !axes.includes(d))] });
};

const joined = (n: LayerNode): Made => {
  if (n.inputCount === 0) return n.malformed('it has no inputs');
  const axis = n.axis(wholeOf(n, 'axis'), n.rank(0));
  return n.inputCount === 1
    ? { same: n.input(0) }
    : n.emit(
        'concat',
        span(0, n.inputCount).map((i) => n.x(i)),
        { axis },
      );
};

/** Parts whose sizes are as the ratios. */
const split = (n: LayerNode): readonly Made[] => {
  const axis = n.axis(wholeOf(n, 'axis'), n.rank(0));
  const ratios = listOf(n, 'ratios');
  const unit = at(n.shapeOf(0), axis) / ratios.reduce((a, b) => a + b, 0);
  if (ratios.length !== n.outputCount || ratios.some((r) => r < 1) || !Number.isInteger(unit))
    return n.malformed(`ratios [${ratios.join(', ')}] of ${at(n.shapeOf(0), axis)} cells for ${n.outputCount} results`);
  return ratios.length === 1 ? [{ same: n.input(0) }] : n.emitAll('split', [n.x(0)], { axis, sizes: ratios.map((r) => r * unit) });
};

/** From begin to before end; an end of 0 is that of the dimension, numbers below 0 count from there. */
const slice = (n: LayerNode): ValueId => {
  const shape = n.shapeOf(0);
  const axes = listOf(n, 'axes').map((a) => n.axis(a, shape.length));
  const [begin, end, stride] = [listOf(n, 'begin'), listOf(n, 'end'), listOf(n, 'stride')];
  if (begin.length !== axes.length || end.length !== axes.length || (stride.length !== 0 && stride.length !== axes.length))
    return n.malformed(`axes [${axes.join(', ')}], begin [${begin.join(', ')}], end [${end.join(', ')}]`);
  const starts = shape.map(() => 0);
  const sizes = [...shape];
  const steps = shape.map(() => 1);
  axes.forEach((axis, i) => {
    const size = at(shape, axis);
    const step = stride[i] ?? 1;
    if (step < 1) n.refuse(`stride ${step}`);
    const from = at(begin, i) < 0 ? at(begin, i) + size : at(begin, i);
    const to = at(end, i) <= 0 ? at(end, i) + size : at(end, i);
    if (from < 0 || from >= size || to <= from || to > size) n.malformed(`begin ${at(begin, i)} and end ${at(end, i)} of ${size} cells`);
    starts[axis] = from;
    sizes[axis] = Math.ceil((to - from) / step);
    steps[axis] = step;
  });
  return n.emit('slice', [n.x(0)], { starts, sizes, steps });
};

const squeeze = (n: LayerNode): ValueId => {
  const axes = n.axes(listOf(n, 'axes'), n.rank(0));
  if (axes.some((a) => n.shapeOf(0)[a] !== 1)) return n.malformed(`[${n.shapeOf(0).join(', ')}] is not 1 at [${axes.join(', ')}]`);
  return n.reshape(
    n.x(0),
    n.shapeOf(0).filter((_, i) => !axes.includes(i)),
  );
};

/** Axes are those of the result. */
const unsqueeze = (n: LayerNode): ValueId => {
  const axes = listOf(n, 'axes');
  const rank = n.rank(0) + axes.length;
  const places = n.axes(axes, rank);
  if (places.length !== axes.length) return n.malformed(`axes are [${axes.join(', ')}]`);
  const rest = [...n.shapeOf(0)];
  return n.reshape(
    n.x(0),
    span(0, rank).map((d) => (places.includes(d) ? 1 : (rest.shift() ?? 1))),
  );
};

const unstack = (n: LayerNode): readonly Made[] => {
  const axis = n.axis(wholeOf(n, 'axis'), n.rank(0));
  const count = at(n.shapeOf(0), axis);
  if (count !== n.outputCount) return n.malformed(`dimension ${axis} is ${count}, but there are ${n.outputCount} results`);
  const shape = n.shapeOf(0).filter((_, i) => i !== axis);
  const parts = count === 1 ? [n.x(0)] : n.emitAll('split', [n.x(0)], { axis, sizes: ones(count) });
  return parts.map((p) => n.reshape(p, shape));
};

const tile = (n: LayerNode): ValueId => {
  const repeats = listOf(n, 'repeats');
  if (repeats.length !== n.rank(0) || repeats.some((r) => r < 1)) return n.malformed(`repeats are [${repeats.join(', ')}]`);
  return n.emit('tile', [n.x(0)], { repeats });
};

const pad = (n: LayerNode): ValueId => {
  const padding = pairsOf(n, 'padding');
  if (padding.length !== n.rank(0)) return n.malformed(`padding has ${padding.length} entries for ${n.rank(0)} dimensions`);
  return padded(n, n.x(0), padding, borderOf(n), numberOf(n, 'value', 0));
};

/** Batched matrices; of fewer dimensions than the other, one has ones behind its own, as everywhere in NNEF. */
const matmul = (n: LayerNode): ValueId => {
  const rank = Math.max(n.rank(0), n.rank(1));
  if (n.rank(0) < 2 || n.rank(1) < 2 || n.rank(0) !== n.rank(1)) return n.refuse(`ranks ${n.rank(0)} and ${n.rank(1)}`);
  const perm = [...span(0, rank - 2), rank - 1, rank - 2];
  const [first, second] = [flagOf(n, 'transposeA'), flagOf(n, 'transposeB')];
  const a = first ? n.permuted(0, perm) : n.real(0);
  if (rank === 2 && n.input(1).host !== undefined) return n.emit('dense', [a, second ? n.real(1) : n.permuted(1, [1, 0])], {});
  return n.emit('matmul', [a, second ? n.permuted(1, perm) : n.real(1)], {});
};

/** x filter^T + bias */
const linear = (n: LayerNode): ValueId => {
  if (n.rank(0) !== 2 || n.rank(1) !== 2) return n.refuse(`ranks ${n.rank(0)} and ${n.rank(1)}`);
  return n.emit('dense', [n.real(0), n.real(1), ...biasOf(n, 2, at(n.shapeOf(1), 0))], {});
};

const gather = (n: LayerNode): ValueId =>
  n.emit('gather', [n.x(0), n.as(n.x(1), 'i32')], { axis: n.axis(wholeOf(n, 'axis', 0), n.rank(0)) });

const cast = (n: LayerNode): Made => {
  const type = n.attribute('type');
  if (type === 'integer') return { value: n.as(n.x(0), 'i32'), layout: 'file', elem: 'int32' };
  if (type === 'logical') return n.emit('logical_not', [n.emit('equal', [n.as(n.x(0), 'f32'), n.scalar(0)], {})], {});
  return type === 'scalar' || type === undefined ? n.as(n.x(0), 'f32') : n.refuse(`type ${String(type)}`);
};

/** A variable whose file is missing. */
const variable = (n: LayerNode): Made => {
  return { host: n.storedHost(n.site.origin, listOf(n, 'shape'), n.attribute('role') as Role) };
};

/** Type of the layers that stand for assignments and files that could not be read. */
export const UNREADABLE = 'unreadable';

export const shape = {
  [UNREADABLE]: { import: (n) => stop(...(n.attribute('problems') as readonly Diagnostic[])), never: 'folded' },
  reshape: { import: (n) => [reshape(n)] },
  transpose: { import: (n) => [transpose(n)] },
  concat: { import: (n) => [joined(n)] },
  split: { import: split },
  slice: { import: (n) => [slice(n)] },
  squeeze: { import: (n) => [squeeze(n)] },
  unsqueeze: { import: (n) => [unsqueeze(n)] },
  stack: {
    import: (n) => [
      n.emit(
        'stack',
        span(0, n.inputCount).map((i) => n.x(i)),
        { axis: n.axis(wholeOf(n, 'axis'), n.rank(0) + 1) },
      ),
    ],
  },
  unstack: { import: unstack },
  tile: { import: (n) => [tile(n)] },
  pad: { import: (n) => [pad(n)] },
  matmul: { import: (n) => [matmul(n)] },
  linear: { import: (n) => [linear(n)] },
  gather: { import: (n) => [gather(n)] },
  cast: { import: (n) => [cast(n)] },
  variable: { import: (n) => [variable(n)], never: 'folded' },
} as const satisfies LayerTable;
