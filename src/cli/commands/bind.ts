import { fail } from '../../support/index.ts';
import { command } from '../command.ts';
import { optionValue } from '../diagnostics.ts';

const LANGUAGES = ['solidity', 'typescript'] as const;

export const bind = command({
  name: 'bind',
  summary: 'Write typed bindings of a package for contracts and clients',
  doc:
    'A library in Solidity (with Infer.sol, which it imports) and a module in TypeScript: hash, shapes, sizes, how elements are packed, labels, what a run costs, and functions to run the model, to read ' +
    'its outputs and to name the class. Names of inputs, outputs and of the library are made from those of the model; equal ones are numbered. The same package gives the same files.',
  positionals: { model: { type: 'string', describe: 'The package: .cvm', demandOption: true } },
  options: {
    output: { type: 'string', alias: 'o', requiresArg: true, demandOption: true, describe: 'Folder to write to' },
    lang: {
      type: 'string',
      choices: [...LANGUAGES, 'both'] as const,
      default: 'both',
      requiresArg: true,
      describe: 'Which of the two',
    },
    name: { type: 'string', requiresArg: true, describe: 'Name of the library; that of the model if left out' },
    address: { type: 'string', requiresArg: true, describe: 'Address of the model on a chain, as a constant' },
    fee: { type: 'number', default: 0, requiresArg: true, describe: 'Gas that each run pays to the author' },
    force: { type: 'boolean', default: false, describe: 'Also into a folder that holds something' },
  },
  examples: [
    ['cortexc bind digits.cvm -o contracts/', 'Digits.sol, Infer.sol and digits.ts, by the name of the model'],
    ['cortexc bind digits.cvm -o contracts/ --lang solidity --address 0x1dac…a5af', 'with the address of the model'],
  ],
  run: async (args, context) => {
    const problems = [
      ...(args.address === undefined || /^0x[0-9a-fA-F]{40}$/.test(args.address)
        ? []
        : [optionValue('address', `is ${args.address} but takes 0x and 40 hexadecimal digits`)]),
      ...(Number.isInteger(args.fee) && args.fee >= 0 ? [] : [optionValue('fee', `is ${args.fee} but takes a whole number from 0`)]),
    ];
    if (problems.length > 0) return fail(...problems);
    const { bindModel } = await import('../pipeline/node/bind-model.ts');
    const languages = args.lang === 'both' ? LANGUAGES : LANGUAGES.filter((l) => l === args.lang);
    return bindModel({ ...args, languages }, context);
  },
});
