import { ok } from '../../support/index.ts';
import type { Exporter } from '../exporter.ts';
import { onnxExporter } from '../onnx/index.ts';
import { RUN_SCRIPT } from './run-script.ts';

/** TVM reads ONNX: the model for it is that, and a script that compiles it. */
export const tvmExporter: Exporter = {
  ...onnxExporter,
  name: 'tvm',
  title: 'TVM',
  packages: ['numpy', 'onnx', 'apache-tvm'],
  about: `\`model.onnx\` is the model in ONNX. \`run.py\` compiles it with TVM Relax: \`build()\` gives the executable for the target that the
environment variable TVM_TARGET names (\`llvm\`, a processor, if it is not set), and \`run(inputs)\` runs it.`,
  export: (program, options) => {
    const exported = onnxExporter.export(program, options);
    if (!exported.ok) return exported;
    const files = exported.value.files.map((f) => (f.name === 'run.py' ? { name: f.name, content: RUN_SCRIPT } : f));
    return ok({ ...exported.value, files });
  },
};
