import { elementCount } from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';
import { type Constant, derivedConstant, mergeNames } from '../constant.ts';
import { isLayer, type Term } from '../graph.ts';
import type { Arena, Draft, Rule } from './arena.ts';
import { partsOf } from './arithmetic.ts';
import { axisMap, moveAttrs, sourceIndex, transpositionOf } from './movement.ts';
import { transposed } from './moves.ts';
import { broadcastIndex, combined, picked, reshaped, sameSizes, shapeOf, withoutLeadingOnes } from './shapes.ts';

interface Window {
  readonly stride: readonly number[];
  readonly dilation: readonly number[];
  readonly pads: readonly number[];
  readonly groups: number;
}

const windowOf = (d: Draft): Window => d.attrs as unknown as Window;

/** The axes after the channels in the operands and results of a layer. */
const trailing = (op: string, rank: number): number => (op === 'conv' ? rank - 2 : 0);

/** A constant that is one number a channel, or one for all, as a vector; undefined when it varies elsewhere. */
const perChannel = (constant: Constant, channels: number, after: number): Constant | undefined => {
  const shape = withoutLeadingOnes(constant.type.shape);
  if (elementCount(shape) === 1) return reshaped(constant, []);
  const fits = shape.length === after + 1 && shape[0] === channels && shape.slice(1).every((n) => n === 1);
  return fits ? reshaped(constant, [channels]) : undefined;
};

const layer = (arena: Arena, d: Draft, x: Term, w: Constant): Term => arena.leaf({ ...d, operands: [x, arena.constant(w)] });

/** A factor after a layer scales the rows of its weights. */
const factorAfter = (arena: Arena, d: Draft): Term | undefined => {
  const { terms, constant } = partsOf(d.operands);
  const only = terms[0];
  const w = only?.operands[1]?.constant;
  if (terms.length !== 1 || only === undefined || constant === undefined || w === undefined || !isLayer(only)) return undefined;
  if (!sameSizes(shapeOf(only), shapeOf(d))) return undefined;
  const outputs = at(w.type.shape, 0);
  const k = perChannel(constant, outputs, trailing(only.op, only.type.shape.length));
  if (k === undefined) return undefined;
  const column = k.type.shape.length === 0 ? k : reshaped(k, [outputs, ...w.type.shape.slice(1).map(() => 1)]);
  const scaled = combined('rows', w, column, (a, b) => a * b);
  return scaled && arena.leaf({ ...only, operands: [at(only.operands, 0), arena.constant(scaled)] });
};

/** The vector over input channels as a factor for each weight. */
const overColumns = (k: Constant, w: Constant, groups: number): Constant => {
  if (k.type.shape.length === 0) return k;
  const [outputs = 1, inputs = 1, ...kernel] = w.type.shape;
  const ones = kernel.map(() => 1);
  if (groups === 1) return reshaped(k, [1, inputs, ...ones]);
  const perGroup = outputs / groups;
  const index = (i: number): number => Math.floor(Math.floor(i / inputs) / perGroup) * inputs + (i % inputs);
  return picked(`columns${groups}.${outputs}`, k, [outputs, inputs, ...ones], index);
};

/** An operand, or what it is a transpose of: axis i of the operand is axis axes[i] of that. */
const belowTranspose = (x: Term): { readonly inner: Term; readonly axes: readonly number[] } => {
  const perm = x.op === 'move' ? transpositionOf(x) : undefined;
  return perm === undefined ? { inner: x, axes: x.type.shape.map((_, i) => i) } : { inner: at(x.operands, 0), axes: perm };
};

/** A factor before a layer scales the columns of its weights; padding with 0 stays 0. */
const factorBefore = (arena: Arena, d: Draft): Term | undefined => {
  const [x, wt, ...rest] = d.operands;
  const w = wt?.constant;
  if (x === undefined || w === undefined) return undefined;
  const { inner, axes } = belowTranspose(x);
  const { terms, constant } = partsOf(inner.operands);
  const only = terms[0];
  if (inner.op !== 'product' || terms.length !== 1 || only === undefined || constant === undefined) return undefined;
  if (!sameSizes(shapeOf(only), shapeOf(inner))) return undefined;
  const groups = d.op === 'conv' ? windowOf(d).groups : 1;
  const after = axes.length - 1 - at(axes, axes.length - 1 - trailing(d.op, axes.length));
  const k = perChannel(constant, at(w.type.shape, 1) * groups, after);
  const scaled = k && combined('columns', w, overColumns(k, w, groups), (a, b) => a * b);
  const source = inner === x ? only : transposed(arena, only, axes, x.origin);
  return scaled && arena.build({ ...d, operands: [source, arena.constant(scaled), ...rest] });
};

/** The sum over inputs of weights times a vector over input channels: what a constant before the layer adds after it. */
const throughLayer = (w: Constant, c: Constant, groups: number): Constant => {
  const [outputs = 1, inputs = 1, ...kernel] = w.type.shape;
  const area = elementCount(kernel);
  const names = mergeNames(w.names, c.names);
  return derivedConstant({ dtype: 'f32', shape: [outputs] }, `through${groups}(${w.key},${c.key})`, names, () => {
    const [weights, values] = [w.values(), c.values()];
    const out = new Float64Array(outputs);
    for (let o = 0; o < outputs; o++) {
      for (let i = 0; i < inputs; i++) {
        const v = values.length === 1 ? at(values, 0) : at(values, Math.floor(o / (outputs / groups)) * inputs + i);
        for (let k = 0; k < area; k++) out[o] = (out[o] ?? 0) + v * (weights[(o * inputs + i) * area + k] ?? 0);
      }
    }
    return out;
  });
};

/** A constant added before a layer without padding is one added after it. Biases of layers stay with them. */
const summandBefore = (arena: Arena, d: Draft): Term | undefined => {
  const [x, wt, bias] = d.operands;
  const w = wt?.constant;
  if (x?.op !== 'sum' || w === undefined || x.operands.some(isLayer)) return undefined;
  if (d.op === 'conv' && windowOf(d).pads.some((p) => p > 0)) return undefined;
  const { terms, constant } = partsOf(x.operands);
  if (constant === undefined || terms.length === 0 || !terms.some((t) => sameSizes(shapeOf(t), shapeOf(x)))) return undefined;
  const groups = d.op === 'conv' ? windowOf(d).groups : 1;
  const c = perChannel(constant, at(w.type.shape, 1) * groups, trailing(d.op, x.type.shape.length));
  if (c === undefined) return undefined;
  const through = throughLayer(w, c, groups);
  const shifted = bias?.constant === undefined ? through : combined('sum', bias.constant, through, (a, b) => a + b);
  return shifted && arena.build({ ...d, operands: [arena.sum(terms, shapeOf(x), x.origin), at(d.operands, 1), arena.constant(shifted)] });
};

/** Every layer is a sum with its bias; without one, with zeros. */
const biasApart = (arena: Arena, d: Draft): Term | undefined => {
  const [x, wt, bias] = d.operands;
  const w = wt?.constant;
  if (x === undefined || w === undefined || d.type.dtype !== 'f32' || (bias !== undefined && bias.constant === undefined)) return undefined;
  const outputs = at(w.type.shape, 0);
  const zeros = derivedConstant({ dtype: 'f32', shape: [outputs] }, `zeros${outputs}`, [], () => new Float64Array(outputs));
  // absent biases of two layers are two places, as written ones are
  const own = bias?.constant ?? { ...zeros, key: `zeros${outputs}(${w.key})` };
  const shape = [outputs, ...new Array<number>(trailing(d.op, d.type.shape.length)).fill(1)];
  return arena.sum([layer(arena, d, x, w), arena.constant(reshaped(own, shape))], shapeOf(d), d.origin);
};

const spatialPads = (pads: readonly number[]): readonly number[] | undefined => {
  const rank = pads.length / 2;
  const outer = [0, 1, rank, rank + 1].some((i) => pads[i] !== 0);
  return outer ? undefined : [...pads.slice(2, rank), ...pads.slice(rank + 2)];
};

const padBefore = (arena: Arena, d: Draft): Term | undefined => {
  const [x, ...rest] = d.operands;
  if (x === undefined || d.type.dtype !== 'f32') return undefined;
  const { inner, axes } = belowTranspose(x);
  if (inner.op !== 'pad') return undefined;
  const { pads: own, mode, value } = inner.attrs as { readonly pads: readonly number[]; readonly mode: string; readonly value: number };
  const pads = [...axes.map((a) => at(own, a)), ...axes.map((a) => at(own, axes.length + a))];
  const added = mode === 'constant' && value === 0 ? spatialPads(pads) : undefined;
  if (added === undefined) return undefined;
  const sum = windowOf(d).pads.map((p, i) => p + at(added, i));
  const source = inner === x ? at(inner.operands, 0) : transposed(arena, at(inner.operands, 0), axes, x.origin);
  return arena.build({ ...d, operands: [source, ...rest], attrs: { ...d.attrs, pads: sum } });
};

/** Padding that no window reads, the stride of one window and the dilation of one tap say nothing. */
const plainWindow = (arena: Arena, d: Draft): Term | undefined => {
  const { stride, dilation, pads } = windowOf(d);
  const rank = stride.length;
  const x = shapeOf(at(d.operands, 0));
  const kernel = at(d.operands, 1).type.shape.slice(2) as number[];
  const out = shapeOf(d).slice(2);
  const plain = {
    dilation: dilation.map((v, i) => (kernel[i] === 1 ? 1 : v)),
    stride: stride.map((v, i) => (out[i] === 1 ? 1 : v)),
  };
  const ends = stride.map((_, i) => {
    const reach = (at(out, i) - 1) * at(plain.stride, i) + (at(kernel, i) - 1) * at(plain.dilation, i) + 1;
    return Math.min(at(pads, rank + i), Math.max(0, reach - at(x, 2 + i) - at(pads, i)));
  });
  const attrs = { ...d.attrs, ...plain, pads: [...pads.slice(0, rank), ...ends] };
  const changed = !sameSizes(attrs.pads, pads) || !sameSizes(plain.stride, stride) || !sameSizes(plain.dilation, dilation);
  return changed ? arena.build({ ...d, attrs }) : undefined;
};

/** A convolution whose one window is its whole input is a fully connected layer. */
const wholeWindow = (arena: Arena, d: Draft): Term | undefined => {
  const [x, wt, bias] = d.operands;
  const w = wt?.constant;
  if (x === undefined || w === undefined || d.type.dtype !== 'f32') return undefined;
  const { groups, pads, dilation } = windowOf(d);
  const [batch = 1, channels = 1, ...sizes] = shapeOf(x);
  const [outputs = 1, , ...kernel] = w.type.shape;
  if (groups !== 1 || pads.some((p) => p > 0) || !sameSizes(sizes, kernel) || dilation.some((v) => v !== 1)) return undefined;
  const inputs = channels * elementCount(sizes);
  const flat = arena.reshape(x, [batch, inputs], d.origin);
  const weights = arena.constant(reshaped(w, [outputs, inputs]));
  return arena.reshape(arena.emit('dense', [flat, weights, ...(bias === undefined ? [] : [bias])], {}, d.origin), shapeOf(d), d.origin);
};

/** A fully connected layer over the last axis of an image with channels last is a convolution of 1 x 1. */
const denseOfImage = (arena: Arena, d: Draft): Term | undefined => {
  const [x, wt, ...bias] = d.operands;
  const w = wt?.constant;
  const rank = d.type.shape.length;
  if (x?.op !== 'move' || w === undefined || rank < 3 || rank > 5 || d.type.dtype !== 'f32') return undefined;
  const perm = transpositionOf(x);
  const last = [0, ...Array.from({ length: rank - 2 }, (_, i) => i + 2), 1];
  if (perm === undefined || !sameSizes(perm, last)) return undefined;
  const ones = new Array<number>(rank - 2).fill(1);
  const weights = arena.constant(reshaped(w, [...w.type.shape, ...ones]));
  const attrs = { stride: ones, dilation: ones, pads: [...ones, ...ones].fill(0) };
  return transposed(arena, arena.emit('conv', [at(x.operands, 0), weights, ...bias], attrs, d.origin), last, d.origin);
};

/** The order of elements within a sample before a fully connected layer is the order of the columns of its weights. */
const denseOfMoved = (arena: Arena, d: Draft): Term | undefined => {
  const [x, wt, ...bias] = d.operands;
  const w = wt?.constant;
  if (x?.op !== 'move' || w === undefined || d.type.dtype !== 'f32') return undefined;
  const source = at(x.operands, 0);
  const kept = sameLast(arena, d, x, source);
  if (kept !== undefined || x.type.shape.length !== 2) return kept;
  const [batch = 1, inputs = 1] = shapeOf(x);
  const { from, perm } = moveAttrs(x);
  const [first = 1] = from;
  if (perm.length <= 1 || shapeOf(source)[0] !== batch || (batch > 1 && (perm[0] !== 0 || first % batch !== 0))) return undefined;
  const sample = { from: batch === 1 ? from : [first / batch, ...from.slice(1)], perm, shape: [inputs] };
  const index = sourceIndex(sample);
  const key = `order ${sample.from.join('.')} ${perm.join('.')}`;
  const columns = derivedConstant(w.type, `${key}(${w.key})`, w.names, () => {
    const values = w.values();
    const out = new Float64Array(values.length);
    for (let o = 0; o < out.length; o += inputs) for (let i = 0; i < inputs; i++) out[o + index(i)] = values[o + i] ?? 0;
    return out;
  });
  const flat = arena.reshape(source, [batch, inputs], d.origin);
  return arena.build({ ...d, operands: [flat, arena.constant(columns), ...bias] });
};

/** dense(reshape(x)) == reshape(dense(x)) where the last axis is kept. */
const sameLast = (arena: Arena, d: Draft, x: Term, source: Term): Term | undefined => {
  const last = source.type.shape.length - 1;
  if (moveAttrs(x).perm.length > 1 || axisMap(x)?.axisOf(x.type.shape.length - 1) !== last) return undefined;
  return arena.reshape(arena.emit('dense', [source, ...d.operands.slice(1)], {}, d.origin), shapeOf(d), d.origin);
};

/** A factor of an image before it is flattened scales the columns of the fully connected layer. */
const factorBeforeFlat = (arena: Arena, d: Draft): Term | undefined => {
  const [x, wt, ...rest] = d.operands;
  const w = wt?.constant;
  const product = x?.op === 'move' ? at(x.operands, 0) : undefined;
  if (x === undefined || w === undefined || product?.op !== 'product' || x.type.shape.length !== 2) return undefined;
  const { terms, constant } = partsOf(product.operands);
  const only = terms[0];
  const shape = shapeOf(product);
  if (terms.length !== 1 || only === undefined || constant === undefined || !sameSizes(shapeOf(only), shape)) return undefined;
  const inputs = at(w.type.shape, 1);
  const rank = withoutLeadingOnes(constant.type.shape).length;
  if (shape[0] !== x.type.shape[0] || rank >= shape.length) return undefined;
  const attrs = moveAttrs(x);
  const [from, spread] = [sourceIndex(attrs), broadcastIndex(constant.type.shape, shape)];
  const vector = picked(`flat${shape.join('x')} ${attrs.from.join('.')} ${attrs.perm.join('.')}`, constant, [1, inputs], (i) =>
    spread(from(i)),
  );
  const scaled = combined('columns', w, vector, (a, b) => a * b);
  const flat = arena.move(only, attrs.from, attrs.perm, attrs.shape, x.origin);
  return scaled && arena.build({ ...d, operands: [flat, arena.constant(scaled), ...rest] });
};

/** matmul by a constant matrix is dense. */
const constantMatrix = (arena: Arena, d: Draft): Term | undefined => {
  const [x, wt] = d.operands;
  const w = wt?.constant;
  if (x === undefined || w?.type.shape.length !== 2 || d.type.dtype !== 'f32') return undefined;
  const [inputs = 1, outputs = 1] = w.type.shape;
  const weights = picked('transposed', w, [outputs, inputs], (i) => (i % inputs) * outputs + Math.floor(i / inputs));
  return arena.emit('dense', [x, arena.constant(weights)], {}, d.origin);
};

/** Stored statistics are a factor and a summand a channel. */
const batchNorm = (arena: Arena, d: Draft): Term | undefined => {
  const [x, scale, bias, mean, variance] = d.operands;
  const [g, b, m, v] = [scale?.constant, bias?.constant, mean?.constant, variance?.constant];
  if (x === undefined || g === undefined || b === undefined || m === undefined || v === undefined) return undefined;
  const { epsilon } = d.attrs as { readonly epsilon: number };
  const factor = combined(`norm${epsilon}`, g, v, (s, t) => s / Math.sqrt(t + epsilon));
  const moved = factor && combined('product', m, factor, (s, t) => -s * t);
  const summand = moved && combined('sum', b, moved, (s, t) => s + t);
  if (factor === undefined || summand === undefined) return undefined;
  const shape = [at(g.type.shape, 0), ...x.type.shape.slice(2).map(() => 1)];
  const product = arena.product([x, arena.constant(reshaped(factor, shape))], shapeOf(d), d.origin);
  return arena.sum([product, arena.constant(reshaped(summand, shape))], shapeOf(d), d.origin);
};

/** Layers: biases apart, factors in the weights, one spelling for convolutions and products that are the same. */
export const LAYERS: readonly Rule[] = [
  { name: 'batch norm is a factor and a summand', exactness: 'REAL', ops: ['batch_norm'], apply: batchNorm },
  { name: 'factor folds into the layer before', exactness: 'REAL', ops: ['product'], apply: factorAfter },
  { name: 'matmul by weights is dense', exactness: 'EXACT', ops: ['matmul'], apply: constantMatrix },
  { name: 'pad folds into the convolution', exactness: 'EXACT', ops: ['conv'], apply: padBefore },
  { name: 'unused stride, dilation and padding go', exactness: 'EXACT', ops: ['conv'], apply: plainWindow },
  { name: 'convolution by one window is dense', exactness: 'EXACT', ops: ['conv'], apply: wholeWindow },
  { name: 'dense over channels is a 1 x 1 convolution', exactness: 'EXACT', ops: ['dense'], apply: denseOfImage },
  { name: 'order before dense is order of its weights', exactness: 'REAL', ops: ['dense'], apply: denseOfMoved },
  { name: 'factor folds into the layer after', exactness: 'REAL', ops: ['conv', 'dense'], apply: factorBefore },
  { name: 'factor folds into the layer after', exactness: 'REAL', ops: ['dense'], apply: factorBeforeFlat },
  { name: 'summand passes the layer after', exactness: 'REAL', ops: ['conv', 'dense'], apply: summandBefore },
  { name: 'bias is a summand', exactness: 'REAL', ops: ['conv', 'dense'], apply: biasApart },
];
