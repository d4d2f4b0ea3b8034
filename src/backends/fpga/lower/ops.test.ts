import { expect, test } from '@jest/globals';
import { type OpUse, opUses } from '../../../../tests/support/op-uses.ts';
import { at } from '../../../support/index.ts';
import { type ArrayConfig, DEFAULT_ARRAY } from '../array/config.ts';
import { RECOGNIZERS } from './plan.ts';
import { differences, ORDERS, simulate } from './testing/simulated.ts';

// Samples of the ops that have rows of the array, on the model of the array and the simulated processor: bytes are the reference's, with large
// memories and with such that hold hardly a tile, in every order that the waits of commands allow.

const OPS = [...Object.keys(RECOGNIZERS), 'rescale'];
const isOurs = ({ name, program }: OpUse): boolean =>
  OPS.some((op) => name.startsWith(`${op} `)) && program.types.every((t) => t.dtype !== 'f32') && !name.endsWith('special values');
const USES = opUses().filter(isOurs);

const SMALL: ArrayConfig = { ...DEFAULT_ARRAY, scratchBeats: 160, weightEntries: 20, parameterBlocks: 2 };

const problems = (config: ArrayConfig): readonly string[] =>
  USES.flatMap(({ name, program, inputs }, i) => {
    const { outputs } = simulate(program, inputs, config, at(ORDERS, i % ORDERS.length));
    return differences(program, inputs, outputs).map((output) => `${name}: ${output}`);
  });

test.each([
  ['memories of the default size', DEFAULT_ARRAY],
  ['memories of a few tiles', SMALL],
])('samples of ops, %s', (_, config) => {
  expect(USES.length).toBeGreaterThan(150);
  expect(problems(config)).toEqual([]);
});
