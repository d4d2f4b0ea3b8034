import { type Diagnostic, fail } from '../../support/index.ts';
import { command } from '../command.ts';
import { optionValue } from '../diagnostics.ts';
import { MODEL_OPTIONS } from '../shared-options.ts';

const isPositive = (value: number | undefined): boolean => value === undefined || value > 0;
const isCount = (value: number | undefined, least: number, most: number): boolean =>
  value === undefined || (Number.isInteger(value) && value >= least && value <= most);

export const bench = command({
  name: 'bench',
  summary: 'Measure how fast a model runs',
  doc:
    'Times a model on random inputs, after a warm-up, for every combination of the backends, instruction sets, threads and batches that are listed. ' +
    'The rows run in turn, a short while each, so that they meet the same machine; the last column compares them with the first one, by the median over all rounds. ' +
    'GMAC/s counts the multiply-accumulates of conv, dense and matmul (10^9 a second, at the median time); "of peak" is their share of what the cores can do with the ' +
    'product instruction of the backend from registers alone, measured before. Rows that do not give the same bytes are an error.',
  positionals: {
    model: {
      type: 'string',
      describe: 'The model: .cvm, .mrl, .onnx, .tflite or of another framework (docs/formats.md)',
      demandOption: true,
    },
  },
  options: {
    backend: { type: 'string', array: true, default: ['wasm'], requiresArg: true, describe: 'Backends to compare, such as wasm,native' },
    isa: { type: 'string', array: true, requiresArg: true, describe: 'Instruction sets of the backends to compare, such as portable,avx2' },
    threads: { type: 'string', array: true, default: ['1'], requiresArg: true, describe: 'Numbers of threads to compare, such as 1,2' },
    batch: { type: 'string', array: true, default: ['1'], requiresArg: true, describe: 'Batch sizes to compare, such as 1,8' },
    'warm-up': {
      type: 'number',
      default: 3,
      requiresArg: true,
      describe: 'Runs of each row before its clock counts; from 1 on also 0.3 s',
    },
    runs: { type: 'number', requiresArg: true, describe: 'Counted runs of each row, at least; by --seconds if left out' },
    seconds: { type: 'number', default: 3, requiresArg: true, describe: 'Counted time of each row; at least 5 rounds are run' },
    'at-least': { type: 'number', requiresArg: true, describe: 'Exit with 1 when a row has fewer GMAC/s' },
    ...MODEL_OPTIONS,
  },
  examples: [
    ['cortexc bench model.cvm', 'how fast is it here?'],
    ['cortexc bench model.cvm --backend wasm,native --threads 1,2 --batch 1,8', 'eight rows side by side'],
    ['cortexc bench model.cvm --backend native --at-least 40', 'a test of speed'],
  ],
  run: async (args, context) => {
    const problems: Diagnostic[] = [];
    if (!isCount(args['warm-up'], 0, 1e6)) problems.push(optionValue('warm-up', `is ${args['warm-up']} but takes a whole number from 0`));
    if (!isCount(args.runs, 1, 1e6)) problems.push(optionValue('runs', `is ${args.runs} but takes a whole number from 1`));
    if (!isPositive(args.seconds)) problems.push(optionValue('seconds', `is ${args.seconds} but takes a number above 0`));
    if (!isPositive(args['at-least'])) problems.push(optionValue('at-least', `is ${args['at-least']} but takes a number above 0`));
    if (problems.length > 0) return fail(...problems);
    const { benchModel } = await import('../pipeline/bench-model.ts');
    return benchModel(args, context);
  },
});
