import {
  type AnyAttrs,
  type AnyNode,
  type Attrs,
  decompositionOf,
  DTYPE_INFO,
  isStaticShape,
  type OpName,
  opOf,
  type Program,
  sameAttr,
  sameType,
  type Tensor,
  type TensorType,
  type ValueId,
} from '../../ir/index.ts';
import { at } from '../../support/index.ts';
import { rewrite, type Rewriter, untilStable } from '../rewrite.ts';

/** One node under rewriting, operands mapped. */
interface Site {
  readonly node: AnyNode;
  readonly operands: readonly ValueId[];
  readonly rw: Rewriter;
  /** First operand, its type, its producer, and the type of the first result. */
  readonly x: ValueId;
  readonly type: TensorType;
  readonly from: AnyNode | undefined;
  readonly result: TensorType;
}

/** The values that stand for the results; undefined when the rule does not apply. */
type Simplify = (site: Site) => readonly ValueId[] | undefined;

const one = (value: ValueId | undefined): readonly ValueId[] | undefined => (value === undefined ? undefined : [value]);

/** A reshape with sizes spelled out; undefined while symbols are left, and for a size of 0, which is not spelled by a number. */
const reshapeTo = (rw: Rewriter, x: ValueId, type: TensorType, origin?: string): ValueId | undefined =>
  isStaticShape(type.shape) && !type.shape.includes(0) ? rw.emit('reshape', [x], { shape: type.shape }, origin) : undefined;

const reshape: Simplify = ({ node, rw, x, type, from, result }) => {
  if (sameType(type, result)) return [x];
  if (from?.op === 'reshape') {
    // reshape(reshape(x, a), b) == reshape(x, b)
    const source = at(from.operands, 0);
    return one(reshapeTo(rw, source, result, node.origin));
  }
  const { shape } = node.attrs as Attrs<'reshape'>;
  return isStaticShape(result.shape) && !sameAttr(shape, result.shape) ? one(reshapeTo(rw, x, result, node.origin)) : undefined;
};

const transpose: Simplify = ({ node, rw, x, type, from, result }) => {
  const { perm } = node.attrs as Attrs<'transpose'>;
  if (perm.every((p, i) => p === i)) return [x];
  // dimensions of size 1 may move freely: the elements stay in order
  const moved = perm.filter((p) => type.shape[p] !== 1);
  if (moved.every((p, i) => i === 0 || p > at(moved, i - 1))) {
    const reshaped = reshapeTo(rw, x, result, node.origin);
    if (reshaped !== undefined) return [reshaped];
  }
  if (from?.op !== 'transpose') return undefined;
  // transpose(transpose(x, p), q) == transpose(x, p[q])
  const inner = (from.attrs as Attrs<'transpose'>).perm;
  return [rw.emit('transpose', [at(from.operands, 0)], { perm: perm.map((p) => at(inner, p)) }, node.origin)];
};

const concat: Simplify = ({ node, operands, rw, x, result }) => {
  if (operands.length === 1) return [x];
  const rank = result.shape.length;
  const axisOf = (n: AnyNode): number => ((n.attrs as Attrs<'concat'>).axis + rank) % rank;
  const axis = axisOf(node);
  const parts = operands.map((v) => ({ v, from: rw.producerOf(v) }));
  // concat(concat(a, b), c) == concat(a, b, c)
  if (!parts.some(({ from }) => from?.op === 'concat' && axisOf(from) === axis)) return undefined;
  const flat = parts.flatMap(({ v, from }) => (from?.op === 'concat' && axisOf(from) === axis ? from.operands : [v]));
  return [rw.emit('concat', flat, { axis }, node.origin)];
};

const pad: Simplify = ({ node, x }) => ((node.attrs as Attrs<'pad'>).pads.every((p) => p === 0) ? [x] : undefined);

/** The same type and start 0, step 1 everywhere: the whole tensor. */
const slice: Simplify = ({ node, x, type, result }) => {
  const { starts, steps } = node.attrs as Attrs<'slice'>;
  const whole = starts.every((s, i) => type.shape[i] === 1 || (s === 0 && steps[i] === 1));
  return whole && sameType(type, result) ? [x] : undefined;
};

const sameTypeAsOperand: Simplify = ({ x, type, result }) => (sameType(type, result) ? [x] : undefined);

/** x * 1, x / 1, x - 0, x ^ 1, and x + -0 (x + 0 would turn -0 into 0): exact for every x. */
const NEUTRAL: Partial<Record<OpName, (k: number, float: boolean) => boolean>> = {
  add: (k, float) => (float ? Object.is(k, -0) : k === 0),
  sub: (k) => Object.is(k, 0),
  mul: (k) => k === 1,
  div: (k) => k === 1,
  pow: (k) => k === 1,
};

const uniform = (tensor: Tensor | undefined): number | undefined => {
  const first = tensor?.data[0];
  return tensor?.data.every((v) => Object.is(v, first)) === true ? first : undefined;
};

const neutral: Simplify = ({ node, operands, rw, result }) => {
  const test = NEUTRAL[node.op];
  const commutes = opOf(node.op).traits.commutative === true;
  for (const side of commutes ? [1, 0] : [1]) {
    const k = uniform(rw.constantOf(at(operands, side)));
    const other = at(operands, 1 - side);
    if (k !== undefined && test?.(k, result.dtype === 'f32') === true && sameType(rw.typeOf(other), result)) return [other];
  }
  return undefined;
};

/** matmul(x, constant matrix) == dense(x, transposed constant): the same products in the same order. */
const matmul: Simplify = ({ node, operands, rw, x }) => {
  const { a_zero, b_zero, accumulator_shift } = node.attrs as Attrs<'matmul'>;
  const w = rw.constantOf(at(operands, 1));
  if (w?.shape.length !== 2 || a_zero !== 0 || b_zero !== 0 || w.dtype === 'u8' || rw.constantOf(x) !== undefined) return undefined;
  // weights hold no -32768 on the chain; operands of a product may
  if (w.dtype === 'i16' && w.data.includes(DTYPE_INFO.i16.lo)) return undefined;
  const [k = 0, n = 0] = w.shape;
  const data = w.data.slice();
  for (let i = 0; i < k; i++) for (let o = 0; o < n; o++) data[o * k + i] = at(w.data, i * n + o);
  return one(rw.tryEmit('dense', [x, rw.constant({ dtype: w.dtype, shape: [n, k], data })], { accumulator_shift }, node.origin));
};

/** What the second of two clamps makes of a bound of the first; undefined when a zero's sign could be lost. */
const mergedBounds = (a: readonly [number, number], b: readonly [number, number]): readonly [number, number] | undefined => {
  const through = (v: number): number => (v < b[0] ? b[0] : v > b[1] ? b[1] : v);
  const lo = through(a[0]);
  const hi = through(a[1]);
  return lo < hi || lo !== 0 ? [lo, hi] : undefined;
};

const clip: Simplify = ({ node, rw, from }) => {
  const { min, max } = node.attrs as Attrs<'clip'>;
  if (from?.op === 'clip') {
    const inner = from.attrs as Attrs<'clip'>;
    const bounds = mergedBounds([inner.min, inner.max], [min, max]);
    return bounds && [rw.emit('clip', [at(from.operands, 0)], { min: bounds[0], max: bounds[1] }, node.origin)];
  }
  // relu before a clip with a positive floor changes nothing that the clip keeps
  return from?.op === 'relu' && min > 0 ? [rw.emit('clip', [at(from.operands, 0)], { min, max }, node.origin)] : undefined;
};

const clamp: Simplify = ({ node, rw, from }) => {
  if (from?.op !== 'clamp') return undefined;
  const inner = from.attrs as Attrs<'clamp'>;
  const { lo, hi } = node.attrs as Attrs<'clamp'>;
  const through = (v: number): number => Math.min(Math.max(v, lo), hi);
  return [rw.emit('clamp', [at(from.operands, 0)], { lo: through(inner.lo), hi: through(inner.hi) }, node.origin)];
};

/** A constant condition that holds everywhere, or nowhere. */
const select: Simplify = ({ operands, rw, x, result }) => {
  const k = uniform(rw.constantOf(x));
  const chosen = k === undefined ? undefined : at(operands, k === 0 ? 2 : 1);
  return chosen !== undefined && sameType(rw.typeOf(chosen), result) ? [chosen] : undefined;
};

/** f(f(x)) == x for these. */
const involution: Simplify = ({ node, from }) => (from?.op === node.op ? [at(from.operands, 0)] : undefined);

const SIMPLIFY: Partial<Record<OpName, Simplify>> = {
  reshape,
  transpose,
  concat,
  split: ({ node, x }) => ((node.attrs as Attrs<'split'>).sizes.length === 1 ? [x] : undefined),
  pad,
  slice,
  expand: sameTypeAsOperand,
  cast: sameTypeAsOperand,
  add: neutral,
  sub: neutral,
  mul: neutral,
  div: neutral,
  pow: neutral,
  matmul,
  select,
  clip,
  clamp,
  // -2^31 as i32 is negated to 2^31 - 1, and that not back
  neg: (site) => (site.type.dtype === 'f32' ? involution(site) : undefined),
  logical_not: involution,
};

const sameAttrs = (a: AnyAttrs, b: AnyAttrs): boolean =>
  Object.keys(a).every((name) => {
    const other = b[name];
    const value = a[name];
    return value !== undefined && other !== undefined && sameAttr(value, other);
  });

/** A composite that is a reshape by another name: flatten, squeeze, unsqueeze. */
const isReshape = (node: AnyNode, type: TensorType): boolean => {
  const spec = opOf(node.op);
  if (spec.kind !== 'composite' || spec.traits.movement !== true) return false;
  const { nodes } = decompositionOf(node.op, [type], node.attrs);
  return nodes.length === 1 && nodes[0]?.op === 'reshape';
};

const simplify = (program: Program, node: AnyNode, operands: readonly ValueId[], rw: Rewriter): readonly ValueId[] | undefined => {
  const x = at(operands, 0);
  const spec = opOf(node.op);
  const from = rw.producerOf(x);
  // f(f(x)) == f(x)
  if (spec.traits.idempotent === true && from?.op === node.op && sameAttrs(from.attrs, node.attrs)) return [x];
  const result = at(program.types, at(node.results, 0));
  const type = rw.typeOf(x);
  if (isReshape(node, type)) return one(reshapeTo(rw, x, result, node.origin));
  return SIMPLIFY[node.op]?.({ node, operands, rw, x, type, from, result });
};

/**
 * One spelling for equal computations: no-ops go (reshape, transpose, pad, slice, expand, cast, neutral constants, choices of all or nothing),
 * chains of reshape, transpose, concat, clip and clamp become one node, idempotent ops apply once, matmul by a
 * constant matrix is dense. Keeps the result bit for bit. Nodes that lose their last use stay for `dce`.
 */
export const canonicalize = (program: Program): Program =>
  untilStable(program, (p) => rewrite(p, (node, operands, rw) => simplify(p, node, operands, rw)));
