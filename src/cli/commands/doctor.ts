import { command } from '../command.ts';
import { MODEL_OPTIONS } from '../shared-options.ts';

export const doctor = command({
  name: 'doctor',
  summary: 'Tell everything that will not work, before any work starts',
  doc:
    'Examines every node of a model: which compile, which do not and why, all at once and by the names in the model. Predicts size, memory and cost ' +
    'of the package, and whether the model can be quantized. Exit code 4 when something is unsupported. Without a model it looks at this machine: the C compiler and ' +
    'what it builds, instruction sets, the cache folder, koffi, threads and shared memory; what is missing is a warning with the remedy, and the exit code stays 0.',
  positionals: {
    model: {
      type: 'string',
      describe: 'The model: .onnx, .tflite, .mrl or of another framework (docs/formats.md); left out: this machine',
    },
  },
  options: {
    ...MODEL_OPTIONS,
    all: { type: 'boolean', default: false, describe: 'List every node, also those that are fine' },
  },
  examples: [
    ['cortexc doctor model.onnx', 'will it compile?'],
    ['cortexc doctor', 'what is there to run it with?'],
  ],
  run: async (args, context) => {
    if (args.model === undefined) {
      const { examineMachine } = await import('../pipeline/doctor-machine.ts');
      return examineMachine(context);
    }
    const { model } = args;
    const { examineModel } = await import('../pipeline/doctor.ts');
    return examineModel({ ...args, model }, context);
  },
});
