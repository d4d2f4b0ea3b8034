import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { findChromium } from '../../../../tests/support/chromium.ts';
import { inputsOf } from '../../../../tests/support/emitted-folder.ts';
import { cli } from '../../../cli/testing/run.ts';
import { decodePackage } from '../../../cvm-bytecode/index.ts';
import { dataPath } from '../../../frontend/tflite/testing/data.ts';
import { canonicalBytes, type Program, runProgram } from '../../../ir/index.ts';
import { unwrap } from '../../../support/index.ts';
import { emitProgram } from './emit.ts';
import { compileForGpuJs } from './executable.ts';
import { BrowserPage, readSource } from './testing/browser.ts';
import { squeezed } from './testing/squeezed.ts';
import { gpuJsForTests } from './testing/package.ts';

const found = await gpuJsForTests('networks of gpujs');
const path = findChromium();
const MOBILENET = 'tflite/coral/mobilenet_v1_0.25_128_quant.tflite';
const isTrained = existsSync(dataPath(MOBILENET));
if (path === undefined) console.warn('SKIPPED: networks of gpujs in browsers; there is no Chromium.');
if (!isTrained) console.warn(`SKIPPED: MobileNet by gpujs; ${dataPath(MOBILENET)} does not exist (set CORTEXC_DATA).`);

/** The integer program that the command line makes of a real network. */
const compiled = async (file: string): Promise<Program> => {
  const folder = mkdtempSync(join(tmpdir(), 'cortexc-gpujs-'));
  const { exit, stderr } = await cli(['compile', file, '-o', 'model.cvm', '--quiet'], { cwd: folder });
  if (exit !== 0) throw new Error(stderr);
  const { program } = unwrap(decodePackage(new Uint8Array(readFileSync(join(folder, 'model.cvm')))));
  rmSync(folder, { recursive: true });
  return program;
};

const own = found === undefined ? {} : { found };
let network: Promise<Program> | undefined;
const mobilenet = (): Promise<Program> => (network ??= compiled(dataPath(MOBILENET)));

(found !== undefined && isTrained ? describe : describe.skip)('a trained network in Node', () => {
  test.each(['cpu', 'webasm'] as const)(
    '%s: MobileNet v1 gives the bytes of the reference interpreter',
    async (mode) => {
      const program = await mobilenet();
      const executable = unwrap(await compileForGpuJs(program, { mode, ...own }));
      const inputs = inputsOf(program, 5);
      expect((await executable.run(inputs)).map(canonicalBytes)).toEqual(runProgram(program, inputs).map(canonicalBytes));
      executable.close?.();
    },
    120_000,
  );
});

(found !== undefined && path !== undefined ? describe : describe.skip)('in Chromium on SwiftShader', () => {
  const browser = new BrowserPage(path ?? '');
  beforeAll(() => browser.open(), 60_000);
  afterAll(() => browser.close());

  const folderOf = (name: string, program: Program): void =>
    browser.put(
      unwrap(
        emitProgram(
          program,
          [1, 2].map((seed) => inputsOf(program, seed)),
          { read: readSource, ...own },
        ),
      ),
      name,
    );

  test('a folder takes the best mode, all modes give the same bytes, and a changed vector is told', async () => {
    folderOf('squeezed', squeezed());
    expect(await browser.check('squeezed')).toMatchObject({ mode: 'webgpu', warnings: [], problems: [] });
    for (const mode of ['cpu', 'webasm', 'webgl', 'webgl2'])
      expect(await browser.check('squeezed', mode)).toMatchObject({ mode, problems: [] });
    const files = unwrap(emitProgram(squeezed(), [inputsOf(squeezed(), 1)], { read: readSource, ...own }));
    const changed = files.map((f) =>
      f.name === 'vectors/v0-output0.bin' ? { ...f, content: Uint8Array.from(f.content as Uint8Array, (b) => b ^ 1) } : f,
    );
    browser.put(changed, 'changed');
    expect((await browser.check('changed', 'webasm')).problems).toEqual([expect.stringMatching(/^vector 0, output scores: byte 0 is /)]);
  }, 240_000);

  test('a mode that fails the self-test is left with a warning, and refused where it is named', async () => {
    const files = unwrap(emitProgram(squeezed(), [inputsOf(squeezed(), 1)], { read: readSource, ...own }));
    // as if WebGPU lost what is carried out of sums
    const broken = files.map((f) =>
      f.name === 'runtime.js'
        ? {
            ...f,
            content: String(f.content).replace(
              'gpu.createKernel(text,',
              "gpu.createKernel(mode === 'webgpu' ? text.replaceAll('+ 1024;', ';') : text,",
            ),
          }
        : f,
    );
    browser.put(broken, 'broken');
    const { mode, warnings, problems } = await browser.check('broken');
    expect({ mode, problems }).toEqual({ mode: 'webgl2', problems: [] });
    expect(warnings).toEqual([expect.stringMatching(/^webgpu: gpu.js in mode webgpu fails the self-test: /)]);
    await expect(browser.check('broken', 'webgpu')).rejects.toThrow(/fails the self-test/);
  }, 240_000);

  (isTrained ? test : test.skip)(
    'MobileNet v1 gives the bytes of the reference interpreter by WebGL2 and WebGPU',
    async () => {
      folderOf('mobilenet', await mobilenet());
      for (const mode of ['webgl2', 'webgpu']) {
        const answer = await browser.check('mobilenet', mode);
        expect(answer).toMatchObject({ mode, problems: [] });
      }
    },
    300_000,
  );
});
