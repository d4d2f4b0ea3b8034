import { DTYPE_INFO, type StaticType, type Tensor, type TensorData } from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';
import type { Stream } from './stages.ts';

/** The elements of a tensor as words of `lanes` elements, hexadecimal, the first element lowest. */
export const wordsOf = (tensor: Tensor, stream: Stream, lanes: number): readonly string[] => {
  const digits = 2 * DTYPE_INFO[stream.dtype].bytes;
  const words: string[] = [];
  for (let from = 0; from < stream.count; from += lanes) {
    let word = '';
    for (let l = lanes - 1; l >= 0; l--) word += hexElement(at(tensor.data, at(stream.order, from + l)), digits);
    words.push(word);
  }
  return words;
};

const hexElement = (value: number, digits: number): string => (value < 0 ? value + 16 ** digits : value).toString(16).padStart(digits, '0');

/** The elements of one frame of words, as a tensor; an x or z of a simulator is 0. */
export const tensorOf = (words: readonly string[], stream: Stream, lanes: number, type: StaticType): Tensor => {
  const { bytes, make } = DTYPE_INFO[stream.dtype];
  const data: TensorData = make(stream.count);
  const digits = 2 * bytes;
  words.forEach((word, k) => {
    for (let l = 0; l < lanes; l++) {
      const end = word.length - digits * l;
      const raw = Number.parseInt(word.slice(end - digits, end), 16);
      data[at(stream.order, k * lanes + l)] = Number.isNaN(raw) ? 0 : raw;
    }
  });
  return { dtype: stream.dtype, shape: type.shape, data };
};
