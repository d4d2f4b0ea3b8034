import { fail } from '../../support/index.ts';
import { command } from '../command.ts';
import { optionsConflict } from '../diagnostics.ts';

export const fmt = command({
  name: 'fmt',
  summary: 'Format a model string',
  doc: 'Prints a .mrl file in its standard form, or in canonical form: elaborated to plain statements, ordered and named by rule, without comments.',
  positionals: { file: { type: 'string', describe: 'The .mrl file', demandOption: true } },
  options: {
    canonical: { type: 'boolean', default: false, describe: 'The canonical form, whose hash identifies the model' },
    check: { type: 'boolean', default: false, describe: 'Only tell whether the file is formatted: exit 1 if not' },
    write: { type: 'boolean', alias: 'w', default: false, describe: 'Write the result back to the file' },
    bind: { type: 'string', array: true, requiresArg: true, describe: 'With --canonical: size of a symbolic dimension, NAME=SIZE' },
  },
  examples: [['cortexc fmt --check model.mrl', 'in a hook or CI']],
  run: async (args, context) => {
    if (args.check && args.write) return fail(optionsConflict('--check and --write are both given', 'Leave one of them out.'));
    const { formatModel } = await import('../pipeline/fmt-model.ts');
    return formatModel(args, context);
  },
});
