import { fail } from '../../support/index.ts';
import { command } from '../command.ts';
import { optionsConflict, optionValue } from '../diagnostics.ts';

const ACTIONS = ['list', 'show', 'pin', 'unpin', 'remove', 'withdraw'] as const;
const MAX_LIMIT = 10_000;

export const models = command({
  name: 'models',
  summary: 'List the models of a chain, and keep or give up their packages',
  doc:
    'Without an action: the models of the chain, with name, size, state, runs and price, and whether the node has their package. `show ADDRESS` tells all of one. ' +
    '`pin`, `unpin` and `remove` say what the node keeps; they take an address or a hash, and the right of whoever runs the node. `withdraw ADDRESS` ends a model on the chain: its author sends a transaction, and it runs for the blocks of custody.',
  positionals: {
    action: { type: 'string', choices: ACTIONS, default: 'list', describe: 'What to do' },
    model: { type: 'string', describe: 'Address of a model; for pin, unpin and remove its hash, too' },
  },
  options: {
    rpc: { type: 'string', default: 'http://127.0.0.1:8545', requiresArg: true, describe: 'The node' },
    name: { type: 'string', requiresArg: true, describe: 'A part of the name' },
    author: { type: 'string', requiresArg: true, describe: 'Address of the author' },
    hash: { type: 'string', requiresArg: true, describe: 'Hash of the package' },
    limit: { type: 'number', default: 100, requiresArg: true, describe: 'Models at most' },
    from: { type: 'string', requiresArg: true, describe: 'Account that withdraws; the first of the node if left out' },
    'admin-token-file': { type: 'string', requiresArg: true, describe: 'File with the secret of the node, where it has one' },
  },
  examples: [
    ['cortexc models', 'what the chain of this machine has'],
    ['cortexc models show 0x1dacd6fc0d437fce8301790871f0142ddea5a5af --json', 'all of one, as JSON'],
  ],
  run: async (args, context) => {
    const action = ACTIONS.find((a) => a === args.action) ?? 'list';
    if (!Number.isSafeInteger(args.limit) || args.limit < 1 || args.limit > MAX_LIMIT)
      return fail(optionValue('limit', `is ${args.limit} but takes a whole number from 1 to ${MAX_LIMIT}`));
    if (action !== 'list' && args.model === undefined)
      return fail(optionsConflict(`models ${action} is given no model`, `Name one: cortexc models ${action} ADDRESS.`));
    const { runModels } = await import('../pipeline/node/models.ts');
    return runModels({ ...args, action, tokenFile: args['admin-token-file'] }, context);
  },
});
