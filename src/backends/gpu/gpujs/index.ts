import { diagnostic, fail } from '../../../support/index.ts';
import type { Backend } from '../../backend.ts';
import { emitProgram } from './emit.ts';
import { compileForGpuJs, gpuJsCircumstances, NODE_MODES } from './executable.ts';
import { refusalOf, supportOf } from './rows.ts';

export { compileForGpuJs, type GpuJsOptions } from './executable.ts';

const modeOf = (isa: string | undefined) => NODE_MODES.find((m) => m === isa);

/** Kernels as JavaScript for gpu.js, exact in float32, for devices that have nothing but WebGL2; results may be promises, so that `compile` refuses. */
export const gpujsBackend: Backend = {
  name: 'gpujs',
  summary: 'kernels for gpu.js: WebGL2, WebGPU, WebAssembly or JavaScript, in Node with the package gpu.js, and emitted for browsers',
  onRequest: true,
  capabilities: ['INT'],
  refusal: refusalOf,
  support: supportOf,
  isas: NODE_MODES,
  compile: () =>
    fail(
      diagnostic('GPU0011', 'gpujs answers asynchronous calls only', {
        notes: ['Use compileAsync, `cortexc run --backend gpujs`, or another backend: all give the same bytes.'],
      }),
    ),
  compileAsync: (program, { isa } = {}) => {
    const mode = modeOf(isa);
    return compileForGpuJs(program, mode === undefined ? {} : { mode });
  },
  circumstances: gpuJsCircumstances,
  emit: (program, vectors) => emitProgram(program, vectors),
};
