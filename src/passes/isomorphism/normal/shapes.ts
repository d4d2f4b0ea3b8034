import { elementCount, isStaticShape, type StaticType, stridesOf, type TensorType } from '../../../ir/index.ts';
import { invariant } from '../../../support/index.ts';
import { type Constant, derivedConstant, mergeNames, type Values } from '../constant.ts';

/** Normal forms are of programs whose dimensions are numbers. */
export const shapeOf = (value: { readonly type: TensorType }): readonly number[] => {
  const { shape } = value.type;
  invariant(isStaticShape(shape), 'normal forms have numbers as dimensions');
  return shape;
};

/** The shape of a broadcast; undefined when the shapes do not fit. */
export const broadcast = (a: readonly number[], b: readonly number[]): readonly number[] | undefined => {
  const rank = Math.max(a.length, b.length);
  const result: number[] = [];
  for (let i = 0; i < rank; i++) {
    const x = a[i - rank + a.length] ?? 1;
    const y = b[i - rank + b.length] ?? 1;
    if (x !== y && x !== 1 && y !== 1) return undefined;
    result.push(x === 1 ? y : x);
  }
  return result;
};

export const sameSizes = (a: readonly number[], b: readonly number[]): boolean => a.length === b.length && a.every((d, i) => d === b[i]);

/** Leading dimensions of 1 say nothing in a broadcast. */
export const withoutLeadingOnes = (shape: readonly number[]): readonly number[] => {
  const first = shape.findIndex((d) => d !== 1);
  return first < 0 ? [] : shape.slice(first);
};

/** The index into the elements of `shape` for each element of `target`, to which it is broadcast. */
export const broadcastIndex = (shape: readonly number[], target: readonly number[]): ((i: number) => number) => {
  const count = elementCount(shape);
  if (count === 1) return () => 0;
  if (sameSizes(withoutLeadingOnes(shape), target)) return (i) => i;
  const strides = stridesOf(shape);
  const lead = target.length - shape.length;
  const sizes = [...target].reverse();
  const steps = target.map((_, d) => (d < lead || shape[d - lead] === 1 ? 0 : (strides[d - lead] ?? 0))).reverse();
  return (i) => {
    let [rest, index] = [i, 0];
    for (let d = 0; d < sizes.length; d++) {
      const size = sizes[d] ?? 1;
      index += (rest % size) * (steps[d] ?? 0);
      rest = Math.floor(rest / size);
    }
    return index;
  };
};

/** The same elements under another shape. */
export const reshaped = (constant: Constant, shape: readonly number[]): Constant =>
  sameSizes(shape, constant.type.shape)
    ? constant
    : { ...constant, type: { ...constant.type, shape }, key: `shape(${constant.key},${shape.join('x')})` };

/** A constant of an element-by-element function of two, in double precision. */
export const combined = (name: string, a: Constant, b: Constant, f: (x: number, y: number) => number): Constant | undefined => {
  const shape = broadcast(a.type.shape, b.type.shape);
  if (shape === undefined) return undefined;
  const type: StaticType = { dtype: 'f32', shape };
  return derivedConstant(type, `${name}(${a.key},${b.key})`, mergeNames(a.names, b.names), () => {
    const [x, y] = [a.values(), b.values()];
    const [ia, ib] = [broadcastIndex(a.type.shape, shape), broadcastIndex(b.type.shape, shape)];
    const out = new Float64Array(elementCount(shape));
    for (let i = 0; i < out.length; i++) out[i] = f(x[ia(i)] ?? 0, y[ib(i)] ?? 0);
    return out;
  });
};

/** A constant of an element-by-element function of one. */
export const mapped = (name: string, a: Constant, f: (x: number) => number): Constant =>
  derivedConstant({ dtype: 'f32', shape: a.type.shape }, `${name}(${a.key})`, a.names, () => Float64Array.from(a.values(), f));

/** A constant whose element `i` is element `index(i)` of another. */
export const picked = (name: string, a: Constant, shape: readonly number[], index: (i: number) => number): Constant =>
  derivedConstant({ dtype: a.type.dtype, shape }, `${name}(${a.key},${shape.join('x')})`, a.names, (): Values => {
    const values = a.values();
    const out = new Float64Array(elementCount(shape));
    for (let i = 0; i < out.length; i++) out[i] = values[index(i)] ?? 0;
    return out;
  });
