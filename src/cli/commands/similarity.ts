import { command } from '../command.ts';
import { MODEL_OPTIONS } from '../shared-options.ts';

export const similarity = command({
  name: 'similarity',
  summary: 'Tell what two models have in common, as evidence that one is a copy',
  doc:
    'Compares two models, of any formats, part by part: architecture; weights, once hidden channels are put in the order and scale in which they fit best; which ' +
    'weights are 0; and what layers and outputs make of the same inputs. Names, order, folded batch norms, the order and scale of channels, quantization, further ' +
    'training and pruning hide little of it. What is found is evidence for a person to weigh: the parts stay apart. See docs/similarity.md.',
  positionals: {
    a: { type: 'string', describe: 'The first model: .cvm, .mrl, .onnx, .tflite or of another framework', demandOption: true },
    b: { type: 'string', describe: 'The second model', demandOption: true },
  },
  options: {
    probes: { type: 'number', default: 32, requiresArg: true, describe: 'Inputs on which both models are run; 0 runs none' },
    backend: { type: 'string', default: 'wasm', requiresArg: true, describe: 'Where probes run' },
    layers: { type: 'boolean', default: false, describe: 'Show every layer' },
    report: { type: 'string', requiresArg: true, describe: 'Write a page (.html) about it' },
    ...MODEL_OPTIONS,
    params: {
      ...MODEL_OPTIONS.params,
      array: true,
      describe: `${MODEL_OPTIONS.params.describe}; A:FILE or B:FILE is for that model alone`,
    },
  },
  examples: [
    ['cortexc similarity mine.onnx theirs.cvm', 'was theirs made from mine?'],
    ['cortexc similarity a.onnx b.tflite --layers --report similarity.html', 'layer by layer, as a page'],
    ['cortexc similarity a.onnx b.onnx --probes 0 --json', 'weights and architecture only, as data'],
  ],
  run: async (args, context) => {
    const { similarityOfModels } = await import('../pipeline/similarity/similarity-models.ts');
    return similarityOfModels(args, context);
  },
});
