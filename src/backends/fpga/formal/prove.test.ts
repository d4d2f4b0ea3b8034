import { describe, expect, test } from '@jest/globals';
import { unwrap } from '../../../support/index.ts';
import { findYosys } from '../synthesis/index.ts';
import { type PlantedBug, proveModule, type ProvenModule, PROVEN_MODULES, proveRequant } from './index.ts';

// Proofs for all inputs and all states that can be reached, and planted bugs that they must not survive. npm run fpga-formal proves
// cx_requant for all shifts; here a few.

const yosys = findYosys();
if (yosys === undefined) console.warn('Units of the FPGA core are not proven: there is no yosys (Debian: apt-get install yosys).');

/** Bugs by module: each has to be found. */
const BUGS: Readonly<Record<ProvenModule, readonly PlantedBug[]>> = {
  cx_fifo: [
    { file: 'cx_fifo.v', from: 'write == {~read[LOG], read[LOG-1:0]}', to: 'write == {read[LOG], ~read[LOG-1:0]}' },
    { file: 'cx_fifo.v', from: 'assign head  = mem[read[LOG-1:0]];', to: 'assign head  = mem[write[LOG-1:0]];' },
  ],
  cx_axi_read: [
    { file: 'cx_axi_read.v', from: ' && count != DEPTH[3:0]', to: '' },
    { file: 'cx_axi_read.v', from: "9'd256 - {1'b0, from[7:0]}", to: "9'd257 - {1'b0, from[7:0]}" },
    { file: 'cx_axi_read.v', from: "{21'd0, len, 4'd0} + 33'd16", to: "{21'd0, len, 4'd0}" },
  ],
  cx_axi_write: [
    { file: 'cx_axi_write.v', from: "m_axi_wlast <= burst == 7'd1;", to: "m_axi_wlast <= burst == 7'd2;" },
    { file: 'cx_axi_write.v', from: ' && count != DEPTH[2:0]', to: '' },
  ],
};

const REQUANT_BUGS: readonly PlantedBug[] = [
  { file: 'cx_requant.v', from: "v5 + 13'sd1", to: 'v5' },
  { file: 'cx_requant.v', from: 'p3 >>> 8', to: 'p3 >> 8' },
  { file: 'cx_requant.v', from: "13'sd2047)", to: "13'sd255)" },
  { file: 'cx_requant.v', from: 'v > wide_hi ? hi', to: 'v >= wide_hi ? lo' },
];

(yosys === undefined ? describe.skip : describe)('proofs', () => {
  const modules = Object.keys(PROVEN_MODULES) as readonly ProvenModule[];
  test.each(modules)('%s has its properties', (name) => {
    expect(unwrap(proveModule(name))).toMatchObject({ proven: true });
  });

  test.each(modules.flatMap((name) => BUGS[name].map((bug) => [name, bug.from, bug.to, bug] as const)))(
    '%s with %s as %s is not proven',
    (name, _, __, bug) => {
      expect(unwrap(proveModule(name, [bug])).proven).toBe(false);
    },
  );

  test('cx_requant is the formula', () => {
    expect(unwrap(proveRequant([1, 12, 47]))).toMatchObject({ proven: true });
  });

  test.each(REQUANT_BUGS.map((bug) => [bug.from, bug.to, bug] as const))('cx_requant with %s as %s is not', (_, __, bug) => {
    expect(unwrap(proveRequant([1, 12], [bug])).proven).toBe(false);
  });
});
