import { type Accuracy, fastestCompile, measureAccuracy } from '../src/cli/index.ts';
import type { Program, Tensor } from '../src/ir/index.ts';
import { type Compile, quantizeInputs, type QuantizedModel, quantizeProgram } from '../src/passes/index.ts';
import { at } from '../src/support/index.ts';
import type { LabelledSet } from './labelled/index.ts';

export interface Classified {
  readonly float: Accuracy;
  /** Absent when the model has no integer form; `refused` says why. */
  readonly int8?: Accuracy & { readonly agreement: number };
  readonly refused?: string;
}

/** Accuracy of the integer form of a model. */
export const classifyQuantized = (model: QuantizedModel, set: LabelledSet, compile: Compile): Accuracy => {
  const prepare = (sample: Tensor): Tensor => at(quantizeInputs(model, [sample]), 0);
  return measureAccuracy({ run: compile(model.program) }, set.samples, set.labels, { prepare });
};

/** Share of the samples for which two forms choose the same class. */
export const agreementOf = (a: Accuracy, b: Accuracy): number =>
  a.predictions.filter((p, i) => p === b.predictions[i]).length / Math.max(1, a.samples);

/** Accuracy of the float model and of its INT8 form, and how often their first choice is the same. */
export const classify = async (program: Program, set: LabelledSet): Promise<Classified> => {
  const compile = await fastestCompile();
  const float = measureAccuracy({ run: compile(program) }, set.samples, set.labels);
  const model = quantizeProgram(program, { compile, samples: set.calibration.map((t) => [t]) });
  if (!model.ok) return { float, refused: model.diagnostics.map((d) => `${d.where ?? ''} ${d.message}`).join('; ') };
  const int8 = classifyQuantized(model.value, set, compile);
  return { float, int8: { ...int8, agreement: agreementOf(int8, float) } };
};
