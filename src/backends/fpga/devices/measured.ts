import type { FamilyName } from './table.ts';

interface Part {
  /** LUTs, or ALMs. */
  readonly logic: number;
  readonly registers: number;
  readonly dsps: number;
}

type Kind = 'plain8' | 'packed8' | 'plain6' | 'packed6';

/** Logic, registers and DSP blocks of the processor with registers, control and bus, and of what the array adds. */
export interface Measured {
  readonly processor: Part;
  /** An array of one group with 16 inputs. */
  readonly array: Readonly<Record<Kind, Part>>;
  /** What the products of a group take of it: as much for half of the inputs is half. */
  readonly products: Readonly<Record<Kind, Part>>;
  /** What a further group takes besides its products: accumulators and an output stage of four lanes. */
  readonly group: Part;
  readonly source: string;
}

const part = (logic: number, registers: number, dsps: number): Part => ({ logic, registers, dsps });

/** Products in units of two numbers of 9 bits: 256 of the array; 24 of 18 bits of its requantization are beside them. */
const PRODUCTS = 256;
const REQUANT_DSPS = 24;
/** A DSP slice a product, and one for two. */
const PLAIN_DSPS = PRODUCTS + REQUANT_DSPS;
const PACKED_DSPS = PRODUCTS / 2 + REQUANT_DSPS;

/** 16 lanes, or 8 pairs. */
const products = (lane8: Part, pair8: Part, lane6: Part, pair6: Part): Measured['products'] => {
  const times = (n: number, { logic, registers, dsps }: Part): Part => part(n * logic, n * registers, n * dsps);
  return { plain8: times(16, lane8), packed8: times(8, pair8), plain6: times(16, lane6), packed6: times(8, pair6) };
};

/** What an array of two groups with packed 6 bits has more than that of one, without its 8 pairs. */
const groupOf = (two: Part, one: Part, pair6: Part): Part =>
  part(two.logic - one.logic - 8 * pair6.logic, two.registers - one.registers - 8 * pair6.registers, REQUANT_DSPS);

const ULTRASCALE: Measured = {
  // cx_proc 15,632, cx_ctrl 2,204, cx_axi 1,836, cx_regs 394 LUTs
  processor: part(20_066, 3743, 8),
  array: {
    plain8: part(23_383, 14_851, PLAIN_DSPS),
    packed8: part(25_297, 15_355, PACKED_DSPS),
    plain6: part(24_018, 13_667, PLAIN_DSPS),
    packed6: part(25_964, 14_459, PACKED_DSPS),
  },
  products: products(part(287, 476, 16), part(936, 1016, 16), part(249, 402, 16), part(850, 904, 16)),
  group: groupOf(part(39_612, 25_542, 304), part(25_964, 14_459, 152), part(850, 904, 16)),
  source: 'synthesis by yosys 0.23, synth_xilinx -family xcup, modules kept; other products by those of 16 cx_dot or 8 cx_dot_pair',
};

/** Of runs for Cyclone V: cx_proc 10,894, cx_ctrl 1,508, cx_axi 1,148, cx_regs 337 ALMs; cx_array 15,455, of two groups with packed 6 bits 11,028 more. Packing does nothing for blocks of 9 x 9 or 18 x 19 bits. */
const altera = (dsps: number, source: string): Measured => {
  const array = part(15_455, 14_883, dsps);
  const all = (each: Part): Readonly<Record<Kind, Part>> => ({ plain8: each, packed8: each, plain6: each, packed6: each });
  const rest = REQUANT_DSPS / 2;
  return {
    processor: part(13_887, 3916, 4),
    array: all(array),
    products: all(part(16 * 159, 16 * 476, dsps - rest)),
    // of the packed array: its 8 pairs are 676 ALMs and 1,096 registers each
    group: part(5620, 3871, rest),
    source,
  };
};

/** By yosys 0.23; npm run fpga-synth gives figures anew. UltraScale has those of UltraScale+. */
export const MEASURED: Readonly<Record<FamilyName, Measured>> = {
  xc7: {
    // cx_proc 13,895, cx_ctrl 1,908, cx_axi 1,437, cx_regs 385 LUTs
    processor: part(17_625, 3474, 8),
    array: {
      plain8: part(23_142, 7627, PLAIN_DSPS),
      // a multiplier of 25 x 18 bits does not hold two products of 8 bits: yosys takes two for each
      packed8: part(24_787, 9795, PLAIN_DSPS),
      plain6: part(23_162, 7467, PLAIN_DSPS),
      packed6: part(24_300, 7491, PACKED_DSPS),
    },
    products: products(part(131, 92, 16), part(942, 456, 32), part(115, 82, 16), part(262, 168, 16)),
    group: groupOf(part(37_193, 11_606, 304), part(24_300, 7491, 152), part(262, 168, 16)),
    source: 'synthesis by yosys 0.23, synth_xilinx -family xc7, modules kept; other products by those of 16 cx_dot or 8 cx_dot_pair',
  },
  xcu: ULTRASCALE,
  xcup: ULTRASCALE,
  cyclonev: altera(98, 'synthesis by yosys 0.23 unit by unit, modules kept, synth_intel_alm -family cyclonev; 6 bits as 8 bits'),
  arria10: altera((PRODUCTS + REQUANT_DSPS) / 2, 'synthesis by yosys 0.23 for Cyclone V, with two products a DSP block'),
};
