import { examineOnnx, importOnnx, type OnnxOptions, type OnnxReport, type ReadExternal } from '../../frontend/onnx/index.ts';
import { type ByteSource, type Diagnostic, fail, ok, type Result } from '../../support/index.ts';
import { assumedNotes, type BindOptions, chooseSizes } from '../bindings.ts';
import type { Context } from '../context.ts';
import { parseConstants, unknownConstants } from '../constants.ts';
import { openBeside } from '../file-source.ts';
import { deskOf } from './desk.ts';
import type { SourceModel } from './model.ts';

/** Puts the path of the model before what the importer says. */
export const inModel = (path: string, diagnostics: readonly Diagnostic[]): readonly Diagnostic[] =>
  diagnostics.map((d) => ({ ...d, where: d.where === undefined ? path : `${path}: ${d.where}` }));

/** Nothing at all was found in the bytes. */
const isNoModel = (report: OnnxReport): boolean => report.nodes.length === 0 && report.inputs.length === 0 && report.problems.length > 0;

/** Sizes of symbols, and words of --const. */
export interface FixedValues extends BindOptions {
  readonly constants: readonly string[];
}

/** Opens each file of external data once. */
const externalFiles = (context: Context, path: string): ReadExternal => {
  const opened = new Map<string, Result<ByteSource>>();
  return (location) => {
    const source = opened.get(location) ?? openBeside(context.io.cwd, path, location);
    opened.set(location, source);
    return source.ok ? ok({ source: source.value, desk: deskOf(context) }) : source;
  };
};

interface Examined {
  readonly report: OnnxReport;
  readonly options: OnnxOptions;
  readonly notes: readonly Diagnostic[];
}

/**
 * Examines an ONNX model with its symbols bound. Sizes are bound while importing, not after: exporters compute shapes in
 * the graph, and those fold only when sizes are numbers. So the inputs are read first. Fails on bytes that are no model
 * and on sizes that do not fit.
 */
export const examineFile = (context: Context, path: string, bytes: Uint8Array, bind: FixedValues): Result<Examined> => {
  const constants = parseConstants(context, bind.constants);
  if (!constants.ok) return constants;
  const plain: OnnxOptions = { readExternal: externalFiles(context, path) };
  const plainly = examineOnnx(bytes, plain);
  if (isNoModel(plainly)) return fail(...inModel(path, plainly.problems));
  const unknown = unknownConstants(
    constants.value,
    plainly.inputs.map((p) => p.name),
  );
  if (unknown.length > 0) return fail(...unknown);
  const fixed = constants.value.size > 0;
  const options = fixed ? { ...plain, constants: constants.value } : plain;
  const first = fixed ? examineOnnx(bytes, options) : plainly;
  const chosen = chooseSizes(
    first.inputs.map((p) => p.type.shape),
    bind,
  );
  if (!chosen.ok) return chosen;
  const { sizes, assumed } = chosen.value;
  if (sizes.size === 0) return ok({ report: first, options, notes: [] });
  const bound = { ...options, bind: sizes };
  return ok({ report: examineOnnx(bytes, bound), options: bound, notes: assumedNotes(assumed) });
};

/** Imports the ONNX model of a file. */
export const loadOnnx = (context: Context, path: string, bytes: Uint8Array, bind: FixedValues): Result<SourceModel> => {
  const examined = examineFile(context, path, bytes, bind);
  if (!examined.ok) return examined;
  const { report, options, notes } = examined.value;
  // A second import only when there is something to refuse, in the importer's own words.
  const imported = report.partial || report.program === undefined ? importOnnx(bytes, options) : ok({ ...report, program: report.program });
  if (!imported.ok) return fail(...inModel(path, imported.diagnostics));
  const { program, warnings, source } = imported.value;
  return ok({
    kind: 'onnx',
    path,
    sizeBytes: bytes.length,
    sha256: source.sha256,
    program,
    warnings: [...inModel(path, warnings), ...notes],
    opset: source.opset,
    producer: source.producer === '' ? undefined : source.producer,
  });
};
