import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { findCxx } from '../../src/backends/gpu/shim/index.ts';
import { planted, repositoryRoot } from '../mutations/plant.ts';
import { checkMutations, KERNELS } from './engine.ts';
import { type Mutation, MUTATIONS, QUICK } from './mutations.ts';

const has = findCxx().ok;
if (!has) console.warn('Planted bugs in GPU kernels are not tested: there is no C++ compiler.');

const harmless: Mutation = {
  name: 'another order of a sum',
  file: 'cxg_common.cuh',
  find: '(int)((uint32_t)a + (uint32_t)b)',
  replace: '(int)((uint32_t)b + (uint32_t)a)',
  networks: ['mma'],
};

test('every mutation applies to the kernels as they are, and has a name of its own', () => {
  const root = repositoryRoot();
  const stale = [...MUTATIONS, harmless].filter((m) => planted(readFileSync(join(root, KERNELS, m.file), 'utf8'), m) === undefined);
  expect(stale.map((m) => m.name)).toEqual([]);
  expect(new Set(MUTATIONS.map((m) => m.name)).size).toBe(MUTATIONS.length);
  expect(QUICK.filter((name) => !MUTATIONS.some((m) => m.name === name))).toEqual([]);
});

(has ? test : test.skip)(
  'planted bugs are found, and a change without effect is not',
  () => {
    const outcomes = checkMutations([...MUTATIONS.filter((m) => QUICK.includes(m.name)), harmless]);
    if ('problems' in outcomes) throw new Error(outcomes.problems.join('\n'));
    expect(outcomes.filter((o) => o.caught === null).map((o) => o.mutation.name)).toEqual([harmless.name]);
  },
  300_000,
);
