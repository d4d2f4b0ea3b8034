import { type AnyNode, elementCount, type Program, type StaticType, type Tensor, typeOf, type ValueId } from '../../ir/index.ts';
import { at, type Diagnostic, invariant, MrlError } from '../../support/index.ts';
import { withOutputs } from '../observe.ts';
import { Counter, type Tally } from './histogram.ts';
import { type PatchRequest, planPatches, takePatches } from './patches.ts';
import { type CalibrationSample, sampleProblems, type SampleSource } from './sample-source.ts';

/** A value, and the axis along which something is wanted for each index. */
export interface AxisRequest {
  readonly value: ValueId;
  readonly axis: number;
}

/** What is wanted of a float program. Plain data: it crosses threads. */
export interface ObserveRequest {
  /** Values whose extremes are wanted. */
  readonly sites: readonly ValueId[];
  /** Whether sites get histograms too. */
  readonly histograms: boolean;
  /** Means along an axis. */
  readonly means: readonly AxisRequest[];
  /** Greatest magnitudes along an axis. */
  readonly maxima: readonly AxisRequest[];
  readonly patches: readonly PatchRequest[];
}

/**
 * Samples that are observed as one piece. Float sums depend on their order: those of a chunk run in order of its samples, and
 * the sums of chunks are added in order of the chunks, whoever made them.
 */
export const CHUNK = 4;

export const chunkCount = (samples: number): number => Math.ceil(samples / CHUNK);

/** Results of one chunk that are put together in order. */
export interface ChunkData {
  readonly chunk: number;
  /** By `means`, along the axis. */
  readonly sums: readonly Float64Array[];
  /** By `patches`: rows of the chunk's samples. */
  readonly patches: readonly Float32Array[];
}

/** What some chunks showed. Plain data: it crosses threads and files. */
export interface Observation {
  /** By `sites`. */
  readonly tallies: readonly Tally[];
  /** By `sites`: the first sample with a NaN or an infinity. */
  readonly broken: readonly (number | undefined)[];
  /** By `maxima`, along the axis. */
  readonly maxima: readonly Float64Array[];
  readonly chunks: readonly ChunkData[];
  /** Samples that cannot be read or do not fit the model. */
  readonly problems: readonly Diagnostic[];
}

/** Problems listed at most; a wrong calibration set is usually wrong throughout. */
export const MAX_PROBLEMS = 20;

/** A program ready to run many times. */
export type Run = (inputs: readonly Tensor[]) => readonly Tensor[];

/** The values that a request looks at, each once. */
export const watchedValues = (program: Program, request: ObserveRequest): readonly ValueId[] => [
  ...new Set([
    ...request.sites,
    ...request.means.map((m) => m.value),
    ...request.maxima.map((m) => m.value),
    ...request.patches.map((p) => at(at(program.nodes as readonly AnyNode[], p.node).operands, 0)),
  ]),
];

/** The program whose outputs are the watched values. */
export const watchedProgram = (program: Program, request: ObserveRequest): Program => withOutputs(program, watchedValues(program, request));

export const axisSize = (program: Program, { value, axis }: AxisRequest): number => (typeOf(program, value) as StaticType).shape[axis] ?? 1;

/** Calls `add` with each run of elements that belong to one index of the axis. */
const eachRun = ({ data, shape }: Tensor, axis: number, add: (index: number, from: number, to: number) => void): void => {
  const inner = elementCount(shape.slice(axis + 1));
  const n = shape[axis] ?? 1;
  for (let i = 0, index = 0; i < data.length; i += inner, index = index + 1 === n ? 0 : index + 1) add(index, i, i + inner);
};

const addSums = (sums: Float64Array, tensor: Tensor, axis: number): void => {
  const { data } = tensor;
  eachRun(tensor, axis, (index, from, to) => {
    let sum = 0;
    for (let k = from; k < to; k++) sum += data[k] ?? 0;
    sums[index] = (sums[index] ?? 0) + sum;
  });
};

const addMaxima = (maxima: Float64Array, tensor: Tensor, axis: number): void => {
  const { data } = tensor;
  eachRun(tensor, axis, (index, from, to) => {
    let most = maxima[index] ?? 0;
    for (let k = from; k < to; k++) most = Math.max(most, Math.abs(data[k] ?? 0));
    maxima[index] = most;
  });
};

/** Reads a sample that fits the program, or says what is wrong with it. */
const readSample = (program: Program, source: SampleSource, index: number, problems: Diagnostic[]): CalibrationSample | undefined => {
  try {
    const sample = source.read(index);
    const wrong = sampleProblems(program, sample, index);
    problems.push(...wrong);
    return wrong.length === 0 ? sample : undefined;
  } catch (error) {
    if (!(error instanceof MrlError)) throw error;
    problems.push(...error.diagnostics);
    return undefined;
  }
};

/** Observes chunks of samples one after another. */
export class Observer {
  private readonly program: Program;
  private readonly request: ObserveRequest;
  private readonly source: SampleSource;
  private readonly run: Run;
  private readonly values: readonly ValueId[];
  private counters: readonly Counter[] = [];
  private broken: (number | undefined)[] = [];
  private maxima: readonly Float64Array[] = [];
  private chunks: ChunkData[] = [];
  private problems: Diagnostic[] = [];

  /** @param run - the program of `watchedProgram`, compiled */
  constructor(program: Program, request: ObserveRequest, source: SampleSource, run: Run) {
    this.program = program;
    this.request = request;
    this.source = source;
    this.run = run;
    this.values = watchedValues(program, request);
    this.reset();
  }

  private reset(): void {
    const { sites, maxima, histograms } = this.request;
    this.counters = sites.map(() => new Counter(histograms));
    this.broken = sites.map(() => undefined);
    this.maxima = maxima.map((m) => new Float64Array(axisSize(this.program, m)));
    this.chunks = [];
    this.problems = [];
  }

  /**
   * Observes one chunk. After a sample that cannot be used, or when asked to, samples are read, to tell all problems, but no
   * longer run.
   */
  chunk(chunk: number, finished: (sample: number) => void = () => undefined, onlyRead = false): void {
    const { means, patches } = this.request;
    const sums = means.map((m) => new Float64Array(axisSize(this.program, m)));
    const plans = patches.map((p) => planPatches(this.program, p, this.source.count));
    const last = Math.min(this.source.count, (chunk + 1) * CHUNK);
    const taken: Float32Array[][] = patches.map(() => []);
    for (let s = chunk * CHUNK; s < last && this.problems.length < MAX_PROBLEMS; s++) {
      const sample = readSample(this.program, this.source, s, this.problems);
      if (sample !== undefined && this.problems.length === 0 && !onlyRead) {
        const results = this.run(sample);
        const found = new Map(this.values.map((v, i) => [v, at(results, i)]));
        this.look(found, s);
        means.forEach(({ value, axis }, i) => addSums(at(sums, i), tensorOf(found, value), axis));
        plans.forEach((plan, i) => {
          const x = at(at(this.program.nodes as readonly AnyNode[], plan.node).operands, 0);
          taken[i]?.push(takePatches(plan, tensorOf(found, x), s));
        });
      }
      finished(s);
    }
    this.chunks.push({ chunk, sums, patches: taken.map(joined) });
  }

  private look(found: ReadonlyMap<ValueId, Tensor>, sample: number): void {
    this.request.sites.forEach((value, i) => {
      if (!at(this.counters, i).add(tensorOf(found, value).data)) this.broken[i] ??= sample;
    });
    this.request.maxima.forEach(({ value, axis }, i) => addMaxima(at(this.maxima, i), tensorOf(found, value), axis));
  }

  /** What was seen since the last call. */
  take(): Observation {
    const { broken, maxima, chunks, problems } = this;
    const tallies = this.counters.map((c) => c.flush());
    this.reset();
    return { tallies, broken, maxima, chunks, problems };
  }
}

const tensorOf = (found: ReadonlyMap<ValueId, Tensor>, value: ValueId): Tensor => {
  const tensor = found.get(value);
  invariant(tensor !== undefined, `value ${value} is watched`);
  return tensor;
};

const joined = (parts: readonly Float32Array[]): Float32Array => {
  const all = new Float32Array(parts.reduce((n, p) => n + p.length, 0));
  let offset = 0;
  for (const part of parts) {
    all.set(part, offset);
    offset += part.length;
  }
  return all;
};
