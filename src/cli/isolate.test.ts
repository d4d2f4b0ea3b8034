import { spawnSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { buildFakeDriver, findCxx } from '../backends/gpu/shim/index.ts';
import { testOptions } from '../backends/gpu/shim/testing/fake-device.ts';
import { unwrap } from '../support/index.ts';
import { inFolder } from './testing/run.ts';

// `run --isolate` as it is installed: programs in processes of their own are compiled modules.

const ROOT = join(import.meta.dirname, '..', '..');
const CLI = join(ROOT, 'dist', 'src', 'cli', 'cortexc.js');
const canRun =
  existsSync(join(ROOT, 'dist', 'src', 'backends', 'gpu', 'driver', 'apart-main.js')) && findCxx().ok && process.platform === 'linux';
if (!canRun) console.warn('run --isolate is not tested: dist is not built (npm run build), or there is no C++ compiler.');

const MODEL = `mrl 1;
model sums {
  input x: i8[2, 3, 5, 5];
  let y = reduce_sum(x, axes: [2]);
  output z = reduce_max(y, axes: [1]);
}
`;

interface Ran {
  readonly exit: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

(canRun ? describe : describe.skip)('run --isolate', () => {
  const run = (folder: string, words: string, settings: Readonly<Record<string, string>> = {}): Ran => {
    const library = unwrap(buildFakeDriver(testOptions()));
    writeFileSync(join(folder, 'sums.mrl'), MODEL);
    const ran = spawnSync(process.execPath, [CLI, 'run', 'sums.mrl', '--random-input', '1', '--no-self-test', ...words.split(' ')], {
      cwd: folder,
      encoding: 'utf8',
      env: { ...process.env, CORTEXC_CUDA_DRIVER: library, CORTEXC_HIP_DRIVER: library, CORTEXC_CACHE: join(folder, 'cache'), ...settings },
    });
    return { exit: ran.status, stdout: ran.stdout, stderr: ran.stderr };
  };
  /** The digests of outputs. */
  const digests = ({ stdout }: Ran): readonly string[] => stdout.split('\n').filter((line) => line.startsWith('sha256'));

  test(
    'the bytes of wasm; after a crash or a kernel that never ends those of another backend, or an error',
    () =>
      inFolder(async (folder) => {
        const wasm = run(folder, '--backend wasm');
        expect([wasm.exit, digests(wasm).length]).toEqual([0, 1]);
        const apart = run(folder, '--backend hip --isolate');
        expect([apart.exit, apart.stderr, digests(apart)]).toEqual([0, '', digests(wasm)]);
        const crashed = run(folder, '--backend cuda --isolate --fallback reference', { CXG_FAKE_CRASH_AT: '2' });
        expect([crashed.exit, digests(crashed)]).toEqual([0, digests(wasm)]);
        expect(crashed.stderr).toMatch(
          /^warning\[GPU0013\]: the process of the program ended in kernel \w+ of step 1, reduce_max .*SIGABRT/,
        );
        expect(crashed.stderr).toContain('Runs on reference instead of cuda');
        const hung = run(folder, '--backend hip --isolate --time-limit 0.5 --no-fallback', { CXG_FAKE_HANG_AT: '2' });
        expect([hung.exit, hung.stderr]).toEqual([5, expect.stringContaining('reduce_max at')]);
      }),
    300_000,
  );

  test(
    'a sticky error without a process of its own: the next backend takes over; what cannot be isolated is refused',
    () =>
      inFolder(async (folder) => {
        const failed = run(folder, '--backend cuda', { CXG_FAKE_FAIL_AT: '1' });
        expect([failed.exit, failed.stderr]).toEqual([0, expect.stringContaining('Runs on wasm instead of cuda')]);
        const refused = run(folder, '--backend wasm --isolate');
        expect([refused.exit, refused.stderr]).toEqual([2, expect.stringContaining('backend wasm runs in this process only')]);
        const unknown = run(folder, '--backend cuda --fallback wams');
        expect([unknown.exit, unknown.stderr]).toEqual([2, expect.stringContaining('there is no backend wams')]);
      }),
    300_000,
  );
});
