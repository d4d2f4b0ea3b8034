import { command } from '../command.ts';
import { MODEL_OPTIONS } from '../shared-options.ts';

export const opt = command({
  name: 'opt',
  summary: 'Run passes over a model and print the result',
  doc: 'Runs the named passes in order and prints the program as a model string. Without --pass, lists the passes.',
  positionals: { model: { type: 'string', describe: 'The model: .onnx, .tflite, .mrl or .cvm' } },
  options: {
    pass: { type: 'string', array: true, requiresArg: true, describe: 'Passes in order, with commas between or repeated' },
    'print-after-all': { type: 'boolean', default: false, describe: 'Print the program after each pass' },
    output: {
      type: 'string',
      alias: 'o',
      requiresArg: true,
      describe: 'Write the model string, and its large parameters as NAME.npz beside it',
    },
    ...MODEL_OPTIONS,
  },
  examples: [
    ['cortexc opt model.onnx --pass fold,fold-batch-norm,dce -o small.mrl', 'simplify a model'],
    ['cortexc opt', 'list the passes'],
  ],
  run: async (args, context) => {
    const { optimizeModel } = await import('../pipeline/opt-model.ts');
    return optimizeModel(args, context);
  },
});
