import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { cli } from '../../../cli/testing/run.ts';
import { gpuJsForTests } from './testing/package.ts';

const MODEL = `mrl 1;
model tiny {
  input x: i8[1, 2, 4, 4];
  output y = clamp(x, lo: -5, hi: 7);
}
`;

const found = await gpuJsForTests('the command line of gpujs');
const built = existsSync(join(import.meta.dirname, '../../../../dist/src/backends/gpu/gpujs/host/loader.js'));
if (!built) console.warn('SKIPPED: emit --target gpujs; dist has no loader yet (npm run build)');

describe('the command line', () => {
  let folder = '';
  const { CORTEXC_GPUJS: before } = process.env;
  const run = (...words: string[]) => cli(words, { cwd: folder });
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'cortexc-gpujs-'));
    writeFileSync(join(folder, 'tiny.mrl'), MODEL);
  });
  afterAll(() => {
    rmSync(folder, { recursive: true });
    if (before === undefined) delete process.env['CORTEXC_GPUJS'];
    else process.env['CORTEXC_GPUJS'] = before;
  });

  test('without gpu.js a run falls back with the code and what to do; or fails', async () => {
    process.env['CORTEXC_GPUJS'] = '/nowhere/gpu.js';
    const words = ['run', 'tiny.mrl', '--backend', 'gpujs', '--random-input', '1'];
    const fallen = await run(...words);
    expect([fallen.exit, /warning\[GPU0020\].*\n.*--ignore-scripts/.test(fallen.stderr)]).toEqual([0, true]);
    const failed = await run(...words, '--no-fallback');
    expect([failed.exit, failed.stderr.includes('error[GPU0020]')]).toEqual([4, true]);
    const emitted = await run('emit', 'tiny.mrl', '--target', 'gpujs', '-o', 'out');
    expect([emitted.exit, emitted.stderr.includes('error[GPU0020]')]).toEqual([4, true]);
  }, 60_000);

  (found === undefined ? test.skip : test).each(['cpu', 'webasm'])('run --isa %s, compared with the reference', async (isa) => {
    process.env['CORTEXC_GPUJS'] = found?.folder ?? '';
    const ran = await run('run', 'tiny.mrl', '--backend', 'gpujs', '--isa', isa, '--random-input', '1', '--verify', '--no-fallback');
    expect([ran.stderr, ran.exit]).toEqual(['', 0]);
    expect(ran.stdout).toContain('every byte equal to the reference');
  });

  test('modes that only browsers have are told from those of Node', async () => {
    const ran = await run('run', 'tiny.mrl', '--backend', 'gpujs', '--isa', 'webgl2', '--random-input', '1');
    expect([ran.exit, ran.stderr.includes('cpu, webasm, webgpu')]).toEqual([2, true]);
  });

  (found !== undefined && built ? test : test.skip)('emit writes kernels, parameters, loader, page and vectors', async () => {
    process.env['CORTEXC_GPUJS'] = found?.folder ?? '';
    expect((await run('emit', 'tiny.mrl', '--target', 'gpujs', '-o', 'web')).exit).toBe(0);
    expect(readdirSync(join(folder, 'web')).sort()).toEqual(
      ['LICENSE-gpu.js', 'README.md', 'gpu-browser.min.js', 'index.html', 'loader.js', 'model.json', 'parameters.bin', 'runtime.js'].concat(
        ['self-test', 'vectors'],
      ),
    );
  });
});
