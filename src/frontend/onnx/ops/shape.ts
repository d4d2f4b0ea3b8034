import { type Dim, elementCount, isStaticShape, type ValueId } from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';
import type { OnnxNode } from '../node.ts';
import type { Made } from '../values.ts';
import { padOrCrop } from './conv.ts';
import type { OnnxOps } from './row.ts';
import { ones, span } from './util.ts';

/** The result keeps the element type of input 0. */
const kept = (n: OnnxNode, value: ValueId): Made => ({ value, elem: n.elem(0) });

/** A target of Reshape: -1 once, 0 copies (unless allowzero), symbols stand where the input has them or are inferred. */
const reshape = (n: OnnxNode): Made => {
  n.ignore('consumed_inputs');
  const allowZero = n.int('allowzero', 0) !== 0;
  const target: readonly Dim[] = n.since < 5 ? (n.ints('shape') ?? n.malformed('attribute shape is missing')) : n.hostDims(1, 'shape');
  const own = n.shapeOf(0);
  if (target.some((d) => typeof d === 'number' && d < -1)) return n.malformed(`the target shape is [${target.join(', ')}]`);
  const dims = target.map((d, i) =>
    d === 0 && !allowZero ? (own[i] ?? n.malformed(`the target shape copies dimension ${i}, which the input does not have`)) : d,
  );
  const open = dims.indexOf(-1);
  if (open < 0) return kept(n, n.reshape(n.wire(0), dims));
  if (dims.lastIndexOf(-1) !== open) return n.malformed(`the target shape [${target.join(', ')}] has more than one -1`);
  if (isStaticShape(own) && isStaticShape(dims)) {
    const rest = -elementCount(dims);
    const size = elementCount(own) / rest;
    if (!Number.isInteger(size)) return n.malformed(`shape [${own.join(', ')}] cannot become [${target.join(', ')}]`);
    return kept(
      n,
      n.reshape(
        n.wire(0),
        dims.map((d) => (d === -1 ? size : d)),
      ),
    );
  }
  // symbols on both sides cancel: a copied one is written as 0
  const attrs = dims.map((d, i) =>
    typeof d === 'number' ? d : own[i] === d ? 0 : n.unknown(`dimension ${d}`, [`Bind it: --bind ${d}=1.`]),
  );
  return kept(n, n.emit('reshape', [n.wire(0)], { shape: attrs }));
};

const flatten = (n: OnnxNode): Made => {
  const rank = n.rank(0);
  const wanted = n.int('axis', 1);
  const axis = wanted < 0 ? wanted + rank : wanted;
  if (axis < 0 || axis > rank) return n.malformed(`axis is ${wanted} but the rank is ${rank}`);
  const shape = n.shapeOf(0);
  if (isStaticShape(shape)) {
    const sides = [elementCount(shape.slice(0, axis)), elementCount(shape.slice(axis))];
    return kept(n, n.reshape(n.wire(0), sides));
  }
  return kept(n, n.emit('flatten', [n.wire(0)], { axis }));
};

const squeeze = (n: OnnxNode): Made => {
  const shape = n.shapeOf(0);
  const given = n.intsAttrOrInput('axes', 1, 13);
  const axes = given === undefined ? span(0, shape.length).filter((i) => shape[i] === 1) : n.axes(given, shape.length);
  const bad = axes.find((i) => shape[i] !== 1);
  if (bad !== undefined) return n.malformed(`dimension ${bad} of [${shape.join(', ')}] is not 1`);
  return kept(n, n.emit('squeeze', [n.wire(0)], { axes: [...axes] }));
};

const unsqueeze = (n: OnnxNode): Made => {
  const given = n.intsAttrOrInput('axes', 1, 13) ?? n.malformed('axes are missing');
  return kept(n, n.emit('unsqueeze', [n.wire(0)], { axes: [...n.axes(given, n.rank(0) + given.length)] }));
};

const transpose = (n: OnnxNode): Made => {
  const rank = n.rank(0);
  const perm = n.ints('perm') ?? span(0, rank).reverse();
  return kept(n, n.emit('transpose', [n.wire(0)], { perm: perm.map((p) => n.axis(p, rank, 'perm')) }));
};

const concat = (n: OnnxNode): Made => {
  const axis = n.axis(n.since < 4 ? n.int('axis', 1) : n.int('axis'), n.rank(0));
  // PyTorch exports lists that start with an empty [0] vector
  const used = span(0, n.inputCount).filter((i) => !(n.inputCount > 1 && n.rank(i) === 1 && n.shapeOf(i)[0] === 0 && n.rank(0) !== 1));
  return kept(
    n,
    n.emit(
      'concat',
      used.map((i) => n.wire(i)),
      { axis },
    ),
  );
};

/** Split's sizes were an input in version 1 or an attribute, an attribute in 2 and 11, and an input again from 13 on. */
const splitSizes = (n: OnnxNode, size: number): readonly number[] => {
  const given = n.hasAttr('split') && n.since < 13 ? n.ints('split') : n.has(1) ? n.hostInts(1, 'split') : undefined;
  if (given !== undefined) return given;
  const parts = n.since >= 18 ? n.int('num_outputs') : n.outputCount;
  if (parts < 1 || parts > 65536) return n.malformed(`it has ${parts} outputs`);
  const part = Math.ceil(size / parts);
  if (n.since < 18 && size % parts !== 0) return n.malformed(`size ${size} is not a multiple of ${parts} outputs`);
  return span(0, parts).map((i) => Math.max(0, Math.min(part, size - i * part)));
};

const split = (n: OnnxNode): readonly Made[] => {
  const axis = n.axis(n.int('axis', 0), n.rank(0));
  const size = at(n.shapeOf(0), axis);
  if (typeof size !== 'number') return n.unknown(`dimension ${size}`, [`Bind it: --bind ${size}=1.`]);
  return n.emitAll('split', [n.wire(0)], { axis, sizes: [...splitSizes(n, size)] }).map((v) => kept(n, v));
};

interface Cut {
  readonly start: number;
  readonly size: number;
  readonly step: number;
}

const whole: Cut = { start: 0, size: -1, step: 1 };

/** Indices start, start + step, … before end, limited to a dimension as Python does. */
const cut = (size: number, start: number, end: number, step: number): Cut => {
  const from = Math.max(step > 0 ? 0 : -1, Math.min(start < 0 ? start + size : start, step > 0 ? size : size - 1));
  const to = Math.max(step > 0 ? 0 : -1, Math.min(end < 0 ? end + size : end, step > 0 ? size : size - 1));
  const count = Math.max(0, Math.ceil((to - from) / step));
  return count === 0 ? { start: 0, size: 0, step: 1 } : { start: from, size: count, step: count === 1 ? 1 : step };
};

/** A symbolic dimension can only be kept whole: from 0 to its own symbol, or to a number beyond any size. */
const symbolicCut = (n: OnnxNode, d: string, start: Dim, end: Dim, step: number): Cut =>
  start === 0 && step === 1 && (end === d || (typeof end === 'number' && end >= 2 ** 31 - 1))
    ? whole
    : n.unknown(`dimension ${d}`, [`Bind it: --bind ${d}=1.`]);

interface Slices {
  readonly starts: readonly Dim[];
  readonly ends: readonly Dim[];
  readonly axes: readonly number[];
  readonly steps: readonly number[];
}

const slicesOf = (n: OnnxNode): Slices => {
  if (n.since < 10) {
    const starts = n.ints('starts') ?? n.malformed('attribute starts is missing');
    const ends = n.ints('ends') ?? n.malformed('attribute ends is missing');
    return { starts, ends, axes: n.axes(n.ints('axes') ?? span(0, starts.length), n.rank(0)), steps: ones(starts.length) };
  }
  const starts = n.hostDims(1, 'starts');
  const axes = n.axes(n.has(3) ? n.hostInts(3, 'axes') : span(0, starts.length), n.rank(0));
  return { starts, ends: n.hostDims(2, 'ends'), axes, steps: n.has(4) ? n.hostInts(4, 'steps') : ones(starts.length) };
};

const slice = (n: OnnxNode): Made => {
  const { starts, ends, axes, steps } = slicesOf(n);
  if ([ends, axes, steps].some((list) => list.length !== starts.length))
    return n.malformed('starts, ends, axes and steps differ in length');
  const shape = n.shapeOf(0);
  const cuts = shape.map((d, i): Cut => {
    const k = axes.indexOf(i);
    if (k < 0) return whole;
    const [start, end, step] = [at(starts, k), at(ends, k), at(steps, k)];
    if (step === 0) return n.malformed('a step is 0');
    if (typeof d === 'string') return symbolicCut(n, d, start, end, step);
    if (typeof start !== 'number' || typeof end !== 'number') return n.unknown(`starts and ends`, ['Bind the symbolic dimensions.']);
    return cut(d, start, end, step);
  });
  return kept(
    n,
    n.emit('slice', [n.wire(0)], { starts: cuts.map((c) => c.start), sizes: cuts.map((c) => c.size), steps: cuts.map((c) => c.step) }),
  );
};

const expand = (n: OnnxNode): Made => {
  const target = n.hostDims(1, 'shape');
  const own = n.shapeOf(0);
  const shape = target.map((d, i) => {
    if (typeof d === 'number') return d < 0 ? n.malformed(`the target shape is [${target.join(', ')}]`) : d;
    return own[i - target.length + own.length] === d ? 1 : n.unknown(`dimension ${d}`, [`Bind it: --bind ${d}=1.`]);
  });
  return kept(n, n.emit('expand', [n.wire(0)], { shape }));
};

const tile = (n: OnnxNode): Made => {
  const repeats = n.hostInts(1, 'repeats');
  const shape = n.shapeOf(0);
  if (repeats.length !== shape.length || repeats.some((r) => r < 0))
    return n.malformed(`repeats are [${repeats.join(', ')}] for rank ${shape.length}`);
  const repeated = shape.filter((_, i) => repeats[i] !== 1);
  if (!isStaticShape(repeated)) return n.unbound(repeated);
  // tile repeats at least once: without elements nothing is left to repeat
  if (repeats.includes(0))
    return kept(
      n,
      n.reshape(
        n.wire(0),
        n.staticShape(0).map((d, i) => d * at(repeats, i)),
      ),
    );
  return kept(n, repeats.every((r) => r === 1) ? n.wire(0) : n.emit('tile', [n.wire(0)], { repeats }));
};

/** Pads of every dimension, begin then end; opset 18 may name axes. */
const padsOf = (n: OnnxNode): readonly number[] => {
  const rank = n.rank(0);
  const given = n.since < 2 ? n.ints('paddings') : n.since < 11 ? n.ints('pads') : n.hostInts(1, 'pads');
  if (given === undefined) return n.malformed('attribute pads is missing');
  const axes = n.since >= 18 && n.has(3) ? n.axes(n.hostInts(3, 'axes'), rank) : span(0, rank);
  if (given.length !== 2 * axes.length) return n.malformed(`pads has ${given.length} entries but ${2 * axes.length} are wanted`);
  const pads = new Array<number>(2 * rank).fill(0);
  axes.forEach((a, i) => {
    pads[a] = at(given, i);
    pads[rank + a] = at(given, axes.length + i);
  });
  return pads;
};

/** Padding with an infinity, which the attribute of `pad` does not hold: the infinity where the padded x has no element. */
const padInfinite = (n: OnnxNode, x: ValueId, pads: readonly number[], value: number): ValueId => {
  const yes = n.session.param('inside', { dtype: 'bool', shape: [], data: Uint8Array.of(1) });
  const inside = n.emit('expand', [yes], { shape: n.typeOf(x).shape.map((d) => (typeof d === 'number' ? d : 1)) });
  const [reach, padded] = [inside, x].map((v) => n.emit('pad', [v], { pads: [...pads], value: 0 }));
  return n.emit('select', [reach ?? inside, padded ?? x, n.scalar(value)], {});
};

const pad = (n: OnnxNode): Made => {
  const mode = n.text('mode', 'constant');
  if (mode === 'wrap')
    return kept(
      n,
      padOrCrop(n, n.wire(0), padsOf(n), (x, pads) => n.emit('pad_wrap', [x], { pads })),
    );
  if (mode !== 'constant' && mode !== 'reflect' && mode !== 'edge') return n.refuse(`mode is ${mode}`);
  const value = n.since < 11 ? n.float('value', 0) : n.has(2) ? Math.fround(n.hostScalar(2, 'constant_value')) : 0;
  if (Number.isNaN(value)) return n.refuse('the padding value is NaN');
  const infinite = mode === 'constant' && !Number.isFinite(value);
  const emit = (x: ValueId, pads: readonly number[]): ValueId =>
    infinite ? padInfinite(n, x, pads, value) : n.emit('pad', [x], { pads: [...pads], mode, value: mode === 'constant' ? value : 0 });
  return kept(n, padOrCrop(n, n.wire(0), padsOf(n), emit));
};

/** Negative indices count from the end; the program's gather clamps instead. */
const gather = (n: OnnxNode): Made => {
  const axis = n.axis(n.int('axis', 0), n.rank(0));
  const size = at(n.shapeOf(0), axis);
  if (typeof size !== 'number') return n.unknown(`dimension ${size}`, [`Bind it: --bind ${size}=1.`]);
  const { host, name } = n.input(1);
  if (host === undefined) {
    const raw = n.wire(1);
    const indices = n.as(raw, 'i32');
    const scalar = (v: number): ValueId => n.int32('scalar', v);
    const wrapped = n.emit('select', [n.emit('less', [indices, scalar(0)], {}), n.emit('add', [indices, scalar(size)], {}), indices], {});
    return kept(n, n.emit('gather', [n.wire(0), wrapped], { axis }));
  }
  if (host.symbols !== undefined) return n.unknown('the indices');
  const data = Int32Array.from(host.data, (v) => (v < 0 ? v + size : v));
  const outside = host.data.findIndex((v) => !(v >= -size && v < size));
  if (outside >= 0) return n.malformed(`index ${host.data[outside]} is outside a dimension of size ${size}`);
  const indices = n.session.param(name, { dtype: 'i32', shape: host.shape, data });
  return kept(n, n.emit('gather', [n.wire(0), indices], { axis }));
};

/** Channels, height and width have to be numbers; the batch may be a symbol. */
const knownImage = (n: OnnxNode): void => {
  const image = n.shapeOf(0).slice(1);
  if (!isStaticShape(image)) n.unbound(image);
};

const depthToSpace = (n: OnnxNode): Made => {
  knownImage(n);
  const mode = n.text('mode', 'DCR');
  if (mode !== 'DCR' && mode !== 'CRD') return n.refuse(`mode is ${mode}`);
  return kept(n, n.emit('depth_to_space', [n.wire(0)], { block: n.int('blocksize'), mode }));
};

const spaceToDepth = (n: OnnxNode): Made => {
  knownImage(n);
  return kept(n, n.emit('space_to_depth', [n.wire(0)], { block: n.int('blocksize') }));
};

export const shape = {
  Reshape: { since: [1, 5, 13, 14, 19, 21, 23, 24, 25], moves: 'reshapes', import: (n) => [reshape(n)] },
  Flatten: { since: [1, 9, 11, 13, 21, 23, 24, 25], moves: 'reshapes', import: (n) => [flatten(n)] },
  Squeeze: { since: [1, 11, 13, 21, 23, 24, 25], moves: 'reshapes', import: (n) => [squeeze(n)] },
  Unsqueeze: { since: [1, 11, 13, 21, 23, 24, 25], moves: 'reshapes', import: (n) => [unsqueeze(n)] },
  Transpose: { since: [1, 13, 21, 23, 24, 25], moves: 'first', import: (n) => [transpose(n)] },
  Concat: { since: [1, 4, 11, 13], moves: 'all', import: (n) => [concat(n)] },
  Split: { since: [1, 2, 11, 13, 18], moves: 'first', import: split },
  Slice: { since: [1, 10, 11, 13], moves: 'first', import: (n) => [slice(n)] },
  Expand: { since: [8, 13], moves: 'first', import: (n) => [expand(n)] },
  Tile: { since: [6, 13], moves: 'first', import: (n) => [tile(n)] },
  Pad: { since: [1, 2, 11, 13, 18, 19, 21, 23, 24, 25], import: (n) => [pad(n)] },
  Gather: { since: [1, 11, 13], moves: 'first', import: (n) => [gather(n)] },
  DepthToSpace: { since: [1, 11, 13], moves: 'first', import: (n) => [depthToSpace(n)] },
  SpaceToDepth: { since: [1, 13], moves: 'first', import: (n) => [spaceToDepth(n)] },
} as const satisfies OnnxOps;
