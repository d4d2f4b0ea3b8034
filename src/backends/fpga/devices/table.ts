/**
 * Devices that a folder can be written for, with the counts of the makers' tables. AMD: LUTs have 6 inputs, memory blocks 36 Kbit.
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
  /** The document that the counts are from. */
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

const DS190 = 'Zynq-7000 SoC Data Sheet: Overview (DS190)';
const DS180 = '7 Series FPGAs Data Sheet: Overview (DS180)';
const DS890 = 'UltraScale Architecture and Product Data Sheet: Overview (DS890)';
const DS891 = 'Zynq UltraScale+ MPSoC Data Sheet: Overview (DS891)';
const DS987 = 'Kria K26 SOM Data Sheet (DS987)';
const CV51001 = 'Cyclone V Device Overview (CV-51001)';
const A10OV = 'Intel Arria 10 Device Overview (A10-OVERVIEW)';

/** Smallest first within a maker. Logic, registers, DSP blocks, memory blocks, UltraRAM. */
const ROWS: readonly Row[] = [
  ['xc7z010', 'zybo', 'xc7', 'xc7z010clg400-1', 17_600, 35_200, 80, 60, 0, DS190],
  ['xc7a35t', 'arty-a7-35', 'xc7', 'xc7a35ticsg324-1L', 20_800, 41_600, 90, 50, 0, DS180],
  ['xc7z020', 'pynq-z2 zedboard zynq-7020', 'xc7', 'xc7z020clg400-1', 53_200, 106_400, 220, 140, 0, DS190],
  ['xc7a100t', 'arty-a7-100 nexys-a7', 'xc7', 'xc7a100tcsg324-1', 63_400, 126_800, 240, 135, 0, DS180],
  ['zu3eg', 'ultra96 xczu3eg', 'xcup', 'xczu3eg-sbva484-1-e', 70_560, 141_120, 360, 216, 0, DS891],
  ['xck26', 'kv260 kria-k26', 'xcup', 'xck26-sfvc784-2LV-c', 117_120, 234_240, 1_248, 144, 64, DS987],
  ['xc7a200t', 'nexys-video', 'xc7', 'xc7a200tsbg484-1', 134_600, 269_200, 740, 365, 0, DS180],
  ['xc7k325t', 'kc705 genesys-2', 'xc7', 'xc7k325tffg900-2', 203_800, 407_600, 840, 445, 0, DS180],
  ['xc7z045', 'zc706', 'xc7', 'xc7z045ffg900-2', 218_600, 437_200, 900, 545, 0, DS190],
  ['zu7ev', 'zcu104 xczu7ev', 'xcup', 'xczu7ev-ffvc1156-2-e', 230_400, 460_800, 1_728, 312, 96, DS891],
  ['xcku040', 'kcu105', 'xcu', 'xcku040-ffva1156-2-e', 242_400, 484_800, 1_920, 600, 0, DS890],
  ['zu9eg', 'zcu102 xczu9eg', 'xcup', 'xczu9eg-ffvb1156-2-e', 274_080, 548_160, 2_520, 912, 0, DS891],
  ['xcvu9p', 'vcu118', 'xcup', 'xcvu9p-flga2104-2L-e', 1_182_240, 2_364_480, 6_840, 2_160, 960, DS890],
  ['5cseba6', 'cyclone-v de10-nano 5csea6', 'cyclonev', '5CSEBA6U23I7', 41_509, 166_036, 112, 557, 0, CV51001],
  ['5cgxfc7', 'cyclone-v-gx', 'cyclonev', '5CGXFC7C7F23C8', 56_480, 225_920, 156, 686, 0, CV51001],
  ['10as066', 'arria-10-soc', 'arria10', '10AS066N3F40E2SG', 251_680, 1_006_720, 1_687, 2_131, 0, A10OV],
  ['10ax115', 'arria-10 arria-10-gx', 'arria10', '10AX115S2F45I1SG', 427_200, 1_708_800, 1_518, 2_713, 0, A10OV],
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
