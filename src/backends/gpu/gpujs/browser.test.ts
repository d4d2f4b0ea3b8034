import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { findChromium } from '../../../../tests/support/chromium.ts';
import { joinUses } from '../../../../tests/support/joined-uses.ts';
import { unwrap } from '../../../support/index.ts';
import { emitProgram } from './emit.ts';
import { BrowserPage, readSource } from './testing/browser.ts';
import { supportedUses } from './testing/uses.ts';
import { gpuJsForTests } from './testing/package.ts';

const path = findChromium();
const found = await gpuJsForTests('ops of gpujs in Chromium');
if (path === undefined)
  console.warn('SKIPPED: gpujs in browsers; there is no Chromium (Debian: apt-get install chromium; CORTEXC_CHROMIUM names one).');

/** Uses that one program has side by side. */
const GROUP = 40;
/** Shaders are compiled for seconds here: of most ops a sample or two, in Node all. */
const CLOSELY = /^(conv|dense|matmul|rescale|add_rescale|softmax_lut|reduce_sum) /;
const chosen = () =>
  supportedUses().filter(({ name }) => /parameters behind/.test(name) && (CLOSELY.test(name) || / sample [01],/.test(name)));

(path === undefined || found === undefined ? describe.skip : describe)('in Chromium on SwiftShader', () => {
  const browser = new BrowserPage(path ?? '');
  const options = { read: readSource, ...(found === undefined ? {} : { found }) };
  beforeAll(() => browser.open(), 60_000);
  afterAll(() => browser.close());

  test.each(['webgl2', 'webgpu'] as const)(
    '%s: the self-test, then samples of every op that is supported',
    async (mode) => {
      const uses = chosen();
      for (let i = 0; i < uses.length; i += GROUP) {
        const group = uses.slice(i, i + GROUP);
        const { program, inputs } = joinUses(`ops ${i}`, group);
        browser.put(unwrap(emitProgram(program, [inputs], options)), `${mode}${i}`);
        const { problems, ...answer } = await browser.check(`${mode}${i}`, mode);
        expect(problems.map((w) => w.replace(/output u(\d+)[.]/, (_, k) => `${group[Number(k)]?.name}: `))).toEqual([]);
        expect(answer).toMatchObject({ mode, warnings: [] });
      }
      expect(uses.length).toBeGreaterThan(100);
    },
    600_000,
  );
});
