import { basename } from 'node:path';
import { type FloatParameter, layPackage, type MetadataInput, type PackageFile } from '../../cvm-bytecode/index.ts';
import { isIntegerProgram, type Program } from '../../ir/index.ts';
import {
  bringsScales,
  type Budgets,
  type Compile,
  fitQuantizer,
  prepareFloat,
  type QuantizedModel,
  type Searched,
  type SharedLayer,
  shareWeights,
} from '../../passes/index.ts';
import { type Diagnostic, fail, invariant, ok, type Progress, type Result } from '../../support/index.ts';
import type { Context } from '../context.ts';
import { optionsConflict } from '../diagnostics.ts';
import { collectGarbage } from '../memory.ts';
import type { Phases } from '../phases.ts';
import { fastestCompile, quantizedPorts, releaseBuffers, simplify, stopwatch } from './build.ts';
import { type Calibration, type CalibrationArgs, loadCalibration, sampleWarnings, threadsMs } from './calibration.ts';
import type { BudgetArgs } from './budgets.ts';
import type { EvaluationArgs } from './evaluation.ts';
import { withoutSamples } from './given.ts';
import type { ModelArgs } from './load.ts';
import { bitsRecord, type BitsRecord, chooseBits, type MixedRun, recordedBits } from './mixed.ts';
import type { Source } from './model.ts';
import { type MetadataArgs, metadataOf, withPreprocessing, withSourceScales } from './package-metadata.ts';
import type { RecordedOption } from './provenance.ts';
import { type QuantizerArgs, quantizerOptions } from './quantizer-options.ts';
import type { PreparationOptions } from './samples.ts';
import { shareBits, sharingRecord, type SharingArgs } from './weight-sharing.ts';
import type { StorageArgs } from './storage.ts';

export interface CompileArgs
  extends SharingArgs,
    BudgetArgs,
    StorageArgs,
    ModelArgs,
    MetadataArgs,
    CalibrationArgs,
    EvaluationArgs,
    QuantizerArgs {
  readonly model: string;
  readonly output?: string | undefined;
  readonly float: boolean;
  readonly report?: string | undefined;
}

/** A program ready for packaging, and how it came about. */
export interface Built {
  readonly program: Program;
  readonly quantized?: QuantizedModel;
  /** How the quantizer was settled. */
  readonly fitted?: Searched;
  readonly calibration?: Calibration;
  /** What weight sharing did. */
  readonly shared?: readonly SharedLayer[];
  /** How bits were chosen for each layer. */
  readonly mixed?: MixedRun;
  /** Bits of layers that an earlier compilation chose. */
  readonly record?: BitsRecord;
}

export interface Work {
  readonly args: CompileArgs;
  readonly context: Context;
  readonly model: Source;
  /** The imported program. Taken out as soon as the prepared program stands: its parameters hold the whole file. */
  imported: Program | undefined;
  /** Bytes of the float32 parameters of the source. */
  readonly floatBytes: number;
  /** The float32 parameters themselves, when they are to be kept. */
  readonly floatParameters: readonly FloatParameter[] | undefined;
  readonly preparation: PreparationOptions;
  /** Of --bits mixed. */
  readonly budgets: Budgets;
  /** What an earlier compilation chose with --bits mixed. */
  readonly chosen: BitsRecord | undefined;
  /** The options that decide the bytes, as the package has them. */
  readonly options: readonly RecordedOption[];
  readonly labels: readonly string[] | undefined;
  readonly phases: Phases;
  readonly warnings: Diagnostic[];
}

/** The program as the quantizer wants it; from here on nothing needs the file, unless an evaluation does. */
const takePrepared = (work: Work): Program => {
  const { imported } = work;
  invariant(imported !== undefined, 'the imported program was taken twice');
  const prepared = prepareFloat(imported);
  // what a model's own quantization becomes is compared with the source
  if (work.args.eval === undefined && !bringsScales(prepared)) work.imported = undefined;
  return releaseBuffers(prepared);
};

/** Models from this size on are worth a collection: below, it takes longer than it saves. */
const LARGE_BYTES = 32e6;

/** Frees what calibration used when quantization begins, so that the peak is the greater of both and not their sum. */
const collectingProgress = ({ model, context }: Work): Progress => ({
  step: (phase, done, total, what) => {
    if (phase === 'quantize' && done === 0 && model.sizeBytes >= LARGE_BYTES) collectGarbage();
    context.progress.step(phase, done, total, what);
  },
});

const buildQuantized = (work: Work, compile: Compile): Result<Built> => {
  const { args, context, preparation, phases, warnings } = work;
  const prepared = phases.time('prepare', () => takePrepared(work));
  if (work.model.sizeBytes >= LARGE_BYTES) collectGarbage();
  const calibration = phases.time(
    'read calibration',
    () =>
      withoutSamples(args, quantizerOptions(args), prepared) ??
      loadCalibration(context, args, prepared, preparation, warnings, `${outputPath(args)}.state`),
  );
  if (!calibration.ok) return calibration;
  const watch = stopwatch(compile, context.io.now);
  const fitted = phases.time('quantize', () =>
    fitQuantizer(prepared, {
      compile: watch.compile,
      samples: calibration.value.samples,
      ...quantizerOptions(args),
      progress: collectingProgress(work),
    }),
  );
  phases.move('quantize', 'run calibration', watch.spentMs() + threadsMs(calibration.value));
  if (!fitted.ok) return fitted;
  warnings.push(...sampleWarnings(calibration.value));
  const { model } = fitted.value;
  const built = { program: model.program, quantized: model, fitted: fitted.value, calibration: calibration.value };
  if (args.bits !== 'mixed') return ok(built);
  return work.chosen === undefined ? phases.time('choose bits', () => chooseMixedBits(work, built, compile)) : withBits(built, work.chosen);
};

/** The model with bits that were chosen before. */
const withBits = (built: Required<Pick<Built, 'program' | 'quantized' | 'fitted' | 'calibration'>>, record: BitsRecord): Result<Built> => {
  const { calibrated, settings } = built.fitted;
  const model = calibrated.quantize({ ...settings, ...recordedBits(record, calibrated.layers) });
  return model.ok ? ok({ ...built, program: model.value.program, quantized: model.value, record }) : model;
};

/** Chooses the bits of each layer of a calibrated model within the budgets. */
const chooseMixedBits = (work: Work, built: Required<Omit<Built, 'mixed' | 'shared' | 'record'>>, compile: Compile): Result<Built> => {
  const { args } = work;
  const chosen = chooseBits(built.fitted, {
    ...work,
    calibration: built.calibration,
    compile,
    lay: (model, bits) => lay(work, { ...built, program: model.program, quantized: model }, bits),
    form: JSON.stringify([metadataFor(work, built), args.storage, args['keep-float']]),
    folder: `${outputPath(args)}.state`,
  });
  if (!chosen.ok) return chosen;
  const { model } = chosen.value.mixed;
  return ok({ ...built, program: model.program, quantized: model, mixed: chosen.value });
};

/** Packages the program without quantizing it: as asked, or because it is integer already. */
const buildDirect = ({ args, context, imported, phases }: Work): Result<Built> => {
  invariant(imported !== undefined, 'nothing was imported');
  if (args.calibration !== undefined || args['random-calibration'] !== undefined) {
    return fail(optionsConflict('the program is integer already, so there is nothing to calibrate', 'Leave the calibration options out.'));
  }
  if (args.bits === 'mixed')
    return fail(optionsConflict('the program is integer already, so no bits are to be chosen', 'Leave --bits mixed out.'));
  const simple = phases.time('simplify', () => simplify(imported, context.progress));
  return simple.ok ? ok({ program: simple.value }) : simple;
};

const isDirect = (work: Work): boolean => work.args.float || (work.imported !== undefined && isIntegerProgram(work.imported));

/** Shares weights as --share-weights says: the last thing that changes the program. */
const sharedWeights = ({ args, phases }: Work, built: Result<Built>): Result<Built> => {
  const bits = shareBits(args);
  if (bits === undefined || !built.ok || built.value.quantized === undefined) return built;
  const { quantized } = built.value;
  const shared = phases.time('share weights', () => shareWeights(quantized, bits));
  if (!shared.ok) return shared;
  const { model, layers } = shared.value;
  return ok({ ...built.value, program: model.program, quantized: model, shared: layers });
};

export const build = async (work: Work): Promise<Result<Built>> =>
  isDirect(work) ? buildDirect(work) : sharedWeights(work, buildQuantized(work, await fastestCompile()));

export const metadataFor = (work: Work, built: Built, bits: BitsRecord = { bits: quantizerOptions(work.args).bits }): MetadataInput => {
  const { args, model, preparation } = work;
  const { quantized, calibration, program } = built;
  if (quantized === undefined || calibration === undefined)
    return withOptions(metadataOf(args, model, work.labels, undefined), work, program);
  const base = metadataOf(args, model, work.labels, {
    method: `${calibration.random ? 'random ' : ''}${quantizerOptions(args).method}${sharingRecord(args)}`,
    ...bits,
    samples: calibration.samples.count,
    calibration: calibration.digest(),
  });
  const inputs = quantizedPorts(program, program.inputs, quantized.float, quantized.float.inputs, quantized.inputs);
  const outputs = quantizedPorts(program, program.outputs, quantized.float, quantized.float.outputs, quantized.outputs);
  return withOptions({ ...base, inputs: withPreprocessing(inputs, args, preparation), outputs }, work, program);
};

const withOptions = (metadata: MetadataInput, { options, model }: Work, program: Program): MetadataInput => ({
  ...withSourceScales(metadata, program, model.scales),
  source: { ...metadata.source, options },
});

/** Bits of layers for the record; undefined when all have those of --bits. */
export const bitsOf = ({ mixed, record }: Built): BitsRecord | undefined => (mixed === undefined ? record : bitsRecord(mixed.mixed.layers));

/** The package, not written yet. */
export const lay = (work: Work, built: Built, bits?: BitsRecord): Result<PackageFile> =>
  layPackage({
    program: built.program,
    metadata: metadataFor(work, built, bits),
    storage: work.args.storage === 'compressed' ? 'compressed' : 'plain',
    floatParameters: work.floatParameters,
  });

export const outputPath = (args: CompileArgs): string => args.output ?? `${basename(args.model).replace(/[.](onnx|tflite|mrl)$/i, '')}.cvm`;
