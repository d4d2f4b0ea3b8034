import { type AnyNode, type LoweringTable, UnsupportedError } from '../../../ir/index.ts';
import { type Code, joinCode, py, type Step } from '../../outline/code.ts';
import { float, tuple } from '../../outline/python-names.ts';
import { identity, type Layouts, type Writer } from '../../outline/writer.ts';
import { KERAS_DTYPE, lastPerm } from '../text.ts';

/** Sizes of a result as code; one that is known when the model runs is left to be found. */
const resultSizes = (w: Writer): string => {
  const { shape } = w.resultType();
  const open = shape.filter((d) => typeof d !== 'number');
  if (open.length > 1) throw new UnsupportedError('Keras finds one size when the model runs');
  return tuple(shape.map((d) => (typeof d === 'number' ? d : -1)));
};

const reshape = (c: Layouts, node: AnyNode): Step => {
  const w = c.writer(node);
  const from = w.type(0).shape;
  const to = w.resultType().shape;
  if (to.length === 2 && from.length > 2 && from[0] === to[0]) return w.step(py`layers.Flatten()(${w.elements(0)})`);
  return w.step(py`ops.reshape(${w.elements(0)}, ${resultSizes(w)})`);
};

/** Slices of some dimensions alone: what an axis is in the stored order. */
const positive = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis);

const padText = (pads: readonly number[]): string => {
  const n = pads.length / 2;
  return `(${Array.from({ length: n }, (_, i) => `(${pads[i] ?? 0}, ${pads[n + i] ?? 0})`).join(', ')}${n === 1 ? ',' : ''})`;
};

const indexed = (w: Writer, x: Code, operand: number, axis: number): Code => {
  const last = Number(w.type(0).shape[axis]) - 1;
  const known = w.tensor(operand);
  const index = w.x(operand, undefined, 'index');
  const inside = known !== undefined && [...known.data].every((v) => v >= 0 && v <= last);
  return py`${x}, ${inside ? index : py`ops.clip(${index}, 0, ${last})`}`;
};

export const shapeRows = {
  reshape: (c, n) => reshape(c, n),
  flatten: (c, n) => reshape(c, n),
  squeeze: (c, n) => {
    const w = c.writer(n);
    const rank = w.rank(0);
    return w.step(py`ops.squeeze(${w.x(0)}, axis=${tuple(n.attrs.axes.map((a) => positive(a, rank)))})`);
  },
  unsqueeze: (c, n) => {
    const w = c.writer(n);
    const rank = w.resultType().shape.length;
    const axes = n.attrs.axes.map((a) => positive(a, rank)).sort((a, b) => a - b);
    return w.step(py`ops.expand_dims(${w.x(0)}, axis=${axes.length === 1 ? String(axes[0]) : tuple(axes)})`);
  },
  transpose: (c, n) => {
    const w = c.writer(n);
    w.store(w.perm(0).map((d) => n.attrs.perm.indexOf(d)));
    const [result] = n.results;
    if (result !== undefined) c.alias(result, w.value(0));
    return w.step(w.stored(0));
  },
  concat: (c, n) => {
    const w = c.writer(n);
    const first = n.operands.findIndex((_, i) => w.tensor(i) === undefined);
    const rank = w.rank(0);
    const perm = first < 0 ? identity(rank) : w.perm(first);
    const axis = perm.indexOf(positive(n.attrs.axis, rank));
    w.store(perm);
    return w.step(
      py`ops.concatenate([${joinCode(
        n.operands.map((_, i) => w.x(i, perm)),
        ', ',
      )}], axis=${axis === rank - 1 ? -1 : axis})`,
    );
  },
  stack: (c, n) => {
    const w = c.writer(n);
    return w.step(
      py`ops.stack([${joinCode(
        n.operands.map((_, i) => w.x(i)),
        ', ',
      )}], axis=${n.attrs.axis})`,
    );
  },
  split: (c, n) => {
    const w = c.writer(n);
    const x = w.stored(0);
    const axis = w.axis(0, n.attrs.axis);
    n.results.forEach((_, i) => w.store(w.perm(0), i));
    const ends: number[] = [];
    n.attrs.sizes.slice(0, -1).forEach((s) => ends.push((ends.at(-1) ?? 0) + s));
    if (n.attrs.sizes.some((s) => s === 0)) throw new UnsupportedError('Keras cuts no empty parts');
    if (ends.length === 0) return w.step(py`ops.copy(${x})`);
    return w.step(py`ops.split(${x}, [${ends.join(', ')}], axis=${axis})`);
  },
  pad: (c, n) => {
    const w = c.writer(n);
    const perm = w.perm(0);
    const rank = perm.length;
    const pads = [...perm.map((d) => n.attrs.pads[d] ?? 0), ...perm.map((d) => n.attrs.pads[rank + d] ?? 0)];
    const x = w.stored(0);
    w.store(perm);
    const { mode, value } = n.attrs;
    if (mode === 'edge') {
      const sizes = perm.map((d) => w.type(0).shape[d]);
      const along = identity(rank).filter((i) => (pads[i] ?? 0) > 0 || (pads[rank + i] ?? 0) > 0);
      const taken = along.reduce<Code>((y, i) => {
        const size = Number(sizes[i]);
        return py`ops.take(${y}, np.clip(np.arange(${-(pads[i] ?? 0)}, ${size + (pads[rank + i] ?? 0)}), 0, ${size - 1}), axis=${i})`;
      }, x);
      return w.step(along.length === 0 ? py`ops.copy(${x})` : taken);
    }
    const how =
      mode === 'reflect' ? ', mode="reflect"' : value === 0 ? '' : `, constant_values=${w.type(0).dtype === 'f32' ? float(value) : value}`;
    return w.step(py`ops.pad(${x}, ${padText(pads)}${how})`);
  },
  slice: (c, n) => {
    const w = c.writer(n);
    const { starts, sizes, steps } = n.attrs;
    const perm = w.perm(0);
    const x = w.stored(0);
    w.store(perm);
    const backwards: number[] = [];
    const texts = perm.map((d, i) => {
      const [start = 0, size = -1, step = 1] = [starts[d], sizes[d], steps[d]];
      if (size === -1 || (size === w.type(0).shape[d] && start === 0 && step === 1)) return ':';
      if (size === 0) return '0:0';
      if (step < 0) backwards.push(i);
      const from = step < 0 ? start + (size - 1) * step : start;
      const by = Math.abs(step);
      return by === 1 ? `${from}:${from + size}` : `${from}:${from + (size - 1) * by + 1}:${by}`;
    });
    let kept = texts.length;
    while (kept > 1 && texts[kept - 1] === ':') kept--;
    const cut = texts.every((t) => t === ':')
      ? py`ops.copy(${x})`
      : py`${x}[${texts.slice(0, kept).join(', ')}${kept === 1 ? ', ...' : ''}]`;
    return w.step(backwards.length === 0 ? cut : py`ops.flip(${cut}, axis=${tuple(backwards)})`);
  },
  expand: (c, n) => {
    const w = c.writer(n);
    const { shape } = w.resultType();
    if (shape.some((d) => typeof d !== 'number')) throw new UnsupportedError('Keras broadcasts to sizes that are numbers');
    return w.step(py`ops.broadcast_to(${w.x(0)}, ${tuple(shape.map(Number))})`);
  },
  tile: (c, n) => {
    const w = c.writer(n);
    return w.step(py`ops.tile(${w.x(0)}, ${tuple(n.attrs.repeats)})`);
  },
  flip: (c, n) => {
    const w = c.writer(n);
    const rank = w.rank(0);
    return w.step(py`ops.flip(${w.x(0)}, axis=${tuple(n.attrs.axes.map((a) => positive(a, rank)))})`);
  },
  gather: (c, n) => {
    const w = c.writer(n);
    const axis = positive(n.attrs.axis, w.rank(0));
    return w.step(py`ops.take(${indexed(w, w.x(0, undefined, 'table'), 1, axis)}, axis=${axis})`);
  },
  gather_elements: (c, n) => {
    const w = c.writer(n);
    const axis = positive(n.attrs.axis, w.rank(0));
    const [x, index] = [w.type(0).shape, w.type(1).shape];
    if (x.some((d, i) => i !== axis && d !== index[i])) throw new UnsupportedError('Keras takes elements along whole axes');
    return w.step(py`ops.take_along_axis(${indexed(w, w.x(0, undefined, 'table'), 1, axis)}, axis=${axis})`);
  },
  gather_nd: (c, n) => {
    const w = c.writer(n);
    const shape = w.sizes(0);
    if (shape.includes(0) || w.resultType().shape.includes(0)) throw new UnsupportedError('Keras takes nothing of nothing');
    return w.step(py`gather_nd(${w.x(0, undefined, 'table')}, ${w.x(1, undefined, 'index')}, ${n.attrs.batch_dims})`, {
      helpers: ['gather_nd'],
    });
  },
  depth_to_space: (c, n) => {
    const w = c.writer(n);
    if (n.attrs.mode === 'CRD' || w.type(0).dtype !== 'f32')
      throw new UnsupportedError('TensorFlow has the channels of a block in another order');
    const x = w.x(0, lastPerm(4));
    w.store(lastPerm(4));
    return w.step(py`ops.depth_to_space(${x}, ${n.attrs.block}, data_format="channels_last")`);
  },
  bitcast: (c, n) => {
    const w = c.writer(n);
    const how = w.type(0).dtype === 'bool' ? 'cast' : 'view';
    return w.step(py`ops.${how}(${w.x(0)}, ${KERAS_DTYPE[n.attrs.dtype]})`);
  },
} satisfies Partial<LoweringTable<Layouts, Step>>;
