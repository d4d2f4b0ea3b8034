import type { OpName, ValueId } from '../ir/index.ts';
import { ELEMS } from './host-tensor.ts';
import type { Made } from './import-session.ts';
import type { LayerRow, LayerTable } from './layer-graph.ts';
import type { LayerNode } from './layer-node.ts';
import { joinable } from './tf-conv.ts';
import { checkReal, flagOf, isReal, narrowed, one, sameKind, typeOf, widened } from './tf-row.ts';

type Two = (n: LayerNode, a: ValueId, b: ValueId) => ValueId;

/** f of two reals, in the layout they have, or of two integers as int32. Narrow integers have to hold the result. */
const both =
  (real: Two, whole: Two = real) =>
  (n: LayerNode): Made => {
    sameKind(n);
    n.ignore('incompatible_shape_error');
    if (isReal(n, 0)) return n.pointwise([0, 1], ([a, b]) => real(n, a as ValueId, b as ValueId));
    return narrowed(n, whole(n, widened(n, 0), widened(n, 1)), n.elem(0));
  };

type Binary = Extract<OpName, 'add' | 'sub' | 'mul' | 'div' | 'maximum' | 'minimum' | 'rem' | 'div_floor' | 'mod'>;
const plain =
  (op: Binary): Two =>
  (n, a, b) =>
    n.emit(op, [a, b], {});

const realsOnly =
  (f: Two) =>
  (n: LayerNode): Made => {
    checkReal(n, 0, 1);
    return both(f)(n);
  };

const divFloor: Two = (n, a, b) => n.emit('floor', [n.emit('div', [a, b], {})], {});
/** a - b floor(a / b), of the sign of the divisor. */
const modFloor: Two = (n, a, b) => n.emit('sub', [a, n.emit('mul', [divFloor(n, a, b), b], {})], {});
const divTruncated: Two = (n, a, b) => n.emit('trunc', [n.emit('div', [a, b], {})], {});

const squaredDifference: Two = (n, a, b) => {
  const d = n.emit('sub', [a, b], {});
  return n.emit('mul', [d, d], {});
};

/** 0 where b is 0. */
const divNoNan: Two = (n, a, b) => {
  const none = n.emit('equal', [b, n.scalar(0)], {});
  return n.emit('select', [none, n.scalar(0), n.emit('div', [a, n.emit('select', [none, n.scalar(1), b], {})], {})], {});
};

/** f(b) a, and 0 where a is 0. */
const timesOr0 =
  (f: (n: LayerNode, b: ValueId) => ValueId): Two =>
  (n, a, b) => {
    const none = n.emit('equal', [a, n.scalar(0)], {});
    return n.emit('select', [none, n.scalar(0), n.emit('mul', [a, f(n, b)], {})], {});
  };

/** 0 where b is 0, whatever a is. */
const mulNoNan: Two = (n, a, b) => {
  const none = n.emit('equal', [b, n.scalar(0)], {});
  return n.emit('select', [none, n.scalar(0), n.emit('mul', [a, b], {})], {});
};

const compare =
  (f: Two) =>
  (n: LayerNode): Made => {
    sameKind(n);
    n.ignore('incompatible_shape_error');
    if (isReal(n, 0)) return n.pointwise([0, 1], ([a, b]) => f(n, a as ValueId, b as ValueId));
    return n.elem(0) === 'bool' ? f(n, n.x(0), n.x(1)) : f(n, widened(n, 0), widened(n, 1));
  };
const not = (n: LayerNode, x: ValueId): ValueId => n.emit('logical_not', [x], {});

const logical = (op: 'logical_and' | 'logical_or' | 'logical_xor'): LayerRow => one((n) => n.pointwise([0, 1], (xs) => n.emit(op, xs, {})));

type Unary = Extract<
  OpName,
  | 'exp'
  | 'log'
  | 'sqrt'
  | 'rsqrt'
  | 'sin'
  | 'cos'
  | 'tan'
  | 'asin'
  | 'acos'
  | 'atan'
  | 'sinh'
  | 'cosh'
  | 'asinh'
  | 'acosh'
  | 'atanh'
  | 'ceil'
  | 'floor'
  | 'round'
  | 'sigmoid'
  | 'tanh'
  | 'relu'
  | 'softplus'
  | 'softsign'
  | 'erf'
  | 'reciprocal'
  | 'is_nan'
  | 'is_inf'
>;
const real = (f: (n: LayerNode, x: ValueId) => ValueId): LayerRow =>
  one((n) => {
    checkReal(n, 0);
    return n.map(0, (x) => f(n, x));
  });
const unary = (op: Unary): LayerRow => real((n, x) => n.emit(op, [x], {}));

/** Reals, or integers as int32. */
const signed = (f: (n: LayerNode, x: ValueId) => ValueId): LayerRow =>
  one((n) => (isReal(n, 0) ? n.map(0, (x) => f(n, x)) : narrowed(n, f(n, widened(n, 0)), n.elem(0))));

/** Rounding leaves integers as they are. */
const rounding = (op: 'ceil' | 'floor' | 'round'): LayerRow =>
  one((n) => (isReal(n, 0) ? n.map(0, (x) => n.emit(op, [x], {})) : { same: n.input(0) }));

/** lambda x, or lambda alpha (e^x - 1) below 0 (Klambauer et al. 2017, with their constants). */
const selu = (n: LayerNode, x: ValueId): ValueId =>
  n.emit('elu', [x], { alpha: Math.fround(1.6732632423543772), gamma: Math.fround(1.0507009873554805) });

const finite = (n: LayerNode, x: ValueId): ValueId =>
  not(n, n.emit('logical_or', [n.emit('is_nan', [x], {}), n.emit('is_inf', [x], {})], {}));

/** Choice by a condition. Select's condition of rank 1 chooses whole rows; that of SelectV2 broadcasts. */
const choice =
  (rows: boolean) =>
  (n: LayerNode): Made => {
    sameKind(n, 1, 2);
    if (n.elem(0) !== 'bool') return n.malformed(`the condition is ${n.elem(0)}`);
    const rank = n.rank(1);
    if (!rows) return n.pointwise([0, 1, 2], (xs) => n.emit('select', xs, {}));
    const turned = n.rank(0) === 1 && rank > 1;
    const condition = turned ? n.reshape(n.x(0), [...n.shapeOf(0), ...new Array<number>(rank - 1).fill(1)]) : n.x(0);
    return n.emit('select', [condition, n.x(1), n.x(2)], {});
  };

/** Limits that may be tensors; equal to a clip where they are numbers. */
const clipByValue = (n: LayerNode): Made => {
  if (isReal(n, 0) && n.input(1).host?.data.length === 1 && n.input(2).host?.data.length === 1) {
    const [min, max] = [Math.fround(n.hostNumbers(1, 'the minimum')[0] ?? 0), Math.fround(n.hostNumbers(2, 'the maximum')[0] ?? 0)];
    if (Number.isFinite(min) && Number.isFinite(max) && min <= max) return n.map(0, (x) => n.emit('clip', [x], { min, max }));
  }
  if (!isReal(n, 0)) {
    const raised = n.emit('maximum', [widened(n, 0), widened(n, 1)], {});
    return narrowed(n, n.emit('minimum', [raised, widened(n, 2)], {}), n.elem(0));
  }
  return n.pointwise([0, 1, 2], ([x, min, max]) => {
    const raised = n.emit('maximum', [x as ValueId, min as ValueId], {});
    return n.emit('minimum', [raised, max as ValueId], {});
  });
};

/** Floats become integers by truncation. */
const cast = (n: LayerNode): Made => {
  flagOf(n, 'Truncate');
  const elem = typeOf(n, 'DstT', 'float32');
  const { value, layout } = n.either(0);
  const { dtype } = ELEMS[elem];
  if (elem === 'float16' || elem === 'bfloat16') n.approximate(`values are not rounded to ${elem}`);
  return { value: n.as(value, dtype), layout, elem };
};

/** The angle of the point (x, y): atan(y / x), and half a turn towards the sign of y where x is negative. */
const atan2: Two = (n, y, x) => {
  const zero = n.scalar(0);
  const isNegative = (v: ValueId): ValueId =>
    // 1 / -0 tells the sign of a zero
    n.emit('logical_or', [n.emit('less', [v, zero], {}), n.emit('less', [n.emit('reciprocal', [v], {}), zero], {})], {});
  const angle = n.emit('atan', [n.emit('div', [y, x], {})], {});
  const half = n.emit('select', [isNegative(y), n.scalar(-Math.PI), n.scalar(Math.PI)], {});
  const left = isNegative(x);
  const turned = n.emit('select', [left, n.emit('add', [angle, half], {}), angle], {});
  // 0 / 0: on the axis
  const still = n.emit('logical_and', [n.emit('equal', [y, zero], {}), n.emit('equal', [x, zero], {})], {});
  return n.emit('select', [still, n.emit('select', [left, half, y], {}), turned], {});
};

const bits = (op: 'bitwise_and' | 'bitwise_or' | 'bitwise_xor'): LayerRow =>
  one((n) => {
    sameKind(n);
    if (isReal(n, 0) || n.elem(0) === 'bool') return n.malformed(`input 0 is ${n.elem(0)}, but bits are of integers`);
    if (n.elem(0) === 'uint32' || n.elem(0) === 'uint16') return n.refuse(`${n.elem(0)} is kept as int32, which has other bits`);
    return n.emit(op, [n.x(0), n.x(1)], {});
  });

export const elementwiseRows = {
  Add: joinable(both(plain('add'))),
  AddV2: joinable(both(plain('add'))),
  Sub: one(both(plain('sub'))),
  Mul: one(both(plain('mul'))),
  Div: one(both(plain('div'))),
  RealDiv: one(both(plain('div'))),
  DivNoNan: one(realsOnly(divNoNan)),
  MulNoNan: one(realsOnly(mulNoNan)),
  Xdivy: one(realsOnly(timesOr0((n, b) => n.emit('reciprocal', [b], {})))),
  Xlogy: one(realsOnly(timesOr0((n, b) => n.emit('log', [b], {})))),
  FloorDiv: one(both(divFloor, plain('div_floor'))),
  FloorMod: one(both(modFloor, plain('mod'))),
  Mod: one(both(plain('rem'))),
  TruncateDiv: one(both(divTruncated, plain('div'))),
  TruncateMod: one(both(plain('rem'))),
  Maximum: one(both(plain('maximum'))),
  Minimum: one(both(plain('minimum'))),
  Pow: one(realsOnly((n, a, b) => n.emit('pow', [a, b], {}))),
  SquaredDifference: one(both(squaredDifference)),
  Atan2: one(realsOnly(atan2)),
  Equal: one(compare((n, a, b) => n.emit('equal', [a, b], {}))),
  NotEqual: one(compare((n, a, b) => not(n, n.emit('equal', [a, b], {})))),
  Less: one(compare((n, a, b) => n.emit('less', [a, b], {}))),
  LessEqual: one(compare((n, a, b) => n.emit('less_equal', [a, b], {}))),
  Greater: one(compare((n, a, b) => n.emit('less', [b, a], {}))),
  GreaterEqual: one(compare((n, a, b) => n.emit('less_equal', [b, a], {}))),
  LogicalAnd: logical('logical_and'),
  LogicalOr: logical('logical_or'),
  LogicalNot: one((n) => n.map(0, (x) => not(n, x))),
  BitwiseAnd: bits('bitwise_and'),
  BitwiseOr: bits('bitwise_or'),
  BitwiseXor: bits('bitwise_xor'),
  Select: one(choice(true)),
  SelectV2: one(choice(false)),
  ClipByValue: one(clipByValue),
  Cast: one(cast),
  Abs: signed((n, x) => n.emit('abs', [x], {})),
  Neg: signed((n, x) => n.emit('neg', [x], {})),
  Sign: signed((n, x) => n.emit('sign', [x], {})),
  Square: signed((n, x) => n.emit('mul', [x, x], {})),
  Exp: unary('exp'),
  Expm1: real((n, x) => n.emit('sub', [n.emit('exp', [x], {}), n.scalar(1)], {})),
  Log: unary('log'),
  Log1p: real((n, x) => n.emit('log', [n.emit('add', [x, n.scalar(1)], {})], {})),
  Sqrt: unary('sqrt'),
  Rsqrt: unary('rsqrt'),
  Reciprocal: unary('reciprocal'),
  Inv: unary('reciprocal'),
  Sin: unary('sin'),
  Cos: unary('cos'),
  Tan: unary('tan'),
  Asin: unary('asin'),
  Acos: unary('acos'),
  Atan: unary('atan'),
  Sinh: unary('sinh'),
  Cosh: unary('cosh'),
  Asinh: unary('asinh'),
  Acosh: unary('acosh'),
  Atanh: unary('atanh'),
  Erf: unary('erf'),
  // 1 + erf(-x): GELU by Erfc has a minus inside, which meets this one
  Erfc: real((n, x) => n.emit('add', [n.scalar(1), n.emit('erf', [n.emit('neg', [x], {})], {})], {})),
  Ceil: rounding('ceil'),
  Floor: rounding('floor'),
  Round: rounding('round'),
  Rint: rounding('round'),
  IsNan: unary('is_nan'),
  IsInf: unary('is_inf'),
  IsFinite: real(finite),
  Sigmoid: unary('sigmoid'),
  Tanh: unary('tanh'),
  Relu: unary('relu'),
  Relu6: real((n, x) => n.emit('clip', [x], { min: 0, max: 6 })),
  Elu: real((n, x) => n.emit('elu', [x], { alpha: 1, gamma: 1 })),
  Selu: real(selu),
  Softplus: unary('softplus'),
  Softsign: unary('softsign'),
  Prelu: one((n) => {
    checkReal(n, 0, 1);
    return n.pointwise([0, 1], (xs) => n.emit('prelu', xs, {}));
  }),
} as const satisfies LayerTable;
