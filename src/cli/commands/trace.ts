import { fail } from '../../support/index.ts';
import { command } from '../command.ts';
import { optionValue } from '../diagnostics.ts';

export const trace = command({
  name: 'trace',
  summary: 'Show the inferences of a transaction, and what each layer costs',
  doc:
    'Has a node run a transaction again and tells every inference in it: the model, who asked, digests of input and output, gas, and with --layers each op of the model with its operations and its ' +
    'part of the Endorphin. --digests adds a digest of the results of each op, by which two nodes can be compared. `debug_traceTransaction` of the node tells of single instructions and frames.',
  positionals: { transaction: { type: 'string', describe: 'Hash of the transaction', demandOption: true } },
  options: {
    rpc: { type: 'string', default: 'http://127.0.0.1:8545', requiresArg: true, describe: 'The node' },
    layers: { type: 'boolean', default: false, describe: 'Also each op of the models' },
    digests: {
      type: 'boolean',
      default: false,
      describe: 'Also a digest of the results of each op, as the backend of the node computes them',
    },
  },
  examples: [
    ['cortexc trace 0x1f…', 'the inferences of a transaction'],
    ['cortexc trace 0x1f… --layers --json', 'with each op, as JSON'],
  ],
  run: async (args, context) => {
    if (!/^0x[0-9a-fA-F]{64}$/.test(args.transaction))
      return fail(optionValue('transaction', `is ${args.transaction} but takes 64 hex digits after 0x`));
    const { traceTransaction } = await import('../pipeline/node/trace-transaction.ts');
    return traceTransaction({ ...args, layers: args.layers || args.digests }, context);
  },
});
