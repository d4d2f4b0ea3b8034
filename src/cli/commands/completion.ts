import { fail, ok } from '../../support/index.ts';
import { command } from '../command.ts';
import { choiceUnknown } from '../diagnostics.ts';

const SHELLS = ['bash', 'zsh', 'fish'] as const;

export const completion = command({
  name: 'completion',
  summary: 'Print the completion script of a shell',
  doc: 'Prints a script that completes commands, options and file names: source <(cortexc completion bash).',
  positionals: { shell: { type: 'string', describe: 'bash, zsh or fish; default: from $SHELL, else bash' } },
  options: {},
  examples: [['source <(cortexc completion bash)', 'complete in this shell']],
  run: async ({ shell }, context) => {
    const fromEnvironment = context.io.env['SHELL']?.split('/').at(-1);
    const wanted = SHELLS.find((s) => s === (shell ?? fromEnvironment)) ?? (shell === undefined ? 'bash' : undefined);
    if (wanted === undefined) return fail(choiceUnknown('shell', shell ?? '', SHELLS));
    const script = await context.completion(wanted);
    return ok({ json: { shell: wanted, script }, text: script });
  },
});
