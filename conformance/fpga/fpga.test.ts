import { expect, test } from '@jest/globals';
import {
  compileForFpga,
  DEFAULT_CONFIG,
  findTool,
  type FpgaProgram,
  fpgaSimBackend,
  imageOf,
  openSimulation,
  rowsFor,
  runOnIverilog,
} from '../../src/backends/fpga/index.ts';
import { readVectors, runCases, selectCases } from '../../src/conformance/index.ts';
import { canonicalBytes, OP_NAMES, type OpName, runProgram, type Tensor } from '../../src/ir/index.ts';
import { at, unwrap } from '../../src/support/index.ts';
import { type OpUse, opUses } from '../../tests/support/op-uses.ts';
import { countCases, emptyTally } from '../tally.ts';

// A slice of `npm run fpga-conformance`, and every op once on the Verilog of the core.

const has = findTool('verilator').ok;
if (!has) console.warn('The Verilog of the FPGA core is not run: there is no verilator (apt-get install verilator).');
const simulated = has ? test : test.skip;
const hasSecond = findTool('iverilog').ok && findTool('vvp').ok;
if (!hasSecond)
  console.warn('The Verilog of the FPGA core is not run on a second simulator: there is no iverilog (apt-get install iverilog).');
const second = hasSecond ? test : test.skip;

const MINUTES = 60_000;

const isInteger = ({ program, name }: OpUse): boolean =>
  !program.types.some((type) => type.dtype === 'f32') && !name.endsWith('special values');
const USES = opUses().filter(isInteger);
/** The largest of each op would take the time of all others. */
const ONE_OF_EACH: readonly OpUse[] = OP_NAMES.flatMap((op) => USES.find((use) => use.name.startsWith(`${op} sample`)) ?? []);

const same = (got: readonly Tensor[], expected: readonly Tensor[]): boolean =>
  got.length === expected.length && got.every((tensor, i) => Buffer.compare(canonicalBytes(tensor), canonicalBytes(at(expected, i))) === 0);

const rows = rowsFor(DEFAULT_CONFIG);

simulated(
  'every op in integers gives the bytes of the reference, whatever the memory takes its time for',
  () => {
    const stalls = { stallAddress: 60, stallRead: 60, stallWrite: 60, stallAnswer: 60 };
    const wrong = ONE_OF_EACH.flatMap(({ name, program, inputs }, seed) => {
      const { opened } = unwrap(openSimulation(unwrap(compileForFpga(program, { rows })), { traffic: { seed, ...stalls } }));
      try {
        // twice: what a run leaves behind is in nobody's way
        const expected = runProgram(program, inputs);
        return same(opened.run(inputs), expected) && same(opened.run(inputs), expected) ? [] : [name];
      } finally {
        opened.close();
      }
    });
    expect(wrong).toEqual([]);
    expect(ONE_OF_EACH.length).toBeGreaterThan(90);
  },
  5 * MINUTES,
);

const SLICE: readonly OpName[] = ['conv', 'dense', 'max_pool', 'add_rescale', 'rescale', 'softmax', 'div', 'top_k'];

simulated(
  'conformance cases',
  async () => {
    const set = unwrap(readVectors());
    const { cases } = selectCases(set, SLICE, 200);
    const tally = emptyTally();
    countCases(tally, await runCases(fpgaSimBackend, cases, { digests: set.digests }));
    expect(tally.problems).toEqual([]);
    expect(tally.passed).toBeGreaterThan(10);
    expect(tally.passed + tally.refused).toBe(cases.length);
  },
  5 * MINUTES,
);

simulated('a run has the time of its steps, and memory', () => {
  const { program, inputs } = at(
    ONE_OF_EACH.filter((use) => use.name.startsWith('conv sample')),
    0,
  );
  const executable = unwrap(fpgaSimBackend.compile(program));
  const times = executable.profile?.(inputs) ?? [];
  expect(times.length).toBeGreaterThan(0);
  expect(times.every((step) => step.milliseconds > 0)).toBe(true);
  expect(times.some((step) => step.op === 'conv' && step.macs > 0)).toBe(true);
  expect(executable.memory?.arena).toBeGreaterThan(0);
  expect(() => executable.run([])).toThrow(/inputs/);
  executable.close?.();
  expect(same(executable.run(inputs), runProgram(program, inputs))).toBe(true);
  executable.close?.();
});

second(
  'iverilog agrees, which has unknown values',
  () => {
    const compile = ({ program }: OpUse): FpgaProgram => unwrap(compileForFpga(program, { rows }));
    const layer = USES.filter((use) => use.name.startsWith('conv sample')).find((use) => compile(use).header.array.lanes > 0);
    const other = ONE_OF_EACH.find((use) => use.name.startsWith('top_k sample'));
    const uses = [layer, other].filter((use) => use !== undefined);
    expect(uses).toHaveLength(2);
    for (const use of uses) {
      const compiled = compile(use);
      const output = at(compiled.outputs, 0);
      const inputs = compiled.inputs.map(({ address }, i) => ({ offset: address, bytes: canonicalBytes(at(use.inputs, i)) }));
      const ran = runOnIverilog({
        config: DEFAULT_CONFIG,
        image: imageOf(compiled),
        bytes: compiled.header.limit,
        inputs: [inputs, inputs],
        output: { offset: output.address, bytes: output.bytes },
        stalls: 40,
      });
      const expected = canonicalBytes(at(runProgram(use.program, use.inputs), 0));
      expect([use.name, ...unwrap(ran)]).toEqual([use.name, expected, expected]);
    }
  },
  5 * MINUTES,
);
