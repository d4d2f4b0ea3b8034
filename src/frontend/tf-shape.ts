import { elementCount, type ValueId } from '../ir/index.ts';
import { at } from '../support/index.ts';
import { ELEMS } from './host-tensor.ts';
import type { Layout, Made } from './import-session.ts';
import { toFirst } from './import-session.ts';
import type { LayerTable } from './layer-graph.ts';
import type { LayerNode } from './layer-node.ts';
import { ints, one, span, textOf, wholeOf, wholesOf } from './tf-row.ts';

/** Result of moving elements about: of the type of input i. */
export const moved = (n: LayerNode, value: ValueId, i = 0, layout: Layout = 'file'): Made => ({ value, layout, elem: n.elem(i) });

/** A target shape, with -1 once for what is left. */
export const targetOf = (n: LayerNode, target: readonly number[], count: number): readonly number[] => {
  const open = target.indexOf(-1);
  const rest = elementCount(target.filter((d) => d !== -1));
  const bad = target.some((d) => d < -1) || target.lastIndexOf(-1) !== open || (open >= 0 && (rest === 0 || count % rest !== 0));
  const shape = target.map((d) => (d === -1 ? count / rest : d));
  if (bad || elementCount(shape) !== count) return n.malformed(`shape [${n.shapeOf(0).join(', ')}] cannot become [${target.join(', ')}]`);
  return shape;
};

const reshape = (n: LayerNode): Made => {
  const target = n.hostInts(1, 'the new shape');
  return moved(n, n.reshape(n.x(0), targetOf(n, target, elementCount(n.shapeOf(0)))));
};

const squeeze = (n: LayerNode): Made => {
  const own = n.shapeOf(0);
  const given = n.hasAttribute('squeeze_dims') ? wholesOf(n, 'squeeze_dims', []) : wholesOf(n, 'axis', []);
  const axes = given.length === 0 ? span(0, own.length).filter((i) => own[i] === 1) : n.axes(given, own.length);
  const bad = axes.find((a) => own[a] !== 1);
  if (bad !== undefined) return n.malformed(`dimension ${bad} of [${own.join(', ')}] is not 1`);
  const kept = own.filter((_, i) => !axes.includes(i));
  // [N, C] of [N, C, 1, 1] needs no turn
  const { value, layout, place } = n.either(0);
  const left = span(0, own.length).filter((a) => !axes.includes(a) && own[a] !== 1);
  const ordered = layout === 'file' || left.every((a, i) => i === 0 || place(a) > place(at(left, i - 1)));
  return moved(n, n.reshape(ordered ? value : n.x(0), kept));
};

const expandDims = (n: LayerNode): Made => {
  const own = n.shapeOf(0);
  const axis = n.axis(n.hostInt(1, 'the axis'), own.length + 1);
  return moved(n, n.reshape(n.x(0), [...own.slice(0, axis), 1, ...own.slice(axis)]));
};

/** A turn to the order that the value has already, or to that of the file, is none. */
const transpose = (n: LayerNode): Made => {
  const perm = n.hostInts(1, 'the permutation').map((p) => n.axis(p, n.rank(0), 'the permutation'));
  const rank = n.rank(0);
  if (perm.length !== rank || new Set(perm).size !== rank)
    return n.malformed(`the permutation is [${perm.join(', ')}], but the rank is ${rank}`);
  const { value, layout } = n.either(0);
  if (layout === 'first' && toFirst(rank).every((p, i) => p === perm[i])) return moved(n, value);
  return moved(n, n.emit('transpose', [n.x(0)], { perm }));
};

const joinedAt = (n: LayerNode, inputs: readonly number[], wanted: number): Made => {
  const [lead = 0] = inputs;
  const rank = n.rank(lead);
  const axis = n.axis(wanted, rank);
  const odd = inputs.find((i) => n.rank(i) !== rank || ELEMS[n.elem(i)].dtype !== ELEMS[n.elem(lead)].dtype);
  if (odd !== undefined)
    return n.malformed(`input ${lead} is ${n.elem(lead)} of rank ${rank}, but input ${odd} ${n.elem(odd)} of rank ${n.rank(odd)}`);
  const { layout, place } = n.either(lead);
  const values = inputs.map((i) => n.session.wire(n.input(i), layout));
  return moved(n, values.length === 1 ? at(values, 0) : n.emit('concat', values, { axis: place(axis) }), lead, layout);
};

const concatV2 = (n: LayerNode): Made => {
  n.ignore('N');
  const last = n.inputCount - 1;
  return joinedAt(n, span(0, last), n.hostInt(last, 'the axis'));
};
const concat = (n: LayerNode): Made => {
  n.ignore('N');
  return joinedAt(n, span(1, n.inputCount), n.hostInt(0, 'the axis'));
};

const pack = (n: LayerNode): Made => {
  n.ignore('N');
  const axis = n.axis(wholeOf(n, 'axis', 0), n.rank(0) + 1);
  const values = span(0, n.inputCount).map((i) => n.x(i));
  return moved(n, n.emit('stack', values, { axis }));
};

const unpack = (n: LayerNode): readonly Made[] => {
  const num = wholeOf(n, 'num');
  const own = n.shapeOf(0);
  const axis = n.axis(wholeOf(n, 'axis', 0), own.length);
  if (own[axis] !== num || num < 1 || num > 65_536) return n.malformed(`num is ${num}, but the shape is [${own.join(', ')}]`);
  const kept = own.filter((_, i) => i !== axis);
  return n.emitAll('split', [n.x(0)], { axis, sizes: span(0, num).map(() => 1) }).map((p) => moved(n, n.reshape(p, kept)));
};

/** Parts along an axis, in the layout that the input has. */
const cut = (n: LayerNode, i: number, axis: number, sizes: readonly number[]): readonly Made[] => {
  const { value, layout, place } = n.either(i);
  if (sizes.length === 1) return [{ same: n.input(i) }];
  return n.emitAll('split', [value], { axis: place(axis), sizes }).map((part) => moved(n, part, i, layout));
};

const split = (n: LayerNode): readonly Made[] => {
  const parts = wholeOf(n, 'num_split');
  const axis = n.axis(n.hostInt(0, 'the axis'), n.rank(1));
  const size = at(n.shapeOf(1), axis);
  if (parts < 1 || parts > 65_536 || size % parts !== 0) return n.malformed(`num_split is ${parts}, but dimension ${axis} is ${size}`);
  return cut(n, 1, axis, new Array<number>(parts).fill(size / parts));
};

const splitV = (n: LayerNode): readonly Made[] => {
  n.ignore('num_split');
  const axis = n.axis(n.hostInt(2, 'the axis'), n.rank(0));
  const given = n.hostInts(1, 'the sizes');
  const size = at(n.shapeOf(0), axis);
  const rest = size - given.reduce((sum, s) => sum + Math.max(0, s), 0);
  const sizes = given.map((s) => (s === -1 ? rest : s));
  if (given.length < 1 || given.filter((s) => s === -1).length > 1 || sizes.some((s) => s < 0) || sizes.reduce((a, b) => a + b, 0) !== size)
    return n.malformed(`the sizes are [${given.join(', ')}], but dimension ${axis} is ${size}`);
  return cut(n, 0, axis, sizes);
};

/** A box of input 0, in the layout that it has. */
export const box = (
  n: LayerNode,
  starts: readonly number[],
  sizes: readonly number[],
  steps: readonly number[],
): { readonly value: ValueId; readonly layout: Layout } => {
  const own = n.shapeOf(0);
  const { value, layout, place } = n.either(0);
  if (sizes.some((s) => s < 0)) return n.malformed(`the sizes are [${sizes.join(', ')}], but the shape is [${own.join(', ')}]`);
  const bad = starts.findIndex((s, i) => s < 0 || (at(sizes, i) > 0 && s + at(steps, i) * (at(sizes, i) - 1) >= at(own, i)));
  if (bad >= 0) return n.malformed(`it reads from ${starts[bad]} on ${sizes[bad]} of dimension ${bad}, which is ${own[bad]}`);
  const placed = (list: readonly number[]): readonly number[] => {
    const out = [...list];
    list.forEach((v, k) => (out[place(k)] = v));
    return out;
  };
  const nothing = sizes.map((s, i) => (s === 0 ? 0 : at(starts, i)));
  return { value: n.emit('slice', [value], { starts: placed(nothing), sizes: placed(sizes), steps: placed(steps) }), layout };
};

const slice = (n: LayerNode): Made => {
  const begin = n.hostInts(1, 'begin');
  const size = n.hostInts(2, 'size');
  const own = n.shapeOf(0);
  if (begin.length !== own.length || size.length !== own.length)
    return n.malformed(`begin is [${begin.join(', ')}] and size [${size.join(', ')}], but the shape is [${own.join(', ')}]`);
  const sizes = size.map((s, i) => (s === -1 ? at(own, i) - at(begin, i) : s));
  const { value, layout } = box(
    n,
    begin,
    sizes,
    own.map(() => 1),
  );
  return moved(n, value, 0, layout);
};

/** [rank, 2]: begin and end of each dimension; gives all begins, then all ends. */
const paddingsOf = (n: LayerNode): readonly number[] => {
  const list = n.hostInts(1, 'the paddings');
  const rank = n.rank(0);
  if (list.length !== 2 * rank || list.some((p) => p < 0))
    return n.malformed(`the paddings are [${list.join(', ')}], but the rank is ${rank}`);
  return [...span(0, rank).map((i) => at(list, 2 * i)), ...span(0, rank).map((i) => at(list, 2 * i + 1))];
};

const pad = (n: LayerNode, value: number): Made => {
  const pads = paddingsOf(n);
  const rank = n.rank(0);
  const { value: x, layout, place } = n.either(0);
  const out = [...pads];
  span(0, rank).forEach((k) => {
    out[place(k)] = at(pads, k);
    out[place(k) + rank] = at(pads, k + rank);
  });
  return moved(n, n.emit('pad', [x], { pads: out, value }), 0, layout);
};

const padV2 = (n: LayerNode): Made => {
  const [value, ...more] = n.hostNumbers(2, 'the value');
  if (value === undefined || more.length > 0) return n.malformed('the value has not one element');
  return Number.isFinite(value) ? pad(n, Math.fround(value)) : n.refuse(`the value is ${value}`);
};

/** REFLECT leaves the border out, SYMMETRIC repeats it: rows are taken by index. */
const mirrorPad = (n: LayerNode): Made => {
  const mode = textOf(n, 'mode');
  const repeats = mode === 'SYMMETRIC' ? 1 : 0;
  const pads = paddingsOf(n);
  const own = n.shapeOf(0);
  if (mode !== 'REFLECT' && mode !== 'SYMMETRIC') return n.malformed(`mode is ${mode}`);
  const most = (d: number): number => d - 1 + repeats;
  if (own.some((d, i) => at(pads, i) > most(d) || at(pads, i + own.length) > most(d)))
    return n.malformed(`the paddings are [${pads.join(', ')}], but the shape is [${own.join(', ')}]`);
  if (repeats === 0) {
    const { value, layout, place } = n.either(0);
    const out = [...pads];
    own.forEach((_, k) => {
      out[place(k)] = at(pads, k);
      out[place(k) + own.length] = at(pads, k + own.length);
    });
    return moved(n, n.emit('pad', [value], { pads: out, mode: 'reflect' }), 0, layout);
  }
  const y = own.reduce<ValueId>((x, d, axis) => {
    const [before, after] = [at(pads, axis), at(pads, axis + own.length)];
    if (before + after === 0) return x;
    if (!n.session.take(before + d + after)) return n.refuse('the padding is too large');
    const rows = span(-before, d + after).map((i) => (i < 0 ? -i - 1 : i >= d ? 2 * d - 1 - i : i));
    return n.emit('gather', [x, ints(n, 'mirror', [rows.length], rows)], { axis });
  }, n.x(0));
  return moved(n, y);
};

const tile = (n: LayerNode): Made => {
  const repeats = n.hostInts(1, 'the multiples');
  if (repeats.length !== n.rank(0) || repeats.some((r) => r < 0))
    return n.malformed(`the multiples are [${repeats.join(', ')}], but the rank is ${n.rank(0)}`);
  const shape = n.shapeOf(0).map((d, i) => d * at(repeats, i));
  if (shape.includes(0)) return n.made(n.elem(0), shape, () => 0);
  return repeats.every((r) => r === 1) ? { same: n.input(0) } : moved(n, n.emit('tile', [n.x(0)], { repeats }));
};

const broadcastTo = (n: LayerNode): Made => {
  const shape = n.hostInts(1, 'the shape');
  const own = [...new Array<number>(Math.max(0, shape.length - n.rank(0))).fill(1), ...n.shapeOf(0)];
  if (own.length !== shape.length || shape.some((d, i) => d < 0 || (own[i] !== d && own[i] !== 1)))
    return n.malformed(`shape [${n.shapeOf(0).join(', ')}] cannot become [${shape.join(', ')}]`);
  return moved(n, n.emit('expand', [n.x(0)], { shape }));
};

const reverse = (n: LayerNode): Made => moved(n, n.emit('flip', [n.x(0)], { axes: n.axes(n.hostInts(1, 'the axes'), n.rank(0)) }));

/** Rows in another order, for each entry of the batch: the first lengths[b] steps turned round. */
const reverseSequence = (n: LayerNode): Made => {
  const own = n.shapeOf(0);
  const seq = n.axis(wholeOf(n, 'seq_dim'), own.length, 'seq_dim');
  const batch = n.axis(wholeOf(n, 'batch_dim', 0), own.length, 'batch_dim');
  const lengths = n.hostInts(1, 'the lengths');
  const count = elementCount(own);
  if (seq === batch || lengths.length !== own[batch] || lengths.some((l) => l < 0 || l > at(own, seq)))
    return n.malformed(`the lengths are [${lengths.join(', ')}], but the shape is [${own.join(', ')}]`);
  if (!n.session.take(count)) return n.refuse(`${count} elements are moved one by one`);
  const stride = (axis: number): number => elementCount(own.slice(axis + 1));
  const index = (i: number, axis: number): number => Math.floor(i / stride(axis)) % at(own, axis);
  const from = span(0, count).map((i) => {
    const [t, length] = [index(i, seq), at(lengths, index(i, batch))];
    return t < length ? length - 1 - t : t;
  });
  return moved(n, n.emit('gather_elements', [n.x(0), ints(n, 'steps', own, from)], { axis: seq }));
};

export const shapeRows = {
  Reshape: one(reshape),
  Squeeze: one(squeeze),
  ExpandDims: one(expandDims),
  Transpose: one(transpose),
  ConcatV2: one(concatV2),
  Concat: one(concat),
  Pack: one(pack),
  Unpack: { import: unpack },
  Split: { import: split },
  SplitV: { import: splitV },
  Slice: one(slice),
  Pad: one((n) => pad(n, 0)),
  PadV2: one(padV2),
  MirrorPad: one(mirrorPad),
  Tile: one(tile),
  BroadcastTo: one(broadcastTo),
  ReverseV2: one(reverse),
  ReverseSequence: one(reverseSequence),
} as const satisfies LayerTable;
