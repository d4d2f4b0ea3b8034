/**
 * What a netlist of yosys takes of a device: counts of cells, and what they are in the units of the maker. Estimates, all of them: the
 * maker's tool packs LUTs, registers and products its own way.
 */
export interface Resources {
  /** LUTs of up to 6 inputs, those that serve as memory included; for Altera ALUTs. */
  readonly luts: number;
  /** ALMs, for Altera only: two small functions an ALM, one of 6 inputs. */
  readonly alms?: number;
  readonly registers: number;
  /** DSP slices, or variable-precision blocks: 3 products of 9 x 9, 2 of 18 x 18 or 1 of 27 x 27 a block. */
  readonly dsps: number;
  /** Memory blocks: RAMB36, with RAMB18 as halves; M10K or M20K. */
  readonly memories: number;
  readonly urams: number;
}

/** LUTs of a cell of Xilinx. Distributed memory of 32 or 64 words: a LUT an output bit, and the ports of RAM32M and its like four or eight. */
const XILINX_LUTS: Readonly<Record<string, number>> = {
  LUT1: 1,
  LUT2: 1,
  LUT3: 1,
  LUT4: 1,
  LUT5: 1,
  LUT6: 1,
  RAM32X1S: 1,
  RAM64X1S: 1,
  RAM32X1D: 2,
  RAM64X1D: 2,
  RAM128X1D: 4,
  RAM256X1D: 8,
  RAM32M: 4,
  RAM64M: 4,
  RAM32M16: 8,
  RAM64M8: 8,
  SRL16E: 1,
  SRLC32E: 1,
};
const XILINX_REGISTERS = new Set(['FDRE', 'FDSE', 'FDCE', 'FDPE', 'FDRE_1', 'FDSE_1', 'LDCE']);
const XILINX_DSPS = new Set(['DSP48E1', 'DSP48E2']);
const XILINX_MEMORIES: Readonly<Record<string, number>> = { RAMB18E1: 0.5, RAMB18E2: 0.5, RAMB36E1: 1, RAMB36E2: 1 };
/** Neither logic nor memory: carry chains and multiplexers are beside the LUTs, inverters go into them, buffers to the border. */
const XILINX_FREE = new Set(['CARRY4', 'CARRY8', 'MUXF7', 'MUXF8', 'MUXF9', 'INV', 'BUFG', 'BUFGCTRL', 'IBUF', 'OBUF', 'GND', 'VCC']);

/** ALMs of a cell of Altera. A MISTRAL_MLAB is one bit of 32 words, and an ALM in that mode holds two. */
const ALTERA_ALMS: Readonly<Record<string, number>> = {
  MISTRAL_ALUT2: 0.5,
  MISTRAL_ALUT3: 0.5,
  MISTRAL_ALUT4: 0.5,
  MISTRAL_ALUT5: 0.5,
  MISTRAL_ALUT6: 1,
  MISTRAL_ALUT_ARITH: 0.5,
  MISTRAL_MLAB: 0.5,
};
const ALTERA_DSPS: Readonly<Record<string, number>> = { MISTRAL_MUL9X9: 1 / 3, MISTRAL_MUL18X18: 1 / 2, MISTRAL_MUL27X27: 1 };
const ALTERA_MEMORIES = new Set(['MISTRAL_M10K', 'MISTRAL_M20K']);
const ALTERA_FREE = new Set(['MISTRAL_NOT', 'MISTRAL_CLKBUF', 'MISTRAL_IB', 'MISTRAL_OB', 'MISTRAL_IO', 'GND', 'VCC']);

export type Cells = Readonly<Record<string, number>>;

const sumOf = (cells: Cells, weight: (name: string) => number): number =>
  Object.entries(cells).reduce((sum, [name, count]) => sum + count * weight(name), 0);

/** Cells that no list knows; a netlist with such is not counted. */
export const unknownCells = (cells: Cells): readonly string[] =>
  Object.keys(cells).filter(
    (c) =>
      !(c in XILINX_LUTS || c in XILINX_MEMORIES || c in ALTERA_ALMS || c in ALTERA_DSPS || c === 'URAM288' || c === 'MISTRAL_FF') &&
      ![XILINX_REGISTERS, XILINX_DSPS, XILINX_FREE, ALTERA_MEMORIES, ALTERA_FREE].some((set) => set.has(c)),
  );

/** Resources of a netlist for Xilinx or Altera by its cells. */
export const resourcesOf = (cells: Cells): Resources => {
  const altera = Object.keys(cells).some((c) => c.startsWith('MISTRAL_'));
  const registers = sumOf(cells, (c) => (XILINX_REGISTERS.has(c) || c === 'MISTRAL_FF' ? 1 : 0));
  if (altera)
    return {
      luts: sumOf(cells, (c) => (c in ALTERA_ALMS ? 1 : 0)),
      alms: Math.ceil(sumOf(cells, (c) => ALTERA_ALMS[c] ?? 0)),
      registers,
      dsps: Math.ceil(sumOf(cells, (c) => ALTERA_DSPS[c] ?? 0) - 1e-9),
      memories: sumOf(cells, (c) => (ALTERA_MEMORIES.has(c) ? 1 : 0)),
      urams: 0,
    };
  return {
    luts: sumOf(cells, (c) => XILINX_LUTS[c] ?? 0),
    registers,
    dsps: sumOf(cells, (c) => (XILINX_DSPS.has(c) ? 1 : 0)),
    memories: sumOf(cells, (c) => XILINX_MEMORIES[c] ?? 0),
    urams: cells['URAM288'] ?? 0,
  };
};
