import { elementCount, type ValueId } from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';
import type { TfliteNode } from '../node.ts';
import type { Made } from '../values.ts';
import type { TfliteOps } from './row.ts';
import { activated, span } from './util.ts';

/** A target of RESHAPE, with -1 once for what is left. Old converters write [0] for a scalar. */
const targetOf = (n: TfliteNode, target: readonly number[], count: number): readonly number[] => {
  if (target.length === 1 && target[0] === 0 && count === 1) return [];
  const open = target.indexOf(-1);
  const rest = elementCount(target.filter((d) => d !== -1));
  const bad = target.some((d) => d < -1) || target.lastIndexOf(-1) !== open || (open >= 0 && (rest === 0 || count % rest !== 0));
  const shape = target.map((d) => (d === -1 ? count / rest : d));
  if (bad || elementCount(shape) !== count) return n.malformed(`shape [${n.shapeOf(0).join(', ')}] cannot become [${target.join(', ')}]`);
  return shape;
};

const reshape = (n: TfliteNode): Made => {
  const stored = n.options('ReshapeOptions').new_shape ?? [];
  const target = n.has(1) ? n.hostInts(1, 'the new shape') : stored;
  return n.reshape(n.x(0), targetOf(n, target, elementCount(n.shapeOf(0))));
};

const squeeze = (n: TfliteNode): Made => {
  const own = n.shapeOf(0);
  const given = n.options('SqueezeOptions').squeeze_dims ?? [];
  const axes = given.length === 0 ? span(0, own.length).filter((i) => own[i] === 1) : n.axes(given, own.length);
  const bad = axes.find((a) => own[a] !== 1);
  if (bad !== undefined) return n.malformed(`dimension ${bad} of [${own.join(', ')}] is not 1`);
  return n.reshape(
    n.x(0),
    own.filter((_, i) => !axes.includes(i)),
  );
};

const expandDims = (n: TfliteNode): Made => {
  const own = n.shapeOf(0);
  const axis = n.axis(n.hostInt(1, 'the axis'), own.length + 1);
  return n.reshape(n.x(0), [...own.slice(0, axis), 1, ...own.slice(axis)]);
};

const transpose = (n: TfliteNode): Made => {
  const perm = n.hostInts(1, 'the permutation').map((p) => n.axis(p, n.rank(0), 'the permutation'));
  if (perm.length !== n.rank(0)) return n.malformed(`the permutation is [${perm.join(', ')}], but the rank is ${n.rank(0)}`);
  return n.emit('transpose', [n.x(0)], { perm });
};

/** In the layout of the first operand. */
const concatenation = (n: TfliteNode): Made => {
  const o = n.options('ConcatenationOptions');
  const rank = n.rank(0);
  const axis = n.axis(o.axis, rank);
  const odd = span(0, n.inputCount).find((i) => n.rank(i) !== rank || n.isReal(i) !== n.isReal(0));
  if (odd !== undefined)
    return n.malformed(`input 0 is ${n.elem(0)} of rank ${rank}, but input ${odd} ${n.elem(odd)} of rank ${n.rank(odd)}`);
  const { place } = n.either(0);
  const made = n.pointwiseIn(0, span(0, n.inputCount), (xs) => n.emit('concat', xs, { axis: place(axis) }));
  return { ...made, value: activated(n, made.value, o.fused_activation_function) };
};

const pack = (n: TfliteNode): Made => {
  const { axis, values_count } = n.options('PackOptions');
  if (values_count !== n.inputCount) return n.malformed(`values_count is ${values_count}, but it has ${n.inputCount} inputs`);
  return n.emit(
    'stack',
    span(0, n.inputCount).map((i) => n.x(i)),
    { axis: n.axis(axis, n.rank(0) + 1) },
  );
};

const unpack = (n: TfliteNode): readonly Made[] => {
  const { axis, num } = n.options('UnpackOptions');
  const own = n.shapeOf(0);
  const along = n.axis(axis, own.length);
  if (own[along] !== num || num < 1 || num !== n.outputCount) return n.malformed(`num is ${num}, but the shape is [${own.join(', ')}]`);
  const parts = n.emitAll('split', [n.x(0)], { axis: along, sizes: span(0, num).map(() => 1) });
  return parts.map((p) =>
    n.reshape(
      p,
      own.filter((_, i) => i !== along),
    ),
  );
};

/** Parts along an axis, in the layout that the input has. */
const cut = (n: TfliteNode, i: number, axis: number, sizes: readonly number[]): readonly Made[] => {
  const { value, layout, place } = n.either(i);
  return n.emitAll('split', [value], { axis: place(axis), sizes }).map((part) => ({ value: part, layout }));
};

const split = (n: TfliteNode): readonly Made[] => {
  const parts = n.options('SplitOptions').num_splits;
  const axis = n.axis(n.hostInt(0, 'the axis'), n.rank(1));
  const size = at(n.shapeOf(1), axis);
  if (parts < 1 || parts > 65_536 || size % parts !== 0) return n.malformed(`num_splits is ${parts}, but dimension ${axis} is ${size}`);
  return cut(n, 1, axis, new Array<number>(parts).fill(size / parts));
};

const splitV = (n: TfliteNode): readonly Made[] => {
  void n.options('SplitVOptions').num_splits;
  const axis = n.axis(n.hostInt(2, 'the axis'), n.rank(0));
  const given = n.hostInts(1, 'the sizes');
  const size = at(n.shapeOf(0), axis);
  const rest = size - given.reduce((sum, s) => sum + Math.max(0, s), 0);
  const sizes = given.map((s) => (s === -1 ? rest : s));
  if (given.filter((s) => s === -1).length > 1 || sizes.some((s) => s < 0) || elementCount([sizes.length]) < 1)
    return n.malformed(`the sizes are [${given.join(', ')}], but dimension ${axis} is ${size}`);
  return cut(n, 0, axis, sizes);
};

const slice = (n: TfliteNode): Made => {
  const begin = n.hostInts(1, 'begin');
  const size = n.hostInts(2, 'size');
  const own = n.shapeOf(0);
  if (begin.length !== own.length || size.length !== own.length)
    return n.malformed(`begin is [${begin.join(', ')}] and size [${size.join(', ')}], but the shape is [${own.join(', ')}]`);
  const sizes = size.map((s, i) => (s === -1 ? at(own, i) - at(begin, i) : s));
  return box(
    n,
    begin,
    sizes,
    own.map(() => 1),
  );
};

/** A box of input 0, in the layout that it has. */
export const box = (
  n: TfliteNode,
  starts: readonly number[],
  sizes: readonly number[],
  steps: readonly number[],
): { readonly value: ValueId; readonly layout: 'file' | 'first' } => {
  const { value, layout, order } = n.either(0);
  if (sizes.some((s) => s < 0)) return n.malformed(`the sizes are [${sizes.join(', ')}], but the shape is [${n.shapeOf(0).join(', ')}]`);
  const bad = starts.findIndex((s, i) => s < 0 || (at(sizes, i) > 0 && s + at(steps, i) * (at(sizes, i) - 1) >= at(n.shapeOf(0), i)));
  if (bad >= 0) return n.malformed(`it reads from ${starts[bad]} on ${sizes[bad]} of dimension ${bad}, which is ${n.shapeOf(0)[bad]}`);
  const placed = (list: readonly number[]): readonly number[] => order.map((k) => at(list, k));
  const nothing = sizes.map((s, i) => (s === 0 ? 0 : at(starts, i)));
  return { value: n.emit('slice', [value], { starts: placed(nothing), sizes: placed(sizes), steps: placed(steps) }), layout };
};

/** [rank, 2]: begin and end of each dimension. */
const paddingsOf = (n: TfliteNode): readonly number[] => {
  const list = n.hostInts(1, 'the paddings');
  const rank = n.rank(0);
  if (list.length !== 2 * rank || list.some((p) => p < 0))
    return n.malformed(`the paddings are [${list.join(', ')}], but the rank is ${rank}`);
  return [...span(0, rank).map((i) => at(list, 2 * i)), ...span(0, rank).map((i) => at(list, 2 * i + 1))];
};

const pad = (n: TfliteNode, value: number): Made => {
  const pads = paddingsOf(n);
  const rank = n.rank(0);
  const { value: x, layout, order } = n.either(0);
  return {
    value: n.emit('pad', [x], { pads: [...order.map((k) => at(pads, k)), ...order.map((k) => at(pads, k + rank))], value }),
    layout,
  };
};

/** PADV2's value is a tensor; in the integers of x where x is quantized. */
const padV2 = (n: TfliteNode): Made => {
  const value = n.hostNumber(2, 'the value');
  return Number.isFinite(value) ? pad(n, Math.fround(value)) : n.refuse(`the value is ${value}`);
};

/** REFLECT leaves the border out, SYMMETRIC repeats it: rows are taken by index. */
const mirrorPad = (n: TfliteNode): Made => {
  const { mode } = n.options('MirrorPadOptions');
  const pads = paddingsOf(n);
  const own = n.shapeOf(0);
  const most = (d: number): number => (mode === 0 ? d - 1 : d);
  if (mode !== 0 && mode !== 1) return n.malformed(`mode is ${mode}`);
  if (own.some((d, i) => at(pads, i) > most(d) || at(pads, i + own.length) > most(d)))
    return n.malformed(`the paddings are [${pads.join(', ')}], but the shape is [${own.join(', ')}]`);
  return own.reduce<ValueId>((x, d, axis) => {
    const [before, after] = [at(pads, axis), at(pads, axis + own.length)];
    if (before + after === 0) return x;
    if (!n.session.budget.take(before + d + after)) return n.refuse('the padding is too large');
    const mirror = (i: number): number => (i < 0 ? -i - mode : i >= d ? 2 * d - 2 - i + mode : i);
    const rows = span(-before, d + after).map(mirror);
    return n.emit('gather', [x, n.ints('mirror', [rows.length], rows)], { axis });
  }, n.x(0));
};

const tile = (n: TfliteNode): Made => {
  const repeats = n.hostInts(1, 'the multiples');
  if (repeats.length !== n.rank(0) || repeats.some((r) => r < 0))
    return n.malformed(`the multiples are [${repeats.join(', ')}], but the rank is ${n.rank(0)}`);
  if (repeats.includes(0))
    return n.made(
      n.elem(0),
      n.shapeOf(0).map((d, i) => d * at(repeats, i)),
      () => 0,
    );
  return n.emit('tile', [n.x(0)], { repeats });
};

const broadcastTo = (n: TfliteNode): Made => {
  const shape = n.hostInts(1, 'the shape');
  const own = [...new Array<number>(Math.max(0, shape.length - n.rank(0))).fill(1), ...n.shapeOf(0)];
  if (own.length !== shape.length || shape.some((d, i) => d < 0 || (own[i] !== d && own[i] !== 1)))
    return n.malformed(`shape [${n.shapeOf(0).join(', ')}] cannot become [${shape.join(', ')}]`);
  return n.emit('expand', [n.x(0)], { shape });
};

/** Rows in another order, for each entry of the batch: the first lengths[b] steps turned round. */
const reverseSequence = (n: TfliteNode): Made => {
  const o = n.options('ReverseSequenceOptions');
  const own = n.shapeOf(0);
  const [seq, batch] = [n.axis(o.seq_dim, own.length, 'seq_dim'), n.axis(o.batch_dim, own.length, 'batch_dim')];
  const lengths = n.hostInts(1, 'the lengths');
  const count = elementCount(own);
  if (seq === batch || lengths.length !== own[batch] || lengths.some((l) => l < 0 || l > at(own, seq)))
    return n.malformed(`the lengths are [${lengths.join(', ')}], but the shape is [${own.join(', ')}]`);
  if (!n.session.budget.take(count)) return n.refuse(`${count} elements are moved one by one`);
  const stride = (axis: number): number => elementCount(own.slice(axis + 1));
  const index = (i: number, axis: number): number => Math.floor(i / stride(axis)) % at(own, axis);
  const from = span(0, count).map((i) => {
    const [t, length] = [index(i, seq), at(lengths, index(i, batch))];
    return t < length ? length - 1 - t : t;
  });
  return n.emit('gather_elements', [n.x(0), n.ints('steps', own, from)], { axis: seq });
};

export const shape = {
  RESHAPE: { import: (n) => [reshape(n)], keeps: true },
  SQUEEZE: { import: (n) => [squeeze(n)], keeps: true },
  EXPAND_DIMS: { import: (n) => [expandDims(n)], keeps: true },
  TRANSPOSE: { import: (n) => [transpose(n)], keeps: true },
  CONCATENATION: { import: (n) => [concatenation(n)], keeps: true },
  PACK: { import: (n) => [pack(n)], keeps: true },
  UNPACK: { import: unpack, keeps: true },
  SPLIT: { import: split, keeps: true },
  SPLIT_V: { import: splitV, keeps: true },
  SLICE: { import: (n) => [slice(n)], keeps: true },
  PAD: { import: (n) => [pad(n, 0)], keeps: true },
  PADV2: { import: (n) => [padV2(n)], keeps: true },
  MIRROR_PAD: { import: (n) => [mirrorPad(n)], keeps: true },
  TILE: { import: (n) => [tile(n)], keeps: true },
  BROADCAST_TO: { import: (n) => [broadcastTo(n)], keeps: true },
  REVERSE_V2: { import: (n) => [n.emit('flip', [n.x(0)], { axes: n.axes(n.hostInts(1, 'the axes'), n.rank(0)) })], keeps: true },
  REVERSE_SEQUENCE: { import: (n) => [reverseSequence(n)], keeps: true },
} as const satisfies TfliteOps;
