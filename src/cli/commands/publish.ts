import { fail } from '../../support/index.ts';
import { command } from '../command.ts';
import { optionValue } from '../diagnostics.ts';

const MAX_FEE = 20_000;

export const publish = command({
  name: 'publish',
  summary: 'Put a package on a chain, where contracts can run it',
  doc:
    'Sends the package to the node in parts, as much of it as the node lacks, so that a run that was interrupted goes on. Registers it with the registry of models (hash, types of inputs and outputs, and the price of a run follow from its bytecode), and has its upload metered. ' +
    'Tells the address of the model and the block from which contracts can run it. The node signs: it needs the key of the account (`cortexc node --dev` has those of its ten).',
  positionals: { model: { type: 'string', describe: 'The package: .cvm', demandOption: true } },
  options: {
    rpc: { type: 'string', default: 'http://127.0.0.1:8545', requiresArg: true, describe: 'The node' },
    from: { type: 'string', requiresArg: true, describe: 'Address of the author; the first account of the node if left out' },
    again: { type: 'boolean', default: false, describe: 'Register a package once more that its author has registered already' },
    'admin-token-file': {
      type: 'string',
      requiresArg: true,
      describe: 'File with the secret of the node, where it needs one to take packages',
    },
    fee: { type: 'number', default: 0, requiresArg: true, describe: 'Gas that each run pays to the author, at most 20000' },
  },
  examples: [
    ['cortexc publish model.cvm', 'on the node of this machine'],
    ['cortexc publish model.cvm --fee 500 --json', 'with a fee; the address as JSON'],
  ],
  run: async (args, context) => {
    if (!Number.isInteger(args.fee) || args.fee < 0 || args.fee > MAX_FEE)
      return fail(optionValue('fee', `is ${args.fee} but takes a whole number from 0 to ${MAX_FEE}`));
    const { publishModel } = await import('../pipeline/node/publish-model.ts');
    return publishModel({ ...args, tokenFile: args['admin-token-file'] }, context);
  },
});
