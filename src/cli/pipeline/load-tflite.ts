import { examineTflite, importTflite, type TflitePort, type TfliteReport } from '../../frontend/tflite/index.ts';
import { type Diagnostic, fail, ok, type Result } from '../../support/index.ts';
import { optionValue } from '../diagnostics.ts';
import { inModel } from './load-onnx.ts';
import type { Quantization } from './execute.ts';
import type { SourceModel } from './model.ts';

/** A model of this kind has a size for every dimension. */
const bindProblems = (sizes: ReadonlyMap<string, number>): readonly Diagnostic[] =>
  [...sizes.keys()].map((name) =>
    optionValue('bind', `names ${name}, but a TensorFlow Lite model has no symbolic dimension`, [
      'Leave it out, or convert the model with the sizes that you want.',
    ]),
  );

/** Examines the TensorFlow Lite model of a file. Fails on bytes that are no model. */
export const examineTfliteFile = (path: string, bytes: Uint8Array, sizes: ReadonlyMap<string, number>): Result<TfliteReport> => {
  const problems = bindProblems(sizes);
  if (problems.length > 0) return fail(...problems);
  const report = examineTflite(bytes);
  const isNoModel = report.nodes.length === 0 && report.inputs.length === 0 && report.problems.length > 0;
  return isNoModel ? fail(...inModel(path, report.problems)) : ok(report);
};

const scaleOf = ({ quantization: q }: TflitePort): Quantization | undefined => {
  const [scale, zero] = [q?.scales[0], q?.zeros[0]];
  return scale === undefined ? undefined : { scale, zero: zero ?? 0 };
};

/** Imports the TensorFlow Lite model of a file. */
export const loadTflite = (path: string, bytes: Uint8Array, sizes: ReadonlyMap<string, number>): Result<SourceModel> => {
  const problems = bindProblems(sizes);
  if (problems.length > 0) return fail(...problems);
  const imported = importTflite(bytes);
  if (!imported.ok) return fail(...inModel(path, imported.diagnostics));
  const { program, warnings, source, inputs, outputs } = imported.value;
  return ok({
    kind: 'tflite',
    path,
    sizeBytes: bytes.length,
    sha256: source.sha256,
    program,
    scales: { inputs: inputs.map(scaleOf), outputs: outputs.map(scaleOf) },
    warnings: inModel(path, warnings),
    producer: source.producer === '' ? undefined : source.producer,
  });
};
