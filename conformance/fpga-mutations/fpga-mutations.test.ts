import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { findTool } from '../../src/backends/fpga/index.ts';
import { repositoryRoot } from '../mutations/plant.ts';
import { BENCHES } from './benches.ts';
import { checkMutations, FPGA } from './engine.ts';
import type { Mutation } from './mutation.ts';
import { MUTATIONS, QUICK } from './mutations.ts';
import { expressionAt, weave } from './weave.ts';

const missing = (['verilator', 'iverilog', 'vvp'] as const).filter((name) => !findTool(name).ok);
if (missing.length > 0)
  console.warn(`Planted bugs in the FPGA core are not tested: there is no ${missing.join(', no ')} (apt-get install verilator iverilog).`);

const harmless: Mutation = {
  name: 'another order of a sum',
  file: 'rtl/cx_lane.v',
  find: 'from + by',
  replace: 'by + from',
  bench: 'array of 8 bits',
};
const sourceOf = ({ file }: Mutation): string => readFileSync(join(repositoryRoot(), FPGA, file), 'utf8');

test('every mutation applies to the Verilog as it is, and has a name of its own', () => {
  expect([...MUTATIONS, harmless].filter((m) => expressionAt(sourceOf(m), m) === undefined).map((m) => m.name)).toEqual([]);
  expect(new Set(MUTATIONS.map((m) => m.name)).size).toBe(MUTATIONS.length);
  expect(QUICK.filter((name) => !MUTATIONS.some((m) => m.name === name))).toEqual([]);
});

test('bugs of a file that are chosen at run time do not overlap', () => {
  const woven = MUTATIONS.filter((m) => BENCHES[m.bench].woven);
  for (const file of new Set(woven.map((m) => m.file))) {
    const bugs = woven.flatMap((m, i) => (m.file === file ? [[i + 1, m] as const] : []));
    const text = weave(bugs.map(([, m]) => sourceOf(m))[0] ?? '', new Map(bugs));
    for (const [number, { find, replace }] of bugs) expect(text).toContain(`(cx_planted == ${number} ? (${replace}) : (${find}))`);
  }
});

(missing.length === 0 ? test : test.skip)(
  'planted bugs are found, and a change without effect is not',
  () => {
    const outcomes = checkMutations([...MUTATIONS.filter((m) => QUICK.includes(m.name)), harmless]);
    if ('problems' in outcomes) throw new Error(outcomes.problems.join('\n'));
    expect(outcomes.filter((o) => o.caught === null).map((o) => o.mutation.name)).toEqual([harmless.name]);
  },
  900_000,
);
