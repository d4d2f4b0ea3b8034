import { command } from '../command.ts';
import { MODEL_OPTIONS } from '../shared-options.ts';

export const index = command({
  name: 'index',
  summary: 'Keep an index of known models, and ask which of them a model is nearest to',
  doc:
    'add puts models into an index, a file of about 5 KB a model that holds no weights; query asks which known models are nearest to a model, whatever its names, ' +
    'order of channels, scale or quantization; list shows what is known. The order of answers says which to look at first: ask cortexc similarity about those. See docs/similarity.md.',
  positionals: {
    action: { type: 'string', describe: 'add, query or list', demandOption: true },
    file: { type: 'string', describe: 'The index', demandOption: true },
    models: { type: 'string', describe: 'The models to add, or the one to ask about', array: true },
  },
  options: {
    top: { type: 'number', default: 10, requiresArg: true, describe: 'query: how many known models are told' },
    ...MODEL_OPTIONS,
  },
  examples: [
    ['cortexc index add known.idx a.onnx b.tflite c.cvm', 'remember three models'],
    ['cortexc index query known.idx suspect.cvm', 'which of them is it nearest to?'],
    ['cortexc index list known.idx --json', 'what is known, as data'],
  ],
  run: async (args, context) => {
    const { indexModels } = await import('../pipeline/index-models/index-models.ts');
    return indexModels(args, context);
  },
});
