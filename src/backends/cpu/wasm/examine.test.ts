import { expect, test } from '@jest/globals';
import { examineEngine } from './examine.ts';

test('shared memory, and an engine without it', () => {
  expect(examineEngine({ SharedArrayBuffer, Atomics }).map((f) => f.problem)).toEqual([undefined]);
  expect(examineEngine({ Atomics }).map((f) => f.problem?.message)).toEqual([
    'this engine has no SharedArrayBuffer: wasm runs on one thread',
  ]);
});
