import { elementCount } from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';

export interface Window {
  readonly stride: readonly number[];
  readonly dilation: readonly number[];
  readonly pads: readonly number[];
}

/** For each position of the result and each tap, the place in the input plane: i32[positions, taps]; -1 in the padding. */
export const tapPlaces = (input: readonly number[], output: readonly number[], kernel: readonly number[], w: Window): Int32Array => {
  const [positions, taps] = [elementCount(output), elementCount(kernel)];
  const places = new Int32Array(positions * taps);
  const coordinates = (i: number, sizes: readonly number[]): readonly number[] => {
    const result = new Array<number>(sizes.length).fill(0);
    let rest = i;
    for (let d = sizes.length - 1; d >= 0; d--) {
      result[d] = rest % at(sizes, d);
      rest = Math.floor(rest / at(sizes, d));
    }
    return result;
  };
  const [outputs, offsets] = [
    Array.from({ length: positions }, (_, o) => coordinates(o, output)),
    Array.from({ length: taps }, (_, t) => coordinates(t, kernel)),
  ];
  outputs.forEach((o, position) => {
    offsets.forEach((k, tap) => {
      let place = 0;
      for (let d = 0; d < input.length && place >= 0; d++) {
        const c = at(o, d) * at(w.stride, d) - at(w.pads, d) + at(k, d) * at(w.dilation, d);
        place = c < 0 || c >= at(input, d) ? -1 : place * at(input, d) + c;
      }
      places[position * taps + tap] = place;
    });
  });
  return places;
};
