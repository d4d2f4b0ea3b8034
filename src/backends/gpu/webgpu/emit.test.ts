import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { findChromium } from '../../../../tests/support/chromium.ts';
import { inputsOf, layersProgram } from '../../../../tests/support/emitted-folder.ts';
import { unwrap } from '../../../support/index.ts';
import { emitProgram } from './emit.ts';
import { BrowserDevice, readSource } from './testing/browser-device.ts';

/** Convs, a table and a dense layer: what is behind them has no kernel. */
const layers = () => {
  const program = layersProgram();
  return { ...program, nodes: program.nodes.filter((n) => n.op !== 'softmax_fixed'), outputs: program.outputs.slice(0, 1) };
};

const path = findChromium();
(path === undefined ? describe.skip : describe)('an emitted folder in Chromium', () => {
  const device = new BrowserDevice(path ?? '');
  beforeAll(() => device.open(), 60_000);
  afterAll(() => device.close());

  /** What `check` of the loader tells of a folder. */
  const check = (folder: string): Promise<unknown> =>
    device.evaluate(`import('/${folder}/loader.js').then(({ load }) => load('/${folder}/')).then((model) => model.check())`);

  test('its vectors have the bytes of the reference interpreter, and a changed one is told', async () => {
    const program = layers();
    const files = unwrap(
      emitProgram(
        program,
        [1, 2].map((seed) => inputsOf(program, seed)),
        readSource,
      ),
    );
    device.put(files, 'right');
    expect(await check('right')).toEqual([]);
    device.put(
      files.map((f) =>
        f.name === 'vectors/v1-output0.bin' ? { ...f, content: Uint8Array.from(f.content as Uint8Array, (b) => b ^ 1) } : f,
      ),
      'changed',
    );
    expect(await check('changed')).toEqual([expect.stringMatching(/^vector 1, output scores: byte 0 is /)]);
  }, 60_000);

  test('a device that fails the self-test is refused', async () => {
    const program = layers();
    const files = unwrap(emitProgram(program, [], readSource));
    device.put(
      files.map((f) =>
        f.name === 'self-test/model.json' ? { ...f, content: String(f.content).replaceAll('mulhi(a, b) -', 'mulhi(a, b) +') } : f,
      ),
      'refused',
    );
    await expect(check('refused')).rejects.toThrow(/fails the self-test/);
  }, 60_000);
});
