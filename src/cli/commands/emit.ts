import { fail } from '../../support/index.ts';
import { command } from '../command.ts';
import { optionValue } from '../diagnostics.ts';
import { EMIT_TARGETS, EXPORT_FORMS, FPGA_MODES } from '../emit-targets.ts';
import { MODEL_OPTIONS } from '../shared-options.ts';

const MOST_VECTORS = 1000;

export const emit = command({
  name: 'emit',
  summary: 'Write a model as sources for processors, GPUs, browsers and frameworks',
  doc:
    'Writes a folder that others use without cortexc, with test vectors that have the bytes of the reference interpreter, and a README. ' +
    'Target c: the program as C11, its parameters, a runner that takes and gives .npy files, and a Makefile; `make check` there builds it and compares every byte. ' +
    'Target fpga: a core in Verilog for devices of AMD and Altera with the program for it, testbenches, a driver in C, scripts for Vivado or Quartus and a report; `make sim` there compares every byte in verilator. ' +
    'Targets cuda and hip: the same for GPUs of NVIDIA and AMD, with kernels in CUDA C++ or HIP C++. Target webgpu: WGSL with a loader and a page that compares every byte. ' +
    'Target gpujs: the same as kernels of gpu.js, for browsers that have WebGL2 and no WebGPU. ' +
    'Target wasm: the program as WebAssembly for browsers and Node, for one thread and for several, its weights, a loader (an ES module without dependencies, ' +
    'with types), a page that tries it out, and a server for that; `node check.mjs` there compares every byte. ' +
    'Targets onnx, pytorch, keras and mxnet: the model for that framework, with names of its own nodes, run.py, and check.py that compares ' +
    'outputs: integers have to be equal, floats within 1e-5. Target tvm: the ONNX model and a script that compiles it with TVM. ' +
    '--check runs check.py by python3, or by the program that the environment variable PYTHON names.',
  positionals: { model: { type: 'string', describe: 'The model: .cvm, .mrl, .onnx or .tflite', demandOption: true } },
  options: {
    target: {
      type: 'string',
      choices: EMIT_TARGETS,
      default: 'c',
      requiresArg: true,
      describe:
        'c: C11 for every instruction set of a processor family, chosen when it runs; cuda: CUDA C++ and a runner for NVIDIA GPUs; hip: the same for AMD GPUs; fpga: Verilog for AMD and Altera; wasm: WebAssembly for browsers and Node; webgpu: WGSL for browsers; gpujs: WebGL2 for browsers; onnx, pytorch, keras, mxnet, tvm: the model for that framework',
    },
    output: { type: 'string', alias: 'o', demandOption: true, requiresArg: true, describe: 'The folder; new or empty' },
    vectors: { type: 'number', default: 3, requiresArg: true, describe: 'Test vectors with random inputs' },
    force: { type: 'boolean', default: false, describe: 'Write into a folder that is not empty; files of the same names are replaced' },
    check: {
      type: 'boolean',
      default: false,
      describe: 'Build the folder, where that is needed, and run its vectors here; exit 1 if that does not succeed',
    },
    device: {
      type: 'string',
      requiresArg: true,
      describe: 'For fpga: a device, board or family (zu3eg, zcu104, cyclone-v)',
      defaultDescription: 'zu3eg',
    },
    mode: {
      type: 'string',
      choices: FPGA_MODES,
      requiresArg: true,
      describe:
        'For fpga: overlay, a core for every program; dataflow, a pipeline of its own for a small program; processor, the core without its array',
      defaultDescription: 'overlay',
    },
    bits: {
      type: 'number',
      choices: [8, 6],
      requiresArg: true,
      describe: 'For fpga: bits of weights that the array multiplies; 6 takes programs with INT6 weights',
      defaultDescription: '8',
    },
    form: {
      type: 'string',
      choices: EXPORT_FORMS,
      requiresArg: true,
      describe: 'For onnx: how integers are written: exact, as integer arithmetic; qdq, as reals between quantizers, rounded otherwise',
      defaultDescription: 'exact',
    },
    ...MODEL_OPTIONS,
  },
  examples: [
    ['cortexc emit model.cvm --target c -o model-c --check', 'C sources, built and tested here'],
    ['cortexc emit model.cvm --target wasm -o model-web --check', 'for browsers and Node, tested here in Node'],
    ['cortexc emit model.cvm --target fpga --device zu3eg -o model-fpga --check', 'Verilog for a Zynq UltraScale+, simulated here'],
    ['cortexc emit model.onnx --target onnx -o model-onnx --check', 'ONNX as this compiler writes it, run by onnxruntime'],
    ['cortexc emit model.cvm -o model-c --vectors 20 --force', 'more test vectors, into the same folder'],
  ],
  run: async (args, context) => {
    const { output } = args;
    const problems = [
      ...(Number.isInteger(args.vectors) && args.vectors >= 1 && args.vectors <= MOST_VECTORS
        ? []
        : [optionValue('vectors', `is ${args.vectors} but takes a whole number from 1 to ${MOST_VECTORS}`)]),
      ...(output === undefined ? [optionValue('output', 'is not given, but the files need a folder: -o FOLDER')] : []),
    ];
    const target = EMIT_TARGETS.find((t) => t === args.target);
    if (problems.length > 0 || output === undefined || target === undefined) return fail(...problems);
    const { emitModel } = await import('../pipeline/emit-model.ts');
    return emitModel(
      {
        ...args,
        output,
        target,
        mode: FPGA_MODES.find((m) => m === args.mode),
        form: EXPORT_FORMS.find((f) => f === args.form),
        bits: args.bits === 6 ? 6 : args.bits === 8 ? 8 : undefined,
      },
      context,
    );
  },
});
