import { type Diagnostic, fail } from '../../support/index.ts';
import { command } from '../command.ts';
import { optionsConflict, optionValue } from '../diagnostics.ts';
import { MODEL_OPTIONS, PREPARATION_OPTIONS } from '../shared-options.ts';

export const compile = command({
  name: 'compile',
  summary: 'Compile a model into a package',
  doc:
    'Imports an ONNX or TensorFlow Lite model or a model string, optimizes it, quantizes it with calibration data, proves that no accumulator can overflow, ' +
    'and writes a package (.cvm). A program that is integer already is packaged as it is. Prints size, cost, hashes and time.',
  positionals: {
    model: { type: 'string', describe: 'The model: .onnx, .tflite, .mrl or of another framework (docs/formats.md)', demandOption: true },
  },
  options: {
    output: {
      type: 'string',
      alias: 'o',
      requiresArg: true,
      describe: 'The package to write; MODEL.cvm in the current folder if left out. An older file is replaced',
    },
    calibration: {
      type: 'string',
      array: true,
      requiresArg: true,
      describe: 'Samples for the activation ranges: .npy (first axis = samples), .npz, pictures, or folders of them; may be repeated',
    },
    'random-calibration': {
      type: 'number',
      requiresArg: true,
      describe: 'N random samples instead of data: right size and cost, meaningless accuracy',
    },
    'calibration-limit': { type: 'number', default: 500, requiresArg: true, describe: 'Most samples used for calibration' },
    threads: {
      type: 'number',
      requiresArg: true,
      describe: 'Threads that run the samples, at most; all cores if left out. The bytes never depend on it',
    },
    method: {
      type: 'string',
      choices: ['auto', 'minmax', 'percentile', 'entropy', 'mse'],
      requiresArg: true,
      describe: 'How a range comes from the samples; auto, the default, measures what serves each layer best',
    },
    rounding: {
      type: 'string',
      choices: ['auto', 'nearest', 'feedback'],
      requiresArg: true,
      describe: "How weights are rounded: to nearest, or with feedback for the least error of the layer's output; auto measures both",
    },
    equalize: {
      type: 'string',
      choices: ['auto', 'on', 'off'],
      requiresArg: true,
      describe: 'Whether channels are scaled between layers first (cross-layer equalization); auto, the default, measures both',
    },
    bits: {
      type: 'string',
      choices: ['6', '8', '16', 'mixed'],
      default: '8',
      requiresArg: true,
      describe:
        '8: weights and activations of 8 bits; 6: weights of 6; 16: both of 16 (high precision); mixed: what each layer needs for the smallest package within --max-drop, --max-size and --max-endorphin',
    },
    'max-drop': {
      type: 'string',
      requiresArg: true,
      describe:
        'Mixed: percent points of accuracy that may be lost, such as 0.5% (the default); top-1 on --eval, else agreement with float on the calibration samples',
    },
    'max-size': { type: 'string', requiresArg: true, describe: 'Mixed: most bytes of the package, such as 200KB or 1.2MB' },
    'max-endorphin': { type: 'string', requiresArg: true, describe: 'Mixed: highest price of one run' },
    pareto: { type: 'string', requiresArg: true, describe: 'Mixed: write the chart of drop over size, as .svg or as a page (.html)' },
    state: {
      type: 'string',
      requiresArg: true,
      describe:
        'Folder that keeps what calibration and mixed precision measured, also when all is done: a later run with other options need not run the samples again. OUTPUT.state, removed in the end, if left out. An interrupted run goes on from it',
    },
    pot: { type: 'boolean', default: false, describe: 'Power-of-two scales: rescales are shifts, for hardware without multipliers' },
    'output-bits': {
      type: 'number',
      choices: [8, 16],
      default: 16,
      requiresArg: true,
      describe: 'Bits of outputs that come straight from an accumulator (logits)',
    },
    float: { type: 'boolean', default: false, describe: 'Package the float32 program (strict float) instead of quantizing' },
    ...MODEL_OPTIONS,
    ...PREPARATION_OPTIONS,
    'share-weights': {
      type: 'number',
      choices: [2, 3, 4, 5, 6, 7],
      requiresArg: true,
      describe:
        'At most 2^N different weights in each layer (weight sharing of Deep Compression): smaller with --storage compressed, less accurate',
    },
    storage: {
      type: 'string',
      choices: ['plain', 'compressed'],
      default: 'plain',
      requiresArg: true,
      describe: 'How parameters stand in the file; the model hash is the same. compressed: entropy-coded without loss',
    },
    'keep-float': {
      type: 'boolean',
      default: false,
      describe: 'Keep the original float32 parameters in the file, compressed; the metadata, and so the model hash, commits to them',
    },
    name: { type: 'string', requiresArg: true, describe: 'Metadata: name; the file name if left out' },
    author: { type: 'string', requiresArg: true, describe: 'Metadata: author' },
    description: { type: 'string', requiresArg: true, describe: 'Metadata: description' },
    licence: { type: 'string', requiresArg: true, describe: 'Metadata: licence' },
    'model-version': { type: 'string', requiresArg: true, describe: 'Metadata: version of the model' },
    labels: { type: 'string', requiresArg: true, describe: 'Metadata: class names, one a line' },
    report: { type: 'string', describe: 'Print the error of each layer; with a file name also write an HTML report' },
    eval: { type: 'string', array: true, requiresArg: true, describe: 'Labelled samples: prints top-1 and top-5 of float and INT8' },
    'eval-labels': {
      type: 'string',
      requiresArg: true,
      describe: 'Class numbers of the --eval samples: .npy, or text with one a line; for other metrics expected outputs: .npy',
    },
    'eval-metric': {
      type: 'string',
      choices: ['top1', 'mse', 'psnr', 'cosine'],
      requiresArg: true,
      describe: 'What --eval prints: top-1 and top-5 (the default), or how near outputs come to expected ones',
    },
  },
  examples: [
    [
      'cortexc compile model.onnx --calibration samples.npy --bits mixed --max-drop 0.5% --eval test.npy --eval-labels labels.npy --pareto chart.html',
      'the smallest package that loses half a percent',
    ],
    ['cortexc compile model.onnx -o model.cvm --calibration samples.npy', 'quantize with samples'],
    [
      'cortexc compile net.onnx --calibration photos/ --mean 0.485,0.456,0.406 --std 0.229,0.224,0.225 --resize 256 --report report.html',
      'from pictures, with a report',
    ],
    ['cortexc compile model.onnx --float', 'keep float32'],
  ],
  run: async (args, context) => {
    const problems: Diagnostic[] = [];
    const random = args['random-calibration'];
    const data = args.calibration !== undefined;
    if (random !== undefined && (!Number.isInteger(random) || random < 1 || random > 10_000)) {
      problems.push(optionValue('random-calibration', `is ${random} but takes a whole number of samples from 1 to 10000`));
    }
    const limit = args['calibration-limit'];
    if (!Number.isInteger(limit) || limit < 1)
      problems.push(optionValue('calibration-limit', `is ${limit} but takes a whole number from 1`));
    if (args.threads !== undefined && (!Number.isInteger(args.threads) || args.threads < 1 || args.threads > 1024))
      problems.push(optionValue('threads', `is ${args.threads} but takes a whole number from 1 to 1024`));
    if (data && random !== undefined)
      problems.push(optionsConflict('--calibration and --random-calibration are both given', 'Leave one of them out.'));
    const quantizes = [args.method, args.rounding, args.equalize].some((v) => v !== undefined);
    if (args.float && (data || random !== undefined || quantizes)) {
      problems.push(
        optionsConflict('--float does not quantize, so it takes no calibration', 'Leave --float or the calibration options out.'),
      );
    }
    if (args['share-weights'] !== undefined && (args.float || args.bits === 'mixed')) {
      problems.push(
        optionsConflict(
          `--share-weights changes quantized weights, which ${args.float ? '--float does not make' : '--bits mixed has measured'}`,
          'Leave one of them out.',
        ),
      );
    }
    if ((args.eval === undefined) !== (args['eval-labels'] === undefined)) {
      problems.push(optionsConflict('--eval and --eval-labels belong together', 'Give both or none.'));
    }
    const metric = args['eval-metric'];
    if (metric !== undefined && args.eval === undefined)
      problems.push(optionsConflict('--eval-metric says how --eval measures, but there is no --eval', 'Give --eval and --eval-labels.'));
    if (metric !== undefined && metric !== 'top1' && args.bits === 'mixed')
      problems.push(optionsConflict(`--bits mixed counts classes, but --eval-metric is ${metric}`, 'Leave --eval-metric out.'));
    if (problems.length > 0) return fail(...problems);
    const { compileModel } = await import('../pipeline/compile-model.ts');
    return compileModel(args, context);
  },
});
