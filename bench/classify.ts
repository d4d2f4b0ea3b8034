import {
  decodePicture,
  type Picture,
  pictureToTensor,
  type PictureTensorOptions,
  cropCentre,
  resizeShorterSide,
} from '../src/frontend/tensors/index.ts';
import { fastestCompile, measureAccuracy, quantize } from '../src/cli/index.ts';
import type { Program, Tensor } from '../src/ir/index.ts';
import { quantizeInputs } from '../src/passes/index.ts';
import { at, type Result, unwrap } from '../src/support/index.ts';

/** Labelled samples of a classifier, and unlabelled ones for calibration. */
export interface LabelledSet {
  readonly samples: readonly Tensor[];
  readonly labels: readonly number[];
  readonly calibration: readonly Tensor[];
}

export interface Classified {
  readonly float: { readonly top1: number; readonly top5: number };
  /** Absent when the model has no integer form; `refused` says why. */
  readonly int8?: { readonly top1: number; readonly top5: number; readonly agreement: number };
  readonly refused?: string;
}

/** Accuracy of the float model and of its INT8 form, and how often their first choice is the same. */
export const classify = async (program: Program, set: LabelledSet): Promise<Classified> => {
  const compile = await fastestCompile();
  const float = measureAccuracy({ run: compile(program) }, set.samples, set.labels);
  const model = quantize(program, compile, { samples: set.calibration.map((t) => [t]) });
  if (!model.ok) return { float, refused: model.diagnostics.map((d) => `${d.where ?? ''} ${d.message}`).join('; ') };
  const prepare = (sample: Tensor): Tensor => at(quantizeInputs(model.value, [sample]), 0);
  const int8 = measureAccuracy({ run: compile(model.value.program) }, set.samples, set.labels, { prepare });
  const same = int8.predictions.filter((p, i) => p === float.predictions[i]).length;
  return { float, int8: { ...int8, agreement: same / set.samples.length } };
};

/** Decodes a picture, resizes its shorter side, crops the centre and prepares it. */
export const pictureSample = (
  bytes: Uint8Array,
  side: { readonly resize: number; readonly crop: number },
  options: PictureTensorOptions,
): Tensor => {
  const then = <T>(result: Result<Picture>, next: (p: Picture) => Result<T>): Result<T> => (result.ok ? next(result.value) : result);
  const scaled = then(decodePicture(bytes), (p) => resizeShorterSide(p, side.resize));
  return unwrap(
    then(
      then(scaled, (p) => cropCentre(p, side.crop, side.crop)),
      (p) => pictureToTensor(p, options),
    ),
  );
};
