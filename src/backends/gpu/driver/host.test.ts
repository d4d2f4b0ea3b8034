import { mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
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
import { findHipcc } from '../toolchain/hipcc.ts';
import { findCompiler } from '../toolchain/modules.ts';
import { findNvcc } from '../toolchain/nvcc.ts';
import { compileProgram, type CudaOptions } from '../cuda/compile.ts';
import { cudaSource } from '../cuda/source.ts';
import { chooseDevice } from './device.ts';
import { loadDriver } from './driver.ts';
import type { Platform } from './functions.ts';

// The Node host against a driver that runs kernels on the CPU and fails on request.

const folder = mkdtempSync(join(tmpdir(), 'cortexc-cuda-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const canBuild = findCxx().ok && process.platform === 'linux';
const library = canBuild ? unwrap(buildFakeDriver(testOptions())) : '';
const env = { ...process.env, CORTEXC_CUDA_DRIVER: library, CORTEXC_HIP_DRIVER: library };

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
const messagesOf = (action: () => unknown): readonly (readonly [string, string])[] => {
  try {
    action();
    return [];
  } catch (error) {
    if (error instanceof MrlError) return error.diagnostics.map((d) => [d.code, d.message] as const);
    throw error;
  }
};
const codesOf = (action: () => unknown): readonly string[] => messagesOf(action).map(([code]) => code);
const WGMMA = { kernels: { engine: 'wgmma' } } as const;
const DP4A = { kernels: { engine: 'dp4a' } } as const;
const PLATFORMS: readonly Platform[] = ['cuda', 'hip'];
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

  test.each([
    ['cuda', 'mma'],
    ['cuda', 'wgmma'],
    ['hip', 'dp4a'],
    ['hip', 'mma'],
  ] as const)('runs on %s give the bytes of the reference, again and again, by %s', (platform, engine) => {
    const executable = open({ platform, source: { kernels: { engine } } });
    expect(bytes(executable.run(inputs))).toEqual(expected);
    const first = executable.run(inputs);
    executable.run([randomTensor({ dtype: 'i8', shape: [2, 16, 9, 7] }, new Philox(9)), at(inputs, 1)]);
    // results belong to the caller
    expect(bytes(first)).toEqual(expected);
    expect(bytes(executable.run(inputs))).toEqual(expected);
    expect(executable.memory?.arena).toBeGreaterThan(0);
  });

  test('nothing of a program that is closed stays mapped: a process may run thousands', () => {
    const mappings = (): number => readFileSync('/proc/self/maps', 'utf8').split('\n').length;
    const runOnce = (): void => {
      const executable = open();
      executable.run(inputs);
      executable.close?.();
    };
    runOnce();
    const before = mappings();
    for (let i = 0; i < 4; i++) runOnce();
    // the engine's own come and go; each program's threads have hundreds of stacks
    expect(mappings() - before).toBeLessThan(100);
  });

  test.each(PLATFORMS)('a profile on %s names every step', (platform) => {
    const steps = open({ platform }).profile?.(inputs) ?? [];
    expect(steps.map((s) => s.op).sort()).toEqual(['conv', 'reduce_max', 'softmax']);
    expect(steps.find((s) => s.op === 'conv')?.macs).toBe(2 * 12 * 63 * 144);
  });

  test('inputs that do not fit are refused, and the program runs on', () => {
    const executable = open();
    expect(codesOf(() => executable.run(inputs.slice(1)))).toEqual(['IR0010']);
    expect(bytes(executable.run(inputs))).toEqual(expected);
  });

  test.each(PLATFORMS)('too little device memory of %s: how much is needed, and another program can be loaded', (platform) => {
    open({ platform }).close?.();
    set({ OOM_AT: '1' });
    const refused = compile({ platform });
    expect(refused.ok ? [] : refused.diagnostics.map((d) => d.code)).toEqual(['GPU0006']);
    expect(refused.ok ? '' : refused.diagnostics[0]?.message).toMatch(
      /^the program needs \d+ bytes of device memory; \d+ of \d+ are free$/,
    );
    set();
    expect(bytes(open({ platform }).run(inputs))).toEqual(expected);
  });

  test.each(PLATFORMS)('an error of a kernel of %s spoils all programs of the device; one that is compiled anew runs', (platform) => {
    const options = { platform, source: platform === 'cuda' ? WGMMA : DP4A };
    // the first kernel of the first run, behind the initializations of two programs
    set({ FAIL_AT: String(2 * unwrap(cudaSource(program, options.source)).init.flat().length + 1) });
    const [failing, other] = [open(options), open(options)];
    expect(codesOf(() => failing.run(inputs))).toEqual(['GPU0007']);
    expect(codesOf(() => failing.run(inputs))).toEqual(['GPU0009']);
    expect(codesOf(() => other.run(inputs))).toEqual(['GPU0009']);
    expect(bytes(open(options).run(inputs))).toEqual(expected);
    failing.close?.();
    expect(codesOf(() => failing.run(inputs))).toEqual(['GPU0009']);
  });

  test('what takes longer than allowed is given up', () => {
    const late = compile({ timeoutMs: 0 });
    expect(late.ok ? [] : late.diagnostics.map((d) => d.code)).toEqual(['GPU0008']);
    expect(bytes(open().run(inputs))).toEqual(expected);
  });

  test('a kernel that never ends is named where it is awaited alone; its device takes no other program while it runs', () => {
    const kernels = unwrap(cudaSource(program, WGMMA)).init.flat().length;
    set({ HANG_AT: String(kernels + 2) });
    const hanging = open({ source: WGMMA, timeoutMs: 100 });
    // steps are awaited one by one, and the second has not begun when the first hangs
    expect(messagesOf(() => hanging.profile?.(inputs))).toEqual([
      ['GPU0008', expect.stringMatching(/^kernel \w+ of step \d, \w+ at .* takes longer than 100 ms$/)],
    ]);
    expect(codesOf(() => hanging.run(inputs))).toEqual(['GPU0009']);
    const next = compile({ source: WGMMA });
    expect(next.ok ? [] : next.diagnostics.map((d) => [d.code, d.message])).toEqual([
      ['GPU0009', expect.stringContaining('the device still runs what was given up')],
    ]);
    hanging.close?.();
  });

  test.each([
    ['cuda', /^cuModuleLoadData gives CUDA_ERROR_INVALID_IMAGE \(200\)/],
    ['hip', /^hipModuleLoadData gives hipErrorInvalidImage \(200\)/],
  ] as const)('a module that the driver of %s refuses', (platform, message) => {
    set({ IMAGE_AT: '1' });
    const refused = compile({ platform });
    expect(refused.ok ? [] : refused.diagnostics.map((d) => d.code)).toEqual(['GPU0007']);
    expect(refused.ok ? '' : refused.diagnostics[0]?.message).toMatch(message);
    expect(refused.ok ? [] : refused.diagnostics[0]?.notes).toEqual(
      expect.arrayContaining([expect.stringContaining('the driver is of version')]),
    );
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

  test('a device of HIP is known by its processor, wherever the structure of its properties has that', () => {
    const driver = unwrap(loadDriver(env, 'hip'));
    const chosen = (settings: Readonly<Record<string, string>>): readonly (string | undefined)[] => {
      set(settings);
      const device = chooseDevice(driver, {});
      return device.ok ? [device.value.name, device.value.architecture] : [device.diagnostics[0]?.code];
    };
    expect(chosen({})).toEqual(['Fake AMD device', 'gfx90a:sramecc+:xnack-']);
    expect(chosen({ ARCHITECTURE: 'gfx1030' })).toEqual(['Fake AMD device', 'gfx1030']);
    expect(chosen({ ARCHITECTURE: 'none' })).toEqual(['GPU0003']);
  });

  test.each([
    ['cuda', { DEVICES: '0' }, 'GPU0002', 'cuInit gives CUDA_ERROR_NO_DEVICE (100)'],
    ['hip', { DEVICES: '0' }, 'GPU0002', 'hipInit gives hipErrorNoDevice (100)'],
    ['cuda', { DRIVER: '11040' }, 'GPU0012', 'the driver of CUDA is of version 11.4; programs need 12.0 or newer'],
    ['hip', { HIP: '40500000' }, 'GPU0012', 'the driver of HIP is of version 4.5; programs need 5.2 or newer'],
  ] as const)('a driver of %s that is no use: %j', (platform, settings, code, message) => {
    set(settings);
    // under another name: drivers that were fine are kept
    const path = join(folder, `driver-${Object.keys(settings).join()}-${platform}.so`);
    symlinkSync(library, path);
    const driver = loadDriver({ CORTEXC_CUDA_DRIVER: path, CORTEXC_HIP_DRIVER: path }, platform);
    expect(driver.ok ? [] : driver.diagnostics.map((d) => [d.code, d.message])).toEqual([[code, expect.stringContaining(message)]]);
  });
});

test.each(PLATFORMS)('a driver of %s that does not exist', (platform) => {
  const path = join(folder, 'no-driver.so');
  const driver = loadDriver({ CORTEXC_CUDA_DRIVER: path, CORTEXC_HIP_DRIVER: path }, platform);
  expect(driver.ok ? [] : driver.diagnostics.map(({ code, where }) => [code, where])).toEqual([['GPU0001', path]]);
});

test('compilers that do not exist', () => {
  const told = [findNvcc({ NVCC: 'no-such-nvcc', PATH: '' }), findHipcc({ HIPCC: 'no-such-hipcc', PATH: '' })];
  expect(told.map((r) => (r.ok ? '' : `${r.diagnostics[0]?.code} ${r.diagnostics[0]?.message}`))).toEqual([
    expect.stringMatching(/^GPU0004 .*no-such-nvcc/),
    expect.stringMatching(/^GPU0004 .*no-such-hipcc/),
  ]);
  const device = { platform: 'cuda', index: 0, name: 'x', capability: 80, architecture: '80', memoryBytes: 0, processors: 1 } as const;
  const none = findCompiler(device, { NVCC: 'no-such-nvcc', CORTEXC_NVRTC: join(folder, 'no-nvrtc.so'), PATH: '' });
  expect(none.ok ? [] : none.diagnostics.map((d) => d.code)).toEqual(['GPU0004']);
});
