import { fail } from '../../support/index.ts';
import { command } from '../command.ts';
import { optionValue } from '../diagnostics.ts';
import { MODEL_OPTIONS } from '../shared-options.ts';

const MOST_VECTORS = 1000;

export const emit = command({
  name: 'emit',
  summary: 'Write a model as sources that build anywhere',
  doc:
    'Writes a folder that a vendor can build without cortexc: the program as source for the target, its parameters, a runner that takes and gives .npy files, ' +
    'a Makefile, and test vectors with the bytes that the reference interpreter gives. `make check` there builds it and compares every byte. ' +
    'The folder has a README for those who get it.',
  positionals: { model: { type: 'string', describe: 'The model: .cvm, .mrl, .onnx or .tflite', demandOption: true } },
  options: {
    target: {
      type: 'string',
      choices: ['c'],
      default: 'c',
      requiresArg: true,
      describe: 'c: C11 for every instruction set of a processor family, chosen when it runs',
    },
    output: { type: 'string', alias: 'o', demandOption: true, requiresArg: true, describe: 'The folder; new or empty' },
    vectors: { type: 'number', default: 3, requiresArg: true, describe: 'Test vectors with random inputs' },
    force: { type: 'boolean', default: false, describe: 'Write into a folder that is not empty; files of the same names are replaced' },
    check: { type: 'boolean', default: false, describe: 'Build the folder and run its vectors here; exit 1 if that does not succeed' },
    ...MODEL_OPTIONS,
  },
  examples: [
    ['cortexc emit model.cvm --target c -o model-c --check', 'C sources, built and tested here'],
    ['cortexc emit model.cvm -o model-c --vectors 20 --force', 'more test vectors, into the same folder'],
  ],
  run: async (args, context) => {
    const { output } = args;
    const problems = [
      ...(Number.isInteger(args.vectors) && args.vectors >= 1 && args.vectors <= MOST_VECTORS
        ? []
        : [optionValue('vectors', `is ${args.vectors} but takes a whole number from 1 to ${MOST_VECTORS}`)]),
      ...(output === undefined ? [optionValue('output', 'is not given, but the sources need a folder: -o FOLDER')] : []),
    ];
    if (problems.length > 0 || output === undefined) return fail(...problems);
    const { emitModel } = await import('../pipeline/emit-model.ts');
    return emitModel({ ...args, output, target: 'c' }, context);
  },
});
