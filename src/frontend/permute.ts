import { elementCount } from '../ir/index.ts';

/**
 * Elements laid down anew, with dimension k of the result being dimension perm[k].
 * @param shape - of `from`
 * @param to - as many elements; filled
 * @returns the shape of the result
 */
export const permuteInto = (
  from: ArrayLike<number>,
  shape: readonly number[],
  perm: readonly number[],
  to: { [i: number]: number; readonly length: number },
): readonly number[] => {
  const strides = shape.map((_, i) => elementCount(shape.slice(i + 1)));
  const sizes = perm.map((p) => shape[p] ?? 1);
  const steps = perm.map((p) => strides[p] ?? 1);
  const index = sizes.map(() => 0);
  let source = 0;
  for (let i = 0; i < to.length; i++) {
    to[i] = from[source] ?? 0;
    for (let d = sizes.length - 1; d >= 0; d--) {
      const next = (index[d] ?? 0) + 1;
      source += steps[d] ?? 0;
      if (next < (sizes[d] ?? 1)) {
        index[d] = next;
        break;
      }
      source -= next * (steps[d] ?? 0);
      index[d] = 0;
    }
  }
  return sizes;
};
