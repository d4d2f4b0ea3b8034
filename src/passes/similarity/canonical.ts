import { at } from '../../support/index.ts';
import type { Anatomy, Layer } from './anatomy.ts';

/** A layer whose weights do not depend on how hidden channels are scaled. */
export interface ScaledLayer extends Layer {
  /** f32[rows, perGroup, area] */
  readonly weights: Float32Array;
  /** f32[rows], in the scale of the rows; undefined where there is no bias. */
  readonly biases: Float32Array | undefined;
}

const rowNorm = (values: Float32Array, start: number, end: number): number => {
  let sum = 0;
  for (let i = start; i < end; i++) {
    const v = values[i] ?? 0;
    sum += v * v;
  }
  return Math.sqrt(sum);
};

/** Weights as f32[rows, perGroup, area]. */
const rowMajor = ({ constant, rows, perGroup, area, swapped }: Layer): Float32Array => {
  const given = constant.values();
  const out = new Float32Array(given.length);
  if (!swapped) {
    for (let i = 0; i < out.length; i++) out[i] = given[i] ?? 0;
    return out;
  }
  for (let i = 0; i < perGroup; i++)
    for (let o = 0; o < rows; o++)
      for (let k = 0; k < area; k++) out[(o * perGroup + i) * area + k] = given[(i * rows + o) * area + k] ?? 0;
  return out;
};

/**
 * Weights with every hidden channel scaled so that the row of the first layer that makes it has length 1: the same numbers however the
 * channels were scaled, also where a factor is folded from a batch norm or from steps of quantization.
 */
export const canonicalLayers = ({ layers, scales }: Anatomy): readonly ScaledLayer[] => {
  const factor = new Float64Array(scales.size).fill(Number.NaN);
  return layers.map((layer): ScaledLayer => {
    const { rows, groups, perGroup, area } = layer;
    const weights = rowMajor(layer);
    const per = perGroup * area;
    const given = layer.bias?.values();
    const biases = given === undefined ? undefined : new Float32Array(rows);
    for (let r = 0; r < rows; r++) {
      const group = Math.floor(r / (rows / groups));
      for (let i = 0; i < perGroup; i++) {
        const f = at(factor, scales.find(at(layer.into.scale, group * perGroup + i)));
        if (Number.isNaN(f) || f === 1) continue;
        const start = r * per + i * area;
        for (let k = start; k < start + area; k++) weights[k] = (weights[k] ?? 0) * f;
      }
      const root = scales.find(at(layer.out.scale, r));
      if (Number.isNaN(at(factor, root))) {
        const norm = rowNorm(weights, r * per, (r + 1) * per);
        factor[root] = norm > 0 && Number.isFinite(norm) ? norm : 1;
      }
      const own = 1 / at(factor, root);
      for (let k = r * per; k < (r + 1) * per; k++) weights[k] = (weights[k] ?? 0) * own;
      if (biases !== undefined) biases[r] = (given?.[r] ?? 0) * own;
    }
    return { ...layer, weights, biases };
  });
};
