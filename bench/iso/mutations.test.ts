import { describe, expect, jest, test } from '@jest/globals';
import { comparePrograms, verdictOf } from '../../src/passes/index.ts';
import { dataFolder } from '../data.ts';
import { importModel, MUTATED } from './models.ts';
import { MUTATIONS, tryMutation } from './mutate.ts';

jest.setTimeout(300_000);

const data = dataFolder();
if (data === undefined) console.warn('mutations of real models are skipped: the data folder is not there (set CORTEXC_DATA)');
const withData = data === undefined ? describe.skip : describe;

withData('mutations of real models', () => {
  test.each(MUTATED)('%s', async (path) => {
    const program = await importModel(data ?? '', path);
    expect(verdictOf(comparePrograms(program, program), 0)).toBe('isomorphic');
    const wrong: string[] = [];
    let tried = 0;
    for (const mutation of MUTATIONS) {
      const trial = tryMutation(program, mutation, 1 + (path.length % 7));
      if (trial === undefined) continue;
      tried++;
      if (trial.got !== trial.wanted) wrong.push(`${mutation}: ${trial.got}`);
      if (trial.wanted === 'different') expect(trial.comparison.difference?.a.name ?? '').not.toBe('');
    }
    expect(wrong).toEqual([]);
    expect(tried).toBeGreaterThan(8);
  });
});
