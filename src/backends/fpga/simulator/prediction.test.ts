import { expect, test } from '@jest/globals';
import { type OpUse, opUses } from '../../../../tests/support/op-uses.ts';
import { canonicalBytes } from '../../../ir/index.ts';
import { at, unwrap } from '../../../support/index.ts';
import { compileForFpga } from '../lower.ts';
import { openSimulation } from '../sim/compile.ts';
import { findTool } from '../sim/toolchain.ts';
import { SimulatedCore } from './machine.ts';

// The simulator in TypeScript gives not only the bytes of the Verilog but its cycles: those of every step, and of the whole run.

const has = findTool('verilator').ok;
if (!has) console.warn('Cycles are not compared with the Verilog: there is no verilator (apt-get install verilator).');

/** Loops, calls, doubles by integers, divisions, moves of bytes, and more memory than the caches hold. */
const OPS = ['average_pool', 'conv', 'layer_norm_fixed', 'isqrt', 'sort', 'table', 'rescale', 'im2col'];
const isInteger = ({ program }: OpUse): boolean => program.types.every((type) => type.dtype !== 'f32');
const ALL = opUses().filter((use) => isInteger(use) && use.name.endsWith(', inputs'));
const USES = OPS.flatMap((op) => ALL.find(({ name }) => name.startsWith(`${op} sample`)) ?? []);
/** Building the simulator takes a minute on a busy machine. */
const TIMEOUT_MS = 600_000;

(has ? test : test.skip)(
  'bytes and cycles of programs of the processor',
  () => {
    expect(USES.length).toBe(OPS.length);
    for (const { name, program, inputs } of USES) {
      const compiled = unwrap(compileForFpga(program));
      const { opened } = unwrap(openSimulation(compiled));
      const core = new SimulatedCore(compiled);
      expect([name, core.initialize().error]).toEqual([name, undefined]);
      core.writeInputs(inputs);
      const run = core.start();
      const outputs = opened.run(inputs);
      const { cycles, instructions } = opened.counters();
      expect([name, run.cycles, run.instructions]).toEqual([name, cycles, instructions]);
      const ends = [...run.marks.slice(1).map((mark) => mark.cycle), run.cycles];
      const steps = run.marks.map(({ cycle }, i) => at(ends, i) - cycle);
      // the last step ends with the run, whose last cycles are those of the control
      expect([name, steps.slice(0, -1)]).toEqual([name, opened.stepCycles().slice(0, -1)]);
      expect(core.readOutputs(inputs).map(canonicalBytes)).toEqual(outputs.map(canonicalBytes));
      opened.close();
    }
  },
  TIMEOUT_MS,
);
