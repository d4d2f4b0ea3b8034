import { type AnyNode, DTYPE_INFO, type LoweringTable, UnsupportedError } from '../../../ir/index.ts';
import { type Code, py, type Step } from '../../outline/code.ts';
import { float } from '../../outline/python-names.ts';
import type { Layouts } from '../../outline/writer.ts';
import { KERAS_DTYPE } from '../text.ts';

/** A function of single elements: its result is stored as its operand is. */
const elementwise = (
  c: Layouts,
  node: AnyNode,
  write: (x: Code, dtype: keyof typeof DTYPE_INFO) => Code,
  helpers: readonly string[] = [],
): Step => {
  const w = c.writer(node);
  const x = w.stored(0);
  w.store(w.perm(0));
  return w.step(write(x, w.type(0).dtype), { helpers });
};

const fn = (name: string) => (c: Layouts, node: AnyNode) => elementwise(c, node, (x) => py`${name}(${x})`);

const ofFloats = (name: string) => (c: Layouts, node: AnyNode) =>
  elementwise(c, node, (x, dtype) => {
    if (dtype === 'i32') throw new UnsupportedError('Keras does not saturate integers');
    return py`${name}(${x})`;
  });

/** A tensor of the weights is an array of NumPy, whose operators do not take tensors of Keras: it may stand behind one only. */
const infix = (operator: string, name: string) => (c: Layouts, node: AnyNode) => {
  const w = c.writer(node);
  const [a = [], b = []] = w.broadcast(2);
  const isArray = w.tensor(0) !== undefined && w.scalar(0) !== String(a[0]);
  return w.step(isArray ? py`${name}(${a}, ${b})` : py`${a} ${operator} ${b}`);
};

/** The axis, from the end, of the only size above 1; undefined where there are several. */
const vectorAxis = (shape: readonly (number | string)[]): number | undefined => {
  const axes = shape.flatMap((d, i) => (d === 1 ? [] : [shape.length - i]));
  return axes.length === 1 ? axes[0] : undefined;
};

/**
 * Keras 3 adds a second operand with one size above 1 to the last or second dimension of the first if that is as large, wherever
 * it stands (keras/src/backend/tensorflow/numpy.py, add). Where that is another dimension, the vector has to come first.
 */
const isMistaken = (a: readonly (number | string)[], b: readonly (number | string)[]): boolean => {
  const axis = vectorAxis(b);
  if (axis === undefined || a.length < 2) return false;
  const size = b[b.length - axis];
  return (a.at(-1) === size && axis !== 1) || (a[1] === size && a.at(-1) !== size && axis !== a.length - 1);
};

const add = (c: Layouts, node: AnyNode): Step => {
  const w = c.writer(node);
  const [a = [], b = []] = w.broadcast(2);
  const order = c.perm(node.results[0] ?? w.value(0));
  const shapes = [0, 1].map((i) => {
    const { shape } = w.type(i);
    const padded = [...Array<number>(order.length - shape.length).fill(1), ...shape];
    return order.map((d) => padded[d] ?? 1);
  });
  const [p = [], q = []] = shapes;
  if (isMistaken(p, q)) return w.step(isMistaken(q, p) ? py`ops.subtract(${a}, ops.negative(${b}))` : py`ops.add(${b}, ${a})`);
  const isArray = w.tensor(0) !== undefined && w.scalar(0) !== String(a[0]);
  return w.step(isArray ? py`ops.add(${a}, ${b})` : py`${a} + ${b}`);
};

const binary = (name: string) => (c: Layouts, node: AnyNode) => {
  const w = c.writer(node);
  const [a = [], b = []] = w.broadcast(2);
  return w.step(py`${name}(${a}, ${b})`);
};

/** Bits of numbers that have no dtype are those of the other operand. */
const bitwise = (name: string) => (c: Layouts, node: AnyNode) => {
  const w = c.writer(node);
  const [a = [], b = []] = w
    .broadcast(2)
    .map((x, i) => (w.scalar(i) === String(x[0]) ? py`ops.cast(${x}, ${KERAS_DTYPE[w.type(0).dtype]})` : x));
  return w.step(py`${name}(${a}, ${b})`);
};

export const pointwiseRows = {
  add,
  sub: infix('-', 'ops.subtract'),
  mul: infix('*', 'ops.multiply'),
  div: (c, n) => {
    if (c.writer(n).resultType().dtype === 'i32') throw new UnsupportedError('Keras divides integers as floats');
    return infix('/', 'ops.divide')(c, n);
  },
  maximum: binary('ops.maximum'),
  minimum: binary('ops.minimum'),
  pow: binary('ops.power'),
  neg: ofFloats('ops.negative'),
  abs: ofFloats('ops.abs'),
  relu: fn('ops.relu'),
  relu6: fn('ops.relu6'),
  clip: (c, n) => {
    const { min, max } = n.attrs;
    return elementwise(c, n, (x) => (min === 0 && max === 6 ? py`ops.relu6(${x})` : py`ops.clip(${x}, ${float(min)}, ${float(max)})`));
  },
  clamp: (c, n) => elementwise(c, n, (x) => py`ops.minimum(ops.maximum(${x}, ${n.attrs.lo}), ${n.attrs.hi})`),
  leaky_relu: (c, n) => elementwise(c, n, (x) => py`ops.leaky_relu(${x}, negative_slope=${float(n.attrs.alpha)})`),
  elu: (c, n) => {
    const { alpha, gamma } = n.attrs;
    return elementwise(c, n, (x) =>
      gamma === 1 ? py`ops.elu(${x}, alpha=${float(alpha)})` : py`${float(gamma)} * ops.elu(${x}, alpha=${float(alpha)})`,
    );
  },
  shrink: (c, n) => {
    const { bias, lambd } = n.attrs;
    return elementwise(
      c,
      n,
      (x) => py`ops.where(${x} < ${float(-lambd)}, ${x} + ${float(bias)}, ops.where(${x} > ${float(lambd)}, ${x} - ${float(bias)}, 0.0))`,
    );
  },
  sigmoid: fn('ops.sigmoid'),
  tanh: fn('ops.tanh'),
  erf: fn('ops.erf'),
  exp: fn('ops.exp'),
  log: fn('ops.log'),
  sqrt: fn('ops.sqrt'),
  rsqrt: fn('ops.rsqrt'),
  reciprocal: (c, n) => elementwise(c, n, (x) => py`1.0 / ${x}`),
  softplus: fn('ops.softplus'),
  softsign: fn('ops.softsign'),
  silu: fn('ops.silu'),
  hard_swish: fn('ops.hard_swish'),
  hard_sigmoid: (c, n) => elementwise(c, n, (x) => py`ops.clip(${float(n.attrs.alpha)} * ${x} + ${float(n.attrs.beta)}, 0.0, 1.0)`),
  gelu: (c, n) => elementwise(c, n, (x) => py`ops.gelu(${x}, approximate=${n.attrs.approximate === 'tanh' ? 'True' : 'False'})`),
  floor: fn('ops.floor'),
  ceil: fn('ops.ceil'),
  round: fn('ops.round'),
  sign: fn('ops.sign'),
  trunc: fn('ops.trunc'),
  sin: fn('ops.sin'),
  cos: fn('ops.cos'),
  tan: fn('ops.tan'),
  asin: fn('ops.arcsin'),
  acos: fn('ops.arccos'),
  atan: fn('ops.arctan'),
  sinh: fn('ops.sinh'),
  cosh: fn('ops.cosh'),
  asinh: fn('ops.arcsinh'),
  acosh: fn('ops.arccosh'),
  atanh: fn('ops.arctanh'),
  prelu: (c, n) => {
    const w = c.writer(n);
    const [x = [], slope = []] = w.broadcast(2);
    return w.step(py`ops.where(${x} < 0, ${x} * ${slope}, ${x})`);
  },
  equal: binary('ops.equal'),
  less: binary('ops.less'),
  less_equal: binary('ops.less_equal'),
  logical_not: fn('ops.logical_not'),
  logical_and: binary('ops.logical_and'),
  logical_or: binary('ops.logical_or'),
  logical_xor: binary('ops.logical_xor'),
  is_nan: fn('ops.isnan'),
  is_inf: (c, n) => {
    const { positive, negative } = n.attrs;
    if (!positive && !negative) throw new UnsupportedError('it asks for no infinity');
    return fn(positive && negative ? 'ops.isinf' : positive ? 'ops.isposinf' : 'ops.isneginf')(c, n);
  },
  select: (c, n) => {
    const w = c.writer(n);
    const [condition = [], a = [], b = []] = w.broadcast(3);
    const { dtype } = w.resultType();
    // numbers of Python have no dtype of their own
    const typed = (code: Code, i: number): Code => (w.scalar(i) === undefined ? code : py`ops.cast(${code}, ${KERAS_DTYPE[dtype]})`);
    return w.step(py`ops.where(${condition}, ${typed(a, 1)}, ${typed(b, 2)})`);
  },
  quantize: (c, n) => {
    const { inverse_scale, zero } = n.attrs;
    return elementwise(c, n, (x) => py`quantize(${x}, ${float(inverse_scale)}, ${zero})`, ['quantize']);
  },
  dequantize: (c, n) => {
    const { scale, zero } = n.attrs;
    return elementwise(c, n, (x, dtype) => {
      const whole =
        dtype === 'i32' && zero !== 0 ? py`ops.cast(ops.cast(${x}, "int64") - ${zero}, "float32")` : py`ops.cast(${x}, "float32")`;
      return dtype === 'i32' || zero === 0 ? py`${whole} * ${float(scale)}` : py`(${whole} - ${zero}) * ${float(scale)}`;
    });
  },
  cast: (c, n) => {
    const { dtype } = n.attrs;
    const { lo, hi } = DTYPE_INFO[dtype];
    return elementwise(c, n, (x, from) => {
      if (dtype === 'bool') return py`ops.not_equal(${x}, 0)`;
      const info = DTYPE_INFO[from];
      if (dtype === 'f32' || (from !== 'f32' && info.lo >= lo && info.hi <= hi)) return py`ops.cast(${x}, ${KERAS_DTYPE[dtype]})`;
      if (from !== 'f32') return py`ops.cast(ops.clip(ops.cast(${x}, "int32"), ${lo}, ${hi}), ${KERAS_DTYPE[dtype]})`;
      return py`ops.cast(ops.nan_to_num(ops.clip(ops.trunc(ops.cast(${x}, "float64")), ${lo}, ${hi})), ${KERAS_DTYPE[dtype]})`;
    });
  },
  bitwise_and: bitwise('ops.bitwise_and'),
  bitwise_or: bitwise('ops.bitwise_or'),
  bitwise_xor: bitwise('ops.bitwise_xor'),
  bitwise_not: fn('ops.bitwise_not'),
} satisfies Partial<LoweringTable<Layouts, Step>>;
