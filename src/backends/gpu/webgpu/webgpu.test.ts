import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { joinUses } from '../../../../tests/support/joined-uses.ts';
import { type OpUse, opUses } from '../../../../tests/support/op-uses.ts';
import { findChromium } from '../../../../tests/support/chromium.ts';
import type { SelfTest } from './host/runtime.ts';
import { OP_NAMES } from '../../../ir/index.ts';
import { lowerProgram } from './lower.ts';
import { refusalOf } from './rows.ts';
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

/** Whether a use has other kernels where operands are parameters: only what multiplies packs them. */
const isPacked = ({ program }: OpUse): boolean => {
  const lowered = lowerProgram(program);
  return lowered.ok && lowered.value.program.steps.some(({ op }) => op === 'conv' || op === 'dense');
};

/** Without those that only differ in special floats, or in whether what is computed once is an input: to these kernels they are the same. */
const supportedUses = (): readonly OpUse[] =>
  opUses().filter(
    (use) =>
      (use.name.endsWith(', inputs') && lowerProgram(use.program).ok) ||
      (use.name.endsWith(', parameters behind the first') && isPacked(use)),
  );

/** Uses that run together. */
const groupsOf = (uses: readonly OpUse[]): readonly (readonly [number, readonly OpUse[]])[] =>
  Array.from({ length: Math.ceil(uses.length / GROUP) }, (_, i) => [i * GROUP, uses.slice(i * GROUP, (i + 1) * GROUP)]);

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

  const uses = path === undefined ? [] : supportedUses();

  test('samples are of every op that has an integer form', () => {
    const used = new Set(uses.map(({ name }) => name.split(' ')[0]));
    expect(OP_NAMES.filter((op) => refusalOf(op) === undefined && !used.has(op))).toEqual([]);
  });

  // compilers of shaders take a while for so many
  test.each(groupsOf(uses))(
    'samples from %i on of all ops that are supported, operands as inputs and as parameters',
    async (first, group) => {
      const { program, inputs } = joinUses(`ops ${first}`, group);
      const { wrong } = await device.run(caseOf(program, inputs));
      expect(wrong.map((w) => w.replace(/^u(\d+)[.]/, (_, k) => `${group[Number(k)]?.name}: `))).toEqual([]);
    },
    240_000,
  );
});
