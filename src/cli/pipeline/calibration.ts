import { isStaticType, type Program, typeOf } from '../../ir/index.ts';
import type { CalibrationSample, SampleSource } from '../../passes/index.ts';
import { type Diagnostic, fail, ok, type Result, sha256Hex } from '../../support/index.ts';
import type { Context } from '../context.ts';
import { calibrationMissing, calibrationRandom } from '../diagnostics.ts';
import { DigestedSamples } from './digested-samples.ts';
import { observationState } from './observation-state.ts';
import { openSamples, type SampleInput } from './sample-files.ts';
import type { PreparationOptions } from './samples.ts';
import { ThreadedSamples } from './threaded-samples.ts';

/** Seed of random calibration: the same model gives the same package. */
const RANDOM_SEED = 20_180_628;

export interface CalibrationArgs {
  readonly calibration?: readonly string[] | undefined;
  readonly 'random-calibration'?: number | undefined;
  readonly 'calibration-limit': number;
  /** Threads at most; all cores when left out. */
  readonly threads?: number | undefined;
  /** Folder that keeps what the float model showed. */
  readonly state?: string | undefined;
}

export interface Calibration {
  readonly samples: SampleSource;
  readonly random: boolean;
  /** SHA-256 of all samples' bytes in order. Reads those that have not been read yet. */
  readonly digest: () => string;
}

/** For a model that brings its scales along. */
export const NO_SAMPLES: Calibration = { samples: { count: 0, read: () => [] }, random: false, digest: () => sha256Hex() };

/** The inputs of a program whose dimensions are numbers. */
export const sampleInputs = (program: Program): readonly SampleInput[] =>
  program.inputs.flatMap(({ name, value }) => {
    const type = typeOf(program, value);
    return isStaticType(type) ? [{ name, type: { dtype: type.dtype, shape: type.shape } }] : [];
  });

/** Seeded samples: real inputs uniform in [-1, 1), integers over their range. */
export const randomSamples = (program: Program, count: number, seed = RANDOM_SEED): readonly CalibrationSample[] => {
  const source = openSamples({ kind: 'random', inputs: sampleInputs(program), count, seed });
  return source.ok ? Array.from({ length: count }, (_, i) => source.value.read(i)) : [];
};

/**
 * The calibration samples that the command line asks for, to be read on demand. None asked for is an error with the remedy,
 * never silent noise.
 * @param folder - where the observation is kept while it runs, unless --state says so
 * Errors: CLI1006 and those of `openSamples`; warning CLI1007 for random samples.
 */
export const loadCalibration = (
  context: Context,
  args: CalibrationArgs,
  program: Program,
  preparation: PreparationOptions,
  warnings: Diagnostic[],
  folder?: string,
): Result<Calibration> => {
  const count = args['random-calibration'];
  const inputs = sampleInputs(program);
  if (count !== undefined) warnings.push(calibrationRandom(count));
  else if (args.calibration === undefined) return fail(calibrationMissing());
  const opened = openSamples(
    count === undefined
      ? { kind: 'files', cwd: context.io.cwd, paths: args.calibration ?? [], inputs, preparation, most: args['calibration-limit'] }
      : { kind: 'random', inputs, count, seed: RANDOM_SEED },
    context.progress,
  );
  if (!opened.ok) return opened;
  const { cwd, now } = context.io;
  const kept = args.state ?? folder;
  const samples = new ThreadedSamples(opened.value, {
    threads: { most: args.threads ?? 0 },
    now,
    ...(kept === undefined ? {} : { state: observationState({ cwd, folder: kept, now, warnings }) }),
  });
  return ok({ samples, random: count !== undefined, digest: () => samples.digest() });
};

/** Milliseconds that the samples ran on other threads. */
export const threadsMs = ({ samples }: Calibration): number => (samples instanceof ThreadedSamples ? samples.waitedMs : 0);

/** What reading the samples found odd, once all that needs them is done. */
export const sampleWarnings = ({ samples }: Calibration): readonly Diagnostic[] =>
  samples instanceof DigestedSamples ? samples.source.warnings() : [];
