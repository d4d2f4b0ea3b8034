import { fail } from '../../support/index.ts';
import { command } from '../command.ts';
import { runArgsProblems } from '../pipeline/run-args.ts';
import { MODEL_OPTIONS, PREPARATION_OPTIONS } from '../shared-options.ts';

export const run = command({
  name: 'run',
  summary: 'Run a model on inputs',
  doc:
    'Runs a package (.cvm), a model string (.mrl) or an ONNX model. Inputs are .npy, .npz or picture files, one for each input in order; a file ' +
    'may hold many samples along its first axis. Arrays of the dtype of the input are taken as they are; others are real numbers and are ' +
    'quantized with the scale of the package. Prints dtype, shape, SHA-256 of the raw bytes (the same on every machine) and the best classes.',
  positionals: {
    model: {
      type: 'string',
      describe: 'The model: .cvm, .mrl, .onnx, .tflite or of another framework (docs/formats.md)',
      demandOption: true,
    },
    inputs: { type: 'string', array: true, describe: 'Input files (.npy, .npz, PNG, JPEG, BMP), or folders of them' },
  },
  options: {
    backend: {
      type: 'string',
      default: 'wasm',
      requiresArg: true,
      describe:
        'Where to run: wasm, native (C, built by the compiler of this machine), cuda (a GPU of NVIDIA, by nvcc or NVRTC), hip (a GPU of AMD, by hipcc), webgpu (the package webgpu), gpujs (the package gpu.js) or reference; all give the same bytes',
    },
    fallback: {
      type: 'string',
      default: 'wasm',
      requiresArg: true,
      describe:
        'The backend that takes over, with a warning, where the one that is asked for cannot compile or run here; --no-fallback makes it an error',
    },
    isolate: {
      type: 'boolean',
      default: false,
      describe: 'cuda, hip: run in a process of its own, which alone suffers when the GPU or its driver fails; tells which kernel it was',
    },
    'time-limit': {
      type: 'number',
      requiresArg: true,
      describe: 'cuda, hip: seconds that a run may take before the device is given up; a minute if left out',
    },
    isa: {
      type: 'string',
      requiresArg: true,
      describe: 'native: instruction set, such as portable or avx2; the best one here if left out',
    },
    threads: { type: 'number', requiresArg: true, describe: 'Threads of a run; if left out 1 for little work, else one a core, at most 8' },
    batch: {
      type: 'number',
      default: 1,
      requiresArg: true,
      describe: 'Samples of a run, where the model can take several; else one after another',
    },
    profile: { type: 'boolean', default: false, describe: 'Also tell the time of each step, on one thread' },
    'profile-output': { type: 'string', requiresArg: true, describe: 'Write the profile as a picture (.svg) or a page (.html)' },
    input: { type: 'string', array: true, requiresArg: true, describe: 'File of one input by name: NAME=FILE' },
    'random-input': { type: 'number', requiresArg: true, describe: 'Seed of random inputs, instead of files' },
    ...MODEL_OPTIONS,
    ...PREPARATION_OPTIONS,
    top: { type: 'number', default: 5, requiresArg: true, describe: 'Best classes to show' },
    labels: { type: 'string', requiresArg: true, describe: 'Class names, one a line; from the package if left out' },
    output: { type: 'string', alias: 'o', requiresArg: true, describe: 'Write the output as .npy; with several outputs use --out-dir' },
    'out-dir': { type: 'string', requiresArg: true, describe: 'Write every output as NAME.npy into this folder' },
    raw: { type: 'boolean', default: false, describe: 'Keep integers in written files instead of real numbers' },
    'self-test': {
      type: 'boolean',
      default: true,
      describe: 'Test each op before its first use; --no-self-test leaves it out, as does CORTEXC_SELF_TEST=off',
    },
    verify: {
      type: 'boolean',
      default: false,
      describe: 'Also run the reference interpreter and compare every byte; exit 1 if they differ',
    },
  },
  examples: [
    ['cortexc run model.cvm cat.png', 'classify a picture'],
    ['cortexc run model.cvm samples.npy -o logits.npy --verify', 'run many samples, check against the reference'],
    ['cortexc run model.cvm samples.npy --backend native --batch 8', 'eight samples at once, as machine code'],
    ['cortexc run model.cvm cat.png --profile --profile-output steps.svg', 'where the time goes'],
    ['cortexc run model.cvm samples.npy --backend cuda --isolate --fallback native', 'on a GPU that may fail'],
    ['cortexc run two.onnx --input a=a.npy --input b=b.npy --json', 'inputs by name'],
  ],
  run: async (args, context) => {
    const problems = runArgsProblems(args);
    if (problems.length > 0) return fail(...problems);
    const { runModel } = await import('../pipeline/run-model.ts');
    return runModel(args, context);
  },
});
