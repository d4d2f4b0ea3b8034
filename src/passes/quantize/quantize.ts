import { type Program, runProgram } from '../../ir/index.ts';
import { ok, type Progress, type Result, silentProgress } from '../../support/index.ts';
import type { CalibrationSample, Compile } from './calibrate.ts';
import { Calibrated, type Settings } from './calibrated.ts';
import { finiteMasks } from './finite-masks.ts';
import type { WeightBits } from './layer-weights.ts';
import { type LayerBits, PROFILES, type QuantizedModel, type Rounding } from './model.ts';
import { checkStatic, prepareFloat } from './prepare.ts';
import type { RangeMethod } from './ranges.ts';

export interface QuantizeOptions {
  /** Calibration inputs: one tensor for each model input, any number of times. */
  readonly samples: Iterable<CalibrationSample>;
  /** How to run the float model; the reference interpreter when absent. */
  readonly compile?: Compile;
  /** 8 (the default): weights and activations of 8 bits. 6: weights of 6. 16: both of 16. */
  readonly bits?: WeightBits;
  /** Bits of single layers, by the names of `Calibrated.layers`. */
  readonly layers?: ReadonlyMap<string, LayerBits>;
  /** How activation ranges are chosen; default `mse`. Inputs, sums and what softmax or sigmoid read keep min and max. */
  readonly method?: RangeMethod;
  /** Bits of outputs that come straight from an accumulator (logits): default 16. Other outputs have 8. */
  readonly outputBits?: 8 | 16;
  /** Every scale is a power of two: rescales are shifts. */
  readonly powerOfTwo?: boolean;
  /** `feedback` for 6 bits when absent, `nearest` above. */
  readonly rounding?: Rounding;
  /** True for 6 bits when absent. */
  readonly correctBias?: boolean;
  readonly progress?: Progress;
}

/** The settings that options stand for. */
export const settingsOf = (options: Omit<QuantizeOptions, 'samples'>): Settings => {
  const { bits = 8, layers, method = 'mse', outputBits = 16, powerOfTwo = false } = options;
  return {
    bits: PROFILES[bits],
    ...(layers === undefined ? {} : { layers }),
    ranges: method,
    outputBits,
    powerOfTwo,
    // with 8 bits the weights' rounding is far below the activations', and the correction is within the noise
    rounding: options.rounding ?? (bits === 6 ? 'feedback' : 'nearest'),
    correctBias: options.correctBias ?? bits === 6,
  };
};

/** Prepares a float program and runs it on the calibration samples. */
export const calibrateProgram = (
  program: Program,
  options: Pick<QuantizeOptions, 'samples' | 'compile' | 'progress'>,
): Result<Calibrated> => {
  const progress = options.progress ?? silentProgress;
  const bound = checkStatic(program);
  if (!bound.ok) return bound;
  const compile = options.compile ?? ((p) => (inputs) => runProgram(p, inputs));
  const samples = [...options.samples];
  const masked = finiteMasks(prepareFloat(program), { samples, compile, progress });
  return masked.ok ? Calibrated.make(masked.value, { samples, compile, progress }) : masked;
};

/**
 * Turns a float-level program into an integer-level one by post-training quantization (NUMERICS §5): calibrates ranges
 * on samples, gives weights one scale per output channel, fuses elementwise functions into tables, and proves that no
 * accumulator overflows. Every node that has no integer form is reported, by the user's name.
 */
export const quantizeProgram = (program: Program, options: QuantizeOptions): Result<QuantizedModel> => {
  const calibrated = calibrateProgram(program, options);
  if (!calibrated.ok) return calibrated;
  const model = calibrated.value.quantize(settingsOf(options), options.progress);
  return model.ok ? ok(model.value) : model;
};
