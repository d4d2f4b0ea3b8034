import { expect, test } from '@jest/globals';
import { closest, compareCodeUnits } from './text.ts';

test.each([
  ['convv', ['conv', 'concat', 'cosh'], 'conv'],
  ['fold-batc', ['fold', 'fold-pad', 'fold-batch-norm'], 'fold-batch-norm'],
  ['compil', ['completion', 'compile'], 'compile'],
  ['xyz', ['conv', 'dense'], undefined],
  ['ocnv', ['conv', 'dense'], 'conv'],
])('closest to %s', (word, names, wanted) => expect(closest(word, names)).toBe(wanted));

test('strings are ordered by code unit', () => {
  expect(['b', 'a', 'Z', 'é', 'ab'].sort(compareCodeUnits)).toEqual(['Z', 'a', 'ab', 'b', 'é']);
});
