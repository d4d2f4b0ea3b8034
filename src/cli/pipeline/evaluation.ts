import { elementCount, isStaticType, type Program, type Tensor, typeOf } from '../../ir/index.ts';
import { type Compile, quantizeInputs, type QuantizedModel } from '../../passes/index.ts';
import { at, type Diagnostic, fail, ok, type Progress, type Result } from '../../support/index.ts';
import type { Context } from '../context.ts';
import { optionsConflict } from '../diagnostics.ts';
import { type Accuracy, measureAccuracy } from './accuracy.ts';
import { sampleInputs } from './calibration.ts';
import { DigestedSamples } from './digested-samples.ts';
import { readClassNumbers } from './labels.ts';
import { openSamples } from './sample-files.ts';
import type { PreparationOptions } from './samples.ts';

export interface EvaluationArgs {
  readonly eval?: readonly string[] | undefined;
  readonly 'eval-labels'?: string | undefined;
}

/** Accuracy of the float program and of the quantized one on the same labelled samples. */
export interface Evaluation {
  readonly float: Accuracy;
  readonly int8: Accuracy | undefined;
  /** Class number of each sample. */
  readonly labels: readonly number[];
}

export interface Labelled {
  readonly samples: DigestedSamples;
  readonly labels: readonly number[];
}

/** The labelled samples of --eval and --eval-labels, for a program with one real input. */
export const loadLabelled = (
  context: Context,
  args: EvaluationArgs,
  program: Program,
  preparation: PreparationOptions,
): Result<Labelled> => {
  const [input, ...more] = program.inputs;
  const type = input === undefined ? undefined : typeOf(program, input.value);
  if (type === undefined || more.length > 0 || !isStaticType(type) || type.dtype !== 'f32') {
    return fail(optionsConflict('--eval needs a model with one real input', 'Leave --eval out for this model.'));
  }
  const opened = openSamples(
    {
      kind: 'files',
      cwd: context.io.cwd,
      paths: args.eval ?? [],
      inputs: sampleInputs(program),
      preparation,
      most: Number.POSITIVE_INFINITY,
    },
    context.progress,
  );
  if (!opened.ok) return opened;
  const output = at(program.types, at(program.outputs, 0).value);
  const classes = isStaticType(output) ? elementCount(output.shape) : Number.POSITIVE_INFINITY;
  const labels = readClassNumbers(context, args['eval-labels'] ?? '', opened.value.count, classes);
  return labels.ok ? ok({ samples: new DigestedSamples(opened.value), labels: labels.value }) : labels;
};

/** Accuracy of a quantized model on labelled samples. */
export const quantizedAccuracy = (
  model: QuantizedModel,
  { samples, labels }: Labelled,
  compile: Compile,
  progress?: Progress,
): Accuracy => {
  const prepare = (sample: Tensor): Tensor => at(quantizeInputs(model, [sample]), 0);
  const options = { prepare, phase: 'INT8 accuracy', ...(progress === undefined ? {} : { progress }) };
  return measureAccuracy({ run: compile(model.program) }, samples, labels, options);
};

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
  const { samples, labels } = labelled.value;
  const float = measureAccuracy({ run: compile(program) }, samples, labels, { progress, phase: 'float accuracy' });
  const int8 = quantized === undefined ? undefined : quantizedAccuracy(quantized, labelled.value, compile, progress);
  warnings.push(...samples.source.warnings());
  return ok({ float, int8, labels });
};
