import { command } from '../command.ts';
import { MODEL_OPTIONS } from '../shared-options.ts';

export const iso = command({
  name: 'iso',
  summary: 'Tell whether two models are the same',
  doc:
    'Compares two models, of any formats, level by level: 0 identical, 1 the same graph up to names and order, 2 the same up to exact rewriting ' +
    '(folded batch norms, layouts, padding, spelled-out activations), 3 equal weights, up to the order and scale of hidden channels, 4 equal outputs on ' +
    'probes. Exit 0 when the level asked for is proven, else 1 with the first difference. See docs/isomorphism.md.',
  positionals: {
    a: { type: 'string', describe: 'The first model: .onnx, .tflite, .mrl or .cvm', demandOption: true },
    b: { type: 'string', describe: 'The second model', demandOption: true },
  },
  options: {
    level: { type: 'number', default: 3, requiresArg: true, describe: 'The level to prove, 0 to 3; 2 leaves weights out' },
    tolerance: {
      type: 'number',
      requiresArg: true,
      describe: 'Greatest difference of weights, over the greatest weight of the tensor; 2^-20 if left out',
    },
    quantized: {
      type: 'boolean',
      default: false,
      describe: 'Take a model and its quantized twin for the same: leave out the steps of activations, let weights differ by 1/64',
    },
    probes: { type: 'number', default: 24, requiresArg: true, describe: 'Inputs on which both models are run; 0 runs none' },
    'output-tolerance': {
      type: 'number',
      requiresArg: true,
      describe: 'Greatest difference of outputs on a probe, over the greatest output; 1e-4 if left out',
    },
    backend: { type: 'string', default: 'wasm', requiresArg: true, describe: 'Where probes run' },
    certificate: { type: 'string', requiresArg: true, describe: 'Write the evidence to this file (JSON), for others to check' },
    check: { type: 'string', requiresArg: true, describe: 'Check a certificate of the two models instead of comparing them' },
    report: { type: 'string', requiresArg: true, describe: 'Write a page (.html) with the graphs side by side' },
    full: { type: 'boolean', default: false, describe: 'Show all of the graphs, not only the lines around the first difference' },
    trace: { type: 'boolean', default: false, describe: 'Show each rewrite that led to the normal forms' },
    ...MODEL_OPTIONS,
    params: {
      ...MODEL_OPTIONS.params,
      array: true,
      describe: `${MODEL_OPTIONS.params.describe}; A:FILE or B:FILE is for that model alone`,
    },
    shape: { ...MODEL_OPTIONS.shape, describe: `${MODEL_OPTIONS.shape.describe}; A:NAME=… or B:NAME=… is for that model alone` },
  },
  examples: [
    ['cortexc iso model.onnx model.tflite', 'is the converted model the same?'],
    ['cortexc iso a.onnx b.onnx --level 2 --report iso.html', 'the same architecture?'],
    ['cortexc iso float.tflite int8.tflite --quantized', 'is one the quantized twin of the other?'],
    ['cortexc iso a.onnx b.onnx --certificate iso.json', 'evidence for a third party'],
    ['cortexc iso a.onnx b.onnx --check iso.json', 'check the evidence'],
  ],
  run: async (args, context) => {
    const { isoModels } = await import('../pipeline/iso/iso-models.ts');
    return isoModels(args, context);
  },
});
