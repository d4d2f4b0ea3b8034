import type { ValueId } from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';
import type { TfliteNode } from '../node.ts';
import type { Made } from '../values.ts';

/** Whole numbers from..to - 1. */
export const span = (from: number, to: number): number[] => Array.from({ length: Math.max(0, to - from) }, (_, i) => from + i);

/** ActivationFunctionType, fused behind an operator. */
const ACTIVATIONS = ['NONE', 'RELU', 'RELU_N1_TO_1', 'RELU6', 'TANH', 'SIGN_BIT'] as const;

/** The fused activation, on reals or int32. In a quantized model it clips before the result is rounded: quantization is monotone. */
export const activated = (n: TfliteNode, x: ValueId, code: number): ValueId => {
  const name = ACTIVATIONS[code];
  const whole = n.typeOf(x).dtype === 'i32';
  const clip = (min: number, max: number): ValueId =>
    whole ? n.emit('clamp', [x], { lo: min, hi: max }) : n.emit('clip', [x], { min, max });
  switch (name) {
    case 'NONE':
      return x;
    case 'RELU':
      return whole ? clip(0, 2 ** 31 - 1) : n.emit('relu', [x], {});
    case 'RELU_N1_TO_1':
      return clip(-1, 1);
    case 'RELU6':
      return clip(0, 6);
    case 'TANH':
      return whole ? n.refuse('the fused activation TANH of integers') : n.emit('tanh', [x], {});
    case 'SIGN_BIT':
    case undefined:
      return n.refuse(`the fused activation ${name ?? code} is not supported`);
    default:
      return name satisfies never;
  }
};

/** `activated` of a result in any layout. */
export const activatedMade = (n: TfliteNode, made: Made, code: number): Made => {
  if (typeof made === 'number') return activated(n, made, code);
  return 'value' in made ? { ...made, value: activated(n, made.value, code) } : made;
};

/** Begin of each spatial dimension, then end. */
export interface Window {
  readonly pads: readonly number[];
  readonly stride: readonly number[];
  readonly dilation: readonly number[];
}

/**
 * Padding of the schema: VALID (1) has none; SAME (0) makes ceil(size / stride) places and puts the smaller half before.
 * total = max(0, (out - 1) stride + dilation (kernel - 1) + 1 - size).
 */
export const windowOf = (
  n: TfliteNode,
  padding: number,
  size: readonly number[],
  kernel: readonly number[],
  stride: readonly number[],
  dilation: readonly number[] = kernel.map(() => 1),
): Window => {
  for (const [name, list] of [
    ['stride', stride],
    ['dilation', dilation],
    ['kernel', kernel],
  ] as const)
    if (list.some((v) => v < 1)) n.malformed(`its ${name} is [${list.join(', ')}]`);
  if (padding !== 0 && padding !== 1) return n.malformed(`its padding is ${padding}, but SAME (0) or VALID (1) is wanted`);
  const totals = size.map((s, i) => {
    const [step, reach] = [at(stride, i), at(dilation, i) * (at(kernel, i) - 1) + 1];
    return padding === 1 ? 0 : Math.max(0, (Math.ceil(s / step) - 1) * step + reach - s);
  });
  const before = totals.map((t) => Math.floor(t / 2));
  return { pads: [...before, ...totals.map((t, i) => t - at(before, i))], stride, dilation };
};

/** The result that has the layout channels first. */
export const first = (value: ValueId): Made => ({ value, layout: 'first' });

/** Operand i as f32 or i32: narrower integers and bool are widened, which is exact. */
export const widened = (n: TfliteNode, i: number): ValueId => {
  const x = n.x(i);
  const { dtype } = n.typeOf(x);
  return dtype === 'f32' || dtype === 'i32' ? x : n.as(x, 'i32');
};

/** Integers of the type of output 0 from int32 in which they were computed: they have to fit. */
export const narrowed = (n: TfliteNode, value: ValueId, i = 0): ValueId => {
  const { elem, quantization } = n.output(i);
  if (quantization !== undefined) return value;
  switch (elem) {
    case 'int8':
    case 'int4':
      return n.as(value, 'i8');
    case 'uint8':
      return n.as(value, 'u8');
    case 'int16':
      return n.as(value, 'i16');
    default:
      return value;
  }
};

/** Both operands are reals, or both integers of one type. */
export const sameKind = (n: TfliteNode, a = 0, b = 1): void => {
  if (n.isReal(a) !== n.isReal(b) || (!n.isReal(a) && n.elem(a) !== n.elem(b)))
    n.malformed(`input ${a} is ${n.elem(a)}, but input ${b} is ${n.elem(b)}`);
};
