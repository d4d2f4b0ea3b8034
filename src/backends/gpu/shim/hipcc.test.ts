import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from '@jest/globals';
import { kernelFolder } from '../folders.ts';

// What hipcc makes of the primitives, where it is installed (Debian: apt-get install hipcc). No GPU is needed.

const hasHipcc = spawnSync('hipcc', ['--version'], { env: { ...process.env, HIP_PLATFORM: 'amd' } }).status === 0;
if (!hasHipcc) console.warn('What hipcc makes of GPU kernels is not tested: hipcc is not installed.');

const folder = mkdtempSync(join(tmpdir(), 'cortexc-hipcc-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const cases = fileURLToPath(new URL('../../../../bench/gpu/prims', import.meta.url));

/** A processor with 64 lanes in a wave, and one with 32. */
(hasHipcc ? describe : describe.skip)('what hipcc makes of the primitives', () => {
  test.each(['gfx906', 'gfx1030'])(
    'for %s: products of four bytes, nothing left to call',
    (architecture) => {
      const [source, assembly] = [join(folder, 'cases.hip.cpp'), join(folder, `${architecture}.s`)];
      writeFileSync(source, '#include "cases.cuh"\n');
      // without HIP_PLATFORM hipcc takes NVIDIA's tools where nvcc is
      const ran = spawnSync(
        'hipcc',
        [
          '-std=c++17',
          '-O3',
          `--offload-arch=${architecture}`,
          '--cuda-device-only',
          '-S',
          `-I${kernelFolder()}`,
          `-I${cases}`,
          source,
          '-o',
          assembly,
        ],
        { encoding: 'utf8', env: { ...process.env, HIP_PLATFORM: 'amd' } },
      );
      expect([ran.status, ran.stderr.split('\n').filter((line) => /\berror\b/.test(line))]).toEqual([0, []]);
      const text = readFileSync(assembly, 'utf8');
      expect(/v_dot4c?_i32_i8/.test(text)).toBe(true);
      expect([...text.matchAll(/s_swappc_b64/g)]).toEqual([]);
    },
    120_000,
  );
});
