import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, describe, expect, test } from '@jest/globals';
import { Philox, ProgramBuilder, randomTensor, runProgram, type Tensor, tensorBytes } from '../../../ir/index.ts';
import { at, MrlError, unwrap } from '../../../support/index.ts';
import { SELF_TEST_DIGESTS } from '../../self-test-digests.ts';
import { withSelfTest } from '../../self-test.ts';
import { Cache } from '../../cpu/cache/cache.ts';
import { cudaBackend } from '../cuda/index.ts';
import { cudaSource } from '../cuda/source.ts';
import { buildFakeDriver, findCxx } from '../shim/index.ts';
import { testOptions } from '../shim/testing/fake-device.ts';
import { compileApart } from './apart.ts';
import type { Platform } from './functions.ts';

// Programs in processes of their own, against a driver that fails, crashes and hangs on request: what it does there must not harm this one.

const MAIN = join(import.meta.dirname, '..', '..', '..', '..', 'dist', 'src', 'backends', 'gpu', 'driver', 'apart-main.js');
const canRun = findCxx().ok && process.platform === 'linux' && existsSync(MAIN);
if (!canRun)
  console.warn('Programs in processes of their own are not tested: dist is not built (npm run build), or there is no C++ compiler.');

const folder = mkdtempSync(join(tmpdir(), 'cortexc-apart-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Two steps, with weights that are packed by the initialization. */
const sample = () => {
  const random = new Philox(3);
  const b = new ProgramBuilder('sample');
  const image = randomTensor({ dtype: 'i8', shape: [1, 16, 9, 7] }, random);
  const x = b.input('image', { dtype: 'i8', shape: image.shape });
  const w = b.param('w', randomTensor({ dtype: 'i8', shape: [12, 16, 3, 3] }, random));
  const sums = b.emit('conv', [x, w], { stride: [1, 1], dilation: [1, 1], pads: [1, 1, 1, 1] });
  b.output('sums', sums);
  b.output('largest', b.emit('reduce_max', [sums], { axes: [1] }));
  return { program: b.finish(), inputs: [image] };
};
const { program, inputs } = sample();
const bytes = (results: readonly Tensor[]): readonly Buffer[] => results.map((t) => Buffer.from(tensorBytes(t)));
const expected = bytes(runProgram(program, inputs));
const WGMMA = { engine: 'wgmma' } as const;
/** Kernels of the initialization and of a run. */
const written = unwrap(cudaSource(program, { kernels: WGMMA }));
const [INIT, RUN] = [written.init.flat().length, written.steps.flatMap((s) => s.launches).length];

const library = canRun ? unwrap(buildFakeDriver(testOptions())) : '';
const cache = new Cache({ folder });
const optionsFor = (platform: Platform, settings: Readonly<Record<string, string | number>> = {}) => ({
  platform,
  cache,
  main: pathToFileURL(MAIN),
  timeoutMs: 500,
  source: { kernels: platform === 'cuda' ? WGMMA : { engine: 'dp4a' as const } },
  env: {
    ...process.env,
    CORTEXC_CUDA_DRIVER: library,
    CORTEXC_HIP_DRIVER: library,
    ...Object.fromEntries(Object.entries(settings).map(([name, value]) => [`CXG_FAKE_${name}`, String(value)])),
  },
});

type Told = readonly (readonly [string, string])[];
const compile = (platform: Platform, settings?: Readonly<Record<string, string | number>>) =>
  compileApart(program, optionsFor(platform, settings));
const told = async (action: () => Promise<unknown>): Promise<Told> => {
  try {
    await action();
    return [];
  } catch (error) {
    if (error instanceof MrlError) return error.diagnostics.map((d) => [d.code, d.message] as const);
    throw error;
  }
};

(canRun ? describe : describe.skip)('a program in a process of its own', () => {
  test.each(['cuda', 'hip'] as const)(
    'on %s: the bytes of the reference, again and again; inputs that do not fit are refused',
    async (platform) => {
      const executable = unwrap(await compile(platform));
      expect(bytes(await executable.run(inputs))).toEqual(expected);
      expect((await told(() => executable.run([]))).map(([code]) => code)).toEqual(['IR0010']);
      expect(bytes(await executable.run(inputs))).toEqual(expected);
      executable.close?.();
      expect((await told(() => executable.run(inputs))).map(([code]) => code)).toEqual(['GPU0009']);
    },
  );

  test.each([
    [
      'a kernel that never ends',
      { HANG_AT: INIT + RUN },
      'GPU0008',
      /^kernel run\w+ of step 1, reduce_max at .* takes longer than 500 ms$/,
    ],
    ['a kernel that fails', { FAIL_AT: INIT + RUN }, 'GPU0007', /ILLEGAL_ADDRESS/],
    [
      'a driver that ends the process',
      { CRASH_AT: INIT + 1 },
      'GPU0013',
      /^the process of the program ended in kernel run\w+ of step 0, conv at .*: signal SIGABRT/,
    ],
  ] as const)('%s is named; the same program runs in another process', async (_, settings, code, message) => {
    const executable = unwrap(await compile('cuda', settings));
    expect(await told(() => executable.run(inputs))).toEqual([[code, expect.stringMatching(message)]]);
    expect((await told(() => executable.run(inputs))).map(([c]) => c)).toEqual(['GPU0009']);
    executable.close?.();
    const other = unwrap(await compile('cuda'));
    expect(bytes(await other.run(inputs))).toEqual(expected);
    other.close?.();
  });

  test('the kernel of an error is in its notes', async () => {
    const executable = unwrap(await compile('cuda', { FAIL_AT: INIT + 1 }));
    const error = await executable.run(inputs).catch((e: unknown) => e);
    executable.close?.();
    const notes = error instanceof MrlError ? at(error.diagnostics, 0).notes : [];
    expect(notes).toEqual(expect.arrayContaining([expect.stringMatching(/^In kernel \w+ of step \d, \w+ at /)]));
  });

  test.each([
    ['a kernel of the initialization that never ends', { HANG_AT: 1 }, 'GPU0008', /^kernel init\w+ of the initialization takes longer/],
    ['memory that runs out', { MEMORY: 1 << 16 }, 'GPU0006', /^the program needs \d+ bytes of device memory; \d+ of 65536 are free$/],
    ['a driver that is too old', { DRIVER: 11_080 }, 'GPU0012', /^the driver of CUDA is of version 11[.]8/],
    ['no device', { DEVICES: 0 }, 'GPU0002', /CUDA_ERROR_NO_DEVICE/],
    ['a module that the driver refuses', { IMAGE_AT: 1 }, 'GPU0007', /^cuModuleLoadData gives CUDA_ERROR_INVALID_IMAGE/],
  ] as const)('%s', async (_, settings, code, message) => {
    const compiled = await compile('cuda', settings);
    expect(compiled.ok ? [] : compiled.diagnostics.map((d) => [d.code, d.message])).toEqual([[code, expect.stringMatching(message)]]);
  });

  test('a driver that does not exist', async () => {
    const options = optionsFor('cuda');
    const compiled = await compileApart(program, { ...options, env: { ...options.env, CORTEXC_CUDA_DRIVER: join(folder, 'none.so') } });
    expect(compiled.ok ? [] : compiled.diagnostics.map((d) => d.code)).toEqual(['GPU0001']);
  });

  test('a device that computes wrong bytes fails the self-test', async () => {
    const backend = (settings: Readonly<Record<string, string | number>>) =>
      withSelfTest(
        { ...cudaBackend, compileAsync: (p) => compileApart(p, { ...optionsFor('cuda', settings), timeoutMs: 60_000 }) },
        SELF_TEST_DIGESTS,
        () => undefined,
      );
    const compiled = await backend({ CORRUPT_AT: 1 }).compileAsync?.(program);
    expect(compiled?.ok === false ? [...new Set(compiled.diagnostics.map((d) => d.code))] : []).toEqual(['BKD0005']);
    const right = await backend({}).compileAsync?.(program);
    expect(right?.ok).toBe(true);
    if (right?.ok === true) right.value.close?.();
  });
});

test('a module that is missing is told', async () => {
  const compiled = await compileApart(program, { main: pathToFileURL(join(folder, 'none.js')) });
  expect(compiled.ok ? [] : compiled.diagnostics.map((d) => d.code)).toEqual(['GPU0013']);
});
