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

/** cx_proc 13,895, cx_ctrl 1,935, cx_axi 1,437, cx_regs 385 LUTs for xc7. */
const PROCESSOR = part(17_652, 3474, 8);

/** 16 lanes, or 8 pairs. */
const products = (lane8: Part, pair8: Part, lane6: Part, pair6: Part): Measured['products'] => {
  const times = (n: number, { logic, registers, dsps }: Part): Part => part(n * logic, n * registers, n * dsps);
  return { plain8: times(16, lane8), packed8: times(8, pair8), plain6: times(16, lane6), packed6: times(8, pair6) };
};

/** For xc7: what cx_conv_out of two groups has more than that of one (2,978 LUTs), cx_group without its 8 pairs of packed 6 bits (4,893), cx_scratch (875). */
const GROUP = part(8746, 2473, REQUANT_DSPS);

const ULTRASCALE: Measured = {
  processor: PROCESSOR,
  array: {
    plain8: part(16_077, 13_998, PLAIN_DSPS),
    packed8: part(19_269, 14_510, PACKED_DSPS),
    plain6: part(15_773, 12_814, PLAIN_DSPS),
    packed6: part(17_077, 13_614, PACKED_DSPS),
  },
  products: products(part(349, 476, 16), part(1097, 1016, 16), part(330, 402, 16), part(823, 904, 16)),
  group: GROUP,
  source:
    'synthesis by yosys 0.23: array synth_xilinx -family xcup, other products by those of 16 cx_dot or 8 cx_dot_pair; processor -family xc7, unit by unit',
};

/** Of a run for Cyclone V: cx_proc 10,923, cx_ctrl 1,450, cx_axi 1,131, cx_regs 337 ALMs; cx_array 12,877. Packing does nothing for blocks of 9 x 9 or 18 x 19 bits. */
const altera = (dsps: number, source: string): Measured => {
  const array = part(12_877, 14_851, dsps);
  const all = (each: Part): Readonly<Record<Kind, Part>> => ({ plain8: each, packed8: each, plain6: each, packed6: each });
  const rest = REQUANT_DSPS / 2;
  return {
    processor: part(13_840, 3916, 4),
    array: all(array),
    products: all(part(16 * 196, 16 * 476, dsps - rest)),
    // that of xc7 by the ratio of the arrays
    group: part(5942, 5093, rest),
    source,
  };
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
    products: products(part(195, 92, 16), part(1102, 456, 32), part(210, 82, 16), part(475, 168, 16)),
    group: GROUP,
    source:
      'synthesis by yosys 0.23, synth_xilinx -family xc7, modules kept: arrays of 8 and of 6 packed bits, other products by those of 16 cx_dot or 8 cx_dot_pair; the processor unit by unit',
  },
  xcu: ULTRASCALE,
  xcup: ULTRASCALE,
  cyclonev: altera(98, 'synthesis by yosys 0.23 of the whole core, modules kept, synth_intel_alm -family cyclonev; 6 bits as 8 bits'),
  arria10: altera((PRODUCTS + REQUANT_DSPS) / 2, 'synthesis by yosys 0.23 of the whole core for Cyclone V, with two products a DSP block'),
};
