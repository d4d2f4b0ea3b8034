import { DTYPE_INFO, elementCount, type ValueId } from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';
import { type ElemName, elemByCode, makeHost, otherElemName } from '../elem.ts';
import type { OnnxNode } from '../node.ts';
import { iota } from '../session.ts';
import type { Made } from '../values.ts';
import type { OnnxOps } from './row.ts';
import { floatWire, ones, span } from './util.ts';

const sizeOf = (n: OnnxNode, axis: number): number => {
  const size = at(n.shapeOf(0), axis);
  return typeof size === 'number' ? size : n.unknown(`dimension ${size} of input 0`, [`Bind it: --bind ${size}=1.`]);
};

const takeElements = (n: OnnxNode, count: number): void => {
  if (!n.session.budget.take(count)) n.refuse(`a constant of ${count} elements is too large`);
};

/** Keeps x where column - row >= k (upper) or <= k, else 0. */
const trilu = (n: OnnxNode): Made => {
  const rank = n.rank(0);
  if (rank < 2) return n.malformed(`input 0 has rank ${rank}`);
  const [rows, columns] = [sizeOf(n, rank - 2), sizeOf(n, rank - 1)];
  takeElements(n, rows * columns);
  const data = DTYPE_INFO.i32.make(rows * columns);
  for (let i = 0; i < data.length; i++) data[i] = (i % columns) - Math.floor(i / columns);
  const offset = n.session.param('offset', { dtype: 'i32', shape: [rows, columns], data });
  const x = n.wire(0);
  const { dtype } = n.typeOf(x);
  const bound = (): ValueId => {
    if (n.count(n.shapeOf(1)) !== 1) return n.malformed('k (input 1) is not one number');
    return n.reshape(n.wire(1), []);
  };
  const k = n.has(1) ? bound() : n.session.param('k', iota([]));
  const mask = n.emit('less_equal', n.int('upper', 1) !== 0 ? [k, offset] : [offset, k], {});
  const zero = n.session.param('zero', { dtype, shape: [], data: DTYPE_INFO[dtype].make(1) });
  return { value: n.emit('select', [mask, x, zero], {}), elem: n.elem(0) };
};

const targetElem = (n: OnnxNode): ElemName => {
  if (!n.hasAttr('dtype')) return n.elem(0);
  const code = n.int('dtype');
  return elemByCode(code) ?? n.refuse(`dtype ${otherElemName(code) ?? code} is not supported`);
};

/** A matrix with ones on its k-th diagonal: a constant. */
const eyeLike = (n: OnnxNode): Made => {
  const [rows, columns] = n.staticShape(0);
  if (n.rank(0) !== 2 || rows === undefined || columns === undefined) return n.malformed(`input 0 has rank ${n.rank(0)}, not 2`);
  const elem = targetElem(n);
  const k = n.int('k', 0);
  takeElements(n, rows * columns);
  const data = makeHost(elem, rows * columns);
  for (let r = Math.max(0, -k); r < Math.min(rows, columns - k); r++) data[r * columns + r + k] = 1;
  return { host: { elem, shape: [rows, columns], data } };
};

/** 1 at the first greatest element along an axis, else 0; before opset 13 of the matrix that is split at the axis. */
const hardmax = (n: OnnxNode): ValueId => {
  const rank = n.rank(0);
  const x = floatWire(n, 0);
  const hot = (value: ValueId, axis: number, size: number, trailing: number): ValueId => {
    const best = n.emit('argmax', [value], { axis, keep: true });
    const positions = n.session.param('positions', iota([size, ...ones(trailing)]));
    return n.emit('cast', [n.emit('equal', [best, positions], {})], { dtype: 'f32' });
  };
  if (n.since >= 13) {
    const axis = n.axis(n.int('axis', -1), rank);
    takeElements(n, sizeOf(n, axis));
    return hot(x, axis, sizeOf(n, axis), rank - 1 - axis);
  }
  const wanted = n.int('axis', 1);
  const axis = wanted < 0 ? wanted + rank : wanted;
  if (axis < 0 || axis > rank) return n.malformed(`axis is ${wanted} but the rank is ${rank}`);
  const size = elementCount(n.staticShape(0).slice(axis));
  takeElements(n, size);
  return n.reshape(hot(n.emit('flatten', [x], { axis }), 1, size, 0), n.shapeOf(0));
};

/** Slices along an axis (or elements of all of x, in order) where a condition that is known at import holds. */
const compress = (n: OnnxNode): Made => {
  const condition = n.host(1, 'condition').data;
  const whole = !n.hasAttr('axis');
  const axis = whole ? 0 : n.axis(n.int('axis'), n.rank(0));
  const size = whole ? n.count(n.shapeOf(0)) : sizeOf(n, axis);
  if (condition.length > size) return n.malformed(`the condition has ${condition.length} elements, but the axis has ${size}`);
  const chosen: number[] = [];
  condition.forEach((v, i) => v !== 0 && chosen.push(i));
  const x = whole ? n.reshape(n.wire(0), [size]) : n.wire(0);
  const indices = n.session.param('chosen', { dtype: 'i32', shape: [chosen.length], data: Int32Array.from(chosen) });
  return { value: n.emit('gather', [x, indices], { axis }), elem: n.elem(0) };
};

/** The middle of the axes that are too long; zeros around those that are too short, one more behind where it is odd. */
const centerCropPad = (n: OnnxNode): Made => {
  const rank = n.rank(0);
  const axes = n.axes(n.ints('axes') ?? span(0, rank), rank);
  const wanted = n.hostInts(1, 'shape');
  if (wanted.length !== axes.length) return n.malformed(`shape has ${wanted.length} sizes for ${axes.length} axes`);
  const starts = new Array<number>(rank).fill(0);
  const sizes = new Array<number>(rank).fill(-1);
  const pads = new Array<number>(2 * rank).fill(0);
  axes.forEach((axis, i) => {
    const [size, target] = [sizeOf(n, axis), at(wanted, i)];
    if (!(target >= 0 && target <= 2 ** 20)) n.refuse(`shape holds ${target}`);
    const excess = Math.abs(size - target);
    const before = Math.floor(excess / 2);
    if (size > target) {
      starts[axis] = before;
      sizes[axis] = target;
    } else {
      pads[axis] = before;
      pads[rank + axis] = excess - before;
    }
  });
  const x = n.wire(0);
  const cropped = sizes.some((s) => s >= 0) ? n.emit('slice', [x], { starts, sizes, steps: ones(rank) }) : x;
  return { value: pads.some((p) => p > 0) ? n.emit('pad', [cropped], { pads, value: 0 }) : cropped, elem: n.elem(0) };
};

/** Operators that choose elements by place. */
export const masks = {
  Trilu: { since: [14], import: (n) => [trilu(n)] },
  EyeLike: { since: [9, 22], import: (n) => [eyeLike(n)] },
  Hardmax: { since: [1, 11, 13], import: (n) => [hardmax(n)] },
  Compress: { since: [9, 11], import: (n) => [compress(n)] },
  CenterCropPad: { since: [18], import: (n) => [centerCropPad(n)] },
} as const satisfies OnnxOps;
