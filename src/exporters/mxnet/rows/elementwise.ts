import { type OpName, type OpNode, sameShape, unsupported, type ValueId } from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';
import { floatText, type Made, type MxGraph, type Ref, refuse } from '../graph.ts';
import { floats, only, type Rows } from './row.ts';

interface BinaryForm {
  /** Behind elemwise_ (operands of one shape) and broadcast_. */
  readonly stem: string;
  /** There is an elemwise_ form. */
  readonly plain?: true;
  /** With a number in place of the second operand, and of the first. */
  readonly scalar: string;
  readonly reversed: string;
}

type Binary = 'add' | 'sub' | 'mul' | 'div' | 'maximum' | 'minimum' | 'pow';
const FORMS: Readonly<Record<Binary, BinaryForm>> = {
  add: { stem: 'add', plain: true, scalar: '_plus_scalar', reversed: '_plus_scalar' },
  sub: { stem: 'sub', plain: true, scalar: '_minus_scalar', reversed: '_rminus_scalar' },
  mul: { stem: 'mul', plain: true, scalar: '_mul_scalar', reversed: '_mul_scalar' },
  div: { stem: 'div', plain: true, scalar: '_div_scalar', reversed: '_rdiv_scalar' },
  maximum: { stem: 'maximum', scalar: '_maximum_scalar', reversed: '_maximum_scalar' },
  minimum: { stem: 'minimum', scalar: '_minimum_scalar', reversed: '_minimum_scalar' },
  pow: { stem: 'power', scalar: '_power_scalar', reversed: '_rpower_scalar' },
};

/** A number as the operators with a scalar read it; infinities and NaN have no text. */
const scalarText = (g: MxGraph, value: ValueId): string | undefined => {
  const number = g.number(value);
  if (number === undefined || !Number.isFinite(number)) return undefined;
  return g.type(value).dtype === 'f32' ? floatText(number) : String(number);
};

const binary = (g: MxGraph, node: OpNode<Binary>): Made => {
  if (node.op === 'div' || node.op === 'pow') floats(g, node);
  else only(g, node, 'f32', 'i32');
  const [a, b] = node.operands;
  if (a === undefined || b === undefined) return refuse('an operand is missing');
  const form = FORMS[node.op];
  const [left, right] = [scalarText(g, a), scalarText(g, b)];
  if (right !== undefined && g.rank(a) > 0) return g.op(form.scalar, [g.x(a)], { scalar: right });
  if (left !== undefined && g.rank(b) > 0) return g.op(form.reversed, [g.x(b)], { scalar: left });
  const same = sameShape(g.type(a).shape, g.type(b).shape);
  if (!same) g.limit(5, a, b);
  return g.op(`${same && form.plain ? 'elemwise' : 'broadcast'}_${form.stem}`, [g.x(a, 'scalar'), g.x(b, 'scalar')]);
};

const operands = (g: MxGraph, node: { readonly operands: readonly ValueId[] }): readonly Ref[] =>
  node.operands.map((v) => g.x(v, 'scalar'));
const compare =
  (op: string) =>
  (g: MxGraph, node: OpNode<OpName>): Made => {
    g.limit(5, ...node.operands);
    return g.op(op, operands(g, node));
  };
const bits =
  (op: string) =>
  (g: MxGraph, node: OpNode<OpName>): Made => {
    only(g, node, 'i32');
    return g.op(op, operands(g, node));
  };

const NO_INTEGERS = 'MXNet has no such arithmetic of integers';

export const elementwiseRows = {
  add: binary,
  sub: binary,
  mul: binary,
  div: binary,
  maximum: binary,
  minimum: binary,
  pow: binary,
  equal: compare('_npi_equal'),
  less: compare('_npi_less'),
  less_equal: compare('_npi_less_equal'),
  logical_not: compare('_npi_logical_not'),
  select: compare('_npi_where'),
  is_nan: compare('_npi_isnan'),
  is_inf: (g, node) =>
    node.attrs.positive && node.attrs.negative ? compare('_npi_isinf')(g, node) : refuse('MXNet asks for both infinities at once'),
  mod: (g, node) => {
    only(g, node, 'i32');
    return g.op('broadcast_mod', operands(g, node));
  },
  bitwise_and: bits('_npi_bitwise_and'),
  bitwise_or: bits('_npi_bitwise_or'),
  bitwise_xor: bits('_npi_bitwise_xor'),
  bitwise_not: bits('_npi_bitwise_not'),
  cast: (g, node) => {
    const [x] = node.operands;
    const from = g.type(at(node.operands, 0)).dtype;
    const to = node.attrs.dtype;
    const ref = g.x(x, 'scalar');
    if (to === 'bool') return g.op('_npi_not_equal_scalar', [ref], { scalar: 0 });
    if (to === 'f32') return g.op('Cast', [ref], { dtype: 'float32' });
    if (to === 'i32') return g.op('Cast', [ref], { dtype: 'int32' });
    return refuse(`casts of MXNet from ${from} to ${to} wrap around instead of saturating`);
  },
  rem: unsupported('MXNet has the remainder with the sign of the divisor only'),
  div_floor: unsupported(NO_INTEGERS),
  div_round: unsupported(NO_INTEGERS),
  shift_left: unsupported(NO_INTEGERS),
  shift_right: unsupported(NO_INTEGERS),
  shift_right_logical: unsupported(NO_INTEGERS),
  clz: unsupported(NO_INTEGERS),
} as const satisfies Rows;
