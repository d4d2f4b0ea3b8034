import { basename, resolve } from 'node:path';
import { decodePackage, type FloatParameter, type MetadataInput, type Package } from '../../cvm-bytecode/index.ts';
import type { Program } from '../../ir/index.ts';
import { type Diagnostic, fail, invariant, ok, type Result } from '../../support/index.ts';
import type { Report } from '../command.ts';
import type { Context } from '../context.ts';
import { fileReplaced, optionsConflict, wrongKind } from '../diagnostics.ts';
import type { Draft } from '../drafts.ts';
import { Phases } from '../phases.ts';
import { fastestCompile } from './build.ts';
import { readBudgets } from './budgets.ts';
import { bitsOf, build, type Built, type CompileArgs, lay, metadataFor, outputPath, type Work } from './compile-build.ts';
import type { CompileSummary } from './compile-summary.ts';
import { deskOf } from './desk.ts';
import { type Evaluation, evaluateModels, evaluateOutputs, outputMetric, type OutputQuality } from './evaluation.ts';
import { givenDiagnostics, givenReport } from './given.ts';
import { loadModel } from './load.ts';
import type { BitsRecord, MixedRun } from './mixed.ts';
import { mixedJson, mixedText, paretoFiles } from './mixed-summary.ts';
import { removeObservations } from './observation-state.ts';
import { labelsFor } from './package-metadata.ts';
import { readPreparation } from './preparation.ts';
import { recordedOptions } from './provenance.ts';
import { layerReport, summaryHtml, summaryText } from './summary.ts';
import { summaryJson } from './summary-json.ts';
import { latencyReport } from './summary-report.ts';
import { floatBytesOf, floatParametersOf } from './storage.ts';

interface Packed {
  readonly draft: Draft;
  readonly package: Package;
}

/** Writes the package, without giving it its name yet, and reads back what was written as a node would. */
const pack = (work: Work, built: Built): Result<Packed> => {
  const { args, context, phases } = work;
  const laid = phases.time('verify, prove and encode', () => lay(work, built, bitsOf(built)));
  if (!laid.ok) return laid;
  const draft = phases.time('write', () => context.draft(outputPath(args), laid.value.pieces()));
  if (!draft.ok) return draft;
  const decoded = phases.time('read back', () => decodePackage(draft.value.source(), { desk: deskOf(context) }));
  if (decoded.ok) return ok({ draft: draft.value, package: decoded.value });
  draft.value.discard();
  invariant(false, `the package that was just written does not read: ${decoded.diagnostics[0]?.message ?? ''}`);
};

/** --report without a file name: an empty text. */
const reportPath = (args: CompileArgs): string | undefined => (args.report === undefined || args.report === '' ? undefined : args.report);

const writeAll = (work: Work, draft: Draft, html: string | undefined, mixed: MixedRun | undefined): Result<readonly string[]> => {
  const written: string[] = [];
  const files: readonly (readonly [string | undefined, Uint8Array | string | Draft])[] = [
    [outputPath(work.args), draft],
    [html === undefined ? undefined : reportPath(work.args), html ?? ''],
    ...paretoFiles(work.args.pareto, basename(work.model.path), mixed),
  ];
  for (const [path, content] of files) {
    if (path === undefined) continue;
    const result = typeof content === 'object' && 'commit' in content ? content.commit() : work.context.write(path, content);
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
  try {
    return await compilePacked(work, built.value, packed.value);
  } finally {
    packed.value.draft.discard();
  }
};

/** Measures what was packed, then writes and tells everything. */
const compilePacked = async (work: Work, built: Built, packed: Packed): Promise<Result<Report>> => {
  const evaluation = await evaluate(work, built);
  if (!evaluation.ok) return evaluation;
  const { quantized, calibration, fitted, mixed } = built;
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
          latencyReport(packed.package.program, quantized, calibration, work.context.io.now),
        );
  const summary: CompileSummary = {
    source: work.model,
    bytes: packed.draft.size,
    floatBytes: work.floatBytes,
    shared: built.shared,
    package: packed.package,
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
  const written = writeAll(work, packed.draft, html, mixed);
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
