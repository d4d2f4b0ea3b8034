import { command } from '../command.ts';
import { MODEL_OPTIONS } from '../shared-options.ts';

export const rebuild = command({
  name: 'rebuild',
  summary: 'Compile a package again from its source, and compare',
  doc:
    'Takes the options that a package records, compiles the given source with the given calibration data, and compares the root CIDs. ' +
    'Equal ones mean the same bytes: the package is what its source says. Otherwise it tells which input differs from the record first, ' +
    'and then which metadata, line, and parameters differ. Exit 0 when equal, 1 when not.',
  positionals: { package: { type: 'string', describe: 'The package: .cvm', demandOption: true } },
  options: {
    source: { type: 'string', demandOption: true, requiresArg: true, describe: 'The model that the package was compiled from' },
    calibration: {
      type: 'string',
      array: true,
      requiresArg: true,
      describe: 'The calibration data that the package was compiled with, in the same order; random samples are made again',
    },
    const: { ...MODEL_OPTIONS.const, describe: 'ONNX: constants of inputs that were files, as NAME=FILE' },
    params: MODEL_OPTIONS.params,
  },
  examples: [['cortexc rebuild model.cvm --source model.onnx --calibration samples.npy', 'check where a package comes from']],
  run: async (args, context) => {
    const { rebuildPackage } = await import('../pipeline/rebuild.ts');
    return rebuildPackage(args, context);
  },
});
