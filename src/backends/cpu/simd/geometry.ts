import { elementCount } from '../../../ir/index.ts';

type Triple = readonly [number, number, number];

/** A windowed op over N C spatial…, seen with three spatial dimensions, and the padded input it reads. */
export interface Geometry {
  readonly input: Triple;
  readonly output: Triple;
  readonly kernel: Triple;
  readonly stride: Triple;
  readonly dilation: Triple;
  readonly begin: Triple;
  /** Size of the input with its padding, grown where windows reach further (ceil). */
  readonly padded: Triple;
  /** False when every tap reads inside the input itself. */
  readonly copies: boolean;
}

interface WindowAttrs {
  readonly stride: readonly number[];
  readonly dilation: readonly number[];
  readonly pads: readonly number[];
}

const triple = (list: readonly number[], fill: number): Triple => {
  const [a = fill, b = fill, c = fill] = [...new Array<number>(3 - list.length).fill(fill), ...list];
  return [a, b, c];
};
const map3 = (f: (i: 0 | 1 | 2) => number): Triple => [f(0), f(1), f(2)];

export const geometryOf = (input: readonly number[], output: readonly number[], kernel: readonly number[], a: WindowAttrs): Geometry => {
  const g = {
    input: triple(input, 1),
    output: triple(output, 1),
    kernel: triple(kernel, 1),
    stride: triple(a.stride, 1),
    dilation: triple(a.dilation, 1),
    begin: triple(a.pads.slice(0, input.length), 0),
  };
  const reach = map3((i) => (g.output[i] - 1) * g.stride[i] + (g.kernel[i] - 1) * g.dilation[i] + 1);
  const copies = [0, 1, 2].some((i) => g.begin[i as 0 | 1 | 2] > 0 || reach[i as 0 | 1 | 2] > g.input[i as 0 | 1 | 2]);
  return { ...g, copies, padded: copies ? map3((i) => Math.max(g.begin[i] + g.input[i], reach[i])) : g.input };
};

export const planeOf = (t: Triple): number => elementCount(t);

/** Offsets in elements of the taps relative to a window's first cell, for `channels` channels, in O I D H W order. */
export const tapOffsets = (g: Geometry, channels: number): number[] => {
  const [, h, w] = g.padded;
  const offsets: number[] = [];
  for (let c = 0; c < channels; c++)
    for (let z = 0; z < g.kernel[0]; z++)
      for (let y = 0; y < g.kernel[1]; y++)
        for (let x = 0; x < g.kernel[2]; x++)
          offsets.push(c * planeOf(g.padded) + (z * g.dilation[0] * h + y * g.dilation[1]) * w + x * g.dilation[2]);
  return offsets;
};

/** Output pixels as rows whose pixels read the input at a constant step. */
export interface Rows {
  /** Offset in elements of each row's first window. */
  readonly starts: readonly number[];
  /** Pixels of a row; the last row may be shorter. */
  readonly width: number;
  readonly lastWidth: number;
  /** Input elements from one pixel to the next. */
  readonly step: number;
}

/** The rows of the output as they are. */
export const naturalRows = (g: Geometry): Rows => {
  const [, h, w] = g.padded;
  const starts: number[] = [];
  for (let z = 0; z < g.output[0]; z++) for (let y = 0; y < g.output[1]; y++) starts.push((z * g.stride[0] * h + y * g.stride[1]) * w);
  return { starts, width: g.output[2], lastWidth: g.output[2], step: g.stride[2] };
};

/** A 1 x 1 kernel without stride and padding reads the plane as it lies: rows may have any length. */
export const isPointwise = (g: Geometry): boolean => !g.copies && planeOf(g.kernel) === 1 && planeOf(g.stride) === 1;

export const pointwiseRows = (g: Geometry, width: number): Rows => {
  const pixels = planeOf(g.output);
  const count = Math.ceil(pixels / width);
  return { starts: Array.from({ length: count }, (_, i) => i * width), width, lastWidth: pixels - (count - 1) * width, step: 1 };
};
