import { describe, expect, test } from '@jest/globals';
import { proveProgram, verifyProgram } from '../../../src/ir/index.ts';
import { type NetworkName, networkProgram } from './architectures.ts';

/** 10^9 multiply-accumulates: what the papers or their authors' files say of these networks, for one image. */
const PUBLISHED = { caffenet: 0.72, nin: 1.1, 'inception-v3': 5.7 } as const;

describe('networks of the GPU bench', () => {
  test.each(Object.entries(PUBLISHED))('%s has the published amount of work, and its sums are proven', (name, billions) => {
    const { program, macs } = networkProgram(name as NetworkName, 1);
    expect(Math.abs(macs / 1e9 / billions - 1)).toBeLessThan(0.04);
    expect(verifyProgram(program).ok).toBe(true);
    expect(proveProgram(program).ok).toBe(true);
  });
});
