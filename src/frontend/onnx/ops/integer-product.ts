import { type AttrsIn, elementCount, type ValueId } from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';
import { elemOf } from '../elem.ts';
import type { OnnxNode } from '../node.ts';
import { kernelOf } from './conv.ts';
import { windowOf } from './window.ts';

/** Matrix products and convolutions of 8-bit integers with zero points: exact in int32. */

const isNarrow = (n: OnnxNode, i: number): void => {
  if (n.elem(i) !== 'int8' && n.elem(i) !== 'uint8') n.refuse(`input ${i} is ${n.elem(i)}, but int8 or uint8 is wanted`);
};

/** A zero point that is absent, or known to be 0 everywhere. */
const isZero = (n: OnnxNode, i: number): boolean => !n.has(i) || n.input(i).host?.data.every((v) => v === 0) === true;

interface ProductInputs {
  readonly a: number;
  readonly aZero: number;
  readonly b: number;
  readonly bZero: number;
  /** b stands with its axes exchanged. */
  readonly transposed?: boolean;
}

/** One zero point, or one per row of a or column of b. */
const zeroOf = (n: OnnxNode, i: number, rows: boolean): ValueId => {
  const zero = n.as(n.wire(i), 'i32');
  const shape = n.shapeOf(i);
  if (shape.every((d) => d === 1)) return n.reshape(zero, []);
  return rows && shape.length === 1 ? n.reshape(zero, [...shape, 1]) : zero;
};

/** sum (a - za)(b - zb) = sum ab - zb sum a - za sum b + K za zb */
export const integerProduct = (n: OnnxNode, i: ProductInputs): ValueId => {
  isNarrow(n, i.a);
  isNarrow(n, i.b);
  if (n.rank(i.a) < 2 || n.rank(i.b) < 2)
    return n.refuse(`the inputs have rank ${n.rank(i.a)} and ${n.rank(i.b)}, but matrices are wanted`);
  const a = n.wire(i.a);
  const b = i.transposed === true ? n.emit('transpose', [n.wire(i.b)], { perm: [1, 0] }) : n.wire(i.b);
  let sum = n.emit('matmul', [a, b], {});
  const [plainA, plainB] = [isZero(n, i.aZero), isZero(n, i.bZero)];
  if (!plainB) {
    const rows = n.emit('reduce_sum', [a], { axes: [-1], keep: true });
    sum = n.emit('sub', [sum, n.emit('mul', [rows, zeroOf(n, i.bZero, false)], {})], {});
  }
  if (!plainA) {
    const columns = n.emit('reduce_sum', [b], { axes: [-2], keep: true });
    sum = n.emit('sub', [sum, n.emit('mul', [zeroOf(n, i.aZero, true), columns], {})], {});
  }
  if (plainA || plainB) return sum;
  const depth = at(n.shapeOf(i.a), n.rank(i.a) - 1);
  if (typeof depth !== 'number') return n.unbound([depth]);
  const count = n.int32('depth', depth);
  const zeros = n.emit('mul', [zeroOf(n, i.aZero, true), zeroOf(n, i.bZero, false)], {});
  return n.emit('add', [sum, n.emit('mul', [zeros, count], {})], {});
};

interface ConvInputs {
  readonly x: number;
  readonly xZero: number;
  readonly w: number;
  readonly wZero: number;
  readonly bias: number;
}

/** Weights of the program lie in -127..127. */
const LIMIT = 127;

/** w - zero as a sum of at most three tensors of such weights. */
const weightTerms = (n: OnnxNode, i: ConvInputs): readonly Int8Array[] => {
  const w = n.host(i.w, 'the weights').data;
  const zero = isZero(n, i.wZero) ? undefined : n.host(i.wZero, 'the zero point of the weights').data;
  const channel = w.length / Math.max(1, at(n.staticShape(i.w), 0));
  const rest = Int32Array.from(w, (v, k) => v - (zero === undefined ? 0 : (zero[zero.length === 1 ? 0 : Math.floor(k / channel)] ?? 0)));
  const terms: Int8Array[] = [];
  do {
    const term = Int8Array.from(rest, (v) => Math.max(-LIMIT, Math.min(LIMIT, v)));
    term.forEach((v, k) => (rest[k] = (rest[k] ?? 0) - v));
    terms.push(term);
  } while (rest.some((v) => v !== 0));
  return terms;
};

/** Sum over channel and kernel of w, per output channel. */
const channelSums = (terms: readonly Int8Array[], outputs: number): Int32Array => {
  const sums = new Int32Array(outputs);
  for (const term of terms) term.forEach((v, k) => (sums[Math.floor(k / (term.length / outputs))]! += v));
  return sums;
};

/**
 * zx is computed at run time: conv reads 0 in the padding, where nothing is to be subtracted, and zx is taken off as often as
 * a weight meets an element: sum w' x - zx sum w' 1.
 */
const runtimeZero = (n: OnnxNode, i: ConvInputs, terms: readonly Int8Array[], attrs: AttrsIn<'conv'>): ValueId => {
  const [shape, xShape] = [n.staticShape(i.w), n.staticShape(i.x)];
  const name = n.input(i.w).name;
  const [one, ...rest] = [1, ...xShape.slice(1)];
  const ones = n.session.param('ones', { dtype: 'u8', shape: [one, ...rest], data: new Uint8Array(elementCount([one, ...rest])).fill(1) });
  const weights = terms.map((data) => n.session.param(name, { dtype: 'i8', shape, data }));
  const over = (x: ValueId): ValueId =>
    weights.map((w) => n.emit('conv', [x, w], attrs)).reduce((sum, part) => n.emit('add', [sum, part], {}));
  return n.emit('sub', [over(n.wire(i.x)), n.emit('mul', [zeroOf(n, i.xZero, false), over(ones)], {})], {});
};

/** sum w' (x - zx), w' = w - zw: conv reads zx in the padding, and its bias takes - zx sum w'. */
export const integerConv = (n: OnnxNode, i: ConvInputs): ValueId => {
  isNarrow(n, i.x);
  isNarrow(n, i.w);
  const shape = n.staticShape(i.w);
  const [outputs] = shape;
  if (outputs === undefined || shape.length !== n.rank(i.x))
    return n.malformed(`the weights have shape [${shape.join(', ')}], but x has rank ${n.rank(i.x)}`);
  const kernel = kernelOf(n, i.w);
  const runtime = !isZero(n, i.xZero) && n.input(i.xZero).host === undefined;
  const zero = isZero(n, i.xZero) || runtime ? 0 : n.hostScalar(i.xZero, 'the zero point of x');
  if (n.has(i.wZero) && elementCount(n.staticShape(i.wZero)) !== 1 && elementCount(n.staticShape(i.wZero)) !== outputs)
    return n.malformed(`the zero point of the weights has shape [${n.shapeOf(i.wZero).join(', ')}] for ${outputs} output channels`);
  const terms = weightTerms(n, i);
  const own = n.has(i.bias) ? n.host(i.bias, 'the bias').data : undefined;
  const { dtype } = elemOf(n.elem(i.x));
  const attrs = { ...windowOf(n, kernel), groups: n.int('group', 1), pad_value: zero };
  const [x, name] = [n.wire(i.x), n.input(i.w).name];
  if (n.typeOf(x).dtype !== dtype) return n.refuse(`input ${i.x} is kept as ${n.typeOf(x).dtype}`);
  if (runtime) {
    const sum = runtimeZero(n, i, terms, attrs);
    if (own === undefined) return sum;
    const along = [outputs, ...kernel.map(() => 1)];
    return n.emit('add', [sum, n.session.param('bias', { dtype: 'i32', shape: along, data: Int32Array.from(own) })], {});
  }
  const bias = channelSums(terms, outputs).map((s, c) => (own?.[c] ?? 0) - zero * s);
  const parts = terms.map((data, k) => {
    const w = n.session.param(name, { dtype: 'i8', shape, data });
    return n.emit('conv', k === 0 ? [x, w, n.session.param('bias', { dtype: 'i32', shape: [outputs], data: bias })] : [x, w], attrs);
  });
  return parts.reduce((sum, part) => n.emit('add', [sum, part], {}));
};
