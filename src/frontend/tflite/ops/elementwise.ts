import type { OpName, ValueId } from '../../../ir/index.ts';
import type { TfliteNode } from '../node.ts';
import type { Made } from '../values.ts';
import type { TfliteOp, TfliteOps } from './row.ts';
import { activated, activatedMade, narrowed, sameKind, widened } from './util.ts';

type Binary = Extract<OpName, 'add' | 'sub' | 'mul' | 'div' | 'maximum' | 'minimum' | 'pow' | 'less' | 'less_equal' | 'equal'>;

/** f of two reals, in the layout they have, or of two integers as int32. */
const both = (n: TfliteNode, f: (a: ValueId, b: ValueId, real: boolean) => ValueId): Made => {
  sameKind(n);
  if (n.isReal(0)) return n.combine(0, 1, (a, b) => f(a, b, true));
  return narrowed(n, f(widened(n, 0), widened(n, 1), false));
};

const plainBinary = (op: Binary): TfliteOp => ({ import: (n) => [both(n, (a, b) => n.emit(op, [a, b], {}))] });

type Fused = 'AddOptions' | 'SubOptions' | 'MulOptions' | 'DivOptions';

/** Arithmetic with a fused activation. pot_scale_int16 says how the scales were chosen, which are in the file. */
const fused = (op: 'add' | 'sub' | 'mul' | 'div', options: Fused): TfliteOp => ({
  import: (n) => {
    const o = n.options(options);
    if ('pot_scale_int16' in o) void o.pot_scale_int16;
    const code = o.fused_activation_function;
    return [both(n, (a, b) => activated(n, n.emit(op, [a, b], {}), code))];
  },
});

const realsOnly = (n: TfliteNode, indices: readonly number[]): void => {
  for (const i of indices) n.checkReal(i);
};

const compare = (emit: (n: TfliteNode, a: ValueId, b: ValueId) => ValueId): TfliteOp => ({
  import: (n) => {
    sameKind(n);
    if (n.isReal(0)) return [n.combine(0, 1, (a, b) => emit(n, a, b))];
    return [n.elem(0) === 'bool' ? emit(n, n.x(0), n.x(1)) : emit(n, widened(n, 0), widened(n, 1))];
  },
});

const floorDiv = (n: TfliteNode): Made =>
  both(n, (a, b, real) => (real ? n.emit('floor', [n.emit('div', [a, b], {})], {}) : n.emit('div_floor', [a, b], {})));

/** a - b floor(a / b), of the sign of the divisor. */
const floorMod = (n: TfliteNode): Made =>
  both(n, (a, b, real) => {
    if (!real) return n.emit('mod', [a, b], {});
    const quotient = n.emit('floor', [n.emit('div', [a, b], {})], {});
    return n.emit('sub', [a, n.emit('mul', [quotient, b], {})], {});
  });

const power = (n: TfliteNode): Made => {
  if (!n.isReal(0)) return n.refuse('powers of integers are not supported');
  return both(n, (a, b) => n.emit('pow', [a, b], {}));
};

const squaredDifference = (n: TfliteNode): Made =>
  both(n, (a, b) => {
    const d = n.emit('sub', [a, b], {});
    return n.emit('mul', [d, d], {});
  });

/** The angle of the point (x, y): atan(y / x), and half a turn towards the sign of y where x is negative. */
const atan2 = (n: TfliteNode): Made => {
  realsOnly(n, [0, 1]);
  return n.combine(0, 1, (y, x) => {
    const zero = n.scalar(0);
    const angle = n.emit('atan', [n.emit('div', [y, x], {})], {});
    // 1 / -0 tells the sign of a zero
    const below = n.emit('logical_or', [n.emit('less', [y, zero], {}), n.emit('less', [n.emit('reciprocal', [y], {}), zero], {})], {});
    const half = n.emit('select', [below, n.scalar(-Math.PI), n.scalar(Math.PI)], {});
    const left = n.emit('logical_or', [n.emit('less', [x, zero], {}), n.emit('less', [n.emit('reciprocal', [x], {}), zero], {})], {});
    const turned = n.emit('select', [left, n.emit('add', [angle, half], {}), angle], {});
    // 0 / 0: on the axis
    const still = n.emit('logical_and', [n.emit('equal', [y, zero], {}), n.emit('equal', [x, zero], {})], {});
    const axis = n.emit('select', [left, half, n.emit('mul', [y, n.scalar(1)], {})], {});
    return n.emit('select', [still, axis, turned], {});
  });
};

type Unary = Extract<
  OpName,
  'exp' | 'log' | 'sqrt' | 'rsqrt' | 'sin' | 'cos' | 'ceil' | 'floor' | 'round' | 'sigmoid' | 'tanh' | 'hard_swish'
>;

const unary = (f: (n: TfliteNode, x: ValueId) => ValueId): TfliteOp => ({
  import: (n) => {
    realsOnly(n, [0]);
    return [n.map(0, (x) => f(n, x))];
  },
});
const plainUnary = (op: Unary): TfliteOp => unary((n, x) => n.emit(op, [x], {}));
const clipped = (min: number, max: number): TfliteOp => unary((n, x) => n.emit('clip', [x], { min, max }));

/** Reals, or integers as int32. */
const signed = (op: 'abs' | 'neg' | 'sign'): TfliteOp => ({
  import: (n) => (n.isReal(0) ? [n.map(0, (x) => n.emit(op, [x], {}))] : [narrowed(n, n.emit(op, [widened(n, 0)], {}))]),
});

const square: TfliteOp = {
  import: (n) =>
    n.isReal(0) ? [n.map(0, (x) => n.emit('mul', [x, x], {}))] : [narrowed(n, n.emit('mul', [widened(n, 0), widened(n, 0)], {}))],
};

const leaky = (n: TfliteNode): Made => {
  const { alpha } = n.options('LeakyReluOptions');
  realsOnly(n, [0]);
  return n.map(0, (x) => n.emit('leaky_relu', [x], { alpha }));
};

const gelu = (n: TfliteNode): Made => {
  const approximate = n.options('GeluOptions').approximate ? 'tanh' : 'none';
  realsOnly(n, [0]);
  return n.map(0, (x) => n.emit('gelu', [x], { approximate }));
};

/** Softmax of the last dimension, of beta x. */
const softmax = (n: TfliteNode): Made => {
  const { beta } = n.options('SoftmaxOptions');
  if (!Number.isFinite(beta)) return n.malformed(`beta is ${beta}`);
  const { value, layout, place } = n.either(0);
  realsOnly(n, [0]);
  const x = beta === 1 ? value : n.emit('mul', [value, n.scalar(beta)], {});
  return { value: n.emit('softmax', [x], { axis: place(n.rank(0) - 1) }), layout };
};

const logSoftmax = (n: TfliteNode): Made => n.emit('log_softmax', [n.real(0)], { axis: n.rank(0) - 1 });

/** x / max(sqrt(sum of squares over the last dimension), 10^-6). The schema says that the fused activation is ignored. */
const l2Norm = (n: TfliteNode): Made => {
  const code = n.options('L2NormOptions').fused_activation_function;
  const x = n.real(0);
  const squares = n.emit('reduce_sum', [n.emit('mul', [x, x], {})], { axes: [n.rank(0) - 1], keep: true });
  const norm = n.emit('maximum', [n.emit('sqrt', [squares], {}), n.scalar(1e-6)], {});
  return activatedMade(n, n.emit('div', [x, norm], {}), code);
};

/** y = x / (bias + alpha * sum of squares of the channels within radius)^beta; alpha is not divided by the size of the window. */
const localNorm = (n: TfliteNode): Made => {
  const { radius, bias, alpha, beta } = n.options('LocalResponseNormalizationOptions');
  if (radius < 0 || radius > 511) return n.refuse(`radius is ${radius}`);
  const size = 2 * radius + 1;
  return { value: n.emit('lrn', [n.first(0)], { size, alpha: Math.fround(alpha * size), beta, bias }), layout: 'first' };
};

/** Choice by a condition. SELECT's condition of rank 1 chooses whole rows; SELECT_V2's broadcasts. */
const choice =
  (rows: boolean) =>
  (n: TfliteNode): readonly Made[] => {
    sameKind(n, 1, 2);
    if (n.elem(0) !== 'bool') return n.malformed(`the condition is ${n.elem(0)}`);
    const rank = n.rank(1);
    const asRows = rows && n.rank(0) === 1 && rank > 1;
    const condition = asRows ? n.reshape(n.x(0), [...n.shapeOf(0), ...new Array<number>(rank - 1).fill(1)]) : n.x(0);
    return [n.emit('select', [condition, n.x(1), n.x(2)], {})];
  };

const logical = (op: 'logical_and' | 'logical_or'): TfliteOp => ({ import: (n) => [n.emit(op, [n.x(0), n.x(1)], {})] });

const wholeOnly = (op: 'bitwise_xor' | 'shift_right'): TfliteOp => ({
  import: (n) => {
    sameKind(n);
    if (n.isReal(0)) return n.refuse(`input 0 is ${n.elem(0)}, but bits are of integers`);
    if (n.elem(0) === 'uint32') return n.refuse('uint32 is kept as int32, which has other bits');
    if (op === 'bitwise_xor' && n.elem(0) === 'bool') return [n.emit('logical_xor', [n.x(0), n.x(1)], {})];
    return [n.emit(op, [n.x(0), n.x(1)], {})];
  },
});

/**
 * Fake quantization: the range is moved so that 0 is on the grid, then reals are rounded to it (Jacob et al. 2018).
 */
const fakeQuant = (n: TfliteNode): Made => {
  const { min, max, num_bits, narrow_range } = n.options('FakeQuantOptions');
  if (!(min <= 0 && max >= 0 && max > min && Number.isFinite(max - min)) || num_bits < 2 || num_bits > 16)
    return n.malformed(`its range is ${min} to ${max} in ${num_bits} bits, but one around 0 in 2 to 16 bits is wanted`);
  const [lo, hi] = [narrow_range ? 1 : 0, 2 ** num_bits - 1];
  const scale = Math.fround((max - min) / (hi - lo));
  const zero = Math.min(hi, Math.max(lo, Math.round(lo - min / scale)));
  const [least, greatest] = [Math.fround((lo - zero) * scale), Math.fround((hi - zero) * scale)];
  realsOnly(n, [0]);
  return n.map(0, (x) => {
    const inside = n.emit('clip', [x], { min: least, max: greatest });
    const steps = n.emit('div', [n.emit('sub', [inside, n.scalar(least)], {}), n.scalar(scale)], {});
    const whole = n.emit('floor', [n.emit('add', [steps, n.scalar(0.5)], {})], {});
    return n.emit('add', [n.emit('mul', [whole, n.scalar(scale)], {}), n.scalar(least)], {});
  });
};

export const elementwise = {
  ADD: fused('add', 'AddOptions'),
  SUB: fused('sub', 'SubOptions'),
  MUL: fused('mul', 'MulOptions'),
  DIV: fused('div', 'DivOptions'),
  MAXIMUM: plainBinary('maximum'),
  MINIMUM: plainBinary('minimum'),
  ATAN2: { import: (n) => [atan2(n)] },
  POW: { import: (n) => [power(n)] },
  FLOOR_DIV: { import: (n) => [floorDiv(n)] },
  FLOOR_MOD: { import: (n) => [floorMod(n)] },
  SQUARED_DIFFERENCE: { import: (n) => [squaredDifference(n)] },
  EQUAL: compare((n, a, b) => n.emit('equal', [a, b], {})),
  NOT_EQUAL: compare((n, a, b) => n.emit('logical_not', [n.emit('equal', [a, b], {})], {})),
  LESS: compare((n, a, b) => n.emit('less', [a, b], {})),
  LESS_EQUAL: compare((n, a, b) => n.emit('less_equal', [a, b], {})),
  GREATER: compare((n, a, b) => n.emit('less', [b, a], {})),
  GREATER_EQUAL: compare((n, a, b) => n.emit('less_equal', [b, a], {})),
  LOGICAL_AND: logical('logical_and'),
  LOGICAL_OR: logical('logical_or'),
  LOGICAL_NOT: { import: (n) => [n.emit('logical_not', [n.x(0)], {})] },
  SELECT: { import: choice(true) },
  SELECT_V2: { import: choice(false) },
  BITWISE_XOR: wholeOnly('bitwise_xor'),
  RIGHT_SHIFT: wholeOnly('shift_right'),
  ABS: signed('abs'),
  NEG: signed('neg'),
  SIGN: signed('sign'),
  SQUARE: square,
  EXP: plainUnary('exp'),
  LOG: plainUnary('log'),
  SQRT: plainUnary('sqrt'),
  RSQRT: plainUnary('rsqrt'),
  SIN: plainUnary('sin'),
  COS: plainUnary('cos'),
  CEIL: plainUnary('ceil'),
  FLOOR: plainUnary('floor'),
  ROUND: plainUnary('round'),
  LOGISTIC: plainUnary('sigmoid'),
  TANH: plainUnary('tanh'),
  HARD_SWISH: plainUnary('hard_swish'),
  RELU: unary((n, x) => n.emit('relu', [x], {})),
  RELU6: clipped(0, 6),
  RELU_N1_TO_1: clipped(-1, 1),
  RELU_0_TO_1: clipped(0, 1),
  ELU: unary((n, x) => n.emit('elu', [x], { alpha: 1, gamma: 1 })),
  LEAKY_RELU: { import: (n) => [leaky(n)] },
  GELU: { import: (n) => [gelu(n)] },
  PRELU: {
    import: (n) => {
      realsOnly(n, [0, 1]);
      return [n.combine(0, 1, (x, slope) => n.emit('prelu', [x, slope], {}))];
    },
  },
  SOFTMAX: { import: (n) => [softmax(n)] },
  LOG_SOFTMAX: { import: (n) => [logSoftmax(n)] },
  L2_NORMALIZATION: { import: (n) => [l2Norm(n)] },
  LOCAL_RESPONSE_NORMALIZATION: { import: (n) => [localNorm(n)] },
  FAKE_QUANT: { import: (n) => [fakeQuant(n)] },
} as const satisfies TfliteOps;
