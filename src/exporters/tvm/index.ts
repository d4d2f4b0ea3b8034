import { fail, ok } from '../../support/index.ts';
import type { Exporter } from '../exporter.ts';
import { readerRefused } from '../diagnostics.ts';
import { onnxExporter, onnxFiles } from '../onnx/index.ts';
import { RUN_SCRIPT } from './run-script.ts';

/** TVM reads ONNX: the model for it is that, and a script that compiles it. */
export const tvmExporter: Exporter = {
  ...onnxExporter,
  name: 'tvm',
  title: 'TVM',
  packages: ['numpy', 'onnx', 'apache-tvm'],
  about: `\`model.onnx\` is the model in ONNX. \`run.py\` compiles it with TVM Relax: \`build()\` gives the executable for the target that the
environment variable TVM_TARGET names (\`llvm\`, a processor, if it is not set), and \`run(inputs)\` runs it.`,
  export: (program) => {
    const written = onnxFiles(program);
    if (!written.ok) return written;
    const { files, functions } = written.value;
    // TVM 0.27 has neither ConvInteger nor shapes that are computed, which the functions of integer ops are made of
    if (functions.length > 0) return fail(...functions.map((name) => readerRefused('TVM', name.split('__')[0] ?? name)));
    return ok({ files: [...files, { name: 'run.py', content: RUN_SCRIPT }], warnings: [] });
  },
};
