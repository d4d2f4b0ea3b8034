import {
  type AnyNode,
  type Attrs,
  elementCount,
  isStaticShape,
  POW2,
  type Shape,
  type Tensor,
  type TensorType,
  type ValueId,
} from '../../../ir/index.ts';
import { at, invariant } from '../../../support/index.ts';
import { type Affine, affineOfRange } from '../affine.ts';
import type { Emit } from '../emit.ts';

/** The normalizations that keep an integer form of their own where they fit it; elsewhere their definition is quantized. */
const NORMS = ['layer_norm', 'rms_norm', 'instance_norm', 'group_norm'] as const;
export type Norm = (typeof NORMS)[number];
export const isNorm = (op: string): op is Norm => NORMS.some((n) => n === op);

/** Elements that are normalized together, at most (NUMERICS §1.6); of 16 bits fewer, since their squares are larger. */
const MAX_GROUP = 65536;
const MAX_WIDE_GROUP = 1024;
/** Fraction bits of the normalized values. */
const NORMALIZED_BITS = 11;
const GREATEST_GAIN = 32767;
const INT32_MAX = 2 ** 31 - 1;
const MAX_SHIFT = 45;
const MAX_EPSILON_SHIFT = 18;

/** A normalization as layer_norm_fixed sees it. */
interface Form {
  readonly axis: number;
  readonly groups: number;
  readonly center: boolean;
  readonly epsilon: number;
  /** The shape in which a vector of factors lies against x. */
  readonly factorShape: (shape: readonly number[]) => readonly number[];
}

const formOf = (node: AnyNode, rank: number): Form => {
  const perChannel = (shape: readonly number[]): readonly number[] => [...shape, ...new Array<number>(rank - 2).fill(1)];
  const { epsilon } = node.attrs as Attrs<'instance_norm'>;
  if (node.op === 'instance_norm') return { axis: 2, groups: 1, center: true, epsilon, factorShape: perChannel };
  if (node.op === 'group_norm')
    return { axis: 1, groups: (node.attrs as Attrs<'group_norm'>).groups, center: true, epsilon, factorShape: perChannel };
  const { axis } = node.attrs as Attrs<'layer_norm'>;
  const center = node.op === 'layer_norm';
  return { axis: axis < 0 ? axis + rank : axis, groups: 1, center, epsilon, factorShape: (shape) => shape };
};

const groupSize = (shape: Shape, { axis, groups }: Form): number | undefined => {
  const own = shape.slice(axis);
  return isStaticShape(own) ? elementCount(own) / groups : undefined;
};

/** Whether a normalization has an integer form of its own: constant factors, and groups that its integers can hold. */
export const normFits = (node: AnyNode, x: TensorType, isConstant: (value: ValueId) => boolean): boolean => {
  const form = formOf(node, x.shape.length);
  const n = groupSize(x.shape, form);
  return n !== undefined && n >= 1 && n <= MAX_GROUP && form.epsilon >= 0 && node.operands.slice(1).every(isConstant);
};

const absmaxOf = (t: Tensor): number => {
  let most = 0;
  for (const v of t.data) most = Math.max(most, Math.abs(v));
  return most;
};

/** An integer of up to 49 bits as mantissa and shift, rounded half up. */
const encodeEpsilon = (value: number): { readonly epsilon: number; readonly epsilon_shift: number } => {
  let shift = 0;
  while (shift < MAX_EPSILON_SHIFT && value / POW2[shift]! + 0.5 > INT32_MAX) shift++;
  return { epsilon: Math.min(INT32_MAX, Math.floor(value / POW2[shift]! + 0.5)), epsilon_shift: shift };
};

/** The greatest shift with which every gain fits int16 and every bias int32, both in units of the result. */
const shiftFor = (gain: number, bias: number): number => {
  let shift = MAX_SHIFT;
  while (shift > 1 && (gain * POW2[shift]! > GREATEST_GAIN || bias * POW2[shift]! > INT32_MAX)) shift--;
  return shift;
};

/** The quantization in which x is read: 8 bits where there are more 16-bit values to a group than their integers can hold. */
const readableAs = (emit: Emit, x: ValueId, n: number): Affine => {
  const own = emit.affineOf(x);
  if (own.dtype === 'i8' || n <= MAX_WIDE_GROUP) return own;
  const reach = own.scale * 32767;
  return affineOfRange(-reach, reach);
};

/**
 * y = gain (x - m) / sqrt(v + epsilon) + bias, the statistics exact over the integers of x, the gain in int16, one
 * rounding to the result (NUMERICS §1.6).
 */
export const lowerNormalize = (emit: Emit, node: AnyNode): void => {
  const { plan } = emit;
  const x = at(node.operands, 0);
  const { shape } = plan.typeOf(x);
  const form = formOf(node, shape.length);
  const n = groupSize(shape, form) ?? 1;
  const from = readableAs(emit, x, n);
  const to = emit.destinationOf(node);
  const factor = (i: number, otherwise: number): Tensor => {
    const value = node.operands[i];
    if (value === undefined) return { dtype: 'f32', shape: [], data: Float32Array.of(otherwise) };
    const tensor = plan.constantOf(value);
    invariant(tensor !== undefined, `operand ${i} of ${node.op} is a constant`);
    return { ...tensor, shape: form.factorShape(tensor.shape) };
  };
  const [gain, bias] = [factor(1, 1), factor(2, 0)];
  // from steps of 2^-11 of a normalized value to steps of the result
  const unit = 1 / (POW2[NORMALIZED_BITS]! * to.affine.scale);
  const shift = shiftFor(absmaxOf(gain) * unit, absmaxOf(bias) / to.affine.scale);
  const scaled = (t: Tensor, by: number, limit: number): number[] =>
    Array.from(t.data, (v: number) => Math.max(-limit, Math.min(limit, Math.floor(v * by * POW2[shift]! + 0.5))));
  const y = emit.op(
    'layer_norm_fixed',
    [
      emit.intAs(x, from),
      emit.constant('gain', { dtype: 'i16', shape: gain.shape, data: Int16Array.from(scaled(gain, unit, GREATEST_GAIN)) }),
      emit.constant('bias', { dtype: 'i32', shape: bias.shape, data: Int32Array.from(scaled(bias, 1 / to.affine.scale, INT32_MAX)) }),
    ],
    {
      axis: form.axis,
      groups: form.groups,
      center: form.center,
      input_zero: from.zero,
      ...encodeEpsilon((form.epsilon * n * n) / (from.scale * from.scale)),
      shift,
      output_zero: to.affine.zero,
      lo: to.lo,
      hi: to.hi,
      dtype: to.affine.dtype,
    },
  );
  emit.define(to.value, y);
};
