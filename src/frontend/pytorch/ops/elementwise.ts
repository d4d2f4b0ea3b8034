import type { OpName, ValueId } from '../../../ir/index.ts';
import { ELEMS } from '../../host-tensor.ts';
import type { Made } from '../../import-session.ts';
import type { LayerRow, LayerTable } from '../../layer-graph.ts';
import type { LayerNode } from '../../layer-node.ts';
import { asReal, isReal, like, maybeNumber, maybeTensor, number, one, promoted, tensor, text, isTensor, ints } from '../args.ts';

type Kind = 'float' | 'int' | 'bool';
type Two = (n: LayerNode, a: ValueId, b: ValueId, kind: Kind) => ValueId;
/** f of `self` and `other` in their common type. */
const both = (f: Two, a = 'self', b = 'other'): LayerRow =>
  one((n) => {
    const { kind, operands } = promoted(n, a, b);
    return f(n, operands[0], operands[1], kind);
  });
type Binary = Extract<OpName, 'maximum' | 'minimum' | 'mul' | 'rem'>;
const plain =
  (op: Binary): Two =>
  (n, a, b, kind) => {
    if (kind !== 'bool') return n.emit(op, [a, b], {});
    if (op === 'rem') return n.refuse('a remainder of booleans');
    return n.emit(op === 'maximum' ? 'logical_or' : 'logical_and', [a, b], {});
  };

/** b times a factor, as add and sub have one. */
const timesAlpha = (n: LayerNode, b: ValueId, kind: Kind): ValueId => {
  const alpha = number(n, 'alpha', 1);
  if (alpha === 1) return b;
  if (kind === 'float') return n.emit('mul', [b, n.scalar(alpha)], {});
  return Number.isInteger(alpha) ? n.emit('mul', [n.as(b, 'i32'), ints(n, 'alpha', [], [alpha])], {}) : n.refuse(`alpha is ${alpha}`);
};
const add: Two = (n, a, b, kind) => {
  if (kind !== 'bool') return n.emit('add', [a, timesAlpha(n, b, kind)], {});
  return number(n, 'alpha', 1) === 1 ? n.emit('logical_or', [a, b], {}) : n.refuse('alpha of booleans');
};
const sub: Two = (n, a, b, kind) =>
  kind === 'bool' ? n.refuse('a difference of booleans') : n.emit('sub', [a, timesAlpha(n, b, kind)], {});
/** other - alpha self */
const rsub: Two = (n, a, b, kind) =>
  kind === 'bool' ? n.refuse('a difference of booleans') : n.emit('sub', [b, timesAlpha(n, a, kind)], {});

const floorOf: Two = (n, a, b, kind) =>
  kind === 'float' ? n.emit('floor', [n.emit('div', [a, b], {})], {}) : n.emit('div_floor', [n.as(a, 'i32'), n.as(b, 'i32')], {});
const truncOf: Two = (n, a, b, kind) =>
  kind === 'float' ? n.emit('trunc', [n.emit('div', [a, b], {})], {}) : n.emit('div', [n.as(a, 'i32'), n.as(b, 'i32')], {});
/** Without a rounding the quotient of integers is a float. */
const div: Two = (n, a, b, kind) => {
  const mode = text(n, 'rounding_mode', '');
  if (mode === 'floor') return floorOf(n, a, b, kind);
  if (mode === 'trunc') return truncOf(n, a, b, kind);
  return mode === '' ? n.emit('div', [n.as(a, 'f32'), n.as(b, 'f32')], {}) : n.refuse(`rounding_mode is ${mode}`);
};
/** a - b floor(a / b), of the sign of the divisor. */
const remainder: Two = (n, a, b, kind) => {
  if (kind !== 'float') return n.emit('mod', [n.as(a, 'i32'), n.as(b, 'i32')], {});
  return n.emit('sub', [a, n.emit('mul', [floorOf(n, a, b, kind), b], {})], {});
};

/** Powers of 2, 1/2 and -1/2 as what they are. */
const pow = (n: LayerNode): Made => {
  const exponent = isTensor(n, 'exponent') ? undefined : maybeNumber(n, 'exponent');
  if (exponent !== undefined && isTensor(n, 'self')) {
    const x = tensor(n, 'self');
    if (exponent === 2) {
      const v = isReal(n, x) ? n.x(x) : n.as(n.x(x), 'i32');
      return n.emit('mul', [v, v], {});
    }
    if (exponent === 0.5) return n.emit('sqrt', [asReal(n, 'self')], {});
    if (exponent === -0.5) return n.emit('rsqrt', [asReal(n, 'self')], {});
  }
  const { kind, operands } = promoted(n, 'self', 'exponent');
  return kind === 'float' ? n.emit('pow', operands, {}) : n.refuse('powers of integers');
};

const compare = (f: Two): LayerRow =>
  both((n, a, b, kind) => f(n, kind === 'bool' ? n.as(a, 'i32') : a, kind === 'bool' ? n.as(b, 'i32') : b, kind));
const not = (n: LayerNode, x: ValueId): ValueId => n.emit('logical_not', [x], {});
const truth = (n: LayerNode, name: string): ValueId => n.as(n.x(tensor(n, name)), 'bool');
const logical = (op: 'logical_and' | 'logical_or' | 'logical_xor'): LayerRow =>
  one((n) => n.emit(op, [truth(n, 'self'), truth(n, 'other')], {}));
/** Of integers bit by bit, of booleans the logical form. */
const bits = (name: 'and' | 'or' | 'xor'): LayerRow =>
  both((n, a, b, kind) => {
    if (kind === 'float') return n.malformed('bits are of integers');
    return kind === 'bool' ? n.emit(`logical_${name}`, [a, b], {}) : n.emit(`bitwise_${name}`, [a, b], {});
  });

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
  | 'sigmoid'
  | 'tanh'
  | 'erf'
  | 'reciprocal'
>;
const real = (f: (n: LayerNode, x: ValueId) => ValueId): LayerRow => one((n) => f(n, asReal(n, 'self')));
const unary = (op: Unary): LayerRow => real((n, x) => n.emit(op, [x], {}));
/** Reals, or integers as int32. */
const signed = (f: (n: LayerNode, x: ValueId) => ValueId): LayerRow =>
  one((n) => {
    const i = tensor(n, 'self');
    return isReal(n, i) ? f(n, n.x(i)) : like(n, n.as(f(n, n.as(n.x(i), 'i32')), ELEMS[n.elem(i)].dtype), i);
  });
/** Rounding leaves integers as they are. */
const rounding = (op: 'floor' | 'ceil' | 'round' | 'trunc'): LayerRow =>
  one((n) => {
    if (number(n, 'decimals', 0) !== 0) return n.refuse('decimals is not 0');
    const i = tensor(n, 'self');
    return isReal(n, i) ? n.emit(op, [n.x(i)], {}) : { same: n.input(i) };
  });

/** self + value a b, or self + value a / b. */
const combined = (op: 'mul' | 'div'): LayerRow =>
  one((n) => {
    const [self, a, b] = ['self', 'tensor1', 'tensor2'].map((name) => n.real(tensor(n, name)));
    if (self === undefined || a === undefined || b === undefined) return n.malformed('an operand is missing');
    const value = number(n, 'value', 1);
    const factor = value === 1 ? a : n.emit('mul', [a, n.scalar(value)], {});
    return n.emit('add', [self, n.emit(op, [factor, b], {})], {});
  });

/** self + weight (end - self) */
const lerp = (n: LayerNode): Made => {
  const [self, end] = [n.real(tensor(n, 'self')), n.real(tensor(n, 'end'))];
  const weight = isTensor(n, 'weight') ? n.real(tensor(n, 'weight')) : n.scalar(number(n, 'weight'));
  return n.emit('add', [self, n.emit('mul', [weight, n.emit('sub', [end, self], {})], {})], {});
};

const where = (n: LayerNode): Made => {
  const { operands } = promoted(n, 'self', 'other');
  return n.emit('select', [truth(n, 'condition'), ...operands], {});
};
/** The value where the mask holds. */
const maskedFill = (n: LayerNode): Made => {
  const { operands } = promoted(n, 'self', 'value');
  const i = tensor(n, 'self');
  const filled = n.emit('select', [truth(n, 'mask'), operands[1], operands[0]], {});
  return like(n, n.as(filled, ELEMS[n.elem(i)].dtype), i);
};

/** Limits by number, or by tensor; either may be left out. */
const clamp = (n: LayerNode): Made => {
  const x = tensor(n, 'self');
  if (isTensor(n, 'min') || isTensor(n, 'max')) {
    const raised = maybeTensor(n, 'min') === undefined ? n.real(x) : n.emit('maximum', [n.real(x), n.real(tensor(n, 'min'))], {});
    return maybeTensor(n, 'max') === undefined ? raised : n.emit('minimum', [raised, n.real(tensor(n, 'max'))], {});
  }
  const [min, max] = [maybeNumber(n, 'min') ?? Number.NEGATIVE_INFINITY, maybeNumber(n, 'max') ?? Number.POSITIVE_INFINITY];
  return limited(n, x, min, max);
};
export const limited = (n: LayerNode, x: number, min: number, max: number): Made => {
  if (isReal(n, x)) {
    if (min === 0 && max === Number.POSITIVE_INFINITY) return n.emit('relu', [n.x(x)], {});
    if (Number.isFinite(min) && Number.isFinite(max) && min <= max)
      return n.emit('clip', [n.x(x)], { min: Math.fround(min), max: Math.fround(max) });
    const raised = min === Number.NEGATIVE_INFINITY ? n.x(x) : n.emit('maximum', [n.x(x), n.scalar(min)], {});
    return max === Number.POSITIVE_INFINITY ? raised : n.emit('minimum', [raised, n.scalar(max)], {});
  }
  if (!Number.isInteger(min === Number.NEGATIVE_INFINITY ? 0 : min) || !Number.isInteger(max === Number.POSITIVE_INFINITY ? 0 : max))
    return n.refuse(`limits ${min} and ${max} of integers`);
  const [lo, hi] = [Math.max(min, -(2 ** 31)), Math.min(max, 2 ** 31 - 1)];
  return like(n, n.as(n.emit('clamp', [n.as(n.x(x), 'i32')], { lo, hi }), ELEMS[n.elem(x)].dtype), x);
};

const log = (base: number): LayerRow => real((n, x) => n.emit('mul', [n.emit('log', [x], {}), n.scalar(1 / Math.log(base))], {}));

export const elementwise = {
  'aten.add': both(add),
  'aten.sub': both(sub),
  'aten.rsub': both(rsub),
  'aten.mul': both(plain('mul')),
  'aten.div': both(div),
  'aten.divide': both(div),
  'aten.true_divide': both(div),
  'aten.floor_divide': both(floorOf),
  'aten.remainder': both(remainder),
  'aten.fmod': both(plain('rem')),
  'aten.maximum': both(plain('maximum')),
  'aten.minimum': both(plain('minimum')),
  'aten.pow': one(pow),
  'aten.square': one((n) => n.emit('mul', [asReal(n, 'self'), asReal(n, 'self')], {})),
  'aten.addcmul': combined('mul'),
  'aten.addcdiv': combined('div'),
  'aten.lerp': one(lerp),
  'aten.where': one(where),
  'aten.masked_fill': one(maskedFill),
  'aten.clamp': one(clamp),
  'aten.clip': one(clamp),
  'aten.clamp_min': one(clamp),
  'aten.clamp_max': one(clamp),
  'aten.eq': compare((n, a, b) => n.emit('equal', [a, b], {})),
  'aten.ne': compare((n, a, b) => not(n, n.emit('equal', [a, b], {}))),
  'aten.lt': compare((n, a, b) => n.emit('less', [a, b], {})),
  'aten.le': compare((n, a, b) => n.emit('less_equal', [a, b], {})),
  'aten.gt': compare((n, a, b) => n.emit('less', [b, a], {})),
  'aten.ge': compare((n, a, b) => n.emit('less_equal', [b, a], {})),
  'aten.logical_and': logical('logical_and'),
  'aten.logical_or': logical('logical_or'),
  'aten.logical_xor': logical('logical_xor'),
  'aten.logical_not': one((n) => not(n, truth(n, 'self'))),
  'aten.bitwise_and': bits('and'),
  'aten.bitwise_or': bits('or'),
  'aten.bitwise_xor': bits('xor'),
  'aten.__and__': bits('and'),
  'aten.__or__': bits('or'),
  'aten.bitwise_not': one((n) => {
    const i = tensor(n, 'self');
    return n.elem(i) === 'bool' ? not(n, n.x(i)) : n.emit('bitwise_not', [n.x(i)], {});
  }),
  'aten.isnan': real((n, x) => n.emit('is_nan', [x], {})),
  'aten.isinf': real((n, x) => n.emit('is_inf', [x], {})),
  'aten.abs': signed((n, x) => n.emit('abs', [x], {})),
  'aten.neg': signed((n, x) => n.emit('neg', [x], {})),
  'aten.sign': signed((n, x) => n.emit('sign', [x], {})),
  'aten.sgn': signed((n, x) => n.emit('sign', [x], {})),
  'aten.exp': unary('exp'),
  'aten.exp2': real((n, x) => n.emit('pow', [n.scalar(2), x], {})),
  'aten.expm1': real((n, x) => n.emit('sub', [n.emit('exp', [x], {}), n.scalar(1)], {})),
  'aten.log': unary('log'),
  'aten.log2': log(2),
  'aten.log10': log(10),
  'aten.log1p': real((n, x) => n.emit('log', [n.emit('add', [x, n.scalar(1)], {})], {})),
  'aten.sqrt': unary('sqrt'),
  'aten.rsqrt': unary('rsqrt'),
  'aten.reciprocal': unary('reciprocal'),
  'aten.sin': unary('sin'),
  'aten.cos': unary('cos'),
  'aten.tan': unary('tan'),
  'aten.asin': unary('asin'),
  'aten.acos': unary('acos'),
  'aten.atan': unary('atan'),
  'aten.sinh': unary('sinh'),
  'aten.cosh': unary('cosh'),
  'aten.asinh': unary('asinh'),
  'aten.acosh': unary('acosh'),
  'aten.atanh': unary('atanh'),
  'aten.erf': unary('erf'),
  'aten.sigmoid': unary('sigmoid'),
  'aten.tanh': unary('tanh'),
  'aten.floor': rounding('floor'),
  'aten.ceil': rounding('ceil'),
  'aten.round': rounding('round'),
  'aten.trunc': rounding('trunc'),
} as const satisfies LayerTable;
