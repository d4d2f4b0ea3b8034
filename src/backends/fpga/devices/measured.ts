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
/** Two products a multiplier: half the DSP blocks, and what splits the sums again. */
const PACKED_DSPS = PRODUCTS / 2 + REQUANT_DSPS;

/** @param array - with a DSP block a product */
const measured = (processor: Part, array: Part, packedDsps: number, source: string): Measured => {
  const packed = { ...array, dsps: packedDsps };
  return { processor, array: { plain8: array, packed8: packed, plain6: array, packed6: packed }, source };
};

const XC7_PROCESSOR = part(18_000, 4500, 8);
const CYCLONE_ARRAY = part(11_365, 14_662, 98);

/**
 * By yosys 0.23 (npm run fpga-synth gives them anew). Cyclone V's processor is Zynq's, in the ratio of the arrays; UltraScale's figures are those
 * of UltraScale+, Arria 10's those of Cyclone V with two products a DSP block.
 */
export const MEASURED: Readonly<Record<FamilyName, Measured>> = {
  xc7: measured(XC7_PROCESSOR, part(13_698, 6473, 280), PACKED_DSPS, 'synthesis by yosys 0.23, synth_xilinx -family xc7'),
  xcu: measured(
    XC7_PROCESSOR,
    part(16_077, 13_998, 280),
    PACKED_DSPS,
    'synthesis by yosys 0.23, synth_xilinx -family xcup; processor -family xc7',
  ),
  xcup: measured(
    XC7_PROCESSOR,
    part(16_077, 13_998, 280),
    PACKED_DSPS,
    'synthesis by yosys 0.23, synth_xilinx -family xcup; processor -family xc7',
  ),
  cyclonev: measured(
    part(15_000, 6000, 4),
    CYCLONE_ARRAY,
    CYCLONE_ARRAY.dsps,
    'synthesis by yosys 0.23, synth_intel_alm -family cyclonev; processor by its ratio to that of xc7',
  ),
  arria10: measured(
    part(15_000, 6000, 4),
    { ...CYCLONE_ARRAY, dsps: PRODUCTS / 2 + REQUANT_DSPS / 2 },
    PRODUCTS / 2 + REQUANT_DSPS / 2,
    'synthesis by yosys 0.23 for Cyclone V; processor by its ratio to that of xc7',
  ),
};
