import type { BigParameter } from './model.ts';

/**
 * Elements from a counter: parameter and place decide each, so that whoever wants a row makes it. Four bytes a word; weights are
 * -64 to 63 (seven bits, sign copied upwards), biases are words of 13 bits.
 */
const mixed = (parameter: number, word: number): number => {
  // the finalizer of MurmurHash3 (Appleby, public domain) over a Weyl sequence
  let h = Math.imul(word + 1, 0x9e3779b1) ^ Math.imul(parameter + 1, 0x85ebca77);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
};

const fillWords = (parameter: number, first: number, words: Int32Array): void => {
  for (let i = 0; i < words.length; i++) {
    const low = mixed(parameter, first + i) & 0x7f7f7f7f;
    words[i] = low | ((low & 0x40404040) << 1);
  }
};

/** Bytes from `start` on, both multiples of 4, as they stand in the file. */
export const fillBytes = ({ number, dtype }: BigParameter, start: number, bytes: Uint8Array): void => {
  const words = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
  if (dtype === 'i8') fillWords(number, start / 4, words);
  else for (let i = 0; i < words.length; i++) words[i] = (mixed(number, start / 4 + i) & 0x1fff) - 0x1000;
};
