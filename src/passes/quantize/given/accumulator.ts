import { type AnyNode, type Attrs, elementCount, isStaticType, sameAttr, type Tensor, type ValueId } from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';
import { type Source, uniform } from './source.ts';

/**
 * An int32 value that is an affine function of one integer tensor x: sum over k of codes[c, k] x[k], plus offset[c]. The sums
 * that ONNX defines over integers with zero points (sum (w - zw)(x - zx), written out as products and row sums) are all of
 * this form, however an importer spells them.
 */
export interface Accumulator {
  readonly op: 'conv' | 'dense';
  readonly x: ValueId;
  /** Whole numbers, [c, ...]. */
  readonly codes: Float64Array;
  readonly shape: readonly number[];
  /** One per output channel. */
  readonly offset: Float64Array;
  /** Of the convolution. */
  readonly attrs: AnyNode['attrs'];
  /** A zero point that is computed at run time, and how often each output channel adds it. */
  readonly zero?: RuntimeZero;
}

interface RuntimeZero {
  readonly value: ValueId;
  readonly times: Float64Array;
}

/** Sums and products stand this deep over the first product at most. */
const MAX_DEPTH = 16;

const doubles = (data: ArrayLike<number>): Float64Array => Float64Array.from({ length: data.length }, (_, i) => at(data, i));

const rowsOf = ({ shape }: Accumulator): number => shape[0] ?? 1;

/** The rows of a one-row function repeated, where another has more. */
const widened = (a: Accumulator, rows: number): Accumulator => {
  if (rowsOf(a) === rows || rowsOf(a) !== 1) return a;
  const per = a.codes.length;
  return {
    ...a,
    codes: Float64Array.from({ length: per * rows }, (_, i) => at(a.codes, i % per)),
    shape: [rows, ...a.shape.slice(1)],
    offset: new Float64Array(rows).fill(a.offset[0] ?? 0),
    ...(a.zero === undefined ? {} : { zero: { ...a.zero, times: new Float64Array(rows).fill(a.zero.times[0] ?? 0) } }),
  };
};

/** The zero points of two functions added; undefined when they are different ones. */
const zeros = (a: RuntimeZero | undefined, b: RuntimeZero | undefined, sign: 1 | -1): { readonly zero?: RuntimeZero } | undefined => {
  if (b === undefined) return a === undefined ? {} : { zero: a };
  if (a === undefined) return { zero: { ...b, times: b.times.map((v) => sign * v) } };
  return a.value === b.value ? { zero: { ...a, times: a.times.map((v, c) => v + sign * at(b.times, c)) } } : undefined;
};

const sameAttrs = (a: AnyNode['attrs'], b: AnyNode['attrs']): boolean =>
  Object.entries(a).every(([name, v]) => {
    const other = b[name];
    return other !== undefined && sameAttr(v, other);
  });

const sum = (a: Accumulator, b: Accumulator, sign: 1 | -1): Accumulator | undefined => {
  const rows = Math.max(rowsOf(a), rowsOf(b));
  const [p, q] = [widened(a, rows), widened(b, rows)];
  const alike = p.op === q.op && p.x === q.x && p.codes.length === q.codes.length && rowsOf(p) === rowsOf(q) && sameAttrs(p.attrs, q.attrs);
  const zero = alike ? zeros(p.zero, q.zero, sign) : undefined;
  if (zero === undefined) return undefined;
  return {
    ...p,
    ...zero,
    codes: p.codes.map((v, i) => v + sign * at(q.codes, i)),
    offset: p.offset.map((v, i) => v + sign * at(q.offset, i)),
  };
};

/** A constant as one number, or one per output channel: axis 1 of a convolution's result, the last axis of a matrix. */
export const perChannel = (op: Accumulator['op'], rank: number, k: Tensor): Float64Array | undefined => {
  if (elementCount(k.shape) === 1) return doubles(k.data);
  const axis = k.shape.length - (op === 'conv' ? rank - 1 : 1);
  return axis >= 0 && k.shape.every((d, i) => d === 1 || i === axis) ? doubles(k.data) : undefined;
};

class Reader {
  private readonly source: Source;

  constructor(source: Source) {
    this.source = source;
  }

  read(value: ValueId, depth: number): Accumulator | undefined {
    const node = this.source.producerOf(value);
    if (node === undefined || depth > MAX_DEPTH || this.source.constantOf(value) !== undefined) return undefined;
    switch (node.op) {
      case 'conv':
        return this.conv(node);
      case 'dense':
      case 'matmul':
        return this.product(node);
      case 'reduce_sum':
        return this.rowSum(node);
      case 'add':
      case 'sub':
        return this.addition(node, depth);
      case 'mul':
        return this.multiple(node, depth);
      default:
        return undefined;
    }
  }

  private layer(node: AnyNode): { readonly x: ValueId; readonly w: Tensor; readonly bias: Tensor | undefined } | undefined {
    const [x, wv, bv] = node.operands;
    const w = wv === undefined ? undefined : this.source.constantOf(wv);
    const bias = bv === undefined ? undefined : this.source.constantOf(bv);
    if (x === undefined || w === undefined || this.source.typeOf(x).dtype === 'f32' || this.source.constantOf(x) !== undefined)
      return undefined;
    return bv !== undefined && bias === undefined ? undefined : { x, w, bias };
  }

  private conv(node: AnyNode): Accumulator | undefined {
    const found = this.layer(node);
    if (found === undefined) return undefined;
    const { x, w, bias } = found;
    return {
      op: 'conv',
      x,
      codes: doubles(w.data),
      shape: w.shape,
      offset: bias === undefined ? new Float64Array(at(w.shape, 0)) : doubles(bias.data),
      attrs: node.attrs,
    };
  }

  private product(node: AnyNode): Accumulator | undefined {
    const found = this.layer(node);
    if (found === undefined || found.w.shape.length !== 2) return undefined;
    const { x, w, bias } = found;
    if (node.op === 'dense') {
      const rows = at(w.shape, 0);
      return {
        op: 'dense',
        x,
        codes: doubles(w.data),
        shape: w.shape,
        offset: bias ? doubles(bias.data) : new Float64Array(rows),
        attrs: {},
      };
    }
    const { a_zero, b_zero } = node.attrs as Attrs<'matmul'>;
    if (a_zero !== 0 || b_zero !== 0) return undefined;
    const [k = 0, n = 0] = w.shape;
    const codes = Float64Array.from({ length: n * k }, (_, i) => at(w.data, (i % k) * n + Math.floor(i / k)));
    return { op: 'dense', x, codes, shape: [n, k], offset: new Float64Array(n), attrs: {} };
  }

  private rowSum(node: AnyNode): Accumulator | undefined {
    const x = at(node.operands, 0);
    const type = this.source.typeOf(x);
    const { axes, keep } = node.attrs as Attrs<'reduce_sum'>;
    const [axis] = axes;
    if (!isStaticType(type) || type.dtype === 'f32' || axes.length !== 1 || axis === undefined || !keep) return undefined;
    const rank = type.shape.length;
    const k = type.shape.at(-1) ?? 0;
    if ((axis + rank) % rank !== rank - 1) return undefined;
    return { op: 'dense', x, codes: new Float64Array(k).fill(1), shape: [1, k], offset: new Float64Array(1), attrs: {} };
  }

  private addition(node: AnyNode, depth: number): Accumulator | undefined {
    const [a, b] = node.operands as readonly [ValueId, ValueId];
    const sign = node.op === 'sub' ? -1 : 1;
    const [p, q] = [this.read(a, depth + 1), this.read(b, depth + 1)];
    if (p !== undefined && q !== undefined) return sum(p, q, sign);
    const known = p ?? (sign === 1 ? q : undefined);
    if (known === undefined) return undefined;
    const other = p === undefined ? a : b;
    const k = this.source.constantOf(other);
    return k === undefined ? this.withZero(node, known, other, sign) : this.shifted(node, known, k, sign);
  }

  /** A run-time zero point times constants, added. */
  private withZero(node: AnyNode, a: Accumulator, other: ValueId, sign: 1 | -1): Accumulator | undefined {
    const term = this.zeroTerm(other, 0);
    const times = term === undefined || a.op !== 'conv' ? undefined : this.timesInConv(other, a, sign);
    if (term !== undefined && times !== undefined) {
      const zero = zeros(a.zero, { value: term.value, times }, 1);
      return zero === undefined ? undefined : { ...a, ...zero };
    }
    const each = term === undefined ? undefined : perChannel(a.op, this.source.typeOf(at(node.results, 0)).shape.length, term.times);
    if (term === undefined || each === undefined) return undefined;
    const wide = widened(a, each.length);
    const own = Float64Array.from({ length: rowsOf(wide) }, (_, c) => at(each, each.length === 1 ? 0 : c));
    const zero = zeros(wide.zero, { value: term.value, times: own }, sign);
    return zero === undefined ? undefined : { ...wide, ...zero };
  }

  /**
   * How often a convolution takes off a zero point: as often as its weights meet an element, which at the edges is less than
   * the sum of the weights. It shows in the same convolution over ones.
   */
  private timesInConv(other: ValueId, a: Accumulator, sign: 1 | -1): Float64Array | undefined {
    const node = this.source.producerOf(other);
    const ones = node?.op === 'mul' ? node.operands.map((v) => this.overOnes(v, 0)).find((o) => o !== undefined) : undefined;
    if (sign !== -1 || ones === undefined || !sameAttrs(ones.attrs, a.attrs) || !ones.codes.every((v, i) => v === a.codes[i]))
      return undefined;
    const per = a.codes.length / rowsOf(a);
    return Float64Array.from({ length: rowsOf(a) }, (_, c) => -a.codes.subarray(c * per, (c + 1) * per).reduce((s, v) => s + v, 0));
  }

  /** A convolution of ones, or a sum of such. */
  private overOnes(value: ValueId, depth: number): Pick<Accumulator, 'codes' | 'attrs'> | undefined {
    const node = this.source.producerOf(value);
    const [p, q] = node?.operands ?? [];
    if (node === undefined || p === undefined || q === undefined || depth > MAX_DEPTH) return undefined;
    if (node.op === 'add') {
      const [x, y] = [this.overOnes(p, depth + 1), this.overOnes(q, depth + 1)];
      return x === undefined || y === undefined ? undefined : { ...x, codes: x.codes.map((v, i) => v + at(y.codes, i)) };
    }
    const w = this.source.constantOf(q);
    const alone = node.op === 'conv' && node.operands.length === 2 && this.source.numberOf(p) === 1;
    return alone && w !== undefined ? { codes: doubles(w.data), attrs: node.attrs } : undefined;
  }

  /** value = a number computed at run time, times a constant. */
  private zeroTerm(value: ValueId, depth: number): { readonly value: ValueId; readonly times: Tensor } | undefined {
    const node = this.source.producerOf(value);
    if (node === undefined || depth > MAX_DEPTH) return undefined;
    const [x, y] = node.operands;
    if ((node.op === 'cast' || node.op === 'reshape') && x !== undefined) {
      const inner = this.source.typeOf(x);
      if (inner.dtype === 'u8' && isStaticType(inner) && elementCount(inner.shape) === 1)
        return { value: x, times: { dtype: 'i32', shape: [], data: Int32Array.of(1) } };
      return node.op === 'reshape' ? this.zeroTerm(x, depth + 1) : undefined;
    }
    if (node.op !== 'mul' || x === undefined || y === undefined) return undefined;
    const constant = this.source.constantOf(y);
    const term = this.zeroTerm(constant === undefined ? y : x, depth + 1);
    const k = constant ?? this.source.constantOf(x);
    const one = term === undefined ? undefined : uniform(term.times);
    if (term === undefined || k === undefined || one === undefined) return undefined;
    return { value: term.value, times: { ...k, data: Int32Array.from(k.data, (v) => v * one) } };
  }

  private shifted(node: AnyNode, a: Accumulator, k: Tensor, sign: 1 | -1): Accumulator | undefined {
    const each = perChannel(a.op, this.source.typeOf(at(node.results, 0)).shape.length, k);
    if (each === undefined) return undefined;
    const wide = widened(a, each.length);
    if (each.length !== 1 && each.length !== rowsOf(wide)) return undefined;
    return { ...wide, offset: wide.offset.map((v, c) => v + sign * at(each, each.length === 1 ? 0 : c)) };
  }

  private multiple(node: AnyNode, depth: number): Accumulator | undefined {
    const [a, b] = node.operands as readonly [ValueId, ValueId];
    for (const [x, other] of [
      [a, b],
      [b, a],
    ] as const) {
      const k = this.source.constantOf(other);
      const inner = k === undefined ? undefined : this.read(x, depth + 1);
      if (k === undefined || inner === undefined) continue;
      const each = perChannel(inner.op, this.source.typeOf(at(node.results, 0)).shape.length, k);
      if (each === undefined || inner.zero !== undefined) return undefined;
      const wide = widened(inner, each.length);
      const per = wide.codes.length / rowsOf(wide);
      const one = uniform(k);
      const factor = (c: number): number => one ?? at(each, c);
      return {
        ...wide,
        codes: wide.codes.map((v, i) => v * factor(Math.floor(i / per))),
        offset: wide.offset.map((v, c) => v * factor(c)),
      };
    }
    return undefined;
  }
}

/** Reads an int32 value as an affine function of one integer tensor; undefined when it is something else. */
export const accumulatorOf = (source: Source, value: ValueId): Accumulator | undefined => new Reader(source).read(value, 0);
