import { describe, expect, test } from '@jest/globals';
import { inputsOf } from '../../../../tests/support/emitted-folder.ts';
import { canonicalBytes, type Program, ProgramBuilder, runProgram, type Tensor } from '../../../ir/index.ts';
import { MrlError, unwrap } from '../../../support/index.ts';
import { emitProgram } from './emit.ts';
import { compileForGpuJs } from './executable.ts';
import type { GpuConstructor, GpuInstance, KernelOptions, Mode } from './host/api.ts';
import { findGpuJs, type FoundGpuJs, provideWebGpu } from './host/find.ts';
import { squeezed } from './testing/squeezed.ts';
import { gpuJsForTests } from './testing/package.ts';

const found = await gpuJsForTests('programs of gpujs in Node');

const adapter = found === undefined ? undefined : await provideWebGpu();
if (adapter === undefined)
  console.warn('SKIPPED: gpujs by WebGPU in Node; there is no package webgpu (CORTEXC_WEBGPU names one) or no adapter (a Vulkan driver).');

/** gpu.js whose kernels of one mode have another text. */
const withTexts = ({ module, ...rest }: FoundGpuJs, fault: string, broken: Mode, change: (text: string) => string): FoundGpuJs => {
  const { GPU: Own } = module;
  const GPU = function (options: { readonly mode: Mode }): GpuInstance {
    const gpu = new Own(options);
    if (options.mode !== broken) return gpu;
    const createKernel = (text: string, o: KernelOptions) => gpu.createKernel(change(text), o);
    return { mode: gpu.mode, createKernel, destroy: () => gpu.destroy() };
  } as unknown as GpuConstructor;
  // what another package passed before, this process or an earlier one, says nothing of this one
  return { ...rest, version: `${rest.version} with ${fault}`, module: { GPU: Object.assign(GPU, { isWebAssemblySupported: true }) } };
};

const bytesOf = (tensors: readonly Tensor[]): readonly Uint8Array[] => tensors.map(canonicalBytes);

(found === undefined ? describe.skip : describe)('a network in Node', () => {
  const own = found ?? { folder: '', version: '', main: '', module: { GPU: class {} as unknown as GpuConstructor } };

  test.each(['cpu', 'webasm', ...(adapter === undefined ? [] : (['webgpu'] as const))] as const)(
    '%s: the bytes of the reference interpreter, run after run, several at once',
    async (mode) => {
      const program = squeezed();
      const executable = unwrap(await compileForGpuJs(program, { mode, found: own }));
      const inputs = [1, 2, 3].map((seed) => inputsOf(program, seed));
      const results = await Promise.all(inputs.map((i) => executable.run(i)));
      expect(results.map(bytesOf)).toEqual(inputs.map((i) => bytesOf(runProgram(program, i))));
      expect(executable).toMatchObject({ device: `gpu.js ${own.version}, ${mode}`, warnings: [] });
      await expect(executable.run([])).rejects.toThrow(MrlError);
      executable.close?.();
    },
  );

  test('a mode that computes wrongly is given up with a warning, for the same bytes', async () => {
    const program = squeezed();
    const wrong = withTexts(own, 'another rounding', 'webasm', (text) => text.replaceAll('+ 1024;', ';'));
    const executable = unwrap(await compileForGpuJs(program, { found: wrong }));
    expect(executable.device).toContain('cpu');
    // where there is a GPU as well, its mode is tried before
    const told = executable.warnings?.at(-1);
    expect([told?.code, told?.severity]).toEqual(['GPU0021', 'warning']);
    expect(told?.message).toMatch(/^gpu.js in mode webasm is given up for cpu: .* fails the self-test: output /);
    const inputs = inputsOf(program, 4);
    expect(bytesOf(await executable.run(inputs))).toEqual(bytesOf(runProgram(program, inputs)));
    const named = await compileForGpuJs(program, { mode: 'webasm', found: wrong });
    expect(named.ok ? [] : named.diagnostics.map((d) => d.code)).toEqual(['BKD0005']);
  });

  test('a kernel that a mode does not compile is run by the next', async () => {
    const program = squeezed();
    // a name that only the network's kernels have, so that the self-test passes
    const marked = withTexts(own, 'a kernel that fails', 'webasm', (text) =>
      text.includes('a6[') ? 'function () { return nothing[0]; }' : text,
    );
    const executable = unwrap(await compileForGpuJs(program, { found: marked }));
    const inputs = inputsOf(program, 5);
    expect(bytesOf(await executable.run(inputs))).toEqual(bytesOf(runProgram(program, inputs)));
    expect(executable.warnings?.at(-1)?.code).toBe('GPU0021');
    const named = unwrap(await compileForGpuJs(program, { mode: 'webasm', found: marked }));
    await expect(named.run(inputs)).rejects.toMatchObject({ diagnostics: [{ code: 'GPU0007' }] });
  });
});

/** Two ops without kernels. */
const refused = (): Program => {
  const b = new ProgramBuilder('p');
  const x = b.input('x', { dtype: 'f32', shape: [2] });
  b.output('y', b.emit('exp', [b.emit('neg', [x], {})], {}));
  return b.finish();
};

test('ops without a kernel are told, all of them with op and place, before gpu.js is looked for', async () => {
  const compiled = await compileForGpuJs(refused());
  expect(compiled.ok ? [] : compiled.diagnostics.map((d) => [d.code, d.message.split(':')[0]])).toEqual([
    ['BKD0002', 'port x'],
    ['BKD0002', 'neg'],
    ['BKD0002', 'exp'],
  ]);
});

test('without the package a code with a remedy', async () => {
  const env = { CORTEXC_GPUJS: '/nowhere/gpu.js' };
  const missing = await findGpuJs(env);
  expect(missing.ok ? [] : missing.diagnostics.map((d) => [d.code, d.notes?.join().includes('--ignore-scripts')])).toEqual([
    ['GPU0020', true],
  ]);
  expect(emitProgram(refused(), []).ok).toBe(false);
});
