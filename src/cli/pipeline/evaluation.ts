import { isStaticType, type Program, type Tensor, typeOf } from '../../ir/index.ts';
import { type Compile, quantizeInputs, type QuantizedModel } from '../../passes/index.ts';
import { at, type Diagnostic, fail, ok, type Result } from '../../support/index.ts';
import type { Context } from '../context.ts';
import { optionsConflict } from '../diagnostics.ts';
import { type Accuracy, measureAccuracy } from './accuracy.ts';
import { readClassNumbers } from './labels.ts';
import { loadSamples, type PreparationOptions } from './samples.ts';

export interface EvaluationArgs {
  readonly eval?: readonly string[] | undefined;
  readonly 'eval-labels'?: string | undefined;
}

/** Accuracy of the float program and of the quantized one on the same labelled samples. */
export interface Evaluation {
  readonly float: Accuracy;
  readonly int8: Accuracy | undefined;
}

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
  const [input, ...more] = program.inputs;
  const type = input === undefined ? undefined : typeOf(program, input.value);
  if (type === undefined || more.length > 0 || !isStaticType(type) || type.dtype !== 'f32') {
    return fail(optionsConflict('--eval needs a model with one real input', 'Leave --eval out for this model.'));
  }
  const samples = loadSamples(context, args.eval ?? [], type, preparation, warnings);
  if (!samples.ok) return samples;
  const labels = readClassNumbers(context, args['eval-labels'] ?? '', samples.value.length);
  if (!labels.ok) return labels;
  const { progress } = context;
  const run = compile(program);
  const float = measureAccuracy({ run }, samples.value, labels.value, { progress, phase: 'float accuracy' });
  if (quantized === undefined) return ok({ float, int8: undefined });
  const prepare = (sample: Tensor): Tensor => at(quantizeInputs(quantized, [sample]), 0);
  const int8 = measureAccuracy({ run: compile(quantized.program) }, samples.value, labels.value, {
    prepare,
    progress,
    phase: 'INT8 accuracy',
  });
  return ok({ float, int8 });
};
