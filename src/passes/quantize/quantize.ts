import { type Program, runProgram } from '../../ir/index.ts';
import { ok, type Progress, type Result, silentProgress } from '../../support/index.ts';
import type { Compile } from './calibrate.ts';
import { Calibrated, type Settings } from './calibrated.ts';
import { equalize } from './equalize.ts';
import { finiteMasks } from './finite-masks.ts';
import { givenScales } from './given/given-scales.ts';
import type { WeightBits } from './layer-weights.ts';
import { type LayerBits, PROFILES, type QuantizedModel, type Rounding } from './model.ts';
import { checkStatic, prepareFloat } from './prepare.ts';
import type { RangeMethod } from './ranges.ts';
import { type Samples, sourceOf } from './sample-source.ts';
import { type Searched, searchSettings, type SearchSpace } from './search.ts';

export interface QuantizeOptions {
  /** Calibration inputs: one tensor for each model input, any number of times, in memory or read on demand. */
  readonly samples: Samples;
  /** How to run the float model; the reference interpreter when absent. */
  readonly compile?: Compile;
  /** 8 (the default): weights and activations of 8 bits. 6: weights of 6. 16: both of 16. */
  readonly bits?: WeightBits;
  /** Bits of single layers, by the names of `Calibrated.layers`. */
  readonly layers?: ReadonlyMap<string, LayerBits>;
  /**
   * How activation ranges are chosen; default `mse`; `auto` measures which method serves each value best. Inputs, sums and
   * what softmax or sigmoid read keep min and max.
   */
  readonly method?: RangeMethod | 'auto';
  /** Bits of outputs that come straight from an accumulator (logits): default 16. Other outputs have 8. */
  readonly outputBits?: 8 | 16;
  /** Every scale is a power of two: rescales are shifts. */
  readonly powerOfTwo?: boolean;
  /** `feedback` when absent, `nearest` for 16 bits; `auto` measures both. */
  readonly rounding?: Rounding | 'auto';
  /** Whether biases make good what rounding weights takes from the mean; default true. */
  readonly correctBias?: boolean;
  /** Whether channels are scaled between layers first (cross-layer equalization); false when absent; `auto` measures both. */
  readonly equalize?: boolean | 'auto';
  readonly progress?: Progress;
}

/** The settings that options stand for; where an option is `auto`, those that the search begins with. */
const settingsOf = (options: QuantizeOptions): Settings => {
  const { bits = 8, layers, method = 'mse', outputBits = 16, powerOfTwo = false, rounding, correctBias = true } = options;
  return {
    bits: PROFILES[bits],
    ...(layers === undefined ? {} : { layers }),
    ranges: method === 'auto' ? 'mse' : method,
    outputBits,
    powerOfTwo,
    // 16 bits leave nothing to feed back
    rounding: rounding === undefined || rounding === 'auto' ? (bits === 16 ? 'nearest' : 'feedback') : rounding,
    correctBias,
  };
};

/** What the options leave to measurement. With 16 bits there is nothing to choose. */
const spaceOf = ({ bits, method, rounding, equalize: scaling }: QuantizeOptions): SearchSpace =>
  bits === 16
    ? {}
    : {
        ranges: method === 'auto',
        rounding: rounding === 'auto',
        equalize: scaling === 'auto',
      };

/** Prepares a float program and runs it on the calibration samples. */
const calibrateProgram = (program: Program, options: QuantizeOptions, compile: Compile): Result<Calibrated> => {
  const progress = options.progress ?? silentProgress;
  const samples = sourceOf(options.samples);
  const columns = options.rounding === 'auto' || settingsOf(options).rounding === 'feedback';
  const bound = checkStatic(program);
  if (!bound.ok) return bound;
  const masked = finiteMasks(prepareFloat(program), { samples, compile, progress });
  if (!masked.ok) return masked;
  const { program: plain, ...found } = givenScales(masked.value);
  // other codes than int8 with scales of any kind have no use for the model's own
  const given = options.powerOfTwo === true || options.bits === 16 ? undefined : found;
  if (given !== undefined && (given.activations.size > 0 || given.integers.size > 0))
    return Calibrated.make(plain, { samples, compile, progress, columns, given });
  const float = options.equalize === true ? equalize(plain, samples, compile).program : plain;
  return Calibrated.make(float, { samples, compile, progress, columns });
};

/**
 * Calibrates a float program and settles how it is quantized: as the options say, and by measurement where they say `auto`.
 * The result can be quantized again with other bits, without running the float program on all samples again.
 */
export const fitQuantizer = (program: Program, options: QuantizeOptions): Result<Searched> => {
  const compile = options.compile ?? ((p) => (inputs) => runProgram(p, inputs));
  const samples = sourceOf(options.samples);
  const calibrated = calibrateProgram(program, { ...options, samples }, compile);
  if (!calibrated.ok) return calibrated;
  const progress = options.progress ?? silentProgress;
  // without samples there is nothing to measure with
  const space = samples.count === 0 ? {} : spaceOf(options);
  return searchSettings(calibrated.value, settingsOf(options), space, { samples, compile, progress });
};

/**
 * Turns a float-level program into an integer-level one by post-training quantization (NUMERICS §5): calibrates ranges
 * on samples, gives weights one scale per output channel, fuses elementwise functions into tables, and proves that no
 * accumulator overflows. Every node that has no integer form is reported, by the user's name.
 */
export const quantizeProgram = (program: Program, options: QuantizeOptions): Result<QuantizedModel> => {
  const fitted = fitQuantizer(program, options);
  return fitted.ok ? ok(fitted.value.model) : fitted;
};
