import { expect, test } from '@jest/globals';
import { mergePrograms, readVectors, selectCases } from '../../src/conformance/index.ts';
import { findCxx } from '../../src/backends/gpu/shim/index.ts';
import { testOptions } from '../../src/backends/gpu/shim/testing/fake-device.ts';
import { OP_NAMES, type OpName, runProgram } from '../../src/ir/index.ts';
import { at, unwrap } from '../../src/support/index.ts';
import { opUses } from '../../tests/support/op-uses.ts';
import { checkWork } from './part.ts';
import { findRace, openDevice, type RaceCase } from './testing/races.ts';

// A slice of `npm run gpu-conformance` and of `npm run gpu-races`: both as a whole take minutes.

const has = findCxx().ok && process.platform === 'linux';
if (!has) console.warn('The CUDA backend is not compared with the conformance vectors: there is no C++ compiler.');
const compiled = has ? test : test.skip;

const { folder } = testOptions();

/** Ops of each way to a kernel: templates, lifted ones that threads divide, and those of one thread. */
const SLICE: readonly OpName[] = [
  'conv',
  'max_pool',
  'add_rescale',
  'concat',
  'reduce_sum',
  'softmax',
  'scatter_nd',
  'top_k',
  'nms',
  'random_int',
];

compiled(
  'conformance cases and random programs are equal to the reference',
  async () => {
    const set = unwrap(readVectors());
    const { cases } = selectCases(set, SLICE, 60);
    const programs = Array.from({ length: 12 }, (_, i) => i);
    const tally = await checkWork({ cases, digests: set.digests, programs, fuzz: { seed: 7, nodes: 6 } }, folder);
    expect(tally.problems).toEqual([]);
    expect(tally).toMatchObject({ cases: cases.length, passed: cases.length, refused: 0, programs: 12 });
    expect(cases.length).toBeGreaterThan(30);
  },
  10 * 60_000,
);

/** One use of each op, weights as parameters. */
const raceCase = (ops: readonly OpName[]): RaceCase => {
  const uses = ops.map((op) =>
    at(
      opUses().filter((use) => use.name.startsWith(`${op} sample`) && use.name.endsWith('behind the first')),
      0,
    ),
  );
  const program = mergePrograms(
    'races',
    uses.map((use) => use.program),
  );
  const inputs = uses.flatMap((use) => use.inputs);
  return { name: program.name, program, inputs, outputs: runProgram(program, inputs) };
};

const LIFTED: readonly OpName[] = [
  'reduce_mean',
  'softmax',
  'lrn',
  'max_pool',
  'average_pool',
  'cumsum',
  'gather_nd',
  'scatter_elements',
  'top_k',
  'roi_align',
];

compiled(
  'threads of kernels share nothing by mistake',
  () => {
    expect(OP_NAMES).toEqual(expect.arrayContaining([...LIFTED]));
    expect(findRace(openDevice(folder), raceCase(LIFTED), folder)).toBeUndefined();
  },
  10 * 60_000,
);
