import { elementCount } from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';
import type { Made } from '../../import-session.ts';
import type { LayerNode } from '../../layer-node.ts';
import { bool, float, int, ints, optionalInt, optionalInts, spatialInts, word } from '../attributes.ts';
import type { MxTable } from './row.ts';
import { span } from './util.ts';

const codesLeft = (n: LayerNode, codes: readonly number[]): never =>
  n.malformed(`shape (${codes.join(', ')}) does not fit the input [${n.shapeOf(0).join(', ')}]`);

/** The unknown dimension, if one is asked for. */
const inferred = (n: LayerNode, dims: readonly number[], count: number): readonly number[] => {
  const known = elementCount(dims.filter((d) => d !== -1));
  if (dims.filter((d) => d === -1).length > 1) return codesLeft(n, dims);
  return dims.map((d) => (d !== -1 ? d : known === 0 ? 0 : count / known));
};

/**
 * Codes of Reshape: 0 copies a dimension, -1 is inferred, -2 copies all that are left, -3 joins two, -4 splits one into the two
 * that follow. With `reverse` they are read from the right.
 */
const reshapeCodes = (n: LayerNode, codes: readonly number[], shape: readonly number[]): readonly number[] => {
  const out: number[] = [];
  let from = 0;
  const next = (): number => shape[from++] ?? codesLeft(n, codes);
  for (let i = 0; i < codes.length; i++) {
    const code = at(codes, i);
    if (code > 0) {
      out.push(code);
      from++;
    } else if (code === 0) out.push(next());
    else if (code === -1) {
      out.push(-1);
      from++;
    } else if (code === -2) {
      out.push(...shape.slice(from));
      from = shape.length;
    } else if (code === -3) out.push(next() * next());
    else if (code === -4) {
      const whole = next();
      const [a = 0, b = 0] = codes.slice(i + 1, i + 3);
      i += 2;
      if ((a < 1 && b < 1) || (a < 1 && a !== -1) || (b < 1 && b !== -1)) return codesLeft(n, codes);
      out.push(a === -1 ? whole / b : a, b === -1 ? whole / a : b);
    } else return codesLeft(n, codes);
  }
  return inferred(n, out, elementCount(shape));
};

/** The elements in another shape; a constant stays one. */
export const reshaped = (n: LayerNode, shape: readonly number[]): Made => {
  const { host, shape: own } = n.input(0);
  if (elementCount(shape) !== elementCount(own) || shape.some((d) => !Number.isInteger(d) || d < 0)) return codesLeft(n, shape);
  if (host !== undefined) return { host: { ...host, shape } };
  if (shape.length === own.length && shape.every((d, i) => d === own[i])) return { same: n.input(0) };
  return { value: n.reshape(n.x(0), shape), layout: 'file', elem: n.elem(0) };
};

const reversed = <T>(list: readonly T[]): readonly T[] => [...list].reverse();

const reshape = (n: LayerNode): Made => {
  const shape = n.shapeOf(0);
  const codes = optionalInts(n, 'shape') ?? [];
  const back = bool(n, 'reverse', false);
  const target = optionalInts(n, 'target_shape') ?? [];
  const keep = bool(n, 'keep_highest', false);
  if (codes.length === 0) {
    // the form of 0.7: 0 is inferred
    if (target.length === 0) return n.malformed('attribute shape is missing');
    const rest = keep ? [at(shape, 0), ...target.slice(1)] : target;
    return reshaped(
      n,
      inferred(
        n,
        rest.map((d, i) => (d === 0 && !(keep && i === 0) ? -1 : d)),
        elementCount(shape),
      ),
    );
  }
  if (!back) return reshaped(n, reshapeCodes(n, codes, shape));
  if (codes.includes(-4)) return n.refuse('reverse with a code of -4');
  return reshaped(n, reversed(reshapeCodes(n, reversed(codes), reversed(shape))));
};

/** Codes of numpy operators: -1 inferred, -2 copied, -3 a dimension of 1 dropped, -4 all left, -5 two joined, -6 one split. */
export const numpyReshape = (n: LayerNode): Made => {
  const codes = optionalInts(n, 'newshape') ?? [];
  if (bool(n, 'reverse', false)) return n.refuse('reverse is True');
  n.ignore('order');
  const shape = n.shapeOf(0);
  const out: number[] = [];
  let from = 0;
  for (let i = 0; i < codes.length; i++) {
    const code = at(codes, i);
    if (code >= 0 || code === -1) {
      out.push(code);
      from++;
    } else if (code === -2) out.push(shape[from++] ?? codesLeft(n, codes));
    else if (code === -3) {
      if (shape[from++] !== 1) return codesLeft(n, codes);
    } else if (code === -4) {
      out.push(...shape.slice(from));
      from = shape.length;
    } else if (code === -5) out.push((shape[from++] ?? codesLeft(n, codes)) * (shape[from++] ?? codesLeft(n, codes)));
    else return n.refuse(`the code ${code} in newshape is not supported`);
  }
  return reshaped(n, inferred(n, out, elementCount(shape)));
};

const flatten = (n: LayerNode): Made =>
  n.rank(0) === 2
    ? { same: n.input(0) }
    : n.rank(0) < 2
      ? reshaped(n, [at(n.shapeOf(0), 0), 1])
      : { value: n.emit('flatten', [n.x(0)], { axis: 1 }), layout: 'file', elem: n.elem(0) };

const kept = (n: LayerNode, value: ReturnType<LayerNode['x']>): Made => ({ value, layout: 'file', elem: n.elem(0) });

export const transpose = (n: LayerNode): Made => {
  const rank = n.rank(0);
  const axes = optionalInts(n, 'axes') ?? [];
  const perm = axes.length === 0 ? reversed(span(0, rank)) : axes.map((a) => n.axis(a, rank, 'axes'));
  return kept(n, n.emit('transpose', [n.x(0)], { perm }));
};

const swapAxis = (n: LayerNode): Made => {
  const rank = n.rank(0);
  const [a, b] = ['dim1', 'dim2'].map((name) => n.axis(int(n, name, 0), rank, name));
  const perm = span(0, rank).map((d) => (d === a ? b : d === b ? a : d) ?? d);
  return kept(n, n.emit('transpose', [n.x(0)], { perm }));
};

const expandDims = (n: LayerNode): Made => {
  const axis = n.axis(int(n, 'axis'), n.rank(0) + 1);
  const shape = n.shapeOf(0);
  return reshaped(n, [...shape.slice(0, axis), 1, ...shape.slice(axis)]);
};

export const squeeze = (n: LayerNode): Made => {
  const shape = n.shapeOf(0);
  const given = optionalInts(n, 'axis');
  const axes = given === undefined ? span(0, shape.length).filter((d) => shape[d] === 1) : n.axes(given, shape.length);
  if (axes.some((a) => shape[a] !== 1)) return n.malformed(`axis is (${axes.join(', ')}), the input [${shape.join(', ')}]`);
  const left = shape.filter((_, d) => !axes.includes(d));
  // without axes, a tensor of one element keeps one dimension
  return reshaped(n, given === undefined && left.length === 0 ? [1] : left);
};

/** @param name - the attribute with the axis */
export const concat = (n: LayerNode, name = 'dim', fallback = 1): Made => {
  n.ignore('num_args');
  const rank = n.rank(0);
  const axis = n.axis(int(n, name, fallback), rank, name);
  const inputs = span(0, n.inputCount).map((i) => n.input(i));
  const places = inputs.map((_, i) => n.either(i));
  // channels that stand last in the file are joined where they are
  if (rank >= 3 && rank <= 5 && places.every((p) => p.layout === 'first'))
    return {
      value: n.emit(
        'concat',
        places.map((p) => p.value),
        { axis: at(places, 0).place(axis) },
      ),
      layout: 'first',
    };
  return kept(
    n,
    n.emit(
      'concat',
      inputs.map((_, i) => n.x(i)),
      { axis },
    ),
  );
};

/** The parameters of recurrent layers, one after another: a constant where they are constants. */
const rnnParameters = (n: LayerNode): Made => {
  n.ignore('num_args', 'dim');
  const hosts = span(0, n.inputCount).map((i) => n.input(i));
  const parts = hosts.flatMap(({ host }) => (host === undefined ? [] : [host]));
  if (parts.length < hosts.length)
    return n.emit(
      'concat',
      span(0, n.inputCount).map((i) => n.real(i)),
      { axis: 0 },
    );
  const all = new Float32Array(parts.reduce((sum, p) => sum + p.data.length, 0));
  let start = 0;
  for (const { data } of parts) {
    all.set(data, start);
    start += data.length;
  }
  return n.made('float32', [all.length], (i) => at(all, i));
};

const stack = (n: LayerNode): Made => {
  n.ignore('num_args');
  const axis = n.axis(int(n, 'axis', 0), n.rank(0) + 1);
  return kept(
    n,
    n.emit(
      'stack',
      span(0, n.inputCount).map((i) => n.x(i)),
      { axis },
    ),
  );
};

const tile = (n: LayerNode): Made => {
  const reps = ints(n, 'reps');
  const rank = Math.max(reps.length, n.rank(0));
  const lead = (list: readonly number[]): readonly number[] => [...new Array<number>(rank - list.length).fill(1), ...list];
  const x = n.rank(0) === rank ? n.x(0) : n.reshape(n.x(0), lead(n.shapeOf(0)));
  return kept(n, n.emit('tile', [x], { repeats: lead(reps) }));
};

const repeat = (n: LayerNode): Made => {
  const axis = optionalInt(n, 'axis');
  const repeats = int(n, 'repeats');
  if (axis !== undefined) return kept(n, n.emit('repeat', [n.x(0)], { axis: n.axis(axis, n.rank(0)), repeats }));
  return kept(n, n.emit('repeat', [n.reshape(n.x(0), [elementCount(n.shapeOf(0))])], { axis: 0, repeats }));
};

export const flip = (n: LayerNode): Made => kept(n, n.emit('flip', [n.x(0)], { axes: n.axes(ints(n, 'axis'), n.rank(0)) }));

/** pad_width has begin and end of each dimension in turn. */
const pad = (n: LayerNode): Made => {
  const mode = word(n, 'mode', ['constant', 'edge', 'reflect']);
  const widths = ints(n, 'pad_width');
  const rank = n.rank(0);
  if (widths.length !== 2 * rank || widths.some((w) => w < 0)) return n.malformed(`pad_width is (${widths.join(', ')}), the rank ${rank}`);
  const side = (k: number): number[] => span(0, rank).map((d) => at(widths, 2 * d + k));
  const value = float(n, 'constant_value', 0);
  return kept(n, n.emit('pad', [n.x(0)], { mode, pads: [...side(0), ...side(1)], value: mode === 'constant' ? value : 0 }));
};

/** A 0 in the wanted shape keeps a dimension. */
const broadcastTo = (n: LayerNode): Made => {
  const own = n.shapeOf(0);
  const wanted = ints(n, 'shape');
  if (wanted.length < own.length) return n.malformed(`shape is (${wanted.join(', ')}), the input [${own.join(', ')}]`);
  const shape = wanted.map((d, i) => (d === 0 ? at(own, i - (wanted.length - own.length)) : d));
  return kept(n, n.emit('expand', [n.x(0)], { shape }));
};
const broadcastAxis = (n: LayerNode): Made => {
  const [axes, sizes] = [ints(n, 'axis'), ints(n, 'size')];
  const shape = n.shapeOf(0).map((d, i) => sizes[axes.indexOf(i)] ?? d);
  return kept(n, n.emit('expand', [n.x(0)], { shape }));
};
const broadcastLike = (n: LayerNode): Made => {
  const [own, like] = [n.shapeOf(0), n.shapeOf(1)];
  const [left, right] = [optionalInts(n, 'lhs_axes'), optionalInts(n, 'rhs_axes')];
  if (left === undefined || right === undefined) return kept(n, n.emit('expand', [n.x(0)], { shape: like }));
  const shape = [...own];
  left.forEach((a, i) => (shape[n.axis(a, own.length)] = at(like, n.axis(right[i] ?? 0, like.length))));
  return kept(n, n.emit('expand', [n.x(0)], { shape }));
};

const reshapeLike = (n: LayerNode): Made => {
  const [own, like] = [n.shapeOf(0), n.shapeOf(1)];
  const bound = (name: string, rank: number, fallback: number): number => {
    const value = optionalInt(n, name) ?? fallback;
    return value < 0 ? value + rank : value;
  };
  const [from, to] = [bound('lhs_begin', own.length, 0), bound('lhs_end', own.length, own.length)];
  const [start, end] = [bound('rhs_begin', like.length, 0), bound('rhs_end', like.length, like.length)];
  return reshaped(n, [...own.slice(0, from), ...like.slice(start, end), ...own.slice(to)]);
};

const columns = (n: LayerNode) => {
  const kernel = ints(n, 'kernel');
  const list = (name: string, fill: number): readonly number[] => spatialInts(n, name, kernel.length, fill);
  const edge = list('pad', 0);
  return { kernel, stride: list('stride', 1), dilation: list('dilate', 1), pads: [...edge, ...edge] };
};

const one = (row: (n: LayerNode) => Made) => ({ import: (n: LayerNode) => [row(n)] }) as const;

export const shape = {
  Reshape: one(reshape),
  Flatten: one(flatten),
  transpose: one(transpose),
  SwapAxis: one(swapAxis),
  expand_dims: one(expandDims),
  squeeze: one(squeeze),
  Concat: one((n) => concat(n)),
  _rnn_param_concat: one(rnnParameters),
  stack: one(stack),
  tile: one(tile),
  repeat: one(repeat),
  reverse: one(flip),
  Pad: one(pad),
  broadcast_to: one(broadcastTo),
  broadcast_axis: one(broadcastAxis),
  broadcast_like: one(broadcastLike),
  reshape_like: one(reshapeLike),
  depth_to_space: one((n) => kept(n, n.emit('depth_to_space', [n.x(0)], { block: int(n, 'block_size') }))),
  space_to_depth: one((n) => kept(n, n.emit('space_to_depth', [n.x(0)], { block: int(n, 'block_size') }))),
  im2col: one((n) => n.emit('im2col', [n.real(0)], columns(n))),
  col2im: one((n) => n.emit('col2im', [n.real(0)], { image: ints(n, 'output_size'), ...columns(n) })),
} as const satisfies MxTable;
