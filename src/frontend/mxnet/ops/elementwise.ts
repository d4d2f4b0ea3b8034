import type { OpName, ValueId } from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';
import type { Made } from '../../import-session.ts';
import type { LayerNode } from '../../layer-node.ts';
import { optionalFloat } from '../attributes.ts';
import type { MxRow, MxTable } from './row.ts';
import { asFloat, span, widened } from './util.ts';

type Binary = (n: LayerNode, a: ValueId, b: ValueId) => ValueId;

type PlainBinary = 'add' | 'sub' | 'mul' | 'div' | 'maximum' | 'minimum' | 'pow';
const plain =
  (op: PlainBinary): Binary =>
  (n, a, b) =>
    n.emit(op, [a, b], {});

/** Truth values are numbers of the type of the operands. */
const truth =
  (f: Binary): Binary =>
  (n, a, b) =>
    n.as(f(n, a, b), n.typeOf(a).dtype);
const swap =
  (f: Binary): Binary =>
  (n, a, b) =>
    f(n, b, a);
const compare = (op: 'equal' | 'less' | 'less_equal'): Binary => truth((n, a, b) => n.emit(op, [a, b], {}));
const logical = (op: 'logical_and' | 'logical_or' | 'logical_xor'): Binary =>
  truth((n, a, b) => n.emit(op, [n.as(a, 'bool'), n.as(b, 'bool')], {}));

/** The remainder has the sign of the divisor; 0 where that is 0. */
const modulo: Binary = (n, a, b) => {
  if (n.typeOf(a).dtype !== 'f32') return n.emit('mod', [a, b], {});
  const zero = n.scalar(0);
  const r = n.emit('rem', [a, b], {});
  const crosses = n.emit('less', [n.emit('mul', [n.emit('sign', [r], {}), n.emit('sign', [b], {})], {}), zero], {});
  const signed = n.emit('select', [crosses, n.emit('add', [r, b], {}), r], {});
  return n.emit('select', [n.emit('equal', [b, zero], {}), zero, signed], {});
};
const hypotenuse: Binary = (n, a, b) => n.emit('sqrt', [n.emit('add', [n.emit('mul', [a, a], {}), n.emit('mul', [b, b], {})], {})], {});

/** By the names behind broadcast_. */
const BINARY = {
  add: plain('add'),
  sub: plain('sub'),
  mul: plain('mul'),
  div: plain('div'),
  mod: modulo,
  power: plain('pow'),
  maximum: plain('maximum'),
  minimum: plain('minimum'),
  hypot: hypotenuse,
  equal: compare('equal'),
  not_equal: truth((n, a, b) => n.emit('logical_not', [n.emit('equal', [a, b], {})], {})),
  greater: swap(compare('less')),
  greater_equal: swap(compare('less_equal')),
  lesser: compare('less'),
  lesser_equal: compare('less_equal'),
  logical_and: logical('logical_and'),
  logical_or: logical('logical_or'),
  logical_xor: logical('logical_xor'),
} as const satisfies Record<string, Binary>;

/** Element by element, with broadcast. MXNet has no tensors without dimensions: a constant of one element is a number. */
export const pointwise = (n: LayerNode, places: readonly number[], f: (operands: readonly ValueId[]) => ValueId): Made => {
  const isNumber = (i: number): boolean => n.input(i).host !== undefined && n.rank(i) === 1 && n.shapeOf(i)[0] === 1;
  if (!places.some(isNumber) || places.every((i) => n.rank(i) < 2)) return n.pointwise(places, f);
  return f(
    places.map((i) => {
      const { name, host } = n.input(i);
      return host !== undefined && isNumber(i) ? n.session.constant(name, host, []) : n.x(i);
    }),
  );
};

const two = (f: Binary): MxRow => ({
  import: (n) => {
    const kinds = [n.elem(0), n.elem(1)];
    if (kinds[0] !== kinds[1]) return n.malformed(`input 0 is ${at(kinds, 0)}, but input 1 is ${at(kinds, 1)}`);
    return [pointwise(n, [0, 1], ([a, b]) => f(n, widened(n, a as ValueId), widened(n, b as ValueId)))];
  },
});

/** x and the attribute `scalar`, in this order. */
const scalar = (f: Binary): MxRow => ({
  import: (n) => {
    n.ignore('is_int');
    const value = optionalFloat(n, 'scalar') ?? 1;
    return [
      n.map(0, (x) => {
        const wide = widened(n, x);
        const whole = n.typeOf(wide).dtype === 'i32';
        if (whole && !Number.isInteger(value)) return n.refuse(`integers and the scalar ${value} together are not supported`);
        return f(n, wide, whole ? n.session.constant('scalar', { elem: 'int32', shape: [], data: Int32Array.of(value) }) : n.scalar(value));
      }),
    ];
  },
});

const unary = (f: (n: LayerNode, x: ValueId) => ValueId): MxRow => ({
  import: (n) => {
    n.real(0);
    return [n.map(0, (x) => f(n, x))];
  },
});
type PlainUnary = Extract<
  OpName,
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
  | 'exp'
  | 'log'
  | 'sqrt'
  | 'rsqrt'
  | 'erf'
  | 'floor'
  | 'ceil'
  | 'trunc'
  | 'sigmoid'
  | 'softsign'
  | 'reciprocal'
>;
const own = (op: PlainUnary): MxRow => unary((n, x) => n.emit(op, [x], {}));
/** Of int32 too. */
const whole = (op: 'neg' | 'abs' | 'sign'): MxRow => ({ import: (n) => [n.map(0, (x) => n.emit(op, [widened(n, x)], {}))] });
const times = (factor: number): MxRow => unary((n, x) => n.emit('mul', [x, n.scalar(factor)], {}));

/** Halves away from zero, as roundf of C. */
const roundAway = (n: LayerNode, x: ValueId): ValueId => {
  const whole = n.emit('trunc', [x], {});
  const rest = n.emit('abs', [n.emit('sub', [x, whole], {})], {});
  const up = n.emit('less_equal', [n.scalar(0.5), rest], {});
  return n.emit('select', [up, n.emit('add', [whole, n.emit('sign', [x], {})], {}), whole], {});
};
/** Halves down. */
const roundDown = (n: LayerNode, x: ValueId): ValueId => {
  const [low, high] = [n.emit('floor', [x], {}), n.emit('ceil', [x], {})];
  const down = n.emit('less_equal', [n.emit('sub', [x, low], {}), n.emit('sub', [high, x], {})], {});
  return n.emit('select', [down, low, high], {});
};
const cubeRoot = (n: LayerNode, x: ValueId): ValueId => {
  const root = n.emit('pow', [n.emit('abs', [x], {}), n.scalar(1 / 3)], {});
  return n.emit('mul', [n.emit('sign', [x], {}), root], {});
};
const rounded = (n: LayerNode, what: string, y: ValueId): ValueId => {
  n.approximate(`computed as ${what}, with a rounding of its own`);
  return y;
};

const UNARY = {
  ...Object.fromEntries((['sin', 'cos', 'tan', 'sinh', 'cosh', 'tanh', 'exp', 'log', 'sqrt'] as const).map((op) => [op, own(op)])),
  ...Object.fromEntries((['rsqrt', 'erf', 'floor', 'ceil', 'trunc', 'sigmoid', 'softsign'] as const).map((op) => [op, own(op)])),
  arcsin: own('asin'),
  arccos: own('acos'),
  arctan: own('atan'),
  arcsinh: own('asinh'),
  arccosh: own('acosh'),
  arctanh: own('atanh'),
  negative: whole('neg'),
  abs: whole('abs'),
  sign: whole('sign'),
  reciprocal: own('reciprocal'),
  round: unary(roundAway),
  rint: unary(roundDown),
  square: unary((n, x) => n.emit('mul', [x, x], {})),
  cbrt: unary(cubeRoot),
  rcbrt: unary((n, x) => n.emit('reciprocal', [cubeRoot(n, x)], {})),
  log1p: unary((n, x) => rounded(n, 'log(1 + x)', n.emit('log', [n.emit('add', [x, n.scalar(1)], {})], {}))),
  expm1: unary((n, x) => rounded(n, 'exp(x) - 1', n.emit('sub', [n.emit('exp', [x], {}), n.scalar(1)], {}))),
  log2: unary((n, x) => n.emit('mul', [n.emit('log', [x], {}), n.scalar(Math.LOG2E)], {})),
  log10: unary((n, x) => n.emit('mul', [n.emit('log', [x], {}), n.scalar(Math.LOG10E)], {})),
  degrees: times(180 / Math.PI),
  radians: times(Math.PI / 180),
  logical_not: unary((n, x) => asFloat(n, n.emit('equal', [x, n.scalar(0)], {}))),
  _contrib_div_sqrt_dim: {
    import: (n) => [n.emit('div', [n.real(0), n.scalar(Math.sqrt(at(n.shapeOf(0), n.rank(0) - 1)))], {})],
  },
} as const satisfies MxTable;

const sum: MxRow = {
  import: (n) => {
    n.ignore('num_args');
    return [n.pointwise(span(0, n.inputCount), (xs) => xs.slice(1).reduce((a, x) => n.emit('add', [a, x], {}), at(xs, 0)))];
  },
};

const where = (n: LayerNode): Made => {
  if (n.rank(0) === 1 && n.rank(1) > 1) {
    // a vector chooses rows
    const rows = n.reshape(n.as(n.x(0), 'bool'), [
      ...n.shapeOf(0),
      ...n
        .shapeOf(1)
        .slice(1)
        .map(() => 1),
    ]);
    return n.emit('select', [rows, n.x(1), n.x(2)], {});
  }
  return pointwise(n, [0, 1, 2], ([c, a, b]) => n.emit('select', [n.as(c as ValueId, 'bool'), a as ValueId, b as ValueId], {}));
};

const scalarNames = (name: string): string => `_${name === 'add' ? 'plus' : name === 'sub' ? 'minus' : name}_scalar`;
const REVERSED = ['sub', 'div', 'mod', 'power'] as const;

const names = Object.keys(BINARY) as readonly (keyof typeof BINARY)[];
export const elementwise: MxTable = {
  ...UNARY,
  ...Object.fromEntries(names.map((name) => [`broadcast_${name}`, two(BINARY[name])])),
  ...Object.fromEntries(names.map((name) => [scalarNames(name), scalar(BINARY[name])])),
  ...Object.fromEntries(REVERSED.map((name) => [scalarNames(name).replace('_', '_r'), scalar(swap(BINARY[name]))])),
  add_n: sum,
  where: { import: (n) => [where(n)] },
};
