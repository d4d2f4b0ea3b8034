/**
 * The netlist of the FPGA core for Cyclone V, as yosys makes it, runs a network in verilator: npm run fpga-gates -- MODEL.cvm. Needs yosys
 * and verilator, some minutes and 3 GB of memory. Exit status: 0 all bytes are right, 1 some are wrong or a tool fails, 2 wrong use.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../../bench/data.ts';
import { decodePackage } from '../../src/cvm-bytecode/index.ts';
import { Philox, randomTensor, typeOf } from '../../src/ir/index.ts';
import { unwrap } from '../../src/support/index.ts';
import { runOnGates } from './testing/gates.ts';

const SEED = 1;

const main = (): number => {
  const [path, ...rest] = process.argv.slice(2);
  if (path === undefined || rest.length > 0) {
    process.stderr.write('usage: npm run fpga-gates -- MODEL.cvm\n');
    return 2;
  }
  const { program } = unwrap(decodePackage(readFileSync(path)));
  const random = new Philox(SEED);
  const inputs = program.inputs.map(({ value }) => {
    const { dtype, shape } = typeOf(program, value);
    return randomTensor({ dtype, shape: shape.map(Number) }, random);
  });
  const ran = runOnGates(program, inputs, join(ROOT, 'build', 'fpga-synth'));
  if (!ran.ok) {
    for (const d of ran.diagnostics) process.stderr.write(`${[d.message, ...d.notes].join('\n')}\n`);
    return 1;
  }
  const { cycles, bytes, wrong, seconds } = ran.value;
  process.stdout.write(
    `${cycles} cycles, ${bytes} bytes of outputs, ${wrong} wrong; netlist and simulator in ${seconds.build.toFixed(0)} s, run in ${seconds.run.toFixed(1)} s\n`,
  );
  return wrong === 0 ? 0 : 1;
};

process.exitCode = main();
