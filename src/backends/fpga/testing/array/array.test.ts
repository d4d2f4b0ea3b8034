import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type ArrayConfig, ArrayRtl, canSimulate } from './rtl.ts';

if (!canSimulate)
  console.warn('verilator is not installed: the RTL of the array is not tested (Debian: apt-get install verilator g++ make)');

const BUILD_MS = 300_000;
const configs: readonly ArrayConfig[] = [
  { bits: 8, pack: 0, columns: 1, groups: 1, inputs: 16, accumulator: 32, scratch: 8192, weights: 512, parameters: 512 },
  { bits: 6, pack: 1, columns: 0, groups: 4, inputs: 4, accumulator: 28, scratch: 4096, weights: 256, parameters: 256 },
  { bits: 8, pack: 1, columns: 0, groups: 2, inputs: 8, accumulator: 24, scratch: 4096, weights: 256, parameters: 256 },
];

(canSimulate ? describe : describe.skip).each(configs)(
  'the array with $bits bits, pack $pack, columns $columns, $groups groups of $inputs inputs',
  (config) => {
    let rtl: ArrayRtl | undefined;
    beforeAll(() => {
      rtl = new ArrayRtl(config);
    }, BUILD_MS);
    afterAll(() => {
      rtl?.close();
    });

    test.each([
      { seed: 1, jobs: 120, stalls: 0, latency: 1 },
      { seed: 2, jobs: 120, stalls: 0, latency: 40 },
      { seed: 3, jobs: 120, stalls: 30, latency: 5 },
      { seed: 4, jobs: 120, stalls: 80, latency: 20 },
    ])('random lists: memory and cycles are as documented: $seed, $stalls % stalls', (lists) => {
      const said = rtl?.random(lists) ?? '';
      expect(said).toMatch(/^\{.*"ended": true, "code": 0, "wrong": 0, .*"mispredicted": 0\}\n$/);
      // a comparison of constant bytes would show nothing
      expect(Number(/"distinct": (\d+)/.exec(said)?.[1])).toBeGreaterThan(200);
    });

    test('bad commands give their error and their place, and a reset helps', () => {
      expect(rtl?.errors()).toMatch(/^\{"cases": \d+, "failures": 0\}\n$/);
    });
  },
);
