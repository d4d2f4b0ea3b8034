import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { findChromium } from '../../../../tests/support/chromium.ts';
import { inputsOf } from '../../../../tests/support/emitted-folder.ts';
import { cli } from '../../../cli/testing/run.ts';
import { decodePackage } from '../../../cvm-bytecode/index.ts';
import { dataPath } from '../../../frontend/tflite/testing/data.ts';
import type { Program } from '../../../ir/index.ts';
import { unwrap } from '../../../support/index.ts';
import { BrowserDevice, caseOf } from './testing/browser-device.ts';

const path = findChromium();
const MOBILENET = 'tflite/coral/mobilenet_v1_0.25_128_quant.tflite';
const canRun = path !== undefined && existsSync(dataPath(MOBILENET));
if (!canRun)
  console.warn(
    `MobileNet is not run by WebGPU: ${path === undefined ? 'there is no Chromium' : `${dataPath(MOBILENET)} does not exist (set CORTEXC_DATA)`}`,
  );

/** The integer program that the command line makes of a real network. */
const compiled = async (file: string): Promise<Program> => {
  const folder = mkdtempSync(join(tmpdir(), 'cortexc-webgpu-'));
  const { exit, stderr } = await cli(['compile', file, '-o', 'model.cvm', '--quiet'], { cwd: folder });
  if (exit !== 0) throw new Error(stderr);
  const { program } = unwrap(decodePackage(new Uint8Array(readFileSync(join(folder, 'model.cvm')))));
  rmSync(folder, { recursive: true });
  return program;
};

(canRun ? describe : describe.skip)('a real network in Chromium on SwiftShader', () => {
  const device = new BrowserDevice(path ?? '');
  beforeAll(() => device.open(), 60_000);
  afterAll(() => device.close());

  test('MobileNet v1 gives the bytes of the reference interpreter, run after run', async () => {
    const program = await compiled(dataPath(MOBILENET));
    const { wrong } = await device.run(caseOf(program, inputsOf(program, 5)), 'packed', 2);
    expect(wrong).toEqual([]);
  }, 120_000);
});
