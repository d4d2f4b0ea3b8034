import { basename, resolve } from 'node:path';
import { decodePackage, encodePackage, type FloatParameter, type MetadataInput, type Package } from '../../cvm-bytecode/index.ts';
import { isIntegerProgram, type Program } from '../../ir/index.ts';
import {
  bringsScales,
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
import { type Calibration, type CalibrationArgs, loadCalibration } from './calibration.ts';
import { type Evaluation, evaluateModels, type EvaluationArgs } from './evaluation.ts';
import { givenDiagnostics, givenReport, withoutSamples } from './given.ts';
import { loadModel, type ModelArgs } from './load.ts';
import type { Source } from './model.ts';
import { type MetadataArgs, labelsFor, metadataOf, withPreprocessing } from './package-metadata.ts';
import { readPreparation } from './preparation.ts';
import { type QuantizerArgs, quantizerOptions } from './quantizer-options.ts';
import { type CompileSummary, layerReport, summaryHtml, summaryJson, summaryText } from './summary.ts';
import type { PreparationOptions } from './samples.ts';
import { shareBits, sharingRecord, type SharingArgs } from './weight-sharing.ts';
import { floatBytesOf, floatParametersOf, type StorageArgs } from './storage.ts';

export interface CompileArgs extends SharingArgs, StorageArgs, ModelArgs, MetadataArgs, CalibrationArgs, EvaluationArgs, QuantizerArgs {
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
    () => withoutSamples(args, quantizerOptions(args), prepared) ?? loadCalibration(context, args, prepared, preparation, warnings),
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
  phases.move('quantize', 'run calibration', watch.spentMs());
  if (!fitted.ok) return fitted;
  const { model } = fitted.value;
  return ok({ program: model.program, quantized: model, fitted: fitted.value, calibration: calibration.value });
};

/** Packages the program without quantizing it: as asked, or because it is integer already. */
const buildDirect = ({ args, context, imported, phases }: Work): Result<Built> => {
  invariant(imported !== undefined, 'nothing was imported');
  if (args.calibration !== undefined || args['random-calibration'] !== undefined) {
    return fail(optionsConflict('the program is integer already, so there is nothing to calibrate', 'Leave the calibration options out.'));
  }
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

const metadataFor = (work: Work, built: Built): MetadataInput => {
  const { args, model, preparation } = work;
  const { quantized, calibration, program } = built;
  if (quantized === undefined || calibration === undefined) return metadataOf(args, model, work.labels, undefined);
  const base = metadataOf(args, model, work.labels, {
    method: `${calibration.random ? 'random ' : ''}${quantizerOptions(args).method}${sharingRecord(args)}`,
    bits: quantizerOptions(args).bits,
    samples: calibration.samples.length,
    calibration: calibration.digest,
  });
  const inputs = quantizedPorts(program, program.inputs, quantized.float, quantized.float.inputs, quantized.inputs);
  const outputs = quantizedPorts(program, program.outputs, quantized.float, quantized.float.outputs, quantized.outputs);
  return { ...base, inputs: withPreprocessing(inputs, args, preparation), outputs };
};

interface Packed {
  readonly bytes: Uint8Array;
  readonly package: Package;
}

/** Encodes, and reads back what was encoded as a node would. */
const pack = (work: Work, built: Built): Result<Packed> => {
  const metadata = metadataFor(work, built);
  const bytes = work.phases.time('verify, prove and encode', () =>
    encodePackage({
      program: built.program,
      metadata,
      storage: work.args.storage === 'compressed' ? 'compressed' : 'plain',
      floatParameters: work.floatParameters,
    }),
  );
  if (!bytes.ok) return bytes;
  const decoded = work.phases.time('read back', () => decodePackage(bytes.value));
  invariant(decoded.ok, decoded.ok ? '' : `the package that was just written does not read: ${decoded.diagnostics[0]?.message ?? ''}`);
  return ok({ bytes: bytes.value, package: decoded.value });
};

const outputPath = (args: CompileArgs): string => args.output ?? `${basename(args.model).replace(/[.](onnx|mrl)$/i, '')}.cvm`;

/** --report without a file name: an empty text. */
const reportPath = (args: CompileArgs): string | undefined => (args.report === undefined || args.report === '' ? undefined : args.report);

const writeAll = (work: Work, bytes: Uint8Array, html: string | undefined): Result<readonly string[]> => {
  const written: string[] = [];
  const files: readonly (readonly [string | undefined, Uint8Array | string])[] = [
    [outputPath(work.args), bytes],
    [html === undefined ? undefined : reportPath(work.args), html ?? ''],
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

const evaluate = async (work: Work, built: Built): Promise<Result<Evaluation | undefined>> => {
  const { args, context, imported, phases, preparation, warnings } = work;
  if (args.eval === undefined || imported === undefined) return ok(undefined);
  const compile = await fastestCompile();
  return phases.time('evaluate', () => evaluateModels(context, args, imported, built.quantized, preparation, compile, warnings));
};

const compileLoaded = async (work: Work): Promise<Result<Report>> => {
  const built = await build(work);
  if (!built.ok) return built;
  const packed = pack(work, built.value);
  if (!packed.ok) return packed;
  const evaluation = await evaluate(work, built.value);
  if (!evaluation.ok) return evaluation;
  const { quantized, calibration } = built.value;
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
  const summary: CompileSummary = {
    source: work.model,
    bytes: packed.value.bytes.length,
    floatBytes: work.floatBytes,
    shared: built.value.shared,
    package: packed.value.package,
    quantized,
    given,
    calibration,
    layers,
    evaluation: evaluation.value,
    phases: work.phases,
    peakBytes: work.context.io.peakBytes(),
  };
  const html = reportPath(work.args) === undefined ? undefined : summaryHtml(summary, work.warnings);
  const written = writeAll(work, packed.value.bytes, html);
  if (!written.ok) return written;
  return ok({ json: summaryJson(summary, written.value), text: summaryText(summary, written.value), warnings: work.warnings });
};

/** Loads in a frame of its own, so that nothing but the work holds the program. */
const startWork = async (args: CompileArgs, context: Context): Promise<Result<Work>> => {
  const preparation = readPreparation(args);
  if (!preparation.ok) return preparation;
  const outputs = [outputPath(args), reportPath(args)].filter((path) => path !== undefined);
  const full = [args.model, ...outputs].map((path) => resolve(context.io.cwd, path));
  if (new Set(full).size < full.length) {
    return fail(optionsConflict(`model, --output and --report name the same file (${outputs.join(', ')})`, 'Give each its own name.'));
  }
  const phases = new Phases(context.io.now);
  const model = await phases.timeAsync('import', () => loadModel(context, args.model, args));
  if (!model.ok) return model;
  if (model.value.kind === 'package') {
    return fail(wrongKind(args.model, 'this is a package already', `Look at it: cortexc inspect ${args.model}.`));
  }
  const { program, ...source } = model.value;
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
