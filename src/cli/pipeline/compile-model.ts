import { basename, resolve } from 'node:path';
import { decodePackage, encodePackage, type FloatParameter, type MetadataInput, type Package } from '../../cvm-bytecode/index.ts';
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
import type { Report } from '../command.ts';
import type { Context } from '../context.ts';
import { fileReplaced, optionsConflict, wrongKind } from '../diagnostics.ts';
import { collectGarbage } from '../memory.ts';
import { Phases } from '../phases.ts';
import { fastestCompile, quantizedPorts, releaseBuffers, simplify, stopwatch } from './build.ts';
import { type Calibration, type CalibrationArgs, loadCalibration, sampleWarnings, threadsMs } from './calibration.ts';
import { type BudgetArgs, readBudgets } from './budgets.ts';
import type { CompileSummary } from './compile-summary.ts';
import { type Evaluation, evaluateModels, evaluateOutputs, type EvaluationArgs, outputMetric, type OutputQuality } from './evaluation.ts';
import { givenDiagnostics, givenReport, withoutSamples } from './given.ts';
import { loadModel, type ModelArgs } from './load.ts';
import { bitsRecord, type BitsRecord, chooseBits, type MixedRun, recordedBits } from './mixed.ts';
import { mixedJson, mixedText, paretoFiles } from './mixed-summary.ts';
import type { Source } from './model.ts';
import { removeObservations } from './observation-state.ts';
import { type MetadataArgs, labelsFor, metadataOf, withPreprocessing, withSourceScales } from './package-metadata.ts';
import { readPreparation } from './preparation.ts';
import { type RecordedOption, recordedOptions } from './provenance.ts';
import { type QuantizerArgs, quantizerOptions } from './quantizer-options.ts';
import { layerReport, summaryHtml, summaryText } from './summary.ts';
import { summaryJson } from './summary-json.ts';
import { latencyReport } from './summary-report.ts';
import type { PreparationOptions } from './samples.ts';
import { shareBits, sharingRecord, type SharingArgs } from './weight-sharing.ts';
import { floatBytesOf, floatParametersOf, type StorageArgs } from './storage.ts';

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
interface Built {
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

interface Work {
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
    encode: (model, bits) => encode(work, { ...built, program: model.program, quantized: model }, bits),
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

const build = async (work: Work): Promise<Result<Built>> =>
  isDirect(work) ? buildDirect(work) : sharedWeights(work, buildQuantized(work, await fastestCompile()));

const metadataFor = (work: Work, built: Built, bits: BitsRecord = { bits: quantizerOptions(work.args).bits }): MetadataInput => {
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

interface Packed {
  readonly bytes: Uint8Array;
  readonly package: Package;
}

/** Bits of layers for the record; undefined when all have those of --bits. */
const bitsOf = ({ mixed, record }: Built): BitsRecord | undefined => (mixed === undefined ? record : bitsRecord(mixed.mixed.layers));

const encode = (work: Work, built: Built, bits?: BitsRecord): Result<Uint8Array> =>
  encodePackage({
    program: built.program,
    metadata: metadataFor(work, built, bits),
    storage: work.args.storage === 'compressed' ? 'compressed' : 'plain',
    floatParameters: work.floatParameters,
  });

/** Encodes, and reads back what was encoded as a node would. */
const pack = (work: Work, built: Built): Result<Packed> => {
  const bytes = work.phases.time('verify, prove and encode', () => encode(work, built, bitsOf(built)));
  if (!bytes.ok) return bytes;
  const decoded = work.phases.time('read back', () => decodePackage(bytes.value));
  invariant(decoded.ok, decoded.ok ? '' : `the package that was just written does not read: ${decoded.diagnostics[0]?.message ?? ''}`);
  return ok({ bytes: bytes.value, package: decoded.value });
};

const outputPath = (args: CompileArgs): string => args.output ?? `${basename(args.model).replace(/[.](onnx|tflite|mrl)$/i, '')}.cvm`;

/** --report without a file name: an empty text. */
const reportPath = (args: CompileArgs): string | undefined => (args.report === undefined || args.report === '' ? undefined : args.report);

const writeAll = (work: Work, bytes: Uint8Array, html: string | undefined, mixed: MixedRun | undefined): Result<readonly string[]> => {
  const written: string[] = [];
  const files: readonly (readonly [string | undefined, Uint8Array | string])[] = [
    [outputPath(work.args), bytes],
    [html === undefined ? undefined : reportPath(work.args), html ?? ''],
    ...paretoFiles(work.args.pareto, basename(work.model.path), mixed),
  ];
  for (const [path, content] of files) {
    if (path === undefined) continue;
    const result = work.context.write(path, content);
    if (!result.ok) return result;
    if (result.value.replaced) work.warnings.push(fileReplaced(path));
    written.push(path);
  }
  return ok(written);
};

/** Accuracy, or how near outputs come to expected ones. */
interface Evaluated {
  readonly evaluation: Evaluation | undefined;
  readonly quality: OutputQuality | undefined;
}

const evaluate = async (work: Work, { quantized }: Built): Promise<Result<Evaluated>> => {
  const { args, context, imported, phases, preparation, warnings } = work;
  if (args.eval === undefined || imported === undefined) return ok({ evaluation: undefined, quality: undefined });
  const compile = await fastestCompile();
  const metric = outputMetric(args);
  return phases.time('evaluate', () => {
    if (metric !== undefined) {
      const quality = evaluateOutputs(context, args, metric, imported, quantized, preparation, compile);
      return quality.ok ? ok({ evaluation: undefined, quality: quality.value }) : quality;
    }
    const evaluation = evaluateModels(context, args, imported, quantized, preparation, compile, warnings);
    return evaluation.ok ? ok({ evaluation: evaluation.value, quality: undefined }) : evaluation;
  });
};

const compileLoaded = async (work: Work): Promise<Result<Report>> => {
  const built = await build(work);
  if (!built.ok) return built;
  const packed = pack(work, built.value);
  if (!packed.ok) return packed;
  const evaluation = await evaluate(work, built.value);
  if (!evaluation.ok) return evaluation;
  const { quantized, calibration, fitted, mixed } = built.value;
  const given =
    quantized?.given === undefined
      ? undefined
      : await work.phases.timeAsync('compare with the source', async () =>
          givenReport(work.imported, quantized, calibration, await fastestCompile()),
        );
  if (given !== undefined) work.warnings.push(...givenDiagnostics(given));
  const layers =
    work.args.report === undefined || quantized === undefined || calibration === undefined
      ? undefined
      : await work.phases.timeAsync('measure layers', async () => layerReport(quantized, calibration, await fastestCompile()));
  const latency =
    work.args.report === undefined
      ? undefined
      : await work.phases.timeAsync('measure latency', async () =>
          latencyReport(packed.value.package.program, quantized, calibration, work.context.io.now),
        );
  const summary: CompileSummary = {
    source: work.model,
    bytes: packed.value.bytes.length,
    floatBytes: work.floatBytes,
    shared: built.value.shared,
    package: packed.value.package,
    quantized,
    fitted,
    mixed,
    given,
    calibration,
    layers,
    latency,
    ...evaluation.value,
    phases: work.phases,
    peakBytes: work.context.io.peakBytes(),
  };
  const html = reportPath(work.args) === undefined ? undefined : summaryHtml(summary, work.warnings);
  const written = writeAll(work, packed.value.bytes, html, mixed);
  if (!written.ok) return written;
  if (work.args.state === undefined) removeObservations(work.context.io.cwd, `${outputPath(work.args)}.state`);
  const json = { ...summaryJson(summary, written.value), ...(mixed === undefined ? {} : { mixed: mixedJson(mixed) }) };
  const text = summaryText(summary, written.value, mixed === undefined ? '' : mixedText(mixed));
  return ok({ json, text, warnings: work.warnings });
};

/** Loads in a frame of its own, so that nothing but the work holds the program. */
const startWork = async (args: CompileArgs, context: Context, chosen?: BitsRecord): Promise<Result<Work>> => {
  const preparation = readPreparation(args);
  if (!preparation.ok) return preparation;
  const budgets = readBudgets(args);
  if (!budgets.ok) return budgets;
  const outputs = [outputPath(args), reportPath(args), args.pareto].filter((path) => path !== undefined);
  const full = [args.model, ...outputs].map((path) => resolve(context.io.cwd, path));
  if (new Set(full).size < full.length) {
    return fail(
      optionsConflict(`model, --output, --report and --pareto name the same file (${outputs.join(', ')})`, 'Give each its own name.'),
    );
  }
  const phases = new Phases(context.io.now);
  const model = await phases.timeAsync('import', () => loadModel(context, args.model, args));
  if (!model.ok) return model;
  if (model.value.kind === 'package') {
    return fail(wrongKind(args.model, 'this is a package already', `Look at it: cortexc inspect ${args.model}.`));
  }
  const { program, ...source } = model.value;
  const options = recordedOptions(args, context);
  if (!options.ok) return options;
  const labels = labelsFor(context, args.labels, program);
  if (!labels.ok) return labels;
  return ok({
    args,
    context,
    model: source,
    imported: program,
    floatBytes: floatBytesOf(program),
    floatParameters: args['keep-float'] === true ? floatParametersOf(program) : undefined,
    preparation: preparation.value,
    budgets: budgets.value,
    chosen,
    options: options.value,
    labels: labels.value,
    phases,
    warnings: [...source.warnings],
  });
};

/** `cortexc compile`: import, passes, quantization, proof, package. */
export const compileModel = async (args: CompileArgs, context: Context): Promise<Result<Report>> => {
  const work = await startWork(args, context);
  return work.ok ? compileLoaded(work.value) : work;
};

/** A compilation without a file to write: what `rebuild` compares. */
export interface CompiledAgain {
  readonly program: Program;
  readonly metadata: MetadataInput;
  readonly floatParameters: readonly FloatParameter[] | undefined;
  readonly warnings: readonly Diagnostic[];
}

/** Compiles as `compileModel` does, up to the package. @param chosen - what --bits mixed chose then */
export const compileAgain = async (args: CompileArgs, context: Context, chosen: BitsRecord | undefined): Promise<Result<CompiledAgain>> => {
  const work = await startWork(args, context, args.bits === 'mixed' ? chosen : undefined);
  if (!work.ok) return work;
  const built = await build(work.value);
  if (!built.ok) return built;
  const { floatParameters, warnings } = work.value;
  const metadata = metadataFor(work.value, built.value, bitsOf(built.value));
  return ok({ program: built.value.program, metadata, floatParameters, warnings });
};
