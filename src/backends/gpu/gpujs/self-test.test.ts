import { describe, expect, test } from '@jest/globals';
import { unwrap } from '../../../support/index.ts';
import type { GpuConstructor, KernelOptions, Mode } from './host/api.ts';
import { differences, openEngine, openProgram, type SelfTest } from './host/runtime.ts';
import { selfTest } from './self-test.ts';
import { gpuJsForTests } from './testing/package.ts';

const found = await gpuJsForTests('the self-test of gpujs');

/** What a device, or we, could do wrong: text of the kernels and what takes its place. */
const FAULTS: readonly (readonly [what: string, right: RegExp, wrong: string])[] = [
  ['nothing is carried out of sums', /(v\d+) = \1 - v\d+ \* 2048;/g, ''],
  ['the upper part of sums is lost', /(v\d+) = \1 \+ (v\d+);\n {2}\}/g, '}'],
  ['no rounding', / \+ 1024;/g, ';'],
  ['halves down', / \+ 1024;/g, ' + 1023;'],
  ['bytes do not saturate', /Math.min\((\w+), 127\)/g, '$1'],
  ['toward zero instead of down', /Math.floor\(/g, 'Math.trunc('],
  ['int32 does not wrap', /(v\d+) - (v\d+) \* 1024\)/g, '$1)'],
  ['quotients are off by one', /if \((\w+) >= (\w+)\) \{ (\w+) = \3 \+ 1; \}/g, ''],
  ['parts of pairs are exchanged', /if \(part > 0\)/g, 'if (part < 1)'],
];

const withFault = (right: RegExp, wrong: string): { readonly test: SelfTest; readonly changed: number } => {
  const own = selfTest();
  let changed = 0;
  const steps = own.program.steps.map((s) => ({
    ...s,
    kernels: s.kernels.map((k) => {
      const text = k.text.replace(right, wrong);
      if (text !== k.text) changed++;
      return { ...k, text };
    }),
  }));
  return { test: { ...own, program: { ...own.program, steps } }, changed };
};

const problemsOf = async (mode: Mode, { program, parameters, inputs, outputs }: SelfTest): Promise<readonly string[]> => {
  if (found === undefined) return [];
  const model = await openProgram(await openEngine(found.module, mode), program, parameters);
  const results = await model.run(inputs);
  model.close();
  return differences(program, results, outputs);
};

/** gpu.js on a device whose floats have 11 bits less, as half precision would. */
const coarse = (GPU: GpuConstructor): GpuConstructor => {
  const made = function (options: { readonly mode: Mode }) {
    const gpu = new GPU(options);
    const createKernel = (text: string, o: KernelOptions): unknown =>
      gpu.createKernel(text.replace(/const (v\d+) = ([^;]*\*[^;]*);/g, 'const $1 = Math.floor(($2) * 0.125) * 8;'), o);
    return { mode: gpu.mode, createKernel, destroy: () => gpu.destroy() };
  };
  return Object.assign(made, { isWebAssemblySupported: true }) as unknown as GpuConstructor;
};

(found === undefined ? describe.skip : describe)('extreme values', () => {
  test.each(['cpu', 'webasm'] as const)('are right in mode %s', async (mode) => {
    expect(await problemsOf(mode, selfTest())).toEqual([]);
  });

  test.each(FAULTS)('tell of a fault: %s', async (_, right, wrong) => {
    const { test: broken, changed } = withFault(right, wrong);
    expect(changed).toBeGreaterThan(0);
    expect((await problemsOf('webasm', broken)).length).toBeGreaterThan(0);
  });

  test('tell of a device whose floats are short', async () => {
    if (found === undefined) return;
    const engine = await openEngine({ GPU: coarse(found.module.GPU) }, 'cpu');
    const own = selfTest();
    const model = await openProgram(engine, own.program, own.parameters);
    expect(differences(own.program, await model.run(own.inputs), own.outputs).length).toBeGreaterThan(0);
  });

  test('tell of sums without carries, which random values do not', async () => {
    const own = selfTest();
    const long = own.program.outputs.findIndex((o) => o.name === 'long');
    const { test: broken } = withFault(/(v\d+) = \1 - v\d+ \* 2048;\n *v\d+ = v\d+ \+ v\d+;/g, '');
    const wrong = await problemsOf('webasm', broken);
    expect(long).toBeGreaterThanOrEqual(0);
    expect(wrong.some((w) => w.startsWith('output long:'))).toBe(true);
  });
});

test('the test is itself supported', () => {
  expect(unwrap({ ok: true, value: selfTest() }).program.steps.length).toBeGreaterThan(5);
});
