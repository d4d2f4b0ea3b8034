import { command } from '../command.ts';
import { MODEL_OPTIONS } from '../shared-options.ts';

export const doctor = command({
  name: 'doctor',
  summary: 'Tell everything that will not work, before any work starts',
  doc:
    'Examines every node of a model: which compile, which do not and why, all at once and by the names in the model. Predicts size, memory and cost ' +
    'of the package, and whether the model can be quantized. Exit code 4 when something is unsupported.',
  positionals: { model: { type: 'string', describe: 'The model: .onnx, .tflite or .mrl', demandOption: true } },
  options: {
    ...MODEL_OPTIONS,
    all: { type: 'boolean', default: false, describe: 'List every node, also those that are fine' },
  },
  examples: [['cortexc doctor model.onnx', 'will it compile?']],
  run: async (args, context) => {
    const { examineModel } = await import('../pipeline/doctor.ts');
    return examineModel(args, context);
  },
});
