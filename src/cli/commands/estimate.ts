import { fail } from '../../support/index.ts';
import { command } from '../command.ts';
import { optionsConflict, optionValue } from '../diagnostics.ts';
import { MODEL_OPTIONS } from '../shared-options.ts';

export const SNAPSHOT_FILE = '.endorphin-snapshot';
const MAX_FEE = 20_000;

export const estimate = command({
  name: 'estimate',
  summary: 'Price a run of a model, layer by layer, and keep watch over it',
  doc:
    'What a run costs in Endorphin, where it goes, and, of a package, what it takes in gas to bring it onto a chain: the registration is run on a chain in memory. A model that is not quantized yet is priced ' +
    'as if it were, without the requantizations. --snapshot writes one line a model to a file that belongs beside the sources; --check ends with 1 when a price is another one than there, --diff shows the ' +
    'same and ends with 0. Prices follow from the bytecode alone (docs/endorphin.md).',
  positionals: {
    models: { type: 'string', array: true, describe: 'Models: .cvm, .mrl, .onnx, .tflite or of another framework', demandOption: true },
  },
  options: {
    top: { type: 'number', default: 10, requiresArg: true, describe: 'Layers to show, the dearest first; 0: all' },
    fee: { type: 'number', default: 0, requiresArg: true, describe: 'Gas that each run pays to the author, at most 20000' },
    'gas-price': { type: 'number', requiresArg: true, describe: 'Gwei a gas: prices in ether as well' },
    snapshot: { type: 'boolean', default: false, describe: 'Write the prices to the file of --file' },
    check: { type: 'boolean', default: false, describe: 'Compare with the file; exit status 1 when a price differs' },
    diff: { type: 'boolean', default: false, describe: 'Compare with the file and show what differs' },
    tolerance: { type: 'number', default: 0, requiresArg: true, describe: 'With --check: percent that a price may differ' },
    file: { type: 'string', default: SNAPSHOT_FILE, requiresArg: true, describe: 'File of the prices' },
    ...MODEL_OPTIONS,
  },
  examples: [
    ['cortexc estimate model.cvm', 'the price, and the layers that make it'],
    ['cortexc estimate models/*.cvm --snapshot', `writes ${SNAPSHOT_FILE}`],
    ['cortexc estimate models/*.cvm --check --tolerance 1', 'ends with 1 when a price moved by more than 1 %'],
  ],
  run: async (args, context) => {
    const number = (name: 'top' | 'fee' | 'tolerance', ok: boolean, wanted: string) =>
      ok ? [] : [optionValue(name, `is ${args[name]} but takes ${wanted}`)];
    const price = args['gas-price'];
    const problems = [
      ...number('top', Number.isInteger(args.top) && args.top >= 0, 'a whole number from 0'),
      ...number('fee', Number.isInteger(args.fee) && args.fee >= 0 && args.fee <= MAX_FEE, `a whole number from 0 to ${MAX_FEE}`),
      ...number('tolerance', args.tolerance >= 0 && args.tolerance <= 1000, 'percent from 0 to 1000'),
      ...(price === undefined || (price >= 0 && Number.isFinite(price))
        ? []
        : [optionValue('gas-price', `is ${price} but takes gwei from 0`)]),
    ];
    if (problems.length > 0) return fail(...problems);
    const modes = (['snapshot', 'check', 'diff'] as const).filter((m) => args[m]);
    if (modes.length > 1)
      return fail(
        optionsConflict(`--${modes.join(' and --')} are given together`, 'Give one: --snapshot writes, --check and --diff compare.'),
      );
    const { estimateModels } = await import('../pipeline/estimate/estimate-models.ts');
    return estimateModels({ ...args, gasPrice: price, mode: modes[0] }, context);
  },
});
