import type { AnyNode, Program, Tensor, ValueId } from '../../ir/index.ts';
import { at, diagnostic, fail, ok, type Progress, type Result } from '../../support/index.ts';
import { Collector } from './collector.ts';
import type { Histogram } from './histogram.ts';
import { chunkCount, MAX_PROBLEMS, type ObserveRequest, Observer, watchedProgram } from './observation.ts';
import type { Patches } from './patches.ts';
import { type Samples, type SampleSource, sourceOf } from './sample-source.ts';

/** Makes a program ready to run many times. Results stay as they are when it runs again (`Executable.run`). */
export type Compile = (program: Program, options?: CompileOptions) => (inputs: readonly Tensor[]) => readonly Tensor[];

export interface CompileOptions {
  /** Results need to hold until the next run only, so that nothing has to be copied. */
  readonly brief?: boolean;
}

/** A request over all samples. */
export interface ObserveJob {
  readonly program: Program;
  readonly request: ObserveRequest;
  readonly samples: SampleSource;
  readonly compile: Compile;
  readonly progress: Progress;
}

/** Samples that bring along how they are observed: on several threads, or from what an earlier run left. */
export interface ObservedSamples extends SampleSource {
  /** Every chunk of the job. However chunks are divided, the result is the same. */
  observe(job: ObserveJob): Collector;
}

const observesItself = (samples: SampleSource): samples is ObservedSamples => 'observe' in samples;

export const newCollector = ({ program, request, samples }: ObserveJob): Collector => new Collector(program, request, samples.count);

/** Observes every chunk that the collector lacks, one after another. `keep` sees the collector after each chunk. */
export const observeHere = (
  job: ObserveJob,
  collector = newCollector(job),
  keep: (collector: Collector) => void = () => undefined,
): Collector => {
  const { program, request, samples, compile, progress } = job;
  let observer: Observer | undefined;
  for (let chunk = 0; chunk < chunkCount(samples.count); chunk++) {
    if (collector.has(chunk)) continue;
    observer ??= new Observer(program, request, samples, compile(watchedProgram(program, request), { brief: true }));
    const useless = collector.problems.length;
    if (useless >= MAX_PROBLEMS) break;
    observer.chunk(chunk, (sample) => progress.step('calibrate', sample, samples.count), useless > 0);
    collector.add(observer.take());
    keep(collector);
  }
  progress.step('calibrate', samples.count, samples.count);
  return collector;
};

export interface CalibrateOptions {
  readonly samples: Samples;
  readonly compile: Compile;
  readonly progress: Progress;
  /** False when only extremes are wanted. */
  readonly histograms: boolean;
  /** Inputs of layers, with the axis along which a mean is wanted for each index. */
  readonly means?: ReadonlyMap<ValueId, number>;
  /** Values with the axis along which the greatest magnitude is wanted for each index. */
  readonly maxima?: ReadonlyMap<ValueId, number>;
  /** Results of convs and denses, with how many columns of the layer's input are wanted over all samples. */
  readonly patches?: ReadonlyMap<ValueId, number>;
  /** The user's name of a value, for diagnostics. */
  readonly nameOf: (value: ValueId) => string;
}

export interface Calibration {
  /** In the order of the sites. */
  readonly histograms: readonly Histogram[];
  readonly means: ReadonlyMap<ValueId, Float64Array>;
  readonly maxima?: ReadonlyMap<ValueId, Float64Array>;
  /** By the result of the layer. */
  readonly patches?: ReadonlyMap<ValueId, Patches>;
}

const requestOf = (program: Program, sites: readonly ValueId[], options: CalibrateOptions): ObserveRequest => {
  const axes = (map: ReadonlyMap<ValueId, number> = new Map()) => [...map].map(([value, axis]) => ({ value, axis }));
  const places = new Map((program.nodes as readonly AnyNode[]).flatMap((n, node) => n.results.map((v) => [v, node] as const)));
  return {
    sites,
    histograms: options.histograms,
    means: axes(options.means),
    maxima: axes(options.maxima),
    patches: [...(options.patches ?? [])].map(([value, rows]) => ({ node: places.get(value) ?? -1, rows })),
  };
};

const byValue = <T>(values: Iterable<ValueId>, found: readonly T[]): ReadonlyMap<ValueId, T> =>
  new Map([...values].map((v, i) => [v, at(found, i)]));

/**
 * Runs the float program once on every sample and returns what it showed of each site. Holds one sample's activations at a time.
 * The result depends on the samples alone, not on how they are divided among threads.
 * Errors: QNT0002 without samples, QNT0003 for samples that do not fit, those of samples that cannot be read, QNT0004 for a
 * site that is not finite.
 */
export const calibrate = (program: Program, sites: readonly ValueId[], options: CalibrateOptions): Result<Calibration> => {
  const { compile, progress, nameOf } = options;
  const samples = sourceOf(options.samples);
  if (samples.count === 0) return fail(diagnostic('QNT0002', 'the calibration set is empty'));
  const job: ObserveJob = { program, request: requestOf(program, sites, options), samples, compile, progress };
  const collector = observesItself(samples) ? samples.observe(job) : observeHere(job);
  if (collector.problems.length > 0) return fail(...collector.problems);
  const broken = collector.broken.flatMap((sample, i) =>
    sample === undefined
      ? []
      : [diagnostic('QNT0004', `the result is NaN or infinite on calibration sample ${sample}`, { where: nameOf(at(sites, i)) })],
  );
  if (broken.length > 0) return fail(...broken);
  const { histograms, means, maxima, patches } = collector.finish();
  return ok({
    histograms,
    means: byValue(options.means?.keys() ?? [], means),
    maxima: byValue(options.maxima?.keys() ?? [], maxima),
    patches: byValue(options.patches?.keys() ?? [], patches),
  });
};

export type { CalibrationSample } from './sample-source.ts';
