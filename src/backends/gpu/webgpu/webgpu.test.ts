import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { joinUses } from '../../../../tests/support/joined-uses.ts';
import { type OpUse, opUses } from '../../../../tests/support/op-uses.ts';
import { findChromium } from '../../../../tests/support/chromium.ts';
import type { SelfTest } from './host/runtime.ts';
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

/** What a device, or we, could do wrong: text of the kernels and what takes its place. */
const FAULTS: readonly (readonly [what: string, right: string, wrong: string])[] = [
  ['products of unsigned bytes', '((x << 24u) >> 24u)', '((x >> 0u) & 255)'],
  ['no rounding', 'p = add64(p, 1u << ((n - 1u) & 31u), 0u);', ''],
  ['rounding of long shifts in the wrong word', 'p = add64(p, 0u, 1u << ((n - 33u) & 31u));', 'p = add64(p, 1u << ((n - 33u) & 31u), 0u);'],
  ['a carry between words is lost', 'select(0u, 1u, l < low)', '0u'],
  ['a carry of the product is lost', ' + (lh & 0xffffu) + (hl & 0xffffu)', ''],
  ['the sign of the product is lost', 'mulhi(a, b) - select(0u, b, v < 0)', 'mulhi(a, b)'],
  ['shifts without sign', 'bitcast<u32>(bitcast<i32>(p.y) >> n)', 'p.y >> n'],
  ['saturation to the wrong side', 'select(hi, lo, high < 0)', 'select(lo, hi, high < 0)'],
  ['results that leave int32 wrap', 'if (high != (low >> 31u))', 'if (false)'],
  ['bytes without sign', 'extractBits(bitcast<i32>(w), (i & 3u) * 8u, 8u)', 'bitcast<i32>(extractBits(w, (i & 3u) * 8u, 8u))'],
  ['quotients toward zero', 'select(0, 1, twice % by < 0)', '0'],
  ['lanes in the wrong order', '<< (lane * 8u)', '<< ((3u - lane) * 8u)'],
];

/** The self-test with a fault in every kernel that has the place for it. */
const withFault = (right: string, wrong: string): SelfTest => {
  const own = selfTest();
  const change = (text: string): string => text.replaceAll(right, wrong);
  const { headers, steps } = own.program;
  const broken = steps.map((s) => ({ ...s, kernels: s.kernels.map((k) => ({ ...k, code: change(k.code) })) }));
  return { ...own, program: { ...own.program, headers: { ...headers, plain: change(headers.plain) }, steps: broken } };
};

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

  test.each(FAULTS)(
    'the self-test finds a fault: %s',
    async (_, right, wrong) => {
      const { wrong: found } = await device.run(withFault(right, wrong), 'plain');
      expect(found.length).toBeGreaterThan(0);
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
