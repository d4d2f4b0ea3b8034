import { diagnostic, fail } from '../../../support/index.ts';
import type { Backend } from '../../backend.ts';
import { emitProgram } from './emit.ts';
import { refusalOf, supportOf } from './rows.ts';

export { type AsyncExecutable, compileForWebGpu, type WebGpuOptions } from './executable.ts';

/**
 * WGSL for WebGPU: integer programs of convolutional networks. WebGPU has no synchronous way to a result, so that this backend emits and does
 * not compile: `compileForWebGpu` is its other half.
 */
export const webgpuBackend: Backend = {
  name: 'webgpu',
  summary: 'WGSL for WebGPU, in browsers and in Node with the package webgpu: emitted, or run asynchronously',
  onRequest: true,
  capabilities: ['INT'],
  refusal: refusalOf,
  support: supportOf,
  compile: () =>
    fail(
      diagnostic('GPU0011', 'webgpu answers asynchronous calls only', {
        notes: ['Use `emit --target webgpu` for browsers, compileForWebGpu in Node, or another backend: all give the same bytes.'],
      }),
    ),
  emit: emitProgram,
};
