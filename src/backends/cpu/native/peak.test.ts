import { afterEach, expect, test } from '@jest/globals';
import { measurePeak } from './peak.ts';
import { findCompiler } from './toolchain.ts';
import { hostLevels } from './toolchain-levels.ts';

const saved = process.env['CC'];
afterEach(() => {
  if (saved === undefined) delete process.env['CC'];
  else process.env['CC'] = saved;
});

const hasCompiler = findCompiler().ok;
if (!hasCompiler) console.warn('The peak of a core is not tested: there is no C compiler.');

(hasCompiler ? test : test.skip)('every level of this processor has a peak, named by its instruction', () => {
  for (const level of hostLevels()) {
    const peak = measurePeak(level);
    expect([level, (peak?.gmacs ?? 0) > 0.01, peak?.instruction]).toEqual([level, true, expect.stringMatching(/\w/)]);
  }
});

test('a level that this processor lacks, and a machine without a compiler, have none', () => {
  expect(measurePeak(process.arch === 'arm64' ? 'avx2' : 'neon')).toBeUndefined();
  process.env['CC'] = '/nonexistent/cc';
  expect(measurePeak('portable')).toBeUndefined();
});
