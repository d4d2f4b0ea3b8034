import { expect, test } from '@jest/globals';
import { canonicalBytes, runProgram } from '../../../ir/index.ts';
import { at, unwrap } from '../../../support/index.ts';
import { mergeUses } from '../../../../tests/support/merged-uses.ts';
import { type OpUse, opUses } from '../../../../tests/support/op-uses.ts';
import { Cache } from '../../cpu/cache/cache.ts';
import { buildFakeDriver, findCxx } from '../shim/index.ts';
import { testOptions } from '../shim/testing/fake-device.ts';
import type { Platform } from '../driver/functions.ts';
import { compileProgram } from './compile.ts';

// Every sample of every op as CUDA's and HIP's kernels, which the shim runs, gives the reference's bytes: with weights and tables as parameters,
// and with special floats.

const canBuild = findCxx().ok && process.platform === 'linux';

const WAYS = [
  ['parameters behind the first', 'cuda'],
  ['special values', 'cuda'],
  ['parameters behind the first', 'hip'],
] as const;

/** Names of the uses whose results differ from the reference's. */
const differences = (uses: readonly OpUse[], platform: Platform): readonly string[] => {
  const library = unwrap(buildFakeDriver(testOptions()));
  const env = { ...process.env, CORTEXC_CUDA_DRIVER: library, CORTEXC_HIP_DRIVER: library };
  const { program, inputs, useOf } = mergeUses(uses);
  const executable = unwrap(compileProgram(program, { cache: new Cache(), env, platform }));
  const results = executable.run(inputs);
  executable.close?.();
  const expected = runProgram(program, inputs);
  const differing = useOf.filter((_, i) => Buffer.compare(canonicalBytes(at(results, i)), canonicalBytes(at(expected, i))) !== 0);
  return [...new Set(differing.map((use) => use.name))];
};

const hasFloats = ({ inputs }: OpUse): boolean => inputs.some((t) => t.dtype === 'f32');

(canBuild ? test : test.skip).each(WAYS)(
  'every op, %s, on %s',
  (way, platform) => {
    const uses = opUses().filter((use) => use.name.endsWith(`, ${way}`) && (way !== 'special values' || hasFloats(use)));
    expect(uses.length).toBeGreaterThan(100);
    expect(differences(uses, platform)).toEqual([]);
  },
  15 * 60_000,
);
