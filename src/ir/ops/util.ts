import { type Range, range } from '../range.ts';
import {
  DTYPE_INFO,
  type Dim,
  type DType,
  elementCount,
  formatShape,
  type Shape,
  stridesOf,
  type StaticType,
  type TensorData,
  type TensorType,
} from '../types.ts';

/** NumPy broadcasting of two shapes; undefined when they do not fit. A symbol fits itself and 1. */
export const broadcast = (a: Shape, b: Shape): Dim[] | undefined => {
  const rank = Math.max(a.length, b.length);
  const out: Dim[] = [];
  for (let i = 0; i < rank; i++) {
    const x = a[i - rank + a.length] ?? 1;
    const y = b[i - rank + b.length] ?? 1;
    if (x === y || y === 1) out.push(x);
    else if (x === 1) out.push(y);
    else return undefined;
  }
  return out;
};

export const broadcastAll = (shapes: readonly Shape[]): Dim[] | undefined =>
  shapes.reduce<Dim[] | undefined>((out, s) => (out === undefined ? undefined : broadcast(out, s)), []);

/** For each element of `out` in order, the element of `shape` it reads. */
export const broadcastIndex = (shape: readonly number[], out: readonly number[]): Int32Array => {
  const lead = out.length - shape.length;
  const own = stridesOf(shape);
  const steps = out.map((_, i) => (i < lead || (shape[i - lead] ?? 1) === 1 ? 0 : (own[i - lead] ?? 0)));
  return stridedIndex(out, steps, 0);
};

/** Offsets base + sum(index_i * steps_i) for every index of `out` in row-major order. */
export const stridedIndex = (out: readonly number[], steps: readonly number[], base: number): Int32Array => {
  const count = elementCount(out);
  const offsets = new Int32Array(count);
  if (count === 0) return offsets;
  const index = new Array<number>(out.length).fill(0);
  let offset = base;
  for (let e = 0; e < count; e++) {
    offsets[e] = offset;
    for (let d = out.length - 1; d >= 0; d--) {
      offset += steps[d]!;
      if (++index[d]! < out[d]!) break;
      offset -= steps[d]! * out[d]!;
      index[d] = 0;
    }
  }
  return offsets;
};

/** An axis counted from the end when negative; undefined when outside the rank. */
export const resolveAxis = (axis: number, rank: number): number | undefined => {
  const a = axis < 0 ? axis + rank : axis;
  return a >= 0 && a < rank ? a : undefined;
};

/** Several axes, each resolved; undefined when one is outside the rank or named twice. */
export const resolveAxes = (axes: readonly number[], rank: number): number[] | undefined => {
  const out: number[] = [];
  for (const axis of axes) {
    const a = resolveAxis(axis, rank);
    if (a === undefined || out.includes(a)) return undefined;
    out.push(a);
  }
  return out.sort((x, y) => x - y);
};

/** A shape around one axis: outer * n * inner elements. */
export const splitAt = (shape: readonly number[], axis: number): { outer: number; n: number; inner: number } => ({
  outer: elementCount(shape.slice(0, axis)),
  n: shape[axis] ?? 1,
  inner: elementCount(shape.slice(axis + 1)),
});

export const isOneOf = (type: TensorType, ...dtypes: readonly DType[]): boolean => dtypes.includes(type.dtype);
export const describe = (name: string, type: TensorType): string => `${name} is ${type.dtype}${formatShape(type.shape)}`;
export const countOf = (type: StaticType): number => elementCount(type.shape);
export const resultCount = (results: readonly StaticType[]): number => results.reduce((n, r) => n + countOf(r), 0);

/** True when v is an integer that the dtype holds (for f32: any integer). */
export const holds = (dtype: DType, v: number): boolean => Number.isInteger(v) && v >= DTYPE_INFO[dtype].lo && v <= DTYPE_INFO[dtype].hi;

/**
 * Result dtype of a product of x with weights plus bias: f32 when all are f32; i32 for x i8 or u8, w i8 or i6, bias i32;
 * undefined for any other mix.
 */
export const productDType = (x: TensorType, w: TensorType, bias: TensorType | undefined): 'f32' | 'i32' | undefined => {
  const hasBias = (dtype: DType): boolean => bias === undefined || bias.dtype === dtype;
  if (isOneOf(x, 'f32') && isOneOf(w, 'f32') && hasBias('f32')) return 'f32';
  return isOneOf(x, 'i8', 'u8') && isOneOf(w, 'i8', 'i6') && hasBias('i32') ? 'i32' : undefined;
};

/** Range of a saturating result: the dtype's. */
export const fullRange = (type: StaticType): Range => range(DTYPE_INFO[type.dtype].lo, DTYPE_INFO[type.dtype].hi);

/** Range of values moved to other places: the operand's hull (channels may have moved). */
export const movedRange = (r: Range): Range => range(r.lo, r.hi);

/**
 * Interval of sum(w * x) over the taps of one output channel, x in the interval of its input channel: positive and
 * negative weights are summed apart, then each sum meets its worst end.
 * @param span - weights of one output channel: `channels` runs of `taps`
 */
export const dotBounds = (
  weights: TensorData,
  span: { readonly start: number; readonly channels: number; readonly taps: number },
  x: Range,
  firstChannel: number,
): readonly [number, number] => {
  const runs = x.channels === undefined ? 1 : span.channels;
  const length = (span.channels * span.taps) / runs;
  let least = 0;
  let greatest = 0;
  for (let c = 0, i = span.start; c < runs; c++) {
    let positive = 0;
    let sum = 0;
    for (const end = i + length; i < end; i++) {
      const w = weights[i]!;
      positive += w & ~(w >> 31); // max(w, 0) without a branch: signs of weights are random
      sum += w;
    }
    const negative = sum - positive;
    const lo = x.channels === undefined ? x.lo : x.channels.lo[firstChannel + c]!;
    const hi = x.channels === undefined ? x.hi : x.channels.hi[firstChannel + c]!;
    least += positive * lo + negative * hi;
    greatest += positive * hi + negative * lo;
  }
  return [least, greatest];
};
