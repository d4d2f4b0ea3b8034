import { describe, expect, test } from '@jest/globals';
import { layersProgram } from '../../../../../tests/support/emitted-folder.ts';
import { unwrap } from '../../../../support/index.ts';
import { compileForWebGpu } from '../executable.ts';
import { lowerProgram } from '../lower.ts';
import type { Gpu, GpuDevice } from './api.ts';
import { type OpenDevice, openProgram } from './runtime.ts';

interface Faults {
  /** What the scopes for validation and for memory tell, in the order in which they are opened. */
  readonly errors?: { readonly validation?: string; readonly 'out-of-memory'?: string };
  readonly largestBuffer?: number;
  /** Why results cannot be read. */
  readonly abort?: string;
}

/** A device without a GPU, whose buffers hold zeros, and the function that takes it away. */
const fakeDevice = ({ errors = {}, largestBuffer = 2 ** 30, abort }: Faults = {}) => {
  let lose: (reason: { readonly reason: string; readonly message: string }) => void = () => undefined;
  const scopes: string[] = [];
  const limits = { maxStorageBufferBindingSize: largestBuffer, maxBufferSize: largestBuffer };
  const pass = { setPipeline: () => undefined, setBindGroup: () => undefined, dispatchWorkgroups: () => undefined, end: () => undefined };
  const device: GpuDevice = {
    limits,
    lost: new Promise((done) => {
      lose = done;
    }),
    queue: { writeBuffer: () => undefined, submit: () => undefined },
    createBuffer: ({ size }) => ({
      mapAsync: () => (abort === undefined ? Promise.resolve() : Promise.reject(new RangeError(abort))),
      getMappedRange: () => new ArrayBuffer(size),
      unmap: () => undefined,
      destroy: () => undefined,
    }),
    createShaderModule: () => ({}),
    createBindGroupLayout: () => ({}),
    createPipelineLayout: () => ({}),
    createComputePipelineAsync: () => Promise.resolve({}),
    createBindGroup: () => ({}),
    createCommandEncoder: () => ({ beginComputePass: () => pass, copyBufferToBuffer: () => undefined, finish: () => ({}) }),
    pushErrorScope: (filter) => void scopes.push(filter),
    popErrorScope: () => {
      const message = errors[scopes.pop() as keyof typeof errors];
      return Promise.resolve(message === undefined ? null : { message });
    },
    destroy: () => undefined,
  };
  const open: OpenDevice = { device, dot: 'plain', name: 'fake', details: [] };
  const gpu: Gpu = { requestAdapter: () => Promise.resolve({ limits, requestDevice: () => Promise.resolve(device) }) };
  return { open, gpu, lose: () => lose({ reason: 'unknown', message: 'the cable was pulled' }) };
};

const { program, parameters } = unwrap(lowerProgram(layersProgram()));
const inputs = program.inputs.map(({ bytes }) => new Uint8Array(bytes));

describe('what goes wrong on a device', () => {
  test('no memory is GPU0006, what it refuses GPU0007', async () => {
    const full = fakeDevice({ errors: { 'out-of-memory': 'no' } });
    await expect(openProgram(full.open, program, parameters)).rejects.toMatchObject({ code: 'GPU0006' });
    const strict = fakeDevice({ errors: { validation: 'no' } });
    await expect(openProgram(strict.open, program, parameters)).rejects.toMatchObject({ code: 'GPU0007' });
  });

  test('a buffer beyond the limits is GPU0006 with both sizes', async () => {
    const compiled = await compileForWebGpu(layersProgram(), { gpu: fakeDevice({ largestBuffer: 256 }).gpu });
    expect(compiled.ok ? [] : compiled.diagnostics).toMatchObject([
      { code: 'GPU0006', message: expect.stringMatching(/has \d+ bytes, but buffers of .* have at most 256/) },
    ]);
  });

  test('a device that computes wrongly is refused before a program runs on it', async () => {
    const compiled = await compileForWebGpu(layersProgram(), { gpu: fakeDevice().gpu });
    expect(compiled.ok ? [] : compiled.diagnostics).toMatchObject([
      { code: 'BKD0005', message: expect.stringContaining('fails the self-test') },
    ]);
  });

  test('a device that is lost is GPU0009 in every later run', async () => {
    const { open, lose } = fakeDevice();
    const model = await openProgram(open, program, parameters);
    await model.run(inputs);
    lose();
    await Promise.resolve();
    await expect(model.run(inputs)).rejects.toMatchObject({ code: 'GPU0009', message: expect.stringContaining('the cable was pulled') });
    await expect(model.run(inputs)).rejects.toMatchObject({ code: 'GPU0009' });
  });

  test('so is one that goes during a run', async () => {
    const model = await openProgram(fakeDevice({ abort: 'reset' }).open, program, parameters);
    await expect(model.run(inputs)).rejects.toMatchObject({ code: 'GPU0009', message: expect.stringContaining('reset') });
    await expect(model.run(inputs)).rejects.toMatchObject({ code: 'GPU0009' });
  });
});
