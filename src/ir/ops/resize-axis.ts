const { ceil, floor, fround, max, min } = Math;

/** What one axis is resampled by. */
export interface ResizeAttrs {
  readonly mode: 'nearest' | 'linear' | 'cubic';
  readonly coordinates: string;
  readonly rounding: string;
  readonly cubic_a: number;
  readonly exclude_outside: boolean;
  readonly antialias: boolean;
}

/** Per output position of an axis: the cells that it is made of, and their weights: `taps` entries each. */
export interface AxisMap {
  readonly taps: number;
  readonly index: readonly number[];
  /** Exact up to one rounding of float64. */
  readonly weight: readonly number[];
  /** linear: the weights times the divisor are whole numbers. */
  readonly divisor: number;
}

/** Coordinates are rationals p / q: input position of output o (ONNX Resize; TOSA RESIZE form). */
const coordinate = (mode: string, o: number, input: number, output: number): readonly [number, number] => {
  switch (mode) {
    case 'align_corners':
      return output === 1 ? [0, 1] : [o * (input - 1), output - 1];
    case 'asymmetric':
      return [o * input, output];
    case 'pytorch_half_pixel':
      return output === 1 ? [0, 1] : [(2 * o + 1) * input - output, 2 * output];
    default:
      return [(2 * o + 1) * input - output, 2 * output];
  }
};

const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b));

/** The denominator n of NUMERICS §1.7: positions are multiples of 1 / n. */
export const denominator = (mode: string, input: number, output: number): number => {
  const [p0, q] = coordinate(mode, 0, input, output);
  const step = output > 1 ? coordinate(mode, 1, input, output)[0] - p0 : 0;
  return q / gcd(gcd(q, Math.abs(p0)), step);
};

const nearestIndex = (rounding: string, p: number, q: number): number => {
  const i = floor(p / q);
  const r = p - i * q;
  switch (rounding) {
    case 'floor':
      return i;
    case 'ceil':
      return i + (r > 0 ? 1 : 0);
    case 'round_prefer_ceil':
      return i + (2 * r >= q ? 1 : 0);
    default:
      return i + (2 * r > q ? 1 : 0);
  }
};

/** Keys' cubic convolution kernel at distance t >= 0 (IEEE TASSP 29(6), 1981). */
const keys = (t: number, a: number): number =>
  t <= 1 ? ((a + 2) * t - (a + 3)) * t * t + 1 : t < 2 ? ((a * t - 5 * a) * t + 8 * a) * t - 4 * a : 0;

/** Weights of the cells low + first … low + first + taps - 1 for a position f beyond low, before normalization. */
const kernelWeights = (f: number, first: number, taps: number, scale: number, a: ResizeAttrs): number[] =>
  Array.from({ length: taps }, (_, k) => {
    const distance = Math.abs(first + k - f) * scale;
    return a.mode === 'cubic' ? keys(distance, a.cubic_a) : max(0, 1 - distance);
  });

export const axisMap = (input: number, output: number, a: ResizeAttrs): AxisMap => {
  const inside = (i: number): number => min(max(i, 0), input - 1);
  const cells = (o: number): readonly [number, number] => coordinate(a.coordinates, o, input, output);
  const divisor = denominator(a.coordinates, input, output);
  if (a.mode === 'nearest') {
    const index = Array.from({ length: output }, (_, o) => inside(nearestIndex(a.rounding, ...cells(o))));
    return { taps: 1, index, weight: index.map(() => 1), divisor };
  }
  // antialias widens the kernel where the image shrinks
  const scale = a.antialias ? min(1, output / input) : 1;
  const first = 1 - ceil((a.mode === 'cubic' ? 2 : 1) / scale);
  const taps = 2 - 2 * first;
  const index: number[] = [];
  const weight: number[] = [];
  for (let o = 0; o < output; o++) {
    const [p, q] = cells(o);
    const low = floor(p / q);
    const f = (p - low * q) / q;
    // the near weight is the complement of the float32 one
    const own = a.mode === 'linear' && !a.antialias ? [1 - fround(f), fround(f)] : kernelWeights(f, first, taps, scale, a);
    const used = own.map((w, k) => (a.exclude_outside && inside(low + first + k) !== low + first + k ? 0 : w));
    const sum = used.reduce((s, w) => s + w, 0);
    const normal = (a.antialias || a.exclude_outside) && sum !== 0;
    used.forEach((w, k) => {
      index.push(inside(low + first + k));
      weight.push(normal ? w / sum : w);
    });
  }
  return { taps, index, weight, divisor };
};

/** Weights of each output in Q14, summing to 2^14: what rounding leaves goes to the greatest, the first among equals. */
export const fixedWeights = (map: AxisMap): number[] => {
  const whole = map.weight.map((w) => floor(w * 16384 + 0.5));
  for (let o = 0; o < whole.length; o += map.taps) {
    const own = whole.slice(o, o + map.taps);
    const greatest = own.indexOf(max(...own));
    whole[o + greatest] = (own[greatest] ?? 0) + 16384 - own.reduce((s, w) => s + w, 0);
  }
  return whole;
};

/** Least and greatest sum of weights times values in [lo, hi], over all outputs. */
export const sumBounds = (weights: readonly number[], taps: number, lo: number, hi: number): readonly [number, number] => {
  let [least, greatest] = [0, 0];
  for (let o = 0; o < weights.length; o += taps) {
    const own = weights.slice(o, o + taps);
    least = min(
      least,
      own.reduce((s, w) => s + min(w * lo, w * hi), 0),
    );
    greatest = max(
      greatest,
      own.reduce((s, w) => s + max(w * lo, w * hi), 0),
    );
  }
  return [least, greatest];
};
