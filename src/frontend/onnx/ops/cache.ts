import { elementCount, type ValueId } from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';
import type { OnnxNode } from '../node.ts';
import { iota } from '../session.ts';
import type { Made } from '../values.ts';
import type { OnnxOps } from './row.ts';
import { floatWire, ones, span } from './util.ts';

const ACTIVATIONS = ['none', 'silu', 'swish'];

/** 0, 1, 2, … or from another number on: a constant that counts on the budget of the import. */
export const counted = (n: OnnxNode, name: string, shape: readonly number[], first = 0): ValueId => {
  const count = elementCount(shape);
  return n.session.budget.take(count)
    ? n.session.param(name, iota(shape, first))
    : n.refuse(`a constant of ${count} elements is too large`);
};

/** Integers limited to lo..hi. */
export const clampInts = (n: OnnxNode, x: ValueId, lo: number, hi: number): ValueId => {
  const limit = (v: number): ValueId => n.session.param('limit', iota([], v));
  return n.emit('minimum', [n.emit('maximum', [x, limit(lo)], {}), limit(hi)], {});
};

/** Index vectors (sample, place) of the updates: place = write index + step, in circular mode modulo the places. */
const vectors = (n: OnnxNode, batch: number, steps: number, places: number, circular: boolean): ValueId => {
  const step = counted(n, 'steps', [1, steps, 1]);
  const raw = n.has(2) ? n.reshape(n.wire(2), [batch, 1, 1]) : n.session.param('start', iota([1, 1, 1]));
  const first = n.as(raw, 'i32');
  const size = n.session.param('places', iota([], places));
  // outside [-1, places] nothing is written all the same, and the sum below stays small
  const start = circular ? n.emit('mod', [first, size], {}) : clampInts(n, first, -steps, places);
  const sum = n.emit('add', [start, step], {});
  const place = n.emit('expand', [circular ? n.emit('mod', [sum, size], {}) : sum], { shape: [batch, steps, 1] });
  const sample = n.emit('expand', [counted(n, 'samples', [batch, 1, 1])], { shape: [batch, steps, 1] });
  return n.emit('concat', [sample, place], { axis: 2 });
};

/** Writes a run of slices into a cache, per sample from its write index on. A place outside the cache is left out. */
const tensorScatter = (n: OnnxNode): Made => {
  const rank = n.rank(0);
  const axis = n.axis(n.int('axis', -2), rank);
  if (axis === 0) return n.malformed('axis is 0, the batch');
  const [shape, update] = [n.staticShape(0), n.staticShape(1)];
  const alike = update.length === rank && update.every((d, i) => (i === axis ? d <= at(shape, i) : d === shape[i]));
  if (!alike || n.elem(1) !== n.elem(0))
    return n.malformed(`past_cache is ${n.elem(0)}[${shape.join(', ')}] but update is ${n.elem(1)}[${update.join(', ')}]`);
  const mode = n.text('mode', 'linear');
  if (mode !== 'linear' && mode !== 'circular') return n.malformed(`mode is ${mode}, not linear or circular`);
  const [batch, steps, places] = [at(shape, 0), at(update, axis), at(shape, axis)];
  if (n.has(2) && (n.rank(2) !== 1 || n.shapeOf(2)[0] !== batch))
    return n.malformed(`write_indices has shape [${n.shapeOf(2).join(', ')}], but there are ${batch} samples`);
  if (batch === 0 || steps === 0) return { value: n.wire(0), elem: n.elem(0) };
  const rest = span(1, rank).filter((i) => i !== axis);
  const perm = [0, axis, ...rest];
  const turned = [0, 1].map((i) => n.emit('transpose', [n.wire(i)], { perm }));
  const [cached, updates] = turned;
  if (cached === undefined || updates === undefined) return n.malformed('an input is missing');
  const written = n.emit('scatter_nd', [cached, vectors(n, batch, steps, places, mode === 'circular'), updates], { mode: 'set' });
  return { value: n.emit('transpose', [written], { perm: span(0, rank).map((i) => perm.indexOf(i)) }), elem: n.elem(0) };
};

/** Depthwise convolution over the last k places, of which the first k - 1 are the state of the step before or zeros. */
const causalConv = (n: OnnxNode): readonly Made[] => {
  if (n.rank(0) !== 3 || n.rank(1) !== 3) return n.malformed(`input 0 has rank ${n.rank(0)} and input 1 rank ${n.rank(1)}, not 3`);
  const [batch = 1, channels = 1, length = 1] = n.shapeOf(0);
  const [filters, one, kernel = 0] = n.staticShape(1);
  if (typeof length !== 'number' || typeof channels !== 'number') return n.unbound([channels, length], ' of input 0');
  if (filters !== channels || one !== 1 || kernel < 1)
    return n.malformed(`the weights are [${n.shapeOf(1).join(', ')}] for ${channels} channels`);
  const activation = n.text('activation', 'none');
  if (!ACTIVATIONS.includes(activation)) return n.malformed(`activation is ${activation}, not one of ${ACTIVATIONS.join(', ')}`);
  const state = kernel - 1;
  if (n.has(3) && n.shapeOf(3).join() !== [batch, channels, state].join())
    return n.malformed(`past_state has shape [${n.shapeOf(3).join(', ')}], not [${[batch, channels, state].join(', ')}]`);
  const x = floatWire(n, 0);
  const joined =
    n.has(3) && state > 0 ? n.emit('concat', [floatWire(n, 3), x], { axis: 2 }) : n.emit('pad', [x], { pads: [0, 0, state, 0, 0, 0] });
  const operands = [joined, floatWire(n, 1), ...(n.has(2) ? [floatWire(n, 2)] : [])];
  const y = n.emit('conv', operands, { stride: [1], pads: [0, 0], dilation: [1], groups: channels });
  const result = activation === 'none' ? y : n.emit('silu', [y], {});
  if (n.outputCount === 1) return [result];
  const present = n.emit('slice', [joined], { starts: [0, 0, length], sizes: [-1, -1, state], steps: ones(3) });
  return [result, present];
};

/** Operators that keep a state of the tokens before. */
export const cache = {
  TensorScatter: { since: [24], import: (n) => [tensorScatter(n)] },
  CausalConvWithState: { since: [27], import: causalConv },
} as const satisfies OnnxOps;
