/**
 * Devices that a folder can be written for, with the counts of the makers' product tables, which have to be checked there. AMD: LUTs have 6 inputs, memory blocks 36 Kbit.
 * Altera: logic is counted in ALMs (one LUT of 6 inputs, or two small ones, and 4 registers), memory in M10K or M20K.
 */
export const FAMILIES = {
  xc7: {
    vendor: 'amd',
    logic: 'LUT6',
    memoryBits: 36_864,
    memory: 'RAMB36E1',
    dsp: 'DSP48E1',
    dspPerProduct8: 1,
    packs8: false,
    packs6: true,
  },
  xcu: {
    vendor: 'amd',
    logic: 'LUT6',
    memoryBits: 36_864,
    memory: 'RAMB36E2',
    dsp: 'DSP48E2',
    dspPerProduct8: 1,
    packs8: true,
    packs6: true,
  },
  xcup: {
    vendor: 'amd',
    logic: 'LUT6',
    memoryBits: 36_864,
    memory: 'RAMB36E2',
    dsp: 'DSP48E2',
    dspPerProduct8: 1,
    packs8: true,
    packs6: true,
  },
  cyclonev: {
    vendor: 'altera',
    logic: 'ALM',
    memoryBits: 10_240,
    memory: 'M10K',
    dsp: 'variable-precision DSP block',
    dspPerProduct8: 1 / 3,
    packs8: false,
    packs6: false,
  },
  arria10: {
    vendor: 'altera',
    logic: 'ALM',
    memoryBits: 20_480,
    memory: 'M20K',
    dsp: 'variable-precision DSP block',
    dspPerProduct8: 1 / 2,
    packs8: false,
    packs6: false,
  },
} as const satisfies Record<
  string,
  {
    readonly vendor: 'amd' | 'altera';
    /** Unit in which logic is counted. */
    readonly logic: string;
    /** Bits of one memory block, parity included. */
    readonly memoryBits: number;
    readonly memory: string;
    readonly dsp: string;
    /** DSP blocks that one product of two signed numbers of 8 or 9 bits takes, without packing: Cyclone V has 3 of 9 x 9, Arria 10 2 of 18 x 19. */
    readonly dspPerProduct8: number;
    /** Whether two products of 8 bits with a common factor fit one multiplier: 27 bits for the pair. */
    readonly packs8: boolean;
    /** The same for products of 6 bits: 25 bits for the pair. */
    readonly packs6: boolean;
  }
>;
export type FamilyName = keyof typeof FAMILIES;

export interface Device {
  /** What `--device` takes. */
  readonly name: string;
  /** Other names of it: boards that carry it, names of families. */
  readonly aliases: readonly string[];
  readonly family: FamilyName;
  /** Complete part number for the maker's tool; package and speed grade are those of the board that is named first. */
  readonly part: string;
  /** LUTs of 6 inputs, or ALMs. */
  readonly logic: number;
  readonly registers: number;
  readonly dsps: number;
  /** Memory blocks of `FAMILIES[family].memoryBits`. */
  readonly memories: number;
  /** UltraRAM blocks of 288 Kbit. */
  readonly urams: number;
  /** Where to check the counts. */
  readonly source: string;
}

type Row = readonly [
  name: string,
  aliases: string,
  family: FamilyName,
  part: string,
  logic: number,
  registers: number,
  dsps: number,
  memories: number,
  urams: number,
  source: string,
];

/** Product tables of the makers. None was at hand when the counts were written down: check those of your device before you order parts. */
const ZYNQ = 'AMD, product tables of Zynq-7000 (unchecked)';
const SERIES7 = 'AMD, product tables of 7 Series (unchecked)';
const ULTRASCALE = 'AMD, product tables of UltraScale and UltraScale+ (unchecked)';
const MPSOC = 'AMD, product tables of Zynq UltraScale+ MPSoC (unchecked)';
const KRIA = 'AMD, product brief of Kria K26 (unchecked)';
const CYCLONE_V = 'Altera, product tables of Cyclone V (unchecked)';
const ARRIA_10 = 'Altera, product tables of Arria 10 (unchecked)';

/** Smallest first within a maker. Logic, registers, DSP blocks, memory blocks, UltraRAM. */
const ROWS: readonly Row[] = [
  ['xc7z010', 'zybo', 'xc7', 'xc7z010clg400-1', 17_600, 35_200, 80, 60, 0, ZYNQ],
  ['xc7a35t', 'arty-a7-35', 'xc7', 'xc7a35ticsg324-1L', 20_800, 41_600, 90, 50, 0, SERIES7],
  ['xc7z020', 'pynq-z2 zedboard zynq-7020', 'xc7', 'xc7z020clg400-1', 53_200, 106_400, 220, 140, 0, ZYNQ],
  ['xc7a100t', 'arty-a7-100 nexys-a7', 'xc7', 'xc7a100tcsg324-1', 63_400, 126_800, 240, 135, 0, SERIES7],
  ['zu3eg', 'ultra96 xczu3eg', 'xcup', 'xczu3eg-sbva484-1-e', 70_560, 141_120, 360, 216, 0, MPSOC],
  ['xck26', 'kv260 kria-k26', 'xcup', 'xck26-sfvc784-2LV-c', 117_120, 234_240, 1_248, 144, 64, KRIA],
  ['xc7a200t', 'nexys-video', 'xc7', 'xc7a200tsbg484-1', 134_600, 269_200, 740, 365, 0, SERIES7],
  ['xc7k325t', 'kc705 genesys-2', 'xc7', 'xc7k325tffg900-2', 203_800, 407_600, 840, 445, 0, SERIES7],
  ['xc7z045', 'zc706', 'xc7', 'xc7z045ffg900-2', 218_600, 437_200, 900, 545, 0, ZYNQ],
  ['zu7ev', 'zcu104 xczu7ev', 'xcup', 'xczu7ev-ffvc1156-2-e', 230_400, 460_800, 1_728, 312, 96, MPSOC],
  ['xcku040', 'kcu105', 'xcu', 'xcku040-ffva1156-2-e', 242_400, 484_800, 1_920, 600, 0, ULTRASCALE],
  ['zu9eg', 'zcu102 xczu9eg', 'xcup', 'xczu9eg-ffvb1156-2-e', 274_080, 548_160, 2_520, 912, 0, MPSOC],
  ['xcvu9p', 'vcu118', 'xcup', 'xcvu9p-flga2104-2L-e', 1_182_240, 2_364_480, 6_840, 2_160, 960, ULTRASCALE],
  ['5cseba6', 'cyclone-v de10-nano 5csea6', 'cyclonev', '5CSEBA6U23I7', 41_509, 166_036, 112, 557, 0, CYCLONE_V],
  ['5cgxfc7', 'cyclone-v-gx', 'cyclonev', '5CGXFC7C7F23C8', 56_480, 225_920, 156, 686, 0, CYCLONE_V],
  ['10as066', 'arria-10-soc', 'arria10', '10AS066N3F40E2SG', 251_680, 1_006_720, 1_687, 2_131, 0, ARRIA_10],
  ['10ax115', 'arria-10 arria-10-gx', 'arria10', '10AX115S2F45I1SG', 427_200, 1_708_800, 1_518, 2_713, 0, ARRIA_10],
];

export const DEVICES: readonly Device[] = ROWS.map(
  ([name, aliases, family, part, logic, registers, dsps, memories, urams, source]): Device => ({
    name,
    aliases: aliases.split(' '),
    family,
    part,
    logic,
    registers,
    dsps,
    memories,
    urams,
    source,
  }),
);

/** The device of this name or alias, in any case of letters. */
export const deviceByName = (name: string): Device | undefined => {
  const wanted = name.toLowerCase();
  return DEVICES.find((d) => d.name === wanted || d.part.toLowerCase() === wanted || d.aliases.includes(wanted));
};

/** The clock that constraints and times assume, in MHz: a round number that cores like this one reach on these families, not a measurement. */
export const CLOCK_MHZ: Readonly<Record<FamilyName, number>> = { xc7: 100, xcu: 200, xcup: 200, cyclonev: 100, arria10: 200 };
