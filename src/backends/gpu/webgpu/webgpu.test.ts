import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { joinUses } from '../../../../tests/support/joined-uses.ts';
import { type OpUse, opUses } from '../../../../tests/support/op-uses.ts';
import { findChromium } from '../../../../tests/support/chromium.ts';
import { lowerProgram } from './lower.ts';
import { selfTest } from './self-test.ts';
import { BrowserDevice, caseOf } from './testing/browser-device.ts';

const path = findChromium();
const inBrowser = path === undefined ? describe.skip : describe;
if (path === undefined)
  console.warn(
    'WebGPU programs are not run: there is no chromium or google-chrome on PATH (Debian: apt-get install chromium; CORTEXC_CHROMIUM names one).',
  );

/** Uses that one program has side by side. */
const GROUP = 40;

/** Without those that only differ in special floats, or in whether what is computed once is an input: to these kernels they are the same. */
const supportedUses = (): readonly OpUse[] =>
  opUses().filter(({ name, program }) => /, (inputs|parameters behind the first)$/.test(name) && lowerProgram(program).ok);

inBrowser('in Chromium on SwiftShader', () => {
  const device = new BrowserDevice(path ?? '');
  beforeAll(() => device.open(), 60_000);
  afterAll(() => device.close());

  test.each(['packed', 'plain'] as const)(
    'the self-test, %s products',
    async (dot) => {
      const { wrong, dot: used } = await device.run(selfTest(), dot, 2);
      expect({ used, wrong }).toEqual({ used: dot, wrong: [] });
    },
    60_000,
  );

  test('every sample of every op that is supported, operands as inputs and as parameters', async () => {
    const uses = supportedUses();
    for (let i = 0; i < uses.length; i += GROUP) {
      const group = uses.slice(i, i + GROUP);
      const { program, inputs } = joinUses(`ops ${i}`, group);
      const { wrong } = await device.run(caseOf(program, inputs));
      expect(wrong.map((w) => w.replace(/^u(\d+)[.]/, (_, k) => `${group[Number(k)]?.name}: `))).toEqual([]);
    }
    expect(uses.length).toBeGreaterThan(150);
  }, 300_000);
});
