import { elementCount, formatType, type Program, sameType, type Tensor, type TensorData, type ValueId } from '../../ir/index.ts';
import { at, type Diagnostic, diagnostic, fail, ok, type Progress, type Result } from '../../support/index.ts';
import { withOutputs } from '../observe.ts';
import { BINS, type Histogram } from './ranges.ts';

/** Makes a program ready to run many times. Results stay as they are when it runs again (`Executable.run`). */
export type Compile = (program: Program) => (inputs: readonly Tensor[]) => readonly Tensor[];

/** One tensor for each model input. */
export type CalibrationSample = readonly Tensor[];

/** Kept between the two sweeps at most; above it every sample runs twice. */
const KEEP_BYTES = 2 ** 28;

interface Seen {
  min: number;
  max: number;
  count: number;
  zeros: number;
  /** Index of the first sample with a NaN or an infinity. */
  broken: number | undefined;
  readonly bins: Float64Array;
}

const sweepExtremes = (seen: Seen, data: TensorData, sample: number): void => {
  let { min, max, zeros } = seen;
  let finite = true;
  for (let i = 0; i < data.length; i++) {
    const v = data[i] ?? 0;
    if (v < min) min = v;
    if (v > max) max = v;
    if (v === 0) zeros++;
    if (v - v !== 0) finite = false;
  }
  seen.min = min;
  seen.max = max;
  seen.zeros = zeros;
  seen.count += data.length;
  if (!finite) seen.broken ??= sample;
};

const sweepHistogram = (seen: Seen, data: TensorData): void => {
  const { min, bins } = seen;
  const scale = BINS / (seen.max - min);
  if (!Number.isFinite(scale)) return;
  for (let i = 0; i < data.length; i++) {
    const v = data[i] ?? 0;
    if (v === 0) continue;
    // at least 0, because v >= min; BINS itself at the maximum
    const bin = ((v - min) * scale) | 0;
    const slot = bin < BINS ? bin : BINS - 1;
    bins[slot] = (bins[slot] ?? 0) + 1;
  }
};

const sampleProblems = (program: Program, sample: CalibrationSample, index: number): readonly Diagnostic[] => {
  const where = `calibration sample ${index}`;
  if (sample.length !== program.inputs.length) {
    return [diagnostic('QNT0003', `the sample has ${sample.length} tensors but the model has ${program.inputs.length} inputs`, { where })];
  }
  return program.inputs.flatMap((port, i) => {
    const wanted = at(program.types, port.value);
    const given = at(sample, i);
    if (sameType(wanted, given) && given.data.length === elementCount(given.shape)) return [];
    return [diagnostic('QNT0003', `input ${port.name} is ${formatType(wanted)} but the sample holds ${formatType(given)}`, { where })];
  });
};

/** Problems listed at most; a wrong calibration set is usually wrong throughout. */
const MAX_PROBLEMS = 20;

const checkSamples = (program: Program, samples: readonly CalibrationSample[]): Result<true> => {
  if (samples.length === 0) return fail(diagnostic('QNT0002', 'the calibration set is empty'));
  const problems = samples.flatMap((sample, i) => sampleProblems(program, sample, i)).slice(0, MAX_PROBLEMS);
  return problems.length > 0 ? fail(...problems) : ok(true);
};

export interface CalibrateOptions {
  readonly samples: readonly CalibrationSample[];
  readonly compile: Compile;
  readonly progress: Progress;
  /** False when only extremes are wanted: one sweep. */
  readonly histograms: boolean;
  /** Inputs of layers, with the axis along which a mean is wanted for each index. */
  readonly means: ReadonlyMap<ValueId, number>;
  /** The user's name of a value, for diagnostics. */
  readonly nameOf: (value: ValueId) => string;
}

export interface Calibration {
  /** In the order of the sites. */
  readonly histograms: readonly Histogram[];
  readonly means: ReadonlyMap<ValueId, Float64Array>;
}

/** Sums of a tensor for each index of one axis. */
const addSums = (sums: Float64Array, { data, shape }: Tensor, axis: number): void => {
  const inner = elementCount(shape.slice(axis + 1));
  const n = shape[axis] ?? 1;
  for (let i = 0; i < data.length; i += inner) {
    const channel = (i / inner) % n;
    let sum = 0;
    for (let k = i; k < i + inner; k++) sum += data[k] ?? 0;
    sums[channel] = (sums[channel] ?? 0) + sum;
  }
};

/** Means along an axis, from sums over all samples. */
class Means {
  readonly values: readonly ValueId[];
  private readonly axes: ReadonlyMap<ValueId, number>;
  private readonly sums = new Map<ValueId, Float64Array>();
  private readonly counts = new Map<ValueId, number>();

  constructor(axes: ReadonlyMap<ValueId, number>) {
    this.axes = axes;
    this.values = [...axes.keys()];
  }

  add(value: ValueId, tensor: Tensor): void {
    const axis = this.axes.get(value) ?? 0;
    const n = tensor.shape[axis] ?? 1;
    const sums = this.sums.get(value) ?? new Float64Array(n);
    addSums(sums, tensor, axis);
    this.sums.set(value, sums);
    this.counts.set(value, (this.counts.get(value) ?? 0) + (n === 0 ? 0 : tensor.data.length / n));
  }

  finish(): ReadonlyMap<ValueId, Float64Array> {
    return new Map([...this.sums].map(([v, sums]) => [v, sums.map((s) => s / Math.max(1, this.counts.get(v) ?? 1))]));
  }
}

/**
 * Runs the float program on the samples, one after another, and returns what it saw of each site: extremes first, then a
 * histogram between them. Holds one sample's activations at a time, or all of them when they are few.
 */
export const calibrate = (program: Program, sites: readonly ValueId[], options: CalibrateOptions): Result<Calibration> => {
  const { samples, compile, progress, nameOf } = options;
  const checked = checkSamples(program, samples);
  if (!checked.ok) return checked;
  const observed = sites.map(
    (): Seen => ({ min: Infinity, max: -Infinity, count: 0, zeros: 0, broken: undefined, bins: new Float64Array(BINS) }),
  );
  const means = new Means(options.means);
  const run = compile(withOutputs(program, [...sites, ...means.values]));
  const total = samples.length * (options.histograms ? 2 : 1);
  const kept: (readonly Tensor[])[] = [];
  let bytes = 0;
  samples.forEach((sample, s) => {
    progress.step('calibrate', s, total, 'extremes');
    const results = run(sample);
    const values = results.slice(0, sites.length);
    means.values.forEach((v, i) => means.add(v, at(results, sites.length + i)));
    values.forEach((t, i) => sweepExtremes(at(observed, i), t.data, s));
    bytes += values.reduce((n, t) => n + t.data.byteLength, 0);
    if (options.histograms && bytes <= KEEP_BYTES) kept.push(values);
  });
  const broken = observed.flatMap((o, i) =>
    o.broken === undefined
      ? []
      : [diagnostic('QNT0004', `the result is NaN or infinite on calibration sample ${o.broken}`, { where: nameOf(at(sites, i)) })],
  );
  if (broken.length > 0) return fail(...broken);
  if (options.histograms) {
    samples.forEach((sample, s) => {
      progress.step('calibrate', samples.length + s, total, 'histograms');
      (kept[s] ?? run(sample).slice(0, sites.length)).forEach((t, i) => sweepHistogram(at(observed, i), t.data));
    });
  }
  progress.step('calibrate', total, total);
  // an empty tensor has no extremes
  return ok({ histograms: observed.map((o) => (o.count === 0 ? { ...o, min: 0, max: 0 } : o)), means: means.finish() });
};
