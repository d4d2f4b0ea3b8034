import type { Program, Proof, ValueId } from '../../ir/index.ts';
import type { KeptIntegers } from './given/linear.ts';
import type { WeightBits } from './layer-weights.ts';
import type { RangeMethod } from './ranges.ts';

/** Bits of one layer: of its weights, and of its result. */
export interface LayerBits {
  readonly weights: WeightBits;
  readonly activations: 8 | 16;
}

/** What `bits` means for every layer that `layers` does not name: 6 is W6A8, 8 is W8A8, 16 is W16A16 (NUMERICS §§3, 4). */
export const PROFILES = {
  6: { weights: 6, activations: 8 },
  8: { weights: 8, activations: 8 },
  16: { weights: 16, activations: 16 },
} as const satisfies Record<WeightBits, LayerBits>;

/** How weights are rounded: each to its nearest code, or so that the error of the layer's output is least. */
export const ROUNDINGS = ['nearest', 'feedback'] as const;
export type Rounding = (typeof ROUNDINGS)[number];

/** How the integers of an input or output stand for reals: real = scale * (q - zero). Integer ports have scale 1, zero 0. */
export interface QuantizedPort {
  readonly name: string;
  readonly scale: number;
  readonly zero: number;
}

/** One quantized value: where it is in both programs, and how its range was chosen. */
export interface LayerInfo {
  /** The user's name of the node. */
  readonly origin: string;
  readonly op: string;
  /** In `QuantizedModel.float`. */
  readonly float: ValueId;
  /** In `QuantizedModel.program`. */
  readonly int: ValueId;
  readonly scale: number;
  readonly zero: number;
  readonly bits: 8 | 16;
  /**
   * `fixed`: the op defines its output scale. `given`: the model brings it along. `function`: only functions read the value, and what
   * they give is nearest with this range.
   */
  readonly method: RangeMethod | 'fixed' | 'given' | 'function';
  readonly range: readonly [number, number];
  /** Share of the calibrated elements outside the range. */
  readonly clipped: number;
  readonly weightBits: WeightBits | undefined;
}

/** What became of the quantization that a model brings along. */
export interface GivenUse {
  /** Values that have the model's own scale and zero point. */
  readonly activations: number;
  /** Values whose range came from calibration. */
  readonly calibrated: number;
  /** Layers for which the model stores integers. */
  readonly layers: readonly KeptIntegers[];
}

export interface QuantizedModel {
  /** The integer program, verified and proven free of overflow. */
  readonly program: Program;
  /** The prepared float program that it approximates: batch norms folded, composites expanded (but for norms with an integer form), -inf in masks a number. */
  readonly float: Program;
  readonly inputs: readonly QuantizedPort[];
  readonly outputs: readonly QuantizedPort[];
  readonly proof: Proof;
  readonly layers: readonly LayerInfo[];
  /** Undefined for a model without quantization of its own. */
  readonly given: GivenUse | undefined;
}
