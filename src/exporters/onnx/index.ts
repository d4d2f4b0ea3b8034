import type { Program } from '../../ir/index.ts';
import { type Diagnostic, ok } from '../../support/index.ts';
import { inexact } from '../diagnostics.ts';
import type { Exporter } from '../exporter.ts';
import { tableSupport } from '../nodes.ts';
import { onnxFiles } from './export.ts';
import type { OnnxForm } from './graph.ts';
import { ONNX_ROWS } from './rows/index.ts';
import { runScript } from './run-script.ts';

export { onnxFiles } from './export.ts';
export { functionLibrary } from './library.ts';

const warningsOf = (program: Program, form: OnnxForm): readonly Diagnostic[] => {
  const narrow = program.params.filter((p) => p.tensor.dtype === 'i6').length;
  return [
    ...(narrow === 0 ? [] : [inexact(`${narrow} parameters of 6 bits are kept as int8`)]),
    ...(form === 'exact' ? [] : [inexact('quantizers of ONNX round ties to even, and sums are float32: integers can differ by a step')]),
  ];
};

export const onnxExporter: Exporter = {
  name: 'onnx',
  title: 'ONNX',
  packages: ['numpy', 'onnx', 'onnxruntime'],
  about: `\`model.onnx\` is the model in ONNX: checked by onnx.checker, run by onnxruntime and whatever else reads the format.

Operators of domain \`cortexc\`, where there are any, stand for integer arithmetic that ONNX has no operator for. Each is a function in the
model itself, written in operators of ONNX, so that runtimes need to know nothing of it; for tools that do not take functions,
\`onnx.inliner.inline_local_functions(onnx.load("model.onnx"))\` puts their bodies in place.`,
  ...tableSupport(ONNX_ROWS),
  export: (program, { form = 'exact' } = {}) => {
    const files = onnxFiles(program, form);
    return files.ok
      ? ok({ files: [...files.value.files, { name: 'run.py', content: runScript(form) }], warnings: warningsOf(program, form) })
      : files;
  },
};
