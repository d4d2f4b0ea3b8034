import { describe, expect, test } from '@jest/globals';
import { parseMrl } from '../src/frontend/mrl/index.ts';
import { ok } from '../src/support/index.ts';
import { inputAt, runInputs } from './fuzz/engine.ts';
import { HANDWRITTEN } from './fuzz/mrl.ts';
import { promise, type Target } from './fuzz/target.ts';
import { createTarget, TARGET_NAMES } from './fuzz/targets.ts';

const COUNT = 2000;

describe('a slice of the fuzzer', () => {
  test.each(TARGET_NAMES)('%s', (name) => {
    const tally = runInputs(createTarget(name), { seed: 20_000, from: 0, to: COUNT });
    expect(tally.findings).toEqual([]);
    expect(tally.inputs).toBe(COUNT);
    // Inputs reach the checks behind the first ones, and some are still valid.
    expect(tally.codes.size).toBeGreaterThan(10);
    expect(tally.accepted).toBeGreaterThan(10);
  });

  test('the same seed gives the same inputs', () => {
    for (const name of TARGET_NAMES) {
      const inputs = [7, 8].map((index) => inputAt(createTarget(name), 1, index));
      expect([7, 8].map((index) => inputAt(createTarget(name), 1, index))).toEqual(inputs);
      expect(inputs[0]).not.toEqual(inputs[1]);
    }
  });

  test('the written seeds are valid', () => {
    for (const text of HANDWRITTEN) expect(parseMrl(text, { file: 'seed.mrl', unboundParams: 'zeros' })).toMatchObject({ ok: true });
  });
});

describe('what is a finding', () => {
  const findingsOf = (decode: Target['decode']): readonly string[] =>
    runInputs({ name: 'made up', input: () => new Uint8Array(1), decode }, { seed: 1, from: 0, to: 2 }).findings.map((f) => f.kind);

  test('exceptions, broken promises and failures without a reason, but not failures', () => {
    expect(findingsOf(() => ok(1))).toEqual([]);
    expect(findingsOf(() => ({ ok: false, diagnostics: [{ code: 'CVM1001', severity: 'error', message: '', notes: [] }] }))).toEqual([]);
    expect(findingsOf(() => new Array<never>(-1) as never)).toEqual(['crash', 'crash']);
    expect(findingsOf(() => (promise(false, 'no'), ok(1)))).toEqual(['promise', 'promise']);
    expect(findingsOf(() => ({ ok: false, diagnostics: [] }))).toEqual(['crash', 'crash']);
  });

  test('memory that the input does not justify, at once and left behind', () => {
    const kept: Uint8Array[] = [];
    const kinds = findingsOf(() => ok(kept.push(new Uint8Array(80 * 2 ** 20).fill(1))));
    expect(kinds).toEqual(['memory', 'memory', 'leak']);
    expect(kept).toHaveLength(2);
  });
});
