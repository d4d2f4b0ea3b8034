import { fail } from '../../support/index.ts';
import { command } from '../command.ts';
import { optionsConflict } from '../diagnostics.ts';
import { MODEL_OPTIONS } from '../shared-options.ts';

export const fmt = command({
  name: 'fmt',
  summary: 'Format a model string',
  doc:
    'Prints a .mrl file in standard layout (indentation, spaces, empty lines; words and comments stay), or in canonical form: elaborated to ' +
    'plain statements, ordered and named by rule, without comments. --canonical takes ONNX models and packages too.',
  positionals: { file: { type: 'string', describe: 'The .mrl file', demandOption: true } },
  options: {
    canonical: { type: 'boolean', default: false, describe: 'The canonical form, whose hash identifies the model' },
    check: { type: 'boolean', default: false, describe: 'Only tell whether the file is formatted: exit 1 if not' },
    write: { type: 'boolean', alias: 'w', default: false, describe: 'Write the result back to the file' },
    ...MODEL_OPTIONS,
  },
  examples: [['cortexc fmt --check model.mrl', 'in a hook or CI']],
  run: async (args, context) => {
    if (args.check && args.write) return fail(optionsConflict('--check and --write are both given', 'Leave one of them out.'));
    const { formatModel } = await import('../pipeline/fmt-model.ts');
    return formatModel(args, context);
  },
});
