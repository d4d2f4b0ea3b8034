import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { checkMutations, survives } from './engine.ts';
import { type Mutation, MUTATIONS, QUICK } from './mutations.ts';
import { planted, repositoryRoot } from './plant.ts';

const harmless: Mutation = {
  name: 'another name of a local',
  file: 'kernels/scan.ts',
  find: 'const float = ',
  replace: 'const real = true;\n    const float = real && ',
  ops: ['cumsum'],
};

test('every mutation applies to the sources as they are, and has a name of its own', () => {
  const root = repositoryRoot();
  const stale = MUTATIONS.filter((m) => planted(readFileSync(join(root, 'src/backends/cpu/simd', m.file), 'utf8'), m) === undefined);
  expect(stale.map((m) => m.name)).toEqual([]);
  expect(new Set(MUTATIONS.map((m) => m.name)).size).toBe(MUTATIONS.length);
  expect(QUICK.filter((name) => !MUTATIONS.some((m) => m.name === name))).toEqual([]);
});

test('a mutation applies only where its text stands once', () => {
  expect(planted('a + b', { ...harmless, find: '+', replace: '-' })).toBe('a - b');
  expect(planted('a + b + c', { ...harmless, find: '+' })).toBeUndefined();
  expect(planted('a', { ...harmless, find: '+' })).toBeUndefined();
  const stale = checkMutations([{ ...harmless, find: 'no such text' }]);
  expect(stale).toMatchObject({ problems: [expect.stringContaining('"another name of a local" no longer applies')] });
});

test('planted bugs are caught by the golden cases, samples or vectors, and a change without effect is not', () => {
  const outcomes = checkMutations([...MUTATIONS.filter((m) => QUICK.includes(m.name)), harmless]);
  expect(outcomes).toHaveLength(QUICK.length + 1);
  if ('problems' in outcomes) return;
  expect(outcomes.filter(survives).map((o) => o.mutation.name)).toEqual([harmless.name]);
}, 180_000);
