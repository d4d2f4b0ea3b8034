import type { Program, Tensor } from '../../src/ir/index.ts';
import { importFloat, readBytes } from '../models.ts';

/** Labelled samples of a classifier, and unlabelled ones for calibration. */
export interface LabelledSet {
  readonly samples: readonly Tensor[];
  readonly labels: readonly number[];
  readonly calibration: readonly Tensor[];
}

/** A trained classifier in a file, and what it is tested on. */
export interface LabelledModel {
  readonly name: string;
  /** The model file: ONNX where its name says so, else TensorFlow Lite. */
  readonly path: string;
  /** Accuracy that someone else measured, and on how much; for the reader. */
  readonly published: string | undefined;
  /** Whether it is among those that a quick run measures. */
  readonly quick: boolean;
  /** The float program, and its samples: as many test samples as there are, or `most`. undefined: a tool that unpacks them is missing. */
  readonly load: (most?: number) => Loaded | undefined;
}

export interface Loaded {
  readonly program: Program;
  readonly set: LabelledSet;
  /** The same network as its authors quantized it, and the same test samples as its integers. */
  readonly twin?: { readonly name: string; readonly program: Program; readonly samples: readonly Tensor[] };
}

/** Imports the file of a model. */
export const programOf = (path: string): Program => importFloat(readBytes(path));
