import { diagnostic, fail } from '../../../support/index.ts';
import type { Backend } from '../../backend.ts';
import { emitProgram } from './emit.ts';
import { compileForWebGpu, webGpuCircumstances } from './executable.ts';
import { refusalOf, supportOf } from './rows.ts';

export { compileForWebGpu, type WebGpuOptions } from './executable.ts';

/** WGSL for WebGPU: integer programs of convolutional networks. WebGPU has no synchronous way to a result, so that `compile` refuses. */
export const webgpuBackend: Backend = {
  name: 'webgpu',
  summary: 'WGSL for WebGPU, in Node with the package webgpu, and emitted for browsers',
  onRequest: true,
  capabilities: ['INT', 'HP16'],
  refusal: refusalOf,
  support: supportOf,
  compile: () =>
    fail(
      diagnostic('GPU0011', 'webgpu answers asynchronous calls only', {
        notes: ['It runs by `cortexc run --backend webgpu` and by compileAsync; here use another backend: all give the same bytes.'],
      }),
    ),
  compileAsync: (program) => compileForWebGpu(program),
  circumstances: webGpuCircumstances,
  emit: (program, vectors) => emitProgram(program, vectors),
};
