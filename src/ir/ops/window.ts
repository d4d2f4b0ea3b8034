import { attr } from '../attr.ts';
import { type Dim, elementCount, type Shape } from '../types.ts';

/**
 * Geometry of windowed ops (conv, pool) over N C spatial…, 1 to 3 spatial dimensions, computed as 3-D with leading 1s.
 * Output size floor((I + pb + pe - d(k - 1) - 1) / s) + 1 (NUMERICS §1.2).
 */
export const windowAttrs = {
  stride: attr.ints({ min: 1, max: 4096 }),
  dilation: attr.ints({ min: 1, max: 4096 }),
  pads: attr.ints({ min: 0, max: 65536 }),
} as const;

export interface Window {
  readonly kernel: readonly number[];
  readonly stride: readonly number[];
  readonly dilation: readonly number[];
  /** Begin of each spatial dimension, then end of each. */
  readonly pads: readonly number[];
}

/** Says which attribute has the wrong length for `spatial` dimensions. */
export const windowProblem = (spatial: number, w: Window): string | undefined => {
  const lengths: readonly [string, readonly number[], number][] = [
    ['kernel', w.kernel, spatial],
    ['stride', w.stride, spatial],
    ['dilation', w.dilation, spatial],
    ['pads', w.pads, 2 * spatial],
  ];
  const bad = lengths.find(([, list, n]) => list.length !== n);
  return bad === undefined
    ? undefined
    : `${bad[0]} has ${bad[1].length} entries but ${bad[2]} are needed for ${spatial} spatial dimensions`;
};

/** Reach of a dilated kernel: d(k - 1) + 1. */
const reach = (w: Window, i: number): number => (w.dilation[i] ?? 1) * ((w.kernel[i] ?? 1) - 1) + 1;

/** Output sizes; with `ceil` the last partial window counts if it starts inside the input or its begin padding. */
export const windowOutput = (spatial: readonly number[], w: Window, ceil = false): number[] =>
  spatial.map((size, i) => {
    const n = spatial.length;
    const begin = w.pads[i] ?? 0;
    const stride = w.stride[i] ?? 1;
    const span = size + begin + (w.pads[n + i] ?? 0) - reach(w, i);
    if (span < 0) return 0;
    if (!ceil) return Math.floor(span / stride) + 1;
    const count = Math.ceil(span / stride) + 1;
    return (count - 1) * stride >= size + begin ? count - 1 : count;
  });

/** Spatial sizes when all are numbers. */
export const spatialOf = (shape: Shape): readonly number[] | undefined => {
  const sizes = shape.slice(2);
  return sizes.every((d): d is number => typeof d === 'number') ? (sizes as readonly number[]) : undefined;
};

/** One geometry as three dimensions (depth, height, width). */
export interface Window3 {
  readonly input: readonly [number, number, number];
  readonly output: readonly [number, number, number];
  readonly kernel: readonly [number, number, number];
  readonly stride: readonly [number, number, number];
  readonly dilation: readonly [number, number, number];
  readonly begin: readonly [number, number, number];
}

const pad3 = (list: readonly number[], fill: number): readonly [number, number, number] => {
  const lead = 3 - list.length;
  const pick = (i: number): number => (i < lead ? fill : (list[i - lead] ?? fill));
  return [pick(0), pick(1), pick(2)];
};

export const window3 = (input: readonly number[], output: readonly number[], w: Window): Window3 => ({
  input: pad3(input, 1),
  output: pad3(output, 1),
  kernel: pad3(w.kernel, 1),
  stride: pad3(w.stride, 1),
  dilation: pad3(w.dilation, 1),
  begin: pad3(w.pads.slice(0, input.length), 0),
});

/**
 * Calls `visit(o, offset, tap)` for each output position o and each kernel tap in row-major order: offset is the input
 * element within its channel plane, or -1 where the tap reads padding.
 */
export const forEachTap = (g: Window3, visit: (o: number, offset: number, tap: number) => void): void => {
  const [id, ih, iw] = g.input;
  const [od, oh, ow] = g.output;
  const [kd, kh, kw] = g.kernel;
  let o = 0;
  for (let z = 0; z < od; z++)
    for (let y = 0; y < oh; y++)
      for (let x = 0; x < ow; x++, o++) {
        let tap = 0;
        for (let a = 0; a < kd; a++) {
          const iz = z * g.stride[0] - g.begin[0] + a * g.dilation[0];
          for (let b = 0; b < kh; b++) {
            const iy = y * g.stride[1] - g.begin[1] + b * g.dilation[1];
            for (let c = 0; c < kw; c++, tap++) {
              const ix = x * g.stride[2] - g.begin[2] + c * g.dilation[2];
              const inside = iz >= 0 && iz < id && iy >= 0 && iy < ih && ix >= 0 && ix < iw;
              visit(o, inside ? (iz * ih + iy) * iw + ix : -1, tap);
            }
          }
        }
      }
};

/** Input offsets per (output position, tap), -1 for padding: one table for all channels. */
export const tapTable = (g: Window3): Int32Array => {
  const taps = elementCount(g.kernel);
  const table = new Int32Array(elementCount(g.output) * taps);
  forEachTap(g, (o, offset, tap) => {
    table[o * taps + tap] = offset;
  });
  return table;
};

/** Batch and channels kept, spatial replaced. */
export const withSpatial = (shape: Shape, channels: Dim, spatial: readonly number[]): Dim[] => [shape[0] ?? 1, channels, ...spatial];
