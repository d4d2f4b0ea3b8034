import { elementCount } from '../../ir/index.ts';
import { at } from '../../support/index.ts';
import type { HostTensor } from '../host-tensor.ts';

/**
 * Weights as Deep Compression stores them (Han, Mao, Dally, ICLR 2016; decode.py of songhan/SqueezeNet-Deep-Compression 5623e3c):
 * first the number of stored weights of each layer, then layer after layer a codebook, the biases, the codes, and how many zeros
 * lie before each weight. Convolutions have codes of 8 bits, other layers of 4, the first in the low bits; zeros have 4 bits.
 */
export interface PackedLayer {
  readonly weight: string;
  readonly bias: string;
  readonly weightShape: readonly number[];
  readonly biasShape: readonly number[];
  /** Codes of 8 bits. */
  readonly wide: boolean;
}

/** The layers that the format holds, by their names. */
export const isPacked = (layer: string): boolean => /conv|fc|ip/.test(layer);
export const hasWideCodes = (layer: string): boolean => layer.includes('conv');

/** Parameters by name; undefined when the bytes are not just those of these layers, or a weight lies outside its tensor. */
export const unpackWeights = (bytes: Uint8Array, layers: readonly PackedLayer[]): ReadonlyMap<string, HostTensor> | undefined => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let place = 4 * layers.length;
  if (layers.length === 0 || bytes.length < place) return undefined;
  const parts = layers.map((layer, i) => {
    const stored = view.getUint32(4 * i, true);
    const book = place;
    const bias = book + 4 * (layer.wide ? 256 : 16);
    const codes = bias + 4 * elementCount(layer.biasShape);
    const gaps = codes + (layer.wide ? stored : Math.ceil(stored / 2));
    place = gaps + Math.ceil(stored / 2);
    return { layer, stored, book, bias, codes, gaps };
  });
  if (place !== bytes.length) return undefined;
  const half = (start: number, k: number): number => (at(bytes, start + (k >> 1)) >> (4 * (k & 1))) & 15;
  const made = new Map<string, HostTensor>();
  for (const { layer, stored, book, bias, codes, gaps } of parts) {
    const data = new Float32Array(elementCount(layer.weightShape)).fill(view.getFloat32(book, true));
    let index = -1;
    for (let k = 0; k < stored; k++) {
      index += half(gaps, k) + 1;
      if (index >= data.length) return undefined;
      data[index] = view.getFloat32(book + 4 * (layer.wide ? at(bytes, codes + k) : half(codes, k)), true);
    }
    made.set(layer.weight, { elem: 'float32', shape: layer.weightShape, data });
    const biases = Float32Array.from({ length: elementCount(layer.biasShape) }, (_, k) => view.getFloat32(bias + 4 * k, true));
    made.set(layer.bias, { elem: 'float32', shape: layer.biasShape, data: biases });
  }
  return made;
};
