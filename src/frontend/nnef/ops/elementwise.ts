import type { OpName, ValueId } from '../../../ir/index.ts';
import type { Made } from '../../import-session.ts';
import type { LayerRow, LayerTable } from '../../layer-graph.ts';
import type { LayerNode } from '../../layer-node.ts';
import { numberOf, raisedAll, rounded, span, wholeOf } from './util.ts';

type Plain = Extract<
  OpName,
  | 'add'
  | 'sub'
  | 'mul'
  | 'div'
  | 'pow'
  | 'maximum'
  | 'minimum'
  | 'equal'
  | 'less'
  | 'less_equal'
  | 'logical_and'
  | 'logical_or'
  | 'select'
  | 'exp'
  | 'log'
  | 'sin'
  | 'cos'
  | 'tan'
  | 'asin'
  | 'acos'
  | 'atan'
  | 'sinh'
  | 'cosh'
  | 'tanh'
  | 'asinh'
  | 'acosh'
  | 'atanh'
  | 'abs'
  | 'sign'
  | 'reciprocal'
  | 'neg'
  | 'logical_not'
  | 'floor'
  | 'ceil'
  | 'round'
  | 'sqrt'
  | 'rsqrt'
  | 'relu'
  | 'sigmoid'
  | 'softplus'
  | 'silu'
>;

/** An op on one or two inputs, of one rank. */
const plain = (op: Plain, swapped = false): LayerRow => ({
  import: (n) => {
    const operands = raisedAll(n, span(0, n.inputCount));
    return [n.emit(op, swapped ? operands.toReversed() : operands, {})];
  },
});
const not = (op: Plain): LayerRow => ({ import: (n) => [n.emit('logical_not', [n.emit(op, raisedAll(n, [0, 1]), {})], {})] });
const unary = (f: (n: LayerNode, x: ValueId) => ValueId): LayerRow => ({ import: (n) => [f(n, n.real(0))] });

const clamp = (n: LayerNode): ValueId => {
  const [x, a, b] = raisedAll(n, [0, 1, 2]);
  const bound = (i: number): number | undefined => (n.input(i).host?.data.length === 1 ? n.input(i).host?.data[0] : undefined);
  const [min, max] = [bound(1), bound(2)];
  if (min !== undefined && max !== undefined && min <= max) return n.emit('clip', [n.real(0)], { min, max });
  if (x === undefined || a === undefined || b === undefined) return n.malformed('it has no bounds');
  return n.emit('maximum', [n.emit('minimum', [x, b], {}), a], {});
};

const prelu = (n: LayerNode): ValueId => {
  const [x, alpha] = raisedAll(n, [0, 1]);
  return x === undefined || alpha === undefined ? n.malformed('it has no slope') : n.emit('prelu', [x, alpha], {});
};

const addAll = (n: LayerNode): Made => {
  const operands = raisedAll(n, span(0, n.inputCount));
  const [first, ...rest] = operands;
  if (first === undefined) return n.malformed('it has no inputs');
  return rest.length === 0 ? { same: n.input(0) } : rest.reduce((sum, x) => n.emit('add', [sum, x], {}), first);
};

export const elementwise = {
  add: plain('add'),
  sub: plain('sub'),
  mul: plain('mul'),
  div: plain('div'),
  pow: plain('pow'),
  min: plain('minimum'),
  max: plain('maximum'),
  lt: plain('less'),
  gt: plain('less', true),
  le: plain('less_equal'),
  ge: plain('less_equal', true),
  eq: plain('equal'),
  ne: not('equal'),
  and: plain('logical_and'),
  or: plain('logical_or'),
  not: plain('logical_not'),
  select: plain('select'),
  exp: plain('exp'),
  log: plain('log'),
  sin: plain('sin'),
  cos: plain('cos'),
  tan: plain('tan'),
  asin: plain('asin'),
  acos: plain('acos'),
  atan: plain('atan'),
  sinh: plain('sinh'),
  cosh: plain('cosh'),
  tanh: plain('tanh'),
  asinh: plain('asinh'),
  acosh: plain('acosh'),
  atanh: plain('atanh'),
  abs: plain('abs'),
  sign: plain('sign'),
  rcp: plain('reciprocal'),
  neg: plain('neg'),
  floor: plain('floor'),
  ceil: plain('ceil'),
  round: unary(rounded),
  sqr: unary((n, x) => n.emit('mul', [x, x], {})),
  sqrt: plain('sqrt'),
  // x^-2, as the standard's fragment has it
  rsqr: unary((n, x) => n.emit('reciprocal', [n.emit('mul', [x, x], {})], {})),
  rsqrt: plain('rsqrt'),
  log2: unary((n, x) => n.emit('mul', [n.emit('log', [x], {}), n.scalar(1 / Math.LN2)], {})),
  relu: plain('relu'),
  sigmoid: plain('sigmoid'),
  softplus: plain('softplus'),
  silu: plain('silu'),
  elu: unary((n, x) => n.emit('elu', [x], { alpha: 1 })),
  // Klambauer et al. (2017)
  selu: unary((n, x) => n.emit('elu', [x], { alpha: Math.fround(1.6732632423543772), gamma: Math.fround(1.0507009873554805) })),
  // the standard's fragment, not the error function
  gelu: unary((n, x) => n.emit('mul', [x, n.emit('sigmoid', [n.emit('mul', [x, n.scalar(1.702)], {})], {})], {})),
  softabs: unary((n, x) => n.emit('sqrt', [n.emit('add', [n.emit('mul', [x, x], {}), n.scalar(numberOf(n, 'epsilon'))], {})], {})),
  leaky_relu: unary((n, x) => n.emit('leaky_relu', [x], { alpha: numberOf(n, 'alpha') })),
  prelu: { import: (n) => [prelu(n)] },
  clamp: { import: (n) => [clamp(n)] },
  copy: { import: (n) => [{ same: n.input(0) }] },
  copy_n: {
    import: (n) => {
      const times = wholeOf(n, 'times');
      if (times !== n.outputCount) return n.malformed(`times is ${times}, but there are ${n.outputCount} results`);
      return span(0, times).map(() => ({ same: n.input(0) }));
    },
  },
  add_n: { import: (n) => [addAll(n)] },
  update: { refused: 'variables that change between runs are not supported' },
} as const satisfies LayerTable;
