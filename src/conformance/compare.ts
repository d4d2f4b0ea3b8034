import { formatType, sameType, type Tensor, tensorBytes } from '../ir/index.ts';
import { at } from '../support/index.ts';

/** The first place where results differ. */
export interface Difference {
  /** Which result. */
  readonly result: number;
  /** Row-major index of the element; absent when types differ. */
  readonly index?: number;
  readonly got: string;
  readonly wanted: string;
}

/** A float by value and bits, since -0 prints as 0 and NaNs look alike. */
const elementText = (tensor: Tensor, i: number): string => {
  const v = at(tensor.data, i);
  if (tensor.dtype !== 'f32') return String(v);
  const bits = new DataView(tensor.data.buffer, tensor.data.byteOffset + 4 * i, 4).getUint32(0, true);
  return `${Object.is(v, -0) ? '-0' : String(v)} (0x${bits.toString(16).padStart(8, '0')})`;
};

/** Compares results byte for byte; undefined when they are the same. */
export const firstDifference = (got: readonly Tensor[], wanted: readonly Tensor[]): Difference | undefined => {
  if (got.length !== wanted.length) return { result: 0, got: `${got.length} results`, wanted: `${wanted.length} results` };
  for (const [result, w] of wanted.entries()) {
    const g = at(got, result);
    if (!sameType(g, w) || g.data.length !== w.data.length) {
      return { result, got: `${formatType(g)} with ${g.data.length} elements`, wanted: formatType(w) };
    }
    const [a, b] = [tensorBytes(g), tensorBytes(w)];
    const byte = b.findIndex((v, i) => a[i] !== v);
    if (byte >= 0) {
      const index = Math.floor(byte / (b.length / w.data.length));
      return { result, index, got: elementText(g, index), wanted: elementText(w, index) };
    }
  }
  return undefined;
};
