import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { inputsOf, layersProgram } from '../../../../tests/support/emitted-folder.ts';
import { affinePackage } from '../../../cli/testing/models.ts';
import { cli, inFolder } from '../../../cli/testing/run.ts';
import { canonicalBytes, ProgramBuilder, runProgram } from '../../../ir/index.ts';
import { unwrap } from '../../../support/index.ts';
import { compileForWebGpu } from './executable.ts';
import type { Gpu } from './host/api.ts';
import { findGpu } from './host/find.ts';

/** Only the convs, the table and the dense layer of the program: what is behind them is refused. */
const scores = () => {
  const program = layersProgram();
  const [first] = program.outputs;
  const softmax = program.nodes.filter((n) => n.op !== 'softmax_fixed');
  return { ...program, nodes: softmax, outputs: first === undefined ? [] : [first] };
};

const gpu = await findGpu();
const adapter = gpu.ok ? await gpu.value.requestAdapter() : null;
if (adapter === null)
  console.warn(
    `WebGPU is not tested in Node: ${gpu.ok ? 'there is no adapter (a Vulkan driver; VK_ICD_FILENAMES names one)' : gpu.diagnostics[0]?.message}`,
  );

(adapter === null ? describe.skip : describe)('in Node', () => {
  test.each(['packed', 'plain'] as const)(
    '%s products: the self-test, then the bytes of the reference interpreter',
    async (dot) => {
      const program = scores();
      const executable = unwrap(await compileForWebGpu(program, { dot, ...(gpu.ok ? { gpu: gpu.value } : {}) }));
      for (const seed of [1, 2]) {
        const inputs = inputsOf(program, seed);
        const results = await executable.run(inputs);
        expect(results.map(canonicalBytes)).toEqual(runProgram(program, inputs).map(canonicalBytes));
      }
      await expect(executable.run([])).rejects.toMatchObject({ code: 'IR0010' });
      executable.close?.();
    },
    120_000,
  );
});

(adapter === null ? describe.skip : describe)('the command line on a device', () => {
  test(
    'run gives the bytes of the reference, in batches too, and keeps what passed; devices and conformance know it',
    () =>
      inFolder(async (cwd) => {
        writeFileSync(join(cwd, 'm.cvm'), affinePackage());
        for (const batch of ['1', '2']) {
          const ran = await cli(['run', 'm.cvm', '--random-input', '1', '--batch', batch, '--backend', 'webgpu', '--verify', '--json'], {
            cwd,
          });
          expect([ran.exit, JSON.parse(ran.stdout)]).toMatchObject([0, { backend: 'webgpu', batch: Number(batch) }]);
        }
        const profiled = await cli(['run', 'm.cvm', '--random-input', '1', '--backend', 'webgpu', '--profile'], { cwd });
        expect([profiled.exit, profiled.stderr]).toEqual([2, expect.stringContaining('does not tell the time of its steps')]);
        const { CORTEXC_WEBGPU = '' } = process.env;
        const listed = await cli(['devices', '--json'], { cwd, env: { CORTEXC_WEBGPU } });
        expect(JSON.parse(listed.stdout)).toMatchObject({
          drivers: expect.arrayContaining([expect.objectContaining({ kind: 'webgpu', devices: [expect.anything()] })]),
        });
        const conformance = await cli(['conformance', '--backend', 'webgpu', '--ops', 'rescale', '--sample', '20'], { cwd });
        expect([conformance.exit, conformance.stdout]).toEqual([
          0,
          expect.stringMatching(/^webgpu +[1-9]\d* passed, 0 failed, 0 refused$/m),
        ]);
      }),
    240_000,
  );
});

describe('without a device', () => {
  const program = scores();
  const codes = async (engine: Gpu): Promise<readonly string[]> => {
    const compiled = await compileForWebGpu(program, { gpu: engine });
    return compiled.ok ? [] : compiled.diagnostics.map((d) => d.code);
  };

  test('no adapter is GPU0002, a package that does not exist GPU0001', async () => {
    expect(await codes({ requestAdapter: () => Promise.resolve(null) })).toEqual(['GPU0002']);
    const found = await findGpu({ CORTEXC_WEBGPU: '/nowhere/webgpu' });
    expect(found.ok ? [] : found.diagnostics.map((d) => d.code)).toEqual(['GPU0001']);
  });

  test('ops without a kernel are told with their place before a device is looked for', async () => {
    const b = new ProgramBuilder('p');
    const x = b.input('x', { dtype: 'f32', shape: [2] });
    b.output('y', b.emit('exp', [x], {}));
    const compiled = await compileForWebGpu(b.finish());
    expect(compiled.ok ? [] : compiled.diagnostics.map((d) => d.code)).toEqual(['BKD0002']);
  });
});
