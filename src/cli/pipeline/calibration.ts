import type { CalibrationSample } from '../../passes/index.ts';
import { canonicalBytes, isStaticType, Philox, type Program, randomTensor, type StaticType, type Tensor, typeOf } from '../../ir/index.ts';
import { at, type Diagnostic, fail, ok, type Result, sha256Hex } from '../../support/index.ts';
import type { Context } from '../context.ts';
import { calibrationMissing, calibrationRandom, inputsMismatch } from '../diagnostics.ts';
import { loadSamples, type PreparationOptions, readArrays, splitSamples, toFloat, toInteger } from './samples.ts';

/** Seed of random calibration: the same model gives the same package. */
const RANDOM_SEED = 20_180_628;

export interface CalibrationArgs {
  readonly calibration?: readonly string[] | undefined;
  readonly 'random-calibration'?: number | undefined;
  readonly 'calibration-limit': number;
}

export interface Calibration {
  readonly samples: readonly CalibrationSample[];
  readonly random: boolean;
  /** SHA-256 of all samples' bytes in order. */
  readonly digest: string;
}

/** For a model that brings its scales along. */
export const NO_SAMPLES: Calibration = { samples: [], random: false, digest: sha256Hex() };

const inputTypes = (program: Program): readonly StaticType[] => program.inputs.map((p) => typeOf(program, p.value)).filter(isStaticType);

/** Seeded samples: real inputs uniform in [-1, 1), integers over their range. */
export const randomSamples = (program: Program, count: number, seed = RANDOM_SEED): readonly CalibrationSample[] =>
  Array.from({ length: count }, (_, i) =>
    inputTypes(program).map((type, k) => {
      const random = new Philox(seed, k, i);
      return type.dtype === 'f32' ? randomTensor(type, random, -1, 1) : randomTensor(type, random);
    }),
  );

const digestOf = (samples: readonly CalibrationSample[]): string => sha256Hex(...samples.flatMap((s) => s.map(canonicalBytes)));

/** Samples of several inputs: .npz files with one array an input, each a list of samples. */
const archiveSamples = (
  context: Context,
  paths: readonly string[],
  program: Program,
  warnings: Diagnostic[],
): Result<readonly CalibrationSample[]> => {
  const types = inputTypes(program);
  const problems: Diagnostic[] = [];
  const samples: CalibrationSample[] = [];
  for (const path of paths) {
    const arrays = readArrays(context, path, at(types, 0), {}, warnings);
    if (!arrays.ok) {
      problems.push(...arrays.diagnostics);
      continue;
    }
    const columns: (readonly Tensor[])[] = [];
    program.inputs.forEach((port, i) => {
      const found = arrays.value.find((a) => a.name === port.name);
      const type = at(types, i);
      if (found === undefined) {
        const has = arrays.value.map((a) => a.name || 'one array without a name').join(', ');
        problems.push(
          inputsMismatch(
            `${path} has no array for input ${port.name} (it has ${has})`,
            `a .npz with ${program.inputs.map((p) => p.name).join(', ')}`,
          ),
        );
        return;
      }
      const split = splitSamples(type.dtype === 'f32' ? toFloat(found.tensor) : found.tensor, type.shape, `${path}:${port.name}`);
      if (!split.ok) problems.push(...split.diagnostics);
      else {
        const typed = split.value.map((t) => (t.dtype === type.dtype ? ok(t) : toInteger(t, type, `${path}:${port.name}`)));
        for (const t of typed) if (!t.ok) problems.push(...t.diagnostics);
        columns.push(typed.flatMap((t) => (t.ok ? [t.value] : [])));
      }
    });
    if (problems.length > 0) continue;
    const counts = columns.map((c) => c.length);
    if (new Set(counts).size > 1)
      problems.push(inputsMismatch(`${path} has ${counts.join(', ')} samples for its inputs`, 'the same number for each'));
    else for (let k = 0; k < (counts[0] ?? 0); k++) samples.push(columns.map((c) => at(c, k)));
  }
  return problems.length > 0 ? fail(...problems) : ok(samples);
};

/**
 * The calibration samples that the command line asks for. None asked for is an error with the remedy, never silent noise.
 * Errors: CLI1006 and those of the files; warning CLI1007 for random samples.
 */
export const loadCalibration = (
  context: Context,
  args: CalibrationArgs,
  program: Program,
  preparation: PreparationOptions,
  warnings: Diagnostic[],
): Result<Calibration> => {
  const count = args['random-calibration'];
  if (count !== undefined) {
    warnings.push(calibrationRandom(count));
    const samples = randomSamples(program, count);
    return ok({ samples, random: true, digest: digestOf(samples) });
  }
  if (args.calibration === undefined) return fail(calibrationMissing());
  const [type, ...more] = inputTypes(program);
  const limit = args['calibration-limit'];
  if (type === undefined || more.length > 0 || type.dtype !== 'f32') {
    const samples = archiveSamples(context, args.calibration, program, warnings);
    return samples.ok
      ? ok({ samples: samples.value.slice(0, limit), random: false, digest: digestOf(samples.value.slice(0, limit)) })
      : samples;
  }
  const loaded = loadSamples(context, args.calibration, type, preparation, warnings, limit);
  if (!loaded.ok) return loaded;
  const samples = loaded.value.map((t) => [t]);
  return ok({ samples, random: false, digest: digestOf(samples) });
};
