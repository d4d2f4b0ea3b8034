import { fillBytes } from './elements.ts';
import { type BigModel, type BigParameter, bigParameters, rescaleOf } from './model.ts';

/** Elements of a part of a parameter. */
const elements = (parameter: BigParameter, first: number, count: number): Int8Array | Int32Array => {
  const size = parameter.dtype === 'i8' ? 1 : 4;
  const bytes = new Uint8Array(count * size);
  fillBytes(parameter, first * size, bytes);
  return parameter.dtype === 'i8' ? new Int8Array(bytes.buffer) : new Int32Array(bytes.buffer);
};

/** y = clamp(floor((x M + 2^(s-1)) / 2^s), -128, 127) (docs/numerics.md): below 2^53, so exact. */
const rescaled = (sum: number, products: number): number => {
  const { multiplier, shift } = rescaleOf(products);
  return Math.max(-128, Math.min(127, Math.floor((sum * multiplier + 2 ** (shift - 1)) / 2 ** shift)));
};

const dense = (x: Int8Array, w: BigParameter, b: BigParameter): Int8Array => {
  const n = x.length;
  const bias = elements(b, 0, n);
  return Int8Array.from({ length: n }, (_, row) => {
    const weights = elements(w, row * n, n);
    let sum = bias[row] ?? 0;
    for (let k = 0; k < n; k++) sum += (weights[k] ?? 0) * (x[k] ?? 0);
    return rescaled(sum, n);
  });
};

const conv = (x: Int8Array, kernel: BigParameter, { channels, side }: BigModel): Int8Array => {
  const weights = elements(kernel, 0, 9 * channels * channels);
  return Int8Array.from({ length: x.length }, (_, i) => {
    const [o, row, column] = [Math.floor(i / side ** 2), Math.floor(i / side) % side, i % side];
    let sum = 0;
    for (let c = 0; c < channels; c++)
      for (let dy = 0; dy < 3; dy++)
        for (let dx = 0; dx < 3; dx++) {
          const [y, z] = [row + dy - 1, column + dx - 1];
          if (y < 0 || z < 0 || y >= side || z >= side) continue;
          sum += (weights[((o * channels + c) * 3 + dy) * 3 + dx] ?? 0) * (x[(c * side + y) * side + z] ?? 0);
        }
    return rescaled(sum, 9 * channels);
  });
};

/**
 * The result of a big model, written from docs/ops.md alone: nothing of the compiler, and a row of weights at a time, made anew and
 * not read from the file.
 */
export const evaluateBig = (model: BigModel, token: number, done: (layer: number) => void = () => undefined): Int8Array => {
  const named = new Map(bigParameters(model).map((p) => [p.name, p]));
  const parameter = (name: string): BigParameter => {
    const found = named.get(name);
    if (found === undefined) throw new RangeError(`no parameter is named ${name}`);
    return found;
  };
  let x: Int8Array = Int8Array.from(elements(parameter('embedding'), token * model.width, model.width));
  for (let i = 0; i < model.layers; i++) {
    x = dense(x, parameter(`w${i}`), parameter(`b${i}`));
    done(i);
  }
  return conv(x, parameter('kernel'), model);
};
