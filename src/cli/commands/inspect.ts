import { command } from '../command.ts';
import { MODEL_OPTIONS } from '../shared-options.ts';

export const inspect = command({
  name: 'inspect',
  summary: 'Show what a model or package is',
  doc: 'Prints metadata, inputs and outputs, sizes, hashes, cost, the headroom of the overflow proof, and how often each op occurs.',
  positionals: {
    model: {
      type: 'string',
      describe: 'The model: .cvm, .mrl, .onnx, .tflite or of another framework (docs/formats.md)',
      demandOption: true,
    },
  },
  options: { ...MODEL_OPTIONS },
  examples: [['cortexc inspect model.cvm --json', 'all of it as data']],
  run: async (args, context) => {
    const { inspectModel } = await import('../pipeline/inspect-model.ts');
    return inspectModel(args, context);
  },
});
