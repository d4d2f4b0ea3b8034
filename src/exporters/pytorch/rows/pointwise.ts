import type { AnyNode, LoweringTable } from '../../../ir/index.ts';
import { type Code, py, type Step } from '../../outline/code.ts';
import { float } from '../../outline/python-names.ts';
import type { Layouts } from '../../outline/writer.ts';

/** A function of single elements: its result is stored as its operand is. */
export const elementwise = (
  c: Layouts,
  node: AnyNode,
  write: (x: Code, dtype: string) => Code,
  more: Omit<Step, 'fields' | 'code'> = {},
): Step => {
  const w = c.writer(node);
  const x = w.stored(0);
  w.store(w.perm(0));
  return w.step(write(x, w.type(0).dtype), more);
};

const fn = (name: string) => (c: Layouts, node: AnyNode) => elementwise(c, node, (x) => py`${name}(${x})`);
const fnModule = (name: string, module: string) => (c: Layouts, node: AnyNode) =>
  elementwise(c, node, (x) => py`${name}(${x})`, { module });

/** Two operands with broadcast, for i32 and f32. */
const infix = (operator: string) => (c: Layouts, node: AnyNode) => {
  const w = c.writer(node);
  const [a = [], b = []] = w.broadcast(2);
  return w.step(py`${a} ${operator} ${b}`);
};

const binary = (name: string) => (c: Layouts, node: AnyNode) => {
  const w = c.writer(node);
  const [a = [], b = []] = w.broadcast(2).map((x, i) => (w.scalar(i) === String(x[0]) ? py`torch.tensor(${x})` : x));
  return w.step(py`${name}(${a}, ${b})`);
};

const TINY_INT = -(2 ** 31);

/** |x| and -x of the least int32 are the greatest. */
const saturating = (name: string) => (c: Layouts, node: AnyNode) =>
  elementwise(c, node, (x, dtype) => (dtype === 'i32' ? py`${name}(torch.clamp(${x}, min=${TINY_INT + 1}))` : py`${name}(${x})`));

export const pointwiseRows = {
  add: infix('+'),
  sub: infix('-'),
  mul: infix('*'),
  div: (c, n) => {
    const w = c.writer(n);
    const integer = w.resultType().dtype === 'i32';
    const [a = [], b = []] = w.broadcast(2);
    return integer ? w.step(py`integer_div(${a}, ${b}, "trunc")`, { helpers: ['integer_div'] }) : w.step(py`${a} / ${b}`);
  },
  maximum: binary('torch.maximum'),
  minimum: binary('torch.minimum'),
  pow: (c, n) => {
    const w = c.writer(n);
    const [a = [], b = []] = w.broadcast(2);
    return w.step(py`torch.pow(${a}, ${b})`);
  },
  neg: saturating('torch.neg'),
  abs: saturating('torch.abs'),
  relu: fnModule('F.relu', 'nn.ReLU()'),
  relu6: fnModule('F.relu6', 'nn.ReLU6()'),
  clip: (c, n) => {
    const [min, max] = [float(n.attrs.min), float(n.attrs.max)];
    if (n.attrs.min === 0 && n.attrs.max === 6) return elementwise(c, n, (x) => py`F.relu6(${x})`, { module: 'nn.ReLU6()' });
    return elementwise(c, n, (x) => py`torch.clamp(${x}, ${min}, ${max})`, { module: `nn.Hardtanh(${min}, ${max})` });
  },
  clamp: (c, n) => elementwise(c, n, (x) => py`torch.clamp(${x}, ${n.attrs.lo}, ${n.attrs.hi})`),
  leaky_relu: (c, n) =>
    elementwise(c, n, (x) => py`F.leaky_relu(${x}, ${float(n.attrs.alpha)})`, { module: `nn.LeakyReLU(${float(n.attrs.alpha)})` }),
  shrink: (c, n) => {
    const { bias, lambd } = n.attrs;
    return elementwise(
      c,
      n,
      (x) =>
        py`torch.where(${x} < ${float(-lambd)}, ${x} + ${float(bias)}, torch.where(${x} > ${float(lambd)}, ${x} - ${float(bias)}, 0.0))`,
    );
  },
  elu: (c, n) => {
    const { alpha, gamma } = n.attrs;
    if (gamma === 1) return elementwise(c, n, (x) => py`F.elu(${x}, ${float(alpha)})`, { module: `nn.ELU(${float(alpha)})` });
    return elementwise(c, n, (x) => py`${float(gamma)} * F.elu(${x}, ${float(alpha)})`);
  },
  sigmoid: fnModule('torch.sigmoid', 'nn.Sigmoid()'),
  tanh: fnModule('torch.tanh', 'nn.Tanh()'),
  erf: fn('torch.erf'),
  exp: fn('torch.exp'),
  log: fn('torch.log'),
  sqrt: fn('torch.sqrt'),
  rsqrt: fn('torch.rsqrt'),
  reciprocal: fn('torch.reciprocal'),
  softplus: (c, n) => elementwise(c, n, (x) => py`F.softplus(${x}, threshold=80)`),
  softsign: fnModule('F.softsign', 'nn.Softsign()'),
  silu: fnModule('F.silu', 'nn.SiLU()'),
  hard_swish: fnModule('F.hardswish', 'nn.Hardswish()'),
  hard_sigmoid: (c, n) => {
    const { alpha, beta } = n.attrs;
    return elementwise(c, n, (x) => py`torch.clamp(${float(alpha)} * ${x} + ${float(beta)}, 0.0, 1.0)`);
  },
  gelu: (c, n) => {
    const form = n.attrs.approximate === 'none' ? '' : ', approximate="tanh"';
    return elementwise(c, n, (x) => py`F.gelu(${x}${form})`, { module: `nn.GELU(${form.slice(2)})` });
  },
  floor: fn('torch.floor'),
  ceil: fn('torch.ceil'),
  round: fn('torch.round'),
  sign: (c, n) =>
    elementwise(c, n, (x, dtype) => (dtype === 'f32' ? py`torch.where(torch.isnan(${x}), ${x}, torch.sign(${x}))` : py`torch.sign(${x})`)),
  trunc: fn('torch.trunc'),
  sin: fn('torch.sin'),
  cos: fn('torch.cos'),
  tan: fn('torch.tan'),
  asin: fn('torch.asin'),
  acos: fn('torch.acos'),
  atan: fn('torch.atan'),
  sinh: fn('torch.sinh'),
  cosh: fn('torch.cosh'),
  asinh: fn('torch.asinh'),
  acosh: fn('torch.acosh'),
  atanh: fn('torch.atanh'),
  prelu: (c, n) => {
    const w = c.writer(n);
    const [x = [], slope = []] = w.broadcast(2);
    return w.step(py`torch.where(${x} < 0, ${slope} * ${x}, ${x})`);
  },
} satisfies Partial<LoweringTable<Layouts, Step>>;

/** Functions whose argument is a variable in the text more than once. */
export const logicRows = {
  equal: (c, n) => compare(c, n, '=='),
  less: (c, n) => compare(c, n, '<'),
  less_equal: (c, n) => compare(c, n, '<='),
  logical_not: fn('torch.logical_not'),
  logical_and: infix('&'),
  logical_or: infix('|'),
  logical_xor: infix('^'),
  is_nan: fn('torch.isnan'),
  is_inf: (c, n) => {
    const { positive, negative } = n.attrs;
    const name = positive && negative ? 'torch.isinf' : positive ? 'torch.isposinf' : 'torch.isneginf';
    return elementwise(c, n, (x) => (positive || negative ? py`${name}(${x})` : py`torch.zeros_like(${x}, dtype=torch.bool)`));
  },
  select: (c, n) => {
    const w = c.writer(n);
    const [condition = [], a = [], b = []] = w.broadcast(3);
    const both = w.scalar(1) !== undefined && w.scalar(2) !== undefined;
    // two numbers have no dtype of their own
    const dtype = w.resultType().dtype;
    const typed = (code: Code, i: number): Code =>
      w.scalar(i) === undefined || (dtype === 'f32' && !both) ? code : py`torch.tensor(${code}, dtype=${DTYPES[dtype] ?? 'torch.int8'})`;
    return w.step(py`torch.where(${condition}, ${typed(a, 1)}, ${typed(b, 2)})`);
  },
} satisfies Partial<LoweringTable<Layouts, Step>>;

const DTYPES: Readonly<Record<string, string>> = {
  f32: 'torch.float32',
  i32: 'torch.int32',
  i16: 'torch.int16',
  u8: 'torch.uint8',
  bool: 'torch.bool',
};

const compare = (c: Layouts, node: AnyNode, operator: string): Step => {
  const w = c.writer(node);
  const [a = [], b = []] = w.broadcast(2);
  return w.step(py`${a} ${operator} ${b}`);
};
