import { ok } from '../../support/index.ts';
import type { Exporter } from '../exporter.ts';
import { tableSupport } from '../nodes.ts';
import { onnxFiles } from './export.ts';
import { ONNX_ROWS } from './rows/index.ts';
import { RUN_SCRIPT } from './run-script.ts';

export { functionLibrary } from './library.ts';

export const onnxExporter: Exporter = {
  name: 'onnx',
  title: 'ONNX',
  packages: ['numpy', 'onnx', 'onnxruntime'],
  about: `\`model.onnx\` is the model in ONNX: checked by onnx.checker, run by onnxruntime and whatever else reads the format.

Operators of domain \`cortexc\`, where there are any, stand for integer arithmetic that ONNX has no operator for. Each is a function in the
model itself, written in operators of ONNX, so that runtimes need to know nothing of it; for tools that do not take functions,
\`onnx.inliner.inline_local_functions(onnx.load("model.onnx"))\` puts their bodies in place.`,
  ...tableSupport(ONNX_ROWS),
  export: (program) => {
    const files = onnxFiles(program);
    return files.ok ? ok({ files: [...files.value, { name: 'run.py', content: RUN_SCRIPT }], warnings: [] }) : files;
  },
};
