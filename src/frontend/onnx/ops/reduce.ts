import { elementCount, type ValueId } from '../../../ir/index.ts';
import { elemOf, type HostTensor, makeHost } from '../elem.ts';
import type { OnnxNode } from '../node.ts';
import type { Made } from '../values.ts';
import type { OnnxOp, OnnxOps } from './row.ts';
import { floatWire, narrowTo, span, widened } from './util.ts';

type Reduction = 'reduce_sum' | 'reduce_mean' | 'reduce_max' | 'reduce_min' | 'reduce_prod';

interface Axes {
  /** undefined: nothing is reduced. */
  readonly axes: readonly number[] | undefined;
  readonly keep: boolean;
}

const axesOf = (n: OnnxNode, inputFrom: number): Axes => {
  const rank = n.rank(0);
  const given = n.intsAttrOrInput('axes', 1, inputFrom) ?? [];
  const keep = n.int('keepdims', 1) !== 0;
  const noop = n.since >= inputFrom && n.int('noop_with_empty_axes', 0) !== 0;
  if (given.length > 0) return { axes: n.axes(given, rank), keep };
  return { axes: noop ? undefined : span(0, rank), keep };
};

const apply = (n: OnnxNode, op: Reduction, x: ValueId, a: Axes): ValueId =>
  a.axes === undefined || a.axes.length === 0 ? x : n.emit(op, [x], { axes: a.axes, keep: a.keep });

/** The mean of no elements is NaN in ONNX, and the greatest has no place; the program's are 0. */
const refuseEmpty = (n: OnnxNode, a: Axes): void => {
  if ((a.axes ?? []).some((i) => n.shapeOf(0)[i] === 0)) n.refuse('a reduction over no elements is not supported');
};

/** The least value of the element type for the greatest of no elements, and the other way round. */
const ofNothing = (n: OnnxNode, op: 'reduce_max' | 'reduce_min', { axes = [], keep }: Axes): Made => {
  const shape = n.staticShape(0).flatMap((d, i) => (axes.includes(i) ? (keep ? [1] : []) : [d]));
  const count = elementCount(shape);
  if (!n.session.budget.take(count)) return n.refuse(`the result has ${count} elements, all alike`);
  const elem = n.elem(0);
  const { lo, hi } = elemOf(elem);
  return { host: { elem, shape, data: makeHost(elem, count).fill(op === 'reduce_max' ? lo : hi) } };
};

const extreme = (op: 'reduce_max' | 'reduce_min', inputFrom = 18): OnnxOp => ({
  since: [1, 11, 12, 13, 18, 20],
  import: (n) => {
    const a = axesOf(n, inputFrom);
    if ((a.axes ?? []).some((i) => n.shapeOf(0)[i] === 0)) return [ofNothing(n, op, a)];
    const x = n.elem(0) === 'bool' ? widened(n, 0) : n.wire(0);
    return [narrowTo(n, apply(n, op, x, a), n.elem(0))];
  },
});

/** Reduction of floats: a function before, the reduction, a function after. */
const composed = (
  op: Reduction,
  before: (n: OnnxNode, x: ValueId) => ValueId,
  after: (n: OnnxNode, y: ValueId) => ValueId,
  inputFrom = 18,
): OnnxOp => ({
  since: [1, 11, 13, 18],
  import: (n) => {
    const a = axesOf(n, inputFrom);
    if (op === 'reduce_mean') refuseEmpty(n, a);
    const x = floatWire(n, 0);
    return [after(n, apply(n, op, before(n, x), a))];
  },
});

const same = (_n: OnnxNode, x: ValueId): ValueId => x;

const sum = (n: OnnxNode): Made => {
  const a = axesOf(n, 13);
  const elem = n.elem(0);
  if (elemOf(elem).hi < 2 ** 31 - 1) return n.refuse(`sums of ${elem} are not supported`);
  return { value: apply(n, 'reduce_sum', n.wire(0), a), elem };
};

/** Reductions that are ops of their own. Those of integers are i32, so a narrower type would have to wrap. */
const aggregate = (op: 'reduce_l1' | 'reduce_l2' | 'reduce_sum_square'): OnnxOp => ({
  since: [1, 11, 13, 18],
  import: (n) => {
    const { axes = [], keep } = axesOf(n, 18);
    const elem = n.elem(0);
    if (op === 'reduce_l2') floatWire(n, 0);
    else if (elemOf(elem).kind === 'int' && elemOf(elem).hi < 2 ** 31 - 1) return n.refuse(`sums of ${elem} are not supported`);
    return [{ value: n.emit(op, [n.wire(0)], { axes, keep }), elem }];
  },
});

const logSumExp = (n: OnnxNode): ValueId => {
  const { axes = [], keep } = axesOf(n, 18);
  const x = floatWire(n, 0);
  return axes.length === 0 ? x : n.emit('logsumexp', [x], { axes, keep });
};

const arg = (op: 'argmax' | 'argmin') => (n: OnnxNode) => {
  const axis = n.axis(n.int('axis', 0), n.rank(0));
  if (n.shapeOf(0)[axis] === 0) n.refuse('a reduction over no elements is not supported');
  const keep = n.int('keepdims', 1) !== 0;
  const value = n.emit(op, [n.wire(0)], { axis, keep, last: n.int('select_last_index', 0) !== 0 });
  return [{ value, elem: 'int64' as const }];
};

/** Product or sum over all elements of a short known vector: element counts in shape computations. */
const foldVector =
  (start: number, f: (a: number, b: number) => number, inputFrom: number) =>
  (n: OnnxNode): HostTensor | undefined => {
    const x = n.input(0).host;
    if (x === undefined || elemOf(x.elem).kind !== 'int' || x.shape.length !== 1 || x.symbols !== undefined || x.data.length > 64)
      return undefined;
    const a = axesOf(n, inputFrom);
    if (a.axes === undefined) return undefined;
    const v = Array.from(x.data).reduce(f, start);
    if (!Number.isInteger(v) || Math.abs(v) > 2 ** 53) return undefined;
    const data = makeHost(x.elem, 1);
    data[0] = v;
    return { elem: x.elem, shape: a.keep ? [1] : [], data };
  };

const MAX_ORDER = 6;

/** Determinants without division need n 2^(n - 1) products, so that only small matrices are worth it. */
const determinant = (n: OnnxNode): ValueId => {
  const [rows, columns] = n.shapeOf(0).slice(-2);
  if (n.rank(0) < 2 || rows !== columns)
    return n.malformed(`the input has shape [${n.shapeOf(0).join(', ')}] but square matrices are wanted`);
  if (typeof rows !== 'number') return n.unbound([rows ?? '']);
  if (rows < 1 || rows > MAX_ORDER)
    return n.refuse(`matrices of ${rows} x ${rows} are not supported, only up to ${MAX_ORDER} x ${MAX_ORDER}`);
  return n.emit('determinant', [floatWire(n, 0)], {});
};

export const reduce = {
  ReduceSum: { since: [1, 11, 13], fold: foldVector(0, (a, b) => a + b, 13), import: (n) => [sum(n)] },
  ReduceMean: composed('reduce_mean', same, same),
  ReduceMax: extreme('reduce_max'),
  ReduceMin: extreme('reduce_min'),
  ReduceProd: { ...composed('reduce_prod', same, same), fold: foldVector(1, (a, b) => a * b, 18) },
  ReduceSumSquare: aggregate('reduce_sum_square'),
  ReduceL1: aggregate('reduce_l1'),
  ReduceL2: aggregate('reduce_l2'),
  ReduceLogSum: composed('reduce_sum', same, (n, y) => n.emit('log', [y], {})),
  ReduceLogSumExp: { since: [1, 11, 13, 18], import: (n) => [logSumExp(n)] },
  Det: { since: [11, 22], import: (n) => [determinant(n)] },
  ArgMax: { since: [1, 11, 12, 13], import: arg('argmax') },
  ArgMin: { since: [1, 11, 12, 13], import: arg('argmin') },
} as const satisfies OnnxOps;
