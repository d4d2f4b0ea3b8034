import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { buildFakeDriver, findCxx } from '../backends/gpu/shim/index.ts';
import { testOptions } from '../backends/gpu/shim/testing/fake-device.ts';
import { unwrap } from '../support/index.ts';
import { cli, inFolder } from './testing/run.ts';

interface Listed {
  readonly drivers: readonly {
    readonly kind: string;
    readonly version?: string;
    readonly devices: readonly { readonly name: string; readonly architecture?: string; readonly selfTest: string }[];
    readonly problem?: { readonly code: string };
  }[];
}

test('without drivers: why there is no GPU, and exit code 0', () =>
  inFolder(async (folder) => {
    const env = {
      CORTEXC_CUDA_DRIVER: join(folder, 'no-cuda.so'),
      CORTEXC_HIP_DRIVER: join(folder, 'no-hip.so'),
      CORTEXC_WEBGPU: join(folder, 'no-webgpu'),
    };
    const told = await cli(['devices'], { cwd: folder, env });
    expect([told.exit, told.stdout]).toEqual([0, expect.stringContaining('no GPU')]);
    const { drivers } = JSON.parse((await cli(['devices', '--json'], { cwd: folder, env })).stdout) as Listed;
    expect(drivers.map((d) => [d.kind, d.devices.length, d.problem?.code])).toEqual([
      ['cuda', 0, 'GPU0001'],
      ['hip', 0, 'GPU0001'],
      ['webgpu', 0, 'GPU0001'],
    ]);
  }));

(findCxx().ok && process.platform === 'linux' ? test : test.skip)(
  'the devices of a driver with architecture, memory and state',
  () =>
    inFolder(async (folder) => {
      const env = { CORTEXC_CUDA_DRIVER: unwrap(buildFakeDriver(testOptions())) };
      const told = await cli(['devices'], { cwd: folder, env });
      expect([told.exit, told.stdout]).toEqual([0, expect.stringMatching(/^cuda +0 +Fake device +9\.0 +8\.59 GB +\d+ +not tested$/m)]);
      const { drivers } = JSON.parse((await cli(['devices', '--json'], { cwd: folder, env })).stdout) as Listed;
      expect(drivers[0]).toMatchObject({
        kind: 'cuda',
        version: '13.0',
        devices: [{ name: 'Fake device', architecture: '9.0', selfTest: 'not tested' }],
      });
    }),
  // compiles the driver the first time
  300_000,
);
