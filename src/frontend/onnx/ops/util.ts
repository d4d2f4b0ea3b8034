import type { OpName, ValueId } from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';
import { type ElemName, elemOf, isLow } from '../elem.ts';
import type { OnnxNode } from '../node.ts';
import type { Made } from '../values.ts';

/** Ops that take operands and no attributes. */
export type PlainOp = Extract<
  OpName,
  | 'add'
  | 'sub'
  | 'mul'
  | 'div'
  | 'maximum'
  | 'minimum'
  | 'pow'
  | 'equal'
  | 'less'
  | 'less_equal'
  | 'logical_not'
  | 'select'
  | 'neg'
  | 'abs'
  | 'relu'
  | 'sigmoid'
  | 'tanh'
  | 'erf'
  | 'exp'
  | 'log'
  | 'sqrt'
  | 'softplus'
  | 'floor'
  | 'ceil'
  | 'round'
  | 'hard_swish'
  | 'silu'
  | 'softsign'
  | 'reciprocal'
  | 'prelu'
  | 'sign'
  | 'bitwise_and'
  | 'bitwise_or'
  | 'bitwise_xor'
  | 'logical_and'
  | 'logical_or'
  | 'logical_xor'
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
>;

/** The result of `value` in the element type of the operand it was widened from. */
export const narrowTo = (n: OnnxNode, value: ValueId, elem: ElemName): Made => {
  const { dtype } = elemOf(elem);
  return { value: n.typeOf(value).dtype === dtype ? value : n.emit('cast', [value], { dtype }), elem };
};

/** Truncated, then the low bits: what ONNX makes of a number outside the type. */
export const wrapped = (n: OnnxNode, x: ValueId, elem: ElemName): ValueId => {
  const { lo, hi, dtype } = elemOf(elem);
  const whole = n.as(x, 'i32');
  const constant = (v: number): ValueId => n.int32('bits', v);
  const low = n.emit('bitwise_and', [whole, constant(hi - lo)], {});
  // the sign bit counts down: (low ^ sign) - sign
  const signed = lo === 0 ? low : n.emit('sub', [n.emit('bitwise_xor', [low, constant(-lo)], {}), constant(-lo)], {});
  return dtype === 'i32' ? signed : n.emit('cast', [signed], { dtype });
};

/** The nearest whole number towards 0 of an integer type; NaN becomes 0. */
export const saturated = (n: OnnxNode, x: ValueId, elem: ElemName): ValueId => {
  const { dtype, lo, hi } = elemOf(elem);
  // a cast saturates at the type that holds the element, which is wider for these
  const inside = dtype === 'i32' || isLow(elem) ? n.emit('clip', [x], { min: lo, max: hi }) : x;
  return n.emit('cast', [inside], { dtype });
};

/** Operand i as f32 or i32: narrower integers and bool are widened, which is exact. */
export const widened = (n: OnnxNode, i: number): ValueId => {
  const x = n.wire(i);
  const { dtype } = n.typeOf(x);
  return dtype === 'f32' || dtype === 'i32' ? x : n.emit('cast', [x], { dtype: 'i32' });
};

/** Operand i as f32; integers are refused, whether ONNX allows them or not. */
export const floatWire = (n: OnnxNode, i: number): ValueId =>
  elemOf(n.elem(i)).kind === 'float' ? n.wire(i) : n.refuse(`input ${i} is ${n.elem(i)}, but only float types are supported`);

/**
 * Operand 1 of a binary operator. Before opset 7 the shapes had to be equal, or with `broadcast` the second was aligned
 * at `axis` of the first (default: at the end).
 */
export const secondAligned = (n: OnnxNode, b: ValueId, numpyFrom = 7): ValueId => {
  if (n.since >= numpyFrom) return b;
  n.ignore('consumed_inputs');
  const broadcast = n.int('broadcast', 0);
  const [rankA, rankB] = [n.rank(0), n.rank(1)];
  const axis = n.hasAttr('axis') ? n.int('axis', 0) : undefined;
  if (broadcast === 0 || axis === undefined) return b;
  const start = axis < 0 ? axis + rankA : axis;
  if (start < 0 || start + rankB > rankA) return n.malformed(`axis is ${axis}, but input 0 has rank ${rankA} and input 1 rank ${rankB}`);
  const trailing = rankA - start - rankB;
  return trailing === 0 ? b : n.reshape(b, [...n.shapeOf(1), ...new Array<number>(trailing).fill(1)]);
};

/** x op y op z … from the left. */
export const chain = (n: OnnxNode, op: PlainOp, operands: readonly ValueId[]): ValueId => {
  const [first, ...rest] = operands;
  if (first === undefined) return n.malformed('it has no inputs');
  return rest.reduce((acc, x) => n.emit(op, [acc, x], {}), first);
};

export const sameElem = (n: OnnxNode): ElemName => {
  const elem = n.elem(0);
  for (let i = 1; i < n.inputCount; i++)
    if (n.has(i) && n.elem(i) !== elem) return n.malformed(`input 0 is ${elem} but input ${i} is ${n.elem(i)}`);
  return elem;
};

/** ones(n) */
export const ones = (count: number): number[] => new Array<number>(count).fill(1);
/** Whole numbers from..to - 1. */
export const span = (from: number, to: number): number[] => Array.from({ length: Math.max(0, to - from) }, (_, i) => from + i);
export const last = <T>(items: readonly T[]): T => at(items, items.length - 1);
