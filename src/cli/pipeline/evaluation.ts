import { elementCount, isStaticType, type Program, type StaticType, typeOf } from '../../ir/index.ts';
import type { Compile, QuantizedModel } from '../../passes/index.ts';
import { at, type Diagnostic, fail, ok, type Progress, type Result, silentProgress } from '../../support/index.ts';
import type { Context } from '../context.ts';
import { optionsConflict } from '../diagnostics.ts';
import { prepareScoring } from '../workers/work.ts';
import { runPool, type Threads, threadsFor } from '../workers/pool.ts';
import { type Accuracy, accuracyOf } from './accuracy.ts';
import { sampleInputs } from './calibration.ts';
import { DigestedSamples } from './digested-samples.ts';
import { readClassNumbers, readExpected } from './labels.ts';
import { openSamples } from './sample-files.ts';
import type { PreparationOptions } from './samples.ts';
import { EVAL_METRICS, type OutputMetric, type PortCodes, qualityOf, SCORE_CHUNK, type ScoreRequest, type Scores } from './scores.ts';

export interface EvaluationArgs {
  readonly eval?: readonly string[] | undefined;
  readonly 'eval-labels'?: string | undefined;
  readonly 'eval-metric'?: string | undefined;
  /** Threads at most; all cores when left out. */
  readonly threads?: number | undefined;
}

/** Accuracy of the float program and of the quantized one on the same labelled samples. */
export interface Evaluation {
  readonly float: Accuracy;
  readonly int8: Accuracy | undefined;
  /** Class number of each sample. */
  readonly labels: readonly number[];
}

/** How near the outputs of the float program and of the quantized one come to expected outputs. */
export interface OutputQuality {
  readonly metric: OutputMetric;
  readonly samples: number;
  readonly float: number;
  readonly int8: number | undefined;
}

/** Samples that are scored on all cores. */
interface Scored {
  readonly samples: DigestedSamples;
  readonly threads: Threads;
  readonly now: () => number;
}

export interface Labelled extends Scored {
  readonly labels: readonly number[];
}

interface Job extends PortCodes {
  readonly program: Program;
  readonly request: ScoreRequest;
  readonly compile: Compile;
  readonly progress: Progress;
  readonly phase: string;
}

/** The scores of all chunks in order: on threads when that is worth it, and here what they leave. */
const scoreAll = ({ samples, threads, now }: Scored, job: Job): readonly Scores[] => {
  const { program, request, compile, progress, phase, input, output } = job;
  const { spec, heldBytes } = samples.source;
  const task = { kind: 'score', program, request, codes: { input, output }, spec } as const;
  const chunks = Array.from({ length: Math.ceil(samples.count / SCORE_CHUNK) }, (_, i) => i);
  const found = new Map<number, Scores>();
  const count = threadsFor(program, { samples: samples.count, chunks: chunks.length, heldBytes }, threads);
  if (count > 1) {
    runPool<'score'>(task, chunks, {
      threads,
      count,
      now,
      take: (chunk, scores) => void found.set(chunk, scores),
      progress: (done) => progress.step(phase, done, samples.count, `${count} threads`),
      meanwhile: () => false,
    });
  }
  const missing = chunks.filter((chunk) => !found.has(chunk));
  if (missing.length > 0) {
    const score = prepareScoring(task, samples, compile);
    let done = samples.count - missing.length * SCORE_CHUNK;
    for (const chunk of missing)
      found.set(
        chunk,
        score(chunk, () => progress.step(phase, Math.max(0, ++done), samples.count)),
      );
  }
  return chunks.flatMap((chunk) => found.get(chunk) ?? []);
};

const REAL: PortCodes = { input: undefined, output: undefined };

const codesOf = (model: QuantizedModel): PortCodes => {
  const { dtype } = at(model.program.types, at(model.program.inputs, 0).value);
  return { input: { ...at(model.inputs, 0), dtype: dtype === 'i16' ? 'i16' : 'i8' }, output: at(model.outputs, 0) };
};

const openScored = (context: Context, args: EvaluationArgs, program: Program, preparation: PreparationOptions): Result<Scored> => {
  const [input, ...more] = program.inputs;
  const type = input === undefined ? undefined : typeOf(program, input.value);
  if (type === undefined || more.length > 0 || !isStaticType(type) || type.dtype !== 'f32') {
    return fail(optionsConflict('--eval needs a model with one real input', 'Leave --eval out for this model.'));
  }
  const { cwd, now } = context.io;
  const inputs = sampleInputs(program);
  const most = Number.POSITIVE_INFINITY;
  const opened = openSamples({ kind: 'files', cwd, paths: args.eval ?? [], inputs, preparation, most }, context.progress);
  return opened.ok ? ok({ samples: new DigestedSamples(opened.value), threads: { most: args.threads ?? 0 }, now }) : opened;
};

const outputType = (program: Program): StaticType | undefined => {
  const type = typeOf(program, at(program.outputs, 0).value);
  return isStaticType(type) ? type : undefined;
};

/** The labelled samples of --eval and --eval-labels, for a program with one real input. */
export const loadLabelled = (
  context: Context,
  args: EvaluationArgs,
  program: Program,
  preparation: PreparationOptions,
): Result<Labelled> => {
  const scored = openScored(context, args, program, preparation);
  if (!scored.ok) return scored;
  const type = outputType(program);
  const classes = type === undefined ? Number.POSITIVE_INFINITY : elementCount(type.shape);
  const labels = readClassNumbers(context, args['eval-labels'] ?? '', scored.value.samples.count, classes);
  return labels.ok ? ok({ ...scored.value, labels: labels.value }) : labels;
};

const classify = (labelled: Labelled, job: Omit<Job, 'request'>): Accuracy =>
  accuracyOf(scoreAll(labelled, { ...job, request: { kind: 'classes', labels: labelled.labels } }).flatMap((s) => s.guesses));

/** Accuracy of a float program on labelled samples. */
export const floatAccuracy = (program: Program, labelled: Labelled, compile: Compile, progress = silentProgress): Accuracy =>
  classify(labelled, { program, compile, progress, phase: 'float accuracy', ...REAL });

/** Accuracy of a quantized model on labelled samples. */
export const quantizedAccuracy = (model: QuantizedModel, labelled: Labelled, compile: Compile, progress = silentProgress): Accuracy =>
  classify(labelled, { program: model.program, compile, progress, phase: 'INT8 accuracy', ...codesOf(model) });

/** Runs labelled samples through both programs. */
export const evaluateModels = (
  context: Context,
  args: EvaluationArgs,
  program: Program,
  quantized: QuantizedModel | undefined,
  preparation: PreparationOptions,
  compile: Compile,
  warnings: Diagnostic[],
): Result<Evaluation> => {
  const labelled = loadLabelled(context, args, program, preparation);
  if (!labelled.ok) return labelled;
  const { progress } = context;
  const float = floatAccuracy(program, labelled.value, compile, progress);
  const int8 = quantized === undefined ? undefined : quantizedAccuracy(quantized, labelled.value, compile, progress);
  warnings.push(...labelled.value.samples.source.warnings());
  return ok({ float, int8, labels: labelled.value.labels });
};

/** The metric of --eval-metric that compares outputs; undefined for classes. */
export const outputMetric = (args: EvaluationArgs): OutputMetric | undefined => {
  const metric = EVAL_METRICS.find((m) => m === args['eval-metric']);
  return metric === undefined || metric === 'top1' ? undefined : metric;
};

/** Compares the first output of both programs with expected outputs: --eval-labels names a .npy of one output a sample. */
export const evaluateOutputs = (
  context: Context,
  args: EvaluationArgs,
  metric: OutputMetric,
  program: Program,
  quantized: QuantizedModel | undefined,
  preparation: PreparationOptions,
  compile: Compile,
): Result<OutputQuality> => {
  const scored = openScored(context, args, program, preparation);
  if (!scored.ok) return scored;
  const type = outputType(program);
  if (type === undefined || type.dtype !== 'f32')
    return fail(optionsConflict(`--eval-metric ${metric} needs a model whose first output is real`, 'Use --eval-metric top1.'));
  const { samples } = scored.value;
  const expected = readExpected(context, args['eval-labels'] ?? '', type.shape, samples.count);
  if (!expected.ok) return expected;
  const request = { kind: 'outputs', expected: expected.value, each: elementCount(type.shape) } as const;
  const value = (job: PortCodes & { readonly program: Program; readonly phase: string }): number =>
    qualityOf(metric, request, scoreAll(scored.value, { ...job, request, compile, progress: context.progress }));
  const float = value({ program, phase: 'float outputs', ...REAL });
  const int8 = quantized === undefined ? undefined : value({ program: quantized.program, phase: 'INT8 outputs', ...codesOf(quantized) });
  return ok({ metric, samples: samples.count, float, int8 });
};
