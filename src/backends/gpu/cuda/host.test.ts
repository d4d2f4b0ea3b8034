import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from '@jest/globals';
import type koffi from 'koffi';
import { Philox, type Program, ProgramBuilder, randomTensor, runProgram, type Tensor, tensorBytes } from '../../../ir/index.ts';
import { at, MrlError, unwrap } from '../../../support/index.ts';
import type { Executable } from '../../backend.ts';
import { Cache } from '../../cpu/cache/cache.ts';
import { buildFakeDriver, findCxx } from '../shim/index.ts';
import { testOptions } from '../shim/testing/fake-device.ts';
import { compileProgram, type CudaOptions } from './compile.ts';
import { chooseDevice, loadDriver } from './driver.ts';
import { cudaSource } from './source.ts';
import { findNvcc } from './toolchain.ts';

// The Node host against a driver that runs kernels on the CPU and fails on request.

const folder = mkdtempSync(join(tmpdir(), 'cortexc-cuda-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const canBuild = findCxx().ok && process.platform === 'linux';
const library = canBuild ? unwrap(buildFakeDriver(testOptions())) : '';
const env = { ...process.env, CORTEXC_CUDA_DRIVER: library };

/** A conv over the templates, sums of a line by one thread, floats, an input that passes through, and weights that are computed. */
const sample = (): { readonly program: Program; readonly inputs: readonly Tensor[] } => {
  const random = new Philox(3);
  const b = new ProgramBuilder('sample');
  const image = randomTensor({ dtype: 'i8', shape: [2, 16, 9, 7] }, random);
  const x = b.input('image', { dtype: 'i8', shape: image.shape });
  const w = b.param('w', randomTensor({ dtype: 'i8', shape: [12, 16, 3, 3] }, random));
  const sums = b.emit('conv', [x, w], { stride: [1, 1], dilation: [1, 1], pads: [1, 1, 1, 1] });
  b.output('sums', sums);
  b.output('largest', b.emit('reduce_max', [sums], { axes: [1] }));
  const floats: Tensor = { dtype: 'f32', shape: [2, 5], data: Float32Array.of(1, 2, 3, Number.NaN, 5, -0, 1e-40, 7, 8, 9) };
  const y = b.input('floats', { dtype: 'f32', shape: [2, 5] });
  b.output('probabilities', b.emit('softmax', [y], { axis: 1 }));
  b.output('same', y);
  return { program: b.finish(), inputs: [image, floats] };
};
const { program, inputs } = sample();
const expected = runProgram(program, inputs).map((t) => Buffer.from(tensorBytes(t)));
const bytes = (results: readonly Tensor[]): readonly Buffer[] => results.map((t) => Buffer.from(tensorBytes(t)));

const set = (settings: Readonly<Record<string, string>> = {}): void => {
  const require = createRequire(import.meta.url);
  const { load } = require('koffi') as typeof koffi;
  const own = load(library).func('void cxg_fake_set(const char *, const char *)') as (name: string | null, value: string | null) => void;
  own(null, null);
  for (const [name, value] of Object.entries(settings)) own(`CXG_FAKE_${name}`, value);
  // settings are read by cuInit
  unwrap(loadDriver(env)).status('init', 0);
};

const cache = new Cache({ folder });
const compile = (options: CudaOptions = {}): ReturnType<typeof compileProgram> => compileProgram(program, { cache, env, ...options });
const codesOf = (action: () => unknown): readonly string[] => {
  try {
    action();
    return [];
  } catch (error) {
    if (error instanceof MrlError) return error.diagnostics.map((d) => d.code);
    throw error;
  }
};
const WGMMA = { kernels: { engine: 'wgmma' } } as const;
const opened: Executable[] = [];
const open = (options: CudaOptions = {}): Executable => {
  const executable = unwrap(compile(options));
  opened.push(executable);
  return executable;
};

(canBuild ? describe : describe.skip)('on the driver without a GPU', () => {
  beforeEach(() => {
    for (const executable of opened.splice(0)) executable.close?.();
    set();
  });

  test.each(['mma', 'wgmma'] as const)('runs give the bytes of the reference, again and again, by %s', (engine) => {
    const executable = open({ source: { kernels: { engine } } });
    expect(bytes(executable.run(inputs))).toEqual(expected);
    const first = executable.run(inputs);
    executable.run([randomTensor({ dtype: 'i8', shape: [2, 16, 9, 7] }, new Philox(9)), at(inputs, 1)]);
    // results belong to the caller
    expect(bytes(first)).toEqual(expected);
    expect(bytes(executable.run(inputs))).toEqual(expected);
    expect(executable.memory?.arena).toBeGreaterThan(0);
  });

  test('a profile names every step', () => {
    const steps = open().profile?.(inputs) ?? [];
    expect(steps.map((s) => s.op).sort()).toEqual(['conv', 'reduce_max', 'softmax']);
    expect(steps.find((s) => s.op === 'conv')?.macs).toBe(2 * 12 * 63 * 144);
  });

  test('inputs that do not fit are refused, and the program runs on', () => {
    const executable = open();
    expect(codesOf(() => executable.run(inputs.slice(1)))).toEqual(['IR0010']);
    expect(bytes(executable.run(inputs))).toEqual(expected);
  });

  test('too little device memory: how much is needed, and another program can be loaded', () => {
    open().close?.();
    set({ OOM_AT: '1' });
    const refused = compile();
    expect(refused.ok ? [] : refused.diagnostics.map((d) => d.code)).toEqual(['GPU0006']);
    expect(refused.ok ? '' : refused.diagnostics[0]?.message).toMatch(
      /^the program needs \d+ bytes of device memory; \d+ of \d+ are free$/,
    );
    set();
    expect(bytes(open().run(inputs))).toEqual(expected);
  });

  test('an error of a kernel spoils all programs of the device; one that is compiled anew runs', () => {
    // the first kernel of the first run, behind the initializations of two programs
    set({ FAIL_AT: String(2 * unwrap(cudaSource(program, WGMMA)).init.flat().length + 1) });
    const [failing, other] = [open({ source: WGMMA }), open({ source: WGMMA })];
    expect(codesOf(() => failing.run(inputs))).toEqual(['GPU0007']);
    expect(codesOf(() => failing.run(inputs))).toEqual(['GPU0009']);
    expect(codesOf(() => other.run(inputs))).toEqual(['GPU0009']);
    expect(bytes(open({ source: WGMMA }).run(inputs))).toEqual(expected);
    failing.close?.();
    expect(codesOf(() => failing.run(inputs))).toEqual(['GPU0009']);
  });

  test('what takes longer than allowed is given up', () => {
    const late = compile({ timeoutMs: 0 });
    expect(late.ok ? [] : late.diagnostics.map((d) => d.code)).toEqual(['GPU0008']);
    expect(bytes(open().run(inputs))).toEqual(expected);
  });

  test('a module that the driver refuses', () => {
    set({ IMAGE_AT: '1' });
    const refused = compile();
    expect(refused.ok ? [] : refused.diagnostics.map((d) => d.code)).toEqual(['GPU0007']);
    expect(refused.ok ? '' : refused.diagnostics[0]?.message).toMatch(/^cuModuleLoadData gives CUDA_ERROR_INVALID_IMAGE \(200\)/);
  });

  test('devices that are not there or too old', () => {
    const driver = unwrap(loadDriver(env));
    const codeOf = (settings: Readonly<Record<string, string>>, device?: string): string | undefined => {
      set(settings);
      const chosen = chooseDevice(driver, device === undefined ? {} : { CORTEXC_CUDA_DEVICE: device });
      return chosen.ok ? chosen.value.name : chosen.diagnostics[0]?.code;
    };
    expect(codeOf({})).toBe('Fake device');
    expect(codeOf({}, '1')).toBe('GPU0002');
    expect(codeOf({ DEVICES: '2' }, '1')).toBe('Fake device');
    expect(codeOf({ CAPABILITY: '70' })).toBe('GPU0003');
  });
});

test('a driver that does not exist and a compiler that does not exist are told', () => {
  const driver = loadDriver({ CORTEXC_CUDA_DRIVER: join(folder, 'no-driver.so') });
  expect(driver.ok ? '' : driver.diagnostics[0]?.code).toBe('GPU0001');
  const nvcc = findNvcc({ NVCC: 'no-such-nvcc', PATH: '' });
  expect(nvcc.ok ? '' : nvcc.diagnostics[0]?.code).toBe('GPU0004');
  expect(nvcc.ok ? '' : nvcc.diagnostics[0]?.message).toContain('no-such-nvcc');
});
