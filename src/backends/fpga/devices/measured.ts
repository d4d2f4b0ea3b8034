import type { FamilyName } from './table.ts';

interface Part {
  /** LUTs, or ALMs. */
  readonly logic: number;
  readonly registers: number;
  readonly dsps: number;
}

/** Logic, registers and DSP blocks of the processor with registers, control and bus, and of what the array adds. */
export interface Measured {
  readonly processor: Part;
  readonly array: Readonly<Record<'plain8' | 'packed8' | 'plain6' | 'packed6', Part>>;
  readonly source: string;
}

const part = (logic: number, registers: number, dsps: number): Part => ({ logic, registers, dsps });

/** Products in units of two numbers of 9 bits: 256 of the array; 24 of 18 bits of its requantization are beside them. */
const PRODUCTS = 256;
const REQUANT_DSPS = 24;
/** A DSP slice a product, and one for two. */
const PLAIN_DSPS = PRODUCTS + REQUANT_DSPS;
const PACKED_DSPS = PRODUCTS / 2 + REQUANT_DSPS;

/** cx_proc 13,895, cx_ctrl 1,935, cx_axi 1,437, cx_regs 385 LUTs for xc7. */
const PROCESSOR = part(17_652, 3474, 8);

const ULTRASCALE: Measured = {
  processor: PROCESSOR,
  array: {
    plain8: part(16_077, 13_998, PLAIN_DSPS),
    packed8: part(19_269, 14_510, PACKED_DSPS),
    plain6: part(15_773, 12_814, PLAIN_DSPS),
    packed6: part(17_077, 13_614, PACKED_DSPS),
  },
  source:
    'synthesis by yosys 0.23: array synth_xilinx -family xcup, other products by those of 16 cx_dot or 8 cx_dot_pair; processor -family xc7, unit by unit',
};

/** Of a run for Cyclone V: cx_proc 10,923, cx_ctrl 1,450, cx_axi 1,131, cx_regs 337 ALMs; cx_array 12,877. Packing does nothing for blocks of 9 x 9 or 18 x 19 bits. */
const altera = (dsps: number, source: string): Measured => {
  const array = part(12_877, 14_851, dsps);
  return { processor: part(13_840, 3916, 4), array: { plain8: array, packed8: array, plain6: array, packed6: array }, source };
};

/** By yosys 0.23; npm run fpga-synth gives figures anew. UltraScale has those of UltraScale+. */
export const MEASURED: Readonly<Record<FamilyName, Measured>> = {
  xc7: {
    processor: PROCESSOR,
    array: {
      plain8: part(18_954, 7211, PLAIN_DSPS),
      // a multiplier of 25 x 18 bits does not hold two products of 8 bits: yosys takes two for each
      packed8: part(24_650, 9387, PLAIN_DSPS),
      plain6: part(19_194, 7051, PLAIN_DSPS),
      packed6: part(19_231, 7075, PACKED_DSPS),
    },
    source:
      'synthesis by yosys 0.23, synth_xilinx -family xc7, modules kept: arrays of 8 and of 6 packed bits, other products by those of 16 cx_dot or 8 cx_dot_pair; the processor unit by unit',
  },
  xcu: ULTRASCALE,
  xcup: ULTRASCALE,
  cyclonev: altera(98, 'synthesis by yosys 0.23 of the whole core, modules kept, synth_intel_alm -family cyclonev; 6 bits as 8 bits'),
  arria10: altera((PRODUCTS + REQUANT_DSPS) / 2, 'synthesis by yosys 0.23 of the whole core for Cyclone V, with two products a DSP block'),
};
